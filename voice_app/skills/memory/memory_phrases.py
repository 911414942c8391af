"""How phrases are written here, and what may stand before any of them."""

from __future__ import annotations

import re


def phrase(text: str) -> re.Pattern[str]:
    """Compile a regular expression written over several lines; the line breaks and indents are no part of it."""
    return re.compile("".join(line.strip() for line in text.splitlines()), re.IGNORECASE)


def words(text: str) -> frozenset[str]:
    """Return the words of a list."""
    return frozenset(text.split())


ENDING = phrase(r"(?:[,.!]* (?:please|for me|okay|ok|thanks|thank you))*[\s.!?,;:]*$")
LEAD = r"""
    ^(?:(?:
    ok(?:ay)?|alright|hey|hi|hello|please|um+|uh+|er|well|so|and|also|but|now|then|yes|yeah|oh|actually|no|nope|
    sorry|wait|listen|computer|assistant|by the way|one more thing
    )\b[,.!:;-]*\s+)*
"""
"""What people say before they come to it."""
ASK = r"""
    (?:
    (?:can|could|would|will) you (?:please |kindly )?|
    i(?:'d| would) like you to |i (?:want|need) you to |you (?:should|must|can|may|need to|have to) |
    please |just |always |try to\s
    )*
"""
"""How people ask for something to be done."""


def tidy(text: str) -> str:
    """Return `text` with plain apostrophes and single spaces."""
    return re.sub(r"\s+", " ", re.sub("[’‘`´]", "'", text)).strip()


def ended(text: str) -> str:
    """Return text without its end mark and what is polite before it."""
    return ENDING.sub("", text)
