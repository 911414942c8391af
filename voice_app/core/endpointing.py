"""How long a silence ends the turn: short when the words are finished, long when they are not. No input or output.

`Endpointer` is the only owner of that time. Whether the words are finished it asks two detectors (`inference/turn`),
by words and by sound; either may be absent, and what it does not tell is None. The steps of their probabilities were
set on `tests/bench/endpoint.py`, which shows how many finished turns and how many inner pauses pass each of them.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_DANGLING = """
    a an the my your his her its our their this these those of to from with without by for in into at and or but
    because if than as is are am was were be been very um uh er hmm i'd i'll i'm
"""
"""Words that no English sentence ends with, or hardly any; "on", "up" and "that" may."""
_OPENERS = """
    what which who whose when where why how can could would will shall should do does did is are was were am have has
    i i'd i'm i'll i've we you he she it they there please tell give get make let show set put and so but or if my the
"""
"""Words that open a sentence rather than a short answer."""


UNSURE_FROM = 0.03
"""Probability from which words may be finished."""
SURELY_FROM = 0.6
"""Probability from which they surely are."""


@dataclass(frozen=True, slots=True)
class EndpointLimits:
    """Silences that end a turn, in seconds, and the steps between them."""

    finished_s: float = 0.2
    unsure_s: float = 0.45
    unfinished_s: float = 0.95
    """More than the pauses of 400 to 800 ms that people make inside sentences."""
    unheard_s: float = 0.6
    """As long as nothing is known of the words."""
    finished_from: float = 0.2
    """Probability from which words count as finished."""
    unsure_from: float = UNSURE_FROM
    open_from: float = 0.005
    """Probability from which words that do not count as finished may be found so by their sound."""
    sounds_finished_from: float = 0.98
    """Probability, by the sound, from which they are: 2 of 6 such turns and 1 of 46 such beginnings pass. Where nothing
    judges the words, 4 in 10 turns and 1 in 10 beginnings do. No lower step is worth a longer silence: 0.5 would let
    4 in 5 of the turns pass, and 2 in 3 of the beginnings."""
    surely_from: float = SURELY_FROM
    """Probability from which even a word that seldom ends a sentence may end it ("how deep the sea is")."""
    short_words: int = 3
    """An answer of so few words ("two people") is no sentence: it is at worst unsure."""


@dataclass(frozen=True, slots=True)
class EndpointDecision:
    """What silence ends the turn, and why."""

    silence_s: float
    finished: float | None
    """Probability by the words that they are finished; None: unknown."""
    because: str


def is_open(words: str, finished: float | None, limits: EndpointLimits) -> bool:
    """Return whether words leave it to their sound whether they are finished; `finished` None: nothing judges words."""
    unclear = finished is None or limits.open_from <= finished < limits.finished_from
    return unclear and not _wants_more(words, finished, limits)


def _wants_more(words: str, finished: float | None, limits: EndpointLimits) -> bool:
    spoken = _WORD.findall(words)
    is_sure = finished is not None and finished >= limits.surely_from
    dangling = bool(spoken) and spoken[-1].lower() in _DANGLING.split() and not is_sure
    return dangling or words.rstrip().endswith(("...", "…", "-", ","))


def endpoint(
    words: str,
    finished: float | None,
    limits: EndpointLimits,
    delay_factor: float = 1.0,
    *,
    sounds: float | None = None,
) -> EndpointDecision:
    """Return the silence that ends a turn of these words.

    `finished` is the probability by the words that they are finished, None where nothing judges that; then they wait
    as long as unsure ones, unless they want more. `delay_factor` lengthens the short silences. `sounds` is the
    probability by the sound, where that was asked because `is_open`.
    """
    spoken = [word.lower() for word in _WORD.findall(words)]
    unsure_s = min(limits.unsure_s * delay_factor, limits.unfinished_s)
    finished_s = min(limits.finished_s * delay_factor, unsure_s)
    if not spoken:
        return EndpointDecision(unsure_s, finished, "no words")
    if _wants_more(words, finished, limits):
        return EndpointDecision(limits.unfinished_s, finished, f'"{spoken[-1]}" wants more')
    if finished is not None and finished >= limits.finished_from:
        return EndpointDecision(finished_s, finished, "finished")
    if sounds is not None and sounds >= limits.sounds_finished_from:
        return EndpointDecision(finished_s, finished, "sounds finished")
    if finished is None or finished >= limits.unsure_from:
        return EndpointDecision(unsure_s, finished, "unsure")
    if len(spoken) <= limits.short_words and spoken[0] not in _OPENERS.split():
        return EndpointDecision(unsure_s, finished, "a short answer")
    return EndpointDecision(limits.unfinished_s, finished, "unfinished")


@dataclass(slots=True)
class AdaptiveDelay:
    """Adapts to the speaker: who goes on after a turn was judged over gets more time, until that proves needless."""

    factor: float = 1.0
    most: float = 3.0

    def went_on(self) -> None:
        """The user was not finished."""
        self.factor = min(self.factor * 1.5, self.most)

    def was_over(self) -> None:
        """The user heard the reply out."""
        self.factor = max(1.0, self.factor * 0.9)


Ask = Callable[[], Awaitable[float | None]]
"""Asks a detector for the probability that the turn is over; None where it can't tell."""


class Endpointer:
    """Decides how long a silence ends the turn, by its words, its sound and the speaker's habits; remembers it."""

    def __init__(self, limits: EndpointLimits) -> None:
        self.limits = limits
        self.adaptive_delay = AdaptiveDelay()
        self.silence_s = limits.unheard_s
        """Silence that ends the turn, as far as is known now."""

    def begin(self) -> None:
        """Forget the words: somebody speaks, so that there will be others."""
        self.silence_s = self.limits.unheard_s

    async def decide(self, words: str, by_words: Ask | None, by_sound: Ask | None) -> EndpointDecision:
        """Return, and remember, what silence ends a turn of these words; a detector that is absent is None.

        The sound is asked only where the words leave it open.
        """
        finished = await by_words() if words and by_words else None
        ask_sound = by_sound if words and is_open(words, finished, self.limits) else None
        sounds = await ask_sound() if ask_sound else None
        decision = endpoint(words, finished, self.limits, self.adaptive_delay.factor, sounds=sounds)
        self.silence_s = decision.silence_s
        return decision
