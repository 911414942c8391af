"""What a few words are about, by their stems."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer

from voice_app.skills.word_lists import word_set, words_of

_STEMMER = snowballstemmer.stemmer("english")
EMPTY = word_set(
    """
    a an and are am as at be been being but by can can't could did do does doing done for forget forgot from
    had has have having he her hers him his how i i'd i'll i'm i've if in into is it it's its just let me
    mine my myself of off on or our ours out over please she should so some tell that that's the their them
    then there these they this those to too up us was we we're were what what's when when's where where's
    which who whom whose who's why will with would you you'd you'll you're your yours about again already
    any anything ever exactly know knew known last next now one only remember remind said say see still take
    thing things think told time until upon very want wanted way like much many get got go going put keep
    kept need needs ask asked mean meant not don't doesn't didn't isn't aren't wasn't something
    """
)
"""Words that say little of what a text is about."""
_SAME = "colour:color favourite:favorite called:name named:name names:name call:name old:age years:age best:favorite"
SAME = dict(pair.split(":") for pair in _SAME.split())
"""Other words for the same."""
ATTRIBUTES = word_set("name number address color birthday age code")
"""What tells one thing about something from another: her name from her birthday."""
WEAK = ATTRIBUTES | word_set(
    """
    day date time place favorite appointment kind type sort year month week hour meeting live lives work
    works born today tomorrow tonight park parked parking leave leaves left hide hid due start starts begin
    begins
    """
)
"""Words that need another one beside them to say what is meant: everybody has a name, a birthday, an appointment."""
IS_A_NAME = re.compile(r"\b(?:is|was|are) (?:(?:Dr|Mr|Mrs|Ms)\.? )?[A-Z][\w'-]*$")


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


@lru_cache(maxsize=2048)
def about(text: str) -> About:
    """Return what `text` is about."""
    plain = re.sub(r"(?<=\w)-(?=\w)", "", text.replace("’", "'").lower())  # Wi-Fi is wifi, as many write it
    found = [word for word in words_of(plain) if word not in EMPTY]
    owners = {word[:-2] for word in found if word.endswith("'s") and f"{word} " in plain}
    bare = {SAME.get(word, word) for word in (word.removesuffix("'s") for word in found)}
    if IS_A_NAME.search(text):
        bare.add("name")
    weak = bare & WEAK
    return About(_stems(bare - weak), _stems(weak), _stems(bare & ATTRIBUTES), _stems(owners))


def _stems(found: set[str]) -> frozenset[str]:
    return frozenset(_STEMMER.stemWords(sorted(found)))
