"""Words: how a text is cut into them, and the names of days and months, which every skill shares."""

from __future__ import annotations

import re

WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
"""A word with its apostrophe: it's, Anna's, 42."""
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip


def word_set(text: str) -> frozenset[str]:
    """Return the words of a list."""
    return frozenset(text.split())


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, with plain apostrophes."""
    return WORD.findall(text.lower().replace("’", "'"))


def phrase(text: str) -> re.Pattern[str]:
    """Compile a regular expression written over several lines; the line breaks and indents are no part of it."""
    return re.compile("".join(line.strip() for line in text.splitlines()), re.IGNORECASE)
