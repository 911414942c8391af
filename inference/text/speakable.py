"""Text made speakable: Markdown, numbers, symbols and abbreviations become plain English words."""

from __future__ import annotations

import re

from inference.text.abbreviations import read_abbreviations
from inference.text.addresses import read_addresses
from inference.text.dates import read_dates, read_phones, read_times
from inference.text.markdown import plain
from inference.text.numerals import read_roman
from inference.text.quantities import read_quantities
from inference.text.symbols import clean, mark_numbers, read_powers, read_symbols, tidy

_MAX_PIECE = 1000
"""Characters given to the Markdown parser at once; it is quadratic on text such as "[[[[["."""
_MAX_PASSES = 6

_STEPS = (
    clean,
    read_addresses,
    mark_numbers,
    read_dates,
    read_phones,
    read_times,
    read_abbreviations,
    read_roman,
    read_quantities,
    read_powers,
    read_symbols,
    tidy,
)
"""Each maps text to text. An earlier step may rely on what a later one has not touched, and only on that."""
_OF_DIGITS = frozenset({read_dates, read_phones, read_times, read_quantities})
"""Steps that leave a text without digits as it is."""
_DIGIT = re.compile(r"\d")


def speakable(text: str) -> str:
    """Return `text`, a piece of a Markdown reply, as one line of words for an English voice.

    The result holds letters, spaces and `. , ; : ! ? ' -` alone; it is '' when nothing is left to say.
    Never raises; the time is linear in the length; speaking the result again changes nothing.
    """
    words = " ".join(filter(None, map(_read, _pieces(text))))
    for _ in range(_MAX_PASSES):
        # Plain words pass unchanged. What two removed marks brought together, "e.*g.*", is read here.
        again = " ".join(filter(None, map(_read, _pieces(words))))
        if again == words:
            break
        words = again
    return words


def _read(piece: str) -> str:
    words = plain(piece)
    for step in _STEPS:
        if step not in _OF_DIGITS or _DIGIT.search(words):
            words = step(words)
    return words


def _pieces(text: str) -> list[str]:
    """Cut text into pieces of bounded length at a blank line, a line break, or a space, in this order."""
    pieces = []
    start = 0
    while len(text) - start > _MAX_PIECE:
        limit = start + _MAX_PIECE
        breaks = (text.rfind(mark, start + _MAX_PIECE // 2, limit) for mark in ("\n\n", "\n", " "))
        end = next((place for place in breaks if place > 0), limit)
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:]]
