"""Words as subtitles: where to cut, how to break a line, how long to show. Pure.

The limits are those of subtitling practice (BBC and Netflix guidelines: two lines of at most 42 characters, 5/6 s to
7 s on screen, at most 20 characters a second for adults).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from inference.types import HeardWord


@dataclass(frozen=True, slots=True)
class CueLimits:
    """What a subtitle may be."""

    line_chars: int = 42
    """A longer single word has a line of its own."""
    longest_s: float = 7.0
    shortest_s: float = 0.8
    """Wherever the next subtitle leaves the time."""
    chars_per_s: float = 20.0
    """A text that is spoken faster stays a little longer, where there is time."""
    pause_s: float = 1.0
    """No subtitle stands over a longer pause."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A subtitle. Times are whole milliseconds."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    """One or two."""


SENTENCE_END = (".", "?", "!", "…")
CLAUSE_END = (",", ";", ":", "–", "—")
CONJUNCTIONS = frozenset(
    (
        "and",
        "but",
        "or",
        "so",
        "because",
        "that",
        "which",
        "who",
        "when",
        "where",
        "while",
        "if",
        "than",
        "until",
    )
)
CLINGING = frozenset(
    (
        "a",
        "an",
        "the",
        "to",
        "of",
        "in",
        "on",
        "at",
        "for",
        "with",
        "by",
        "from",
        "as",
        "is",
        "are",
        "was",
        "not",
    )
    + ("my", "your", "his", "her", "its", "our", "their")
)
"""Words that no line should end with."""


def cues(words: Iterable[HeardWord], limits: CueLimits | None = None) -> list[Cue]:
    """Return the subtitles of words in order: their text is that of the words, they never overlap."""
    limits = limits or CueLimits()
    groups = [group for run in _runs(words, limits.pause_s) for group in _cut(run, limits)]
    return _timed(groups, limits)


def break_penalty(before: str, after: str) -> float:
    """Return how bad it is to cut between two words: 0 after a sentence, most inside a phrase."""
    bare = before.rstrip("\"')]”’")
    if bare.endswith(SENTENCE_END):
        return 0.0
    if bare.endswith(CLAUSE_END):
        return 1.0
    if before.lower() in CLINGING:
        return 7.0
    return 2.0 if after.lower() in CONJUNCTIONS else 4.0


def lines_of(words: Sequence[str], line_chars: int) -> tuple[str, ...] | None:
    """Return words as one line or two, broken where it reads best; None where they need more."""
    whole = " ".join(words)
    if len(whole) <= line_chars or len(words) == 1:
        return (whole,)
    found: list[tuple[float, tuple[str, str]]] = []
    for place in range(1, len(words)):
        upper, lower = " ".join(words[:place]), " ".join(words[place:])
        if (len(upper) <= line_chars or place == 1) and (len(lower) <= line_chars or place == len(words) - 1):
            uneven = abs(len(upper) - len(lower)) / 6
            found.append((break_penalty(words[place - 1], words[place]) + uneven, (upper, lower)))
    return min(found)[1] if found else None


def _runs(words: Iterable[HeardWord], pause_s: float) -> Iterator[list[HeardWord]]:
    """Yield the words between long pauses."""
    run: list[HeardWord] = []
    for word in words:
        if run and word.start_s - run[-1].end_s > pause_s:
            yield run
            run = []
        run.append(word)
    if run:
        yield run


def _cut(run: Sequence[HeardWord], limits: CueLimits) -> list[Sequence[HeardWord]]:
    """Return a run as the groups of words with the least penalty in all (dynamic programming over the cuts)."""
    costs, starts = [0.0], [0]
    for end in range(1, len(run) + 1):
        best: tuple[float, int] | None = None
        for start in range(end - 1, -1, -1):
            if not _fits(run[start:end], limits):
                break
            cost = costs[start] + _penalty(run, start, end, limits)
            best = min(best, (cost, start)) if best else (cost, start)
        assert best is not None  # a single word always fits
        costs.append(best[0])
        starts.append(best[1])
    groups = []
    end = len(run)
    while end:
        groups.append(run[starts[end] : end])
        end = starts[end]
    return groups[::-1]


def _fits(group: Sequence[HeardWord], limits: CueLimits) -> bool:
    if len(group) == 1:
        return True
    return (
        group[-1].end_s - group[0].start_s <= limits.longest_s
        and sum(len(word.text) + 1 for word in group) <= 4 * limits.line_chars
        and lines_of([word.text for word in group], limits.line_chars) is not None
    )


def _penalty(run: Sequence[HeardWord], start: int, end: int, limits: CueLimits) -> float:
    """Return what a subtitle of the words from `start` to `end` costs: itself, its end, what it joins, its hurry."""
    group = run[start:end]
    cost = 3.0
    if end < len(run):
        pause_s = run[end].start_s - group[-1].end_s
        cost += max(0.0, break_penalty(group[-1].text, run[end].text) - 4 * pause_s)
        if run[end].start_s - group[0].start_s < limits.shortest_s:
            cost += 6.0
    cost += sum(break_penalty(one.text, other.text) == 0 for one, other in pairwise(group)) * 1.5
    return cost + 4 * sum(max(0.0, other.start_s - one.end_s - 0.3) for one, other in pairwise(group))


def _timed(groups: Sequence[Sequence[HeardWord]], limits: CueLimits) -> list[Cue]:
    """Return the groups as subtitles, each at least a millisecond long and none before the last one's end."""
    found: list[Cue] = []
    after_ms = 0
    for place, group in enumerate(groups):
        lines = lines_of([word.text for word in group], limits.line_chars) or ()
        start_ms = max(_ms(group[0].start_s), after_ms)
        wanted_ms = max(
            _ms(group[-1].end_s),
            start_ms + _ms(max(limits.shortest_s, sum(map(len, lines)) / limits.chars_per_s)),
        )
        next_ms = _ms(groups[place + 1][0].start_s) if place + 1 < len(groups) else wanted_ms
        end_ms = min(wanted_ms, next_ms, start_ms + _ms(limits.longest_s))
        after_ms = max(end_ms, start_ms + 1)
        found.append(Cue(start_ms, after_ms, lines))
    return found


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
