"""Plain English text as the words that are spoken, step by step."""

from __future__ import annotations

import re

from inference.text.en.abbreviations import read_abbreviations
from inference.text.en.addresses import read_addresses
from inference.text.en.codes import read_codes
from inference.text.en.dates import read_dates, read_phones, read_times
from inference.text.en.notation import read_notation
from inference.text.en.quantities import read_quantities
from inference.text.en.roman import read_roman
from inference.text.en.scripts import read_scripts
from inference.text.en.symbols import clean, mark_numbers, read_powers, read_symbols, tidy

_STEPS = (
    clean,
    read_addresses,
    read_codes,
    read_notation,
    mark_numbers,
    read_dates,
    read_phones,
    read_times,
    read_abbreviations,
    read_roman,
    read_quantities,
    read_powers,
    read_symbols,
    read_scripts,
    tidy,
)
"""Each maps text to text. An earlier step may rely on what a later one has not touched, and only on that."""
_OF_DIGITS = frozenset({read_codes, read_dates, read_phones, read_times, read_quantities})
"""Steps that leave a text without digits as it is."""
_DIGIT = re.compile(r"\d")


def normalise(text: str) -> str:
    """Return one line of plain text as letters, spaces and `. , ; : ! ? ' -` alone. Never raises."""
    for step in _STEPS:
        if step not in _OF_DIGITS or _DIGIT.search(text):
            text = step(text)
    return text
