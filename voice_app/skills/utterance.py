"""What a turn says, read once for all skills: its words without courtesies, its numbers as digits."""

from __future__ import annotations

import re
from dataclasses import dataclass

from voice_app.skills.number_words import canonical
from voice_app.skills.word_lists import phrase

LONGEST_REQUEST = 2000
"""Characters of a turn that any skill looks at: nobody says a longer request, a pasted text is longer."""
ASK = r"""
    (?:
    (?:can|could|would|will) you (?:please |kindly )?|
    i(?:'d| would) like you to |i (?:want|need) you to |you (?:should|must|can|may|need to|have to) |
    please |just |always |try to\s
    )*
"""
"""How people ask for something to be done."""
_LEAD = phrase(
    r"""
    ^(?:(?:
    (?:ok(?:ay)?|alright|hey|hi|hello|please|um+|uh+|er|well|so|and|now|then|also|oh|actually|sorry|thanks|
    computer|assistant|by the way|one more thing|excuse me|quick question)\b[,.!:;-]*|
    (?:no|nope|yes|yeah|but|wait|listen)\b[,.!:;-]+
    )\s+)*
    """
    + ASK
    + r"""(?=\S)"""
)
_END = phrase(r"(?:[,.!?]*\s(?:please|for me|okay|ok|thanks|thank you))+(?=[\s.!?,;:]*$)")


def tidy(text: str) -> str:
    """Return `text` with plain apostrophes and single spaces."""
    return re.sub(r"\s+", " ", re.sub("[’‘`´]", "'", text)).strip()


def ended(text: str) -> str:
    """Return text without the courtesies and marks at its end."""
    return _END.sub("", text).rstrip(" \n.!?,;:")


@dataclass(frozen=True, slots=True)
class Utterance:
    """A turn's words. `Utterance.of` makes one; a text that is too long for a request has no words."""

    text: str
    """As it was said, with plain apostrophes and single spaces."""
    plain: str
    """The same without "okay, can you please" before it and "for me, please" after it."""
    request: str
    """`plain` in lower case, its numbers as digits, its words parted by single spaces."""

    @classmethod
    def of(cls, text: str) -> Utterance:
        """Read a turn's text."""
        if len(text) > LONGEST_REQUEST:
            return cls("", "", "")
        text = tidy(text)
        plain = _LEAD.sub("", _END.sub("", text), count=1)
        return cls(text, plain, re.sub(r"(?<![\d)]) !$", "", canonical(plain)).strip(" ,"))
