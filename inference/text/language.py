"""What the text side of speaking has to know about a language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class TableText(Protocol):
    """Makes the sentence that is spoken in place of a table."""

    def __call__(self, rows: list[list[str]], whole: bool = True) -> str:
        """Return the sentence for rows of raw Markdown cells, header first; without `whole` rows are not counted."""


@dataclass(frozen=True, slots=True)
class FullStops:
    """Words after which a full stop may not end the sentence; lower case, without their last dot."""

    never_last: frozenset[str]
    """Something always follows: "Dr."."""
    maybe_last: frozenset[str]
    """They end the sentence unless a lower-case letter or a digit follows: "etc."."""
    before_number: frozenset[str]
    """They end the sentence unless a digit follows: "No."."""
    before_capital: frozenset[str]
    """They end the sentence unless a capital follows: "v."."""
    one_letter_words: frozenset[str]
    """Words that could be taken for the initial of a name: "I"."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language that replies can be spoken in."""

    code: str
    """ISO 639-1: "en"."""
    normalise: Callable[[str], str]
    """One line of plain text -> the words a voice says. Total and linear; words pass unchanged."""
    full_stops: FullStops
    phrase_end: Callable[[str, int], int | None]
    """(text, n) -> end of its first phrase of at least n words; None while there is none, or where there is none."""
    table_text: TableText
    code_text: str
    """The sentence that is spoken in place of code."""
    formulas: Callable[[str], str] = str
    """Markdown -> the same with LaTeX as plain symbols; linear."""
