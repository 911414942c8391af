"""What a few words are about, by their stems."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import snowballstemmer

from voice_app.skills.phrases import language_data
from voice_app.skills.word_lists import word_set, words_of

WORDS = language_data(Path(__file__).parent, "words.")
_STEMMER = snowballstemmer.stemmer("english")
EMPTY = word_set(WORDS["empty"])
"""Words that say little of what a text is about."""
SAME: Mapping[str, str] = WORDS["same"]
"""Other words for the same."""
ATTRIBUTES = word_set(WORDS["attributes"])
"""What tells one thing about something from another: her name from her birthday."""
WEAK = ATTRIBUTES | word_set(WORDS["weak"])
"""Words that need another one beside them to say what is meant: everybody has a name, a birthday, an appointment."""
IS_A_NAME = re.compile(r"\b(?:is|was|are) (?:(?:Dr|Mr|Mrs|Ms)\.? )?[A-Z][\w'-]*$")

_LETTER = re.compile(r"(?<=[a-z] )A(?=[?.!,;]|$| (?:is|was|has)\b)")


@dataclass(frozen=True, slots=True)
class About:
    """What a text is about, by stems."""

    strong: frozenset[str]
    weak: frozenset[str]
    attributes: frozenset[str]
    """Those of `weak` that are ATTRIBUTES."""
    owners: frozenset[str]
    """Whose things they are: "Anna's", "my sister's"."""

    @property
    def all(self) -> frozenset[str]:
        return self.strong | self.weak


def lettered(text: str) -> str:
    """Return text in which a letter that is a name is no article: device A."""
    return _LETTER.sub("lettera", text)


@lru_cache(maxsize=2048)
def about(text: str) -> About:
    """Return what `text` is about."""
    plain = re.sub(
        r"(?<=\w)-(?=\w)", "", lettered(text).replace("’", "'").lower()
    )  # Wi-Fi is wifi, as many write it
    found = [word for word in words_of(plain) if word not in EMPTY]
    owners = {word[:-2] for word in found if word.endswith("'s") and f"{word} " in plain}
    bare = {SAME.get(word, word) for word in (word.removesuffix("'s") for word in found)}
    if IS_A_NAME.search(text):
        bare.add("name")
    weak = bare & WEAK
    return About(_stems(bare - weak), _stems(weak), _stems(bare & ATTRIBUTES), _stems(owners))


def _stems(found: set[str]) -> frozenset[str]:
    return frozenset(_STEMMER.stemWords(sorted(found)))
