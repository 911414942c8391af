"""How long a silence ends the turn: short when the words are finished, long when they are not. Pure.

The probability that the words are finished comes from the language model (`inference/turn`). Its steps were set on
`tests/bench/endpoint.py`, which shows how many finished turns and how many inner pauses pass each of them.
"""

from __future__ import annotations

import re
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


@dataclass(frozen=True, slots=True)
class EndpointLimits:
    """Silences that end a turn, in seconds, and the steps between them."""

    finished_s: float = 0.2
    unsure_s: float = 0.45
    unfinished_s: float = 0.95
    """More than the pauses of 400 to 800 ms that people make inside sentences."""
    finished_from: float = 0.2
    """Probability from which words count as finished."""
    unsure_from: float = UNSURE_FROM
    open_from: float = 0.005
    """Probability from which words that do not count as finished may be found so by their sound."""
    sounds_finished_from: float = 0.98
    """Probability, by the sound, from which they are: 2 of 6 such turns and 1 of 46 such beginnings pass."""
    surely_from: float = 0.6
    """Probability from which even a word that seldom ends a sentence may end it ("how deep the sea is")."""
    short_words: int = 3
    """An answer of so few words ("two people") is no sentence: it is at worst unsure."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What silence ends the turn, and why."""

    silence_s: float
    finished: float
    because: str


def is_open(words: str, finished: float, limits: EndpointLimits) -> bool:
    """Tell whether words leave it to their sound whether they are finished."""
    return limits.open_from <= finished < limits.finished_from and not _wants_more(words, finished, limits)


def _wants_more(words: str, finished: float, limits: EndpointLimits) -> bool:
    spoken = _WORD.findall(words)
    dangling = spoken[-1].lower() in _DANGLING.split() and finished < limits.surely_from
    return dangling or words.rstrip().endswith(("...", "…", "-", ","))


def endpoint(
    words: str,
    finished: float,
    limits: EndpointLimits,
    delay_factor: float = 1.0,
    *,
    sounds: float | None = None,
) -> Endpoint:
    """Return the silence that ends a turn of these words.

    `delay_factor` lengthens the short ones; `sounds` is the probability by the sound that they are finished, where that
    was asked because `is_open`.
    """
    spoken = [word.lower() for word in _WORD.findall(words)]
    unsure_s = min(limits.unsure_s * delay_factor, limits.unfinished_s)
    if not spoken:
        return Endpoint(unsure_s, 0.0, "no words")
    if _wants_more(words, finished, limits):
        return Endpoint(limits.unfinished_s, finished, f'"{spoken[-1]}" wants more')
    if finished >= limits.finished_from:
        return Endpoint(min(limits.finished_s * delay_factor, unsure_s), finished, "finished")
    if sounds is not None and sounds >= limits.sounds_finished_from:
        return Endpoint(min(limits.finished_s * delay_factor, unsure_s), finished, "sounds finished")
    if finished >= limits.unsure_from:
        return Endpoint(unsure_s, finished, "unsure")
    if len(spoken) <= limits.short_words and spoken[0] not in _OPENERS.split():
        return Endpoint(unsure_s, finished, "a short answer")
    return Endpoint(limits.unfinished_s, finished, "unfinished")


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
