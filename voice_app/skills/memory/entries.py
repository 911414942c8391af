"""An entry of the memory, and what may be one."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

from voice_app.core.errors import EntryError

Kind = Literal["fact", "name", "pronunciation"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LONGEST_TEXT_CHARS = 300
"""Of a fact: what is said in about 20 s."""
LONGEST_WORD_CHARS = 60
"""Of a name, of a word and of its pronunciation."""
MOST_ENTRIES = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """Something remembered."""

    id: int
    kind: Kind
    text: str
    """A fact in the user's words, the user's name, or how `word` is pronounced."""
    word: str
    """Of a pronunciation; else empty."""
    said: str
    """The words of the turn it comes from; empty where it was written by hand."""
    created: str
    """Local date and time, ISO 8601."""
    changed: str


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be remembered: an entry before it has a number."""

    kind: Kind
    text: str
    word: str = ""
    said: str = ""


def plain(text: str) -> str:
    """Return `text` on one line, without control characters and lone surrogates, in NFC."""
    kept = (" " if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") else char for char in text)
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", "".join(kept))).strip()


def checked(note: Note) -> Note:
    """Return `note` as it is kept. Raises EntryError where it is empty or too long."""
    text, word = plain(note.text), plain(note.word)
    longest = LONGEST_TEXT_CHARS if note.kind == "fact" else LONGEST_WORD_CHARS
    if not any(char.isalnum() for char in text):
        raise EntryError("there is nothing in it to remember; give words")
    if len(text) > longest or len(word) > LONGEST_WORD_CHARS:
        limit = longest if len(text) > longest else LONGEST_WORD_CHARS
        raise EntryError(f"too long to remember: at most {limit} characters")
    if (note.kind == "pronunciation") != bool(word) or " " in word:
        raise EntryError("a pronunciation is that of one word")
    return Note(note.kind, text, word, plain(note.said)[:LONGEST_TEXT_CHARS])
