"""Letters that an English voice has no sounds for: Greek ones by their names, words of other scripts left out."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_BEYOND_LATIN = re.compile(r"[^\x00-\u036f\u1e00-\u1eff]")
_ALL = re.compile(r"[^\W\d_]")
ANOTHER_SCRIPT = "Here is some text in another script."


@lru_cache(maxsize=4096)
def _script(character: str) -> str:
    name = unicodedata.name(character, "UNKNOWN")
    return name.split(" ", 1)[0].split("-", 1)[0]


def _greek_name(letter: str) -> str:
    return f" {unicodedata.name(letter).split(' ')[-1].lower()} "


def _spoken(character: str) -> bool:
    return (
        ord(character) < 0x370
        or _script(character) == "LATIN"
        or unicodedata.category(character)[0] not in "LM"
    )


def _single_greek(text: str) -> str:
    def say(match: re.Match[str]) -> str:
        name = unicodedata.name(match[0], "")
        plain = name.startswith("GREEK") and " WITH " not in name and "LETTER" in name
        return _greek_name(match[0]) if plain else match[0]

    return re.sub(
        r"(?<![\u0370-\u03ff\u1f00-\u1fff])[\u0370-\u03ff](?![\u0370-\u03ff\u1f00-\u1fff])", say, text
    )


def read_scripts(text: str) -> str:
    """Return `text` with Latin letters alone; where nothing else stands, a sentence says that something does."""
    if not _BEYOND_LATIN.search(text):
        return text
    text = _single_greek(text)
    kept = "".join(character if _spoken(character) else " " for character in text)
    if kept != text and not _ALL.search(kept):
        return ANOTHER_SCRIPT
    return re.sub(r"\(\s*\)|\"\s*\"", " ", kept)
