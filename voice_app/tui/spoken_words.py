"""Where in a reply's text the voice is: the words' times in the sound, and what of the sound has been heard. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from voice_app.core import events
from voice_app.tui.terminal_safe import terminal_safe

WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a reply: its characters in the text, its seconds in the sound."""

    start: int
    stop: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Playhead:
    """How far a reply has been heard. Times are seconds on the session clock."""

    started_s: float
    waited_s: float = 0.0
    """How long it was held, all together, but for a hold that lasts."""
    held_s: float | None = None
    """Since when it is held."""

    def heard_s(self, now_s: float) -> float:
        """Return the seconds of its sound that have been heard."""
        until_s = now_s if self.held_s is None else self.held_s
        return max(0.0, until_s - self.started_s - self.waited_s)

    def held(self, at_s: float) -> Playhead:
        """Return it waiting."""
        return Playhead(self.started_s, self.waited_s, at_s) if self.held_s is None else self

    def resumed(self, at_s: float) -> Playhead:
        """Return it going on."""
        if self.held_s is None:
            return self
        return Playhead(self.started_s, self.waited_s + max(0.0, at_s - self.held_s))


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a text is spoken: characters to the start and to the end of the word that sounds; equal between words."""

    spoken: int
    current: int


def mark(words: Sequence[Word], heard_s: float) -> Mark:
    """Return how far the words are spoken when so much of their sound has been heard."""
    spoken = 0
    for word in words:
        if heard_s < word.start_s:
            break
        if heard_s < word.end_s:
            return Mark(word.start, word.stop)
        spoken = word.stop
    return Mark(spoken, spoken)


@dataclass(frozen=True, slots=True)
class Spoken:
    """The words of a reply that are timed so far, and where the clause of the last one stands in the text."""

    words: tuple[Word, ...] = ()
    clause: int = -1
    clause_at: int = 0
    clause_end: int = 0


def with_words(spoken: Spoken, timed: events.WordsTimed, text: str) -> Spoken:
    """Return the words and those of one more piece of a clause, found in the reply's `text`.

    A clause is spoken otherwise than it is written ("$5"): where it has as many words as what is spoken, they
    correspond; where not, a word is where its share of the clause is. A clause that is not found adds none.
    """
    raw, at = terminal_safe(timed.raw), spoken.clause_at
    if timed.clause != spoken.clause:
        at = text.find(raw, spoken.clause_end)
    written = [match.span() for match in WORD.finditer(raw)]
    if at < 0 or not written:
        return spoken
    said = [match.end() for match in WORD.finditer(timed.text)]
    more, words = list[Word](), spoken.words
    start_s = max(timed.start_s, words[-1].end_s if words else 0.0)
    for end, end_s in timed.ends:
        index = sum(stop < end for stop in said)
        if len(said) != len(written):
            index = _at_share(end / max(1, len(timed.text)), written, len(raw))
        start, stop = written[min(index, len(written) - 1)]
        more.append(Word(at + start, at + stop, start_s, end_s))
        start_s = end_s
    return Spoken((*words, *more), timed.clause, at, at + len(raw))


def _at_share(share: float, written: Sequence[tuple[int, int]], length: int) -> int:
    place = share * length
    return next((number for number, (_, stop) in enumerate(written) if place <= stop), len(written) - 1)
