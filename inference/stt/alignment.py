"""When words are said: the path of an alignment between tokens and sound, as times of words."""

from __future__ import annotations

from collections.abc import Sequence

from inference.types import HeardWord

FRAMES_PER_S = 50
"""Of the encoder's output: 100 mel frames a second, halved (Radford et al. 2022, section 2.2)."""


def token_starts_s(path: Sequence[tuple[int, int]]) -> list[float]:
    """Return when each token starts, of a path of (token, frame) in order; what ends the text is the last token."""
    starts: dict[int, float] = {}
    for token, frame in path:
        starts.setdefault(token, frame / FRAMES_PER_S)
    return [starts[token] for token in sorted(starts)]


def timed_words(
    parts: tuple[Sequence[str], Sequence[Sequence[int]]], starts_s: Sequence[float]
) -> list[HeardWord]:
    """Return words with times, of the parts of a text, their tokens, and when those start.

    A part begins a word where white space stands before it. Punctuation has no sound: it does not make a word longer.
    The last part is the end of the text, where `starts_s` ends too.
    """
    words: list[HeardWord] = []
    first = 0
    for text, tokens in list(zip(*parts, strict=True))[:-1]:
        start_s, end_s = (starts_s[min(place, len(starts_s) - 1)] for place in (first, first + len(tokens)))
        first += len(tokens)
        is_spoken = any(map(str.isalnum, text))
        if text[:1].isspace() or not words:
            words.append(HeardWord("".join(text.split()), start_s, end_s if is_spoken else start_s))
        else:
            before = words[-1]
            longer_s = end_s if is_spoken else before.end_s
            words[-1] = HeardWord(before.text + "".join(text.split()), before.start_s, longer_s)
    return [word for word in words if word.text]
