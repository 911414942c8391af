"""Repetition in a transcript: what a short context makes Whisper do, and what a caller may truly say.

Whisper decodes a phrase again and again when its context ends soon after the speech. Nothing in the words
alone tells such a loop from a caller who says "no no no" or a telephone number; so this module says only
whether and where words repeat. Whether they were said is for a decode with a longer context to tell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = re.compile(r"(?P<number>\d+(?:,\d{3})+(?!\d)|\d+)|[^\W\d_]+(?:['’][^\W\d_]+)*")
_DIGIT = re.compile(r"[1-9][0,]*|0")
_MARK = re.compile(r"[^\w\s]")
_STUTTER = re.compile(r"([^\W\d_]{1,8}?)\1{5,}")


@dataclass(frozen=True, slots=True)
class Loop:
    """A phrase that follows itself without a break. Positions are characters of the text."""

    phrase: tuple[str, ...]
    """Its words, case-folded."""
    times: int
    """How often it stands there as a whole; at least 2."""
    first_end: int
    """End of the first of them."""
    end: int
    """End of the last of them, with the part of a further one after it."""


def repeats(text: str) -> bool:
    """Return whether a phrase, a word or a part of a word repeats so much that it may not have been said."""
    return find_loop(text) is not None or _STUTTER.search(text) is not None


def find_loop(text: str) -> Loop | None:
    """Return the repetition that covers the most words, or None.

    A single word must stand there three times ("very very good" is English), a phrase of two words or more
    twice. Case and punctuation are ignored. The digits of a number count one by one, so that 424242 repeats
    "4 2"; zeros go with the digit before them, so that 1,000,000 repeats nothing.
    """
    words = _words(text)
    best: Loop | None = None
    most = 0
    for start in range(len(words)):
        if len(words) - start <= most:
            break
        for length in range(1, (len(words) - start) // 2 + 1):
            run = _run(words, start, length)
            if run > most and run >= (3 if length == 1 else 2) * length:
                most = run
                phrase = tuple(word for word, _ in words[start : start + length])
                ends = words[start + length - 1][1], words[start + run - 1][1]
                best = Loop(phrase, run // length, *ends)
    return best


def cut_repeats(text: str) -> str:
    """Return the text with its longest repeated phrase, and repeated parts of words, standing there once."""
    text = _STUTTER.sub(r"\1", text)
    loop = find_loop(text)
    if loop is None:
        return text
    first, rest = text[: loop.first_end], text[loop.end :]
    if _words(rest):
        return first + rest
    return first + (_MARK.match(rest) or _MARK.match(text, loop.first_end) or [""])[0]


def _words(text: str) -> list[tuple[str, int]]:
    """Return every word, case-folded, with the position of its end."""
    words: list[tuple[str, int]] = []
    for match in _WORD.finditer(text):
        if match["number"]:
            digits = _DIGIT.finditer(text, match.start(), match.end())
            words += [(digit[0].replace(",", ""), digit.end()) for digit in digits]
        else:
            words.append((match[0].casefold(), match.end()))
    return words


def _run(words: list[tuple[str, int]], start: int, length: int) -> int:
    """Return how many words from `start` on repeat with the period `length`, the first of them included."""
    end = start + length
    while end < len(words) and words[end][0] == words[end - length][0]:
        end += 1
    return end - start
