"""Which entries answer a question, or are meant by a few words. Pure: at most a few hundred short entries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer

from voice_app.memory.entries import Entry
from voice_app.memory.phrases import phrase, words

_STEMMER = snowballstemmer.stemmer("english")
EMPTY = words(
    """
    a an and are am as at be been being but by can could did do does doing done for from had has have having he her hers
    forgot forget can't
    him his how i i'd i'll i'm i've if in into is it it's its just let me mine my myself of off on or our ours out over
    please she should so some tell that that's the their them then there these they this those to too up us was we we're
    were what what's when when's where where's which who whom whose who's why will with would you you'd you'll you're
    your yours about again already any anything ever exactly know knew known last next now one only remember remind said
    say see still take tell thing things think told time until upon very want wanted way like much many get got go going
    put keep kept need needs ask asked called call mean meant not don't doesn't didn't isn't aren't wasn't
    """
)
"""Words that say little of what a question is about."""
ATTRIBUTES = words("name number address color colour birthday age old code")
WEAK = ATTRIBUTES | words(
    """
    day date time place favorite favourite appointment kind type sort year month week hour meeting live lives work works
    born today tomorrow tonight park parked parking leave leaves left hide hid due start starts begin begins
    """
)
"""Words that need another one beside them to say what is meant: everybody has a name, a birthday, an appointment."""
_TELL_ME = r"""
    (?:
    (?:can|could|would|will) you (?:please )?(?:tell|remind) me|(?:tell|remind) me|
    do you (?:still )?(?:know|remember)|i (?:forgot|forget|can't remember|don't remember|don't know)
    )\s+
"""
QUESTION = phrase(
    r"""
    ^(?:(?:ok(?:ay)?|hey|hi|so|and|well|um+|uh+|now|please|then|but|sorry|yes|no)[,.]?\s+)*
    (?:
    """
    + _TELL_ME
    + r"""
    (?=(?:my|our|the)\b)|(?:
    """
    + _TELL_ME
    + r"""
    )?
    (?:(?:in|on|at|to|from|for|with|by|about)\s)?
    (?:what|when|where|who|whom|whose|which|how|is|are|was|were|do|does|did|have|has|had|am|can|should|will)\b
    )
    """
)
OPINION = phrase(
    r"""
    \b(?:should i|why|write|story|poem|joke|explain|help me|how (?:do|can|should|could) (?:i|we|you)|what if|
    what would|would you|what should|can i|could i|if i)\b
    """
)
"""Who asks so wants advice or a text, not what was said."""
FIRST_PERSON = phrase(r"\b(?:i|i'm|i've|me|my|mine|we|our|ours|us)\b")
INDEFINITE = phrase(r"\b(?:a|an|people|someone|you)\b")
LONGEST_QUESTION_WORDS = 25


@dataclass(frozen=True, slots=True)
class _Words:
    """What a text is about, by stems."""

    strong: frozenset[str]
    weak: frozenset[str]
    attributes: frozenset[str]
    """Those of `weak` that tell one thing about something from another: her name from her birthday."""
    owners: frozenset[str]
    """Whose things they are: "Anna's", "my sister's"."""

    @property
    def all(self) -> frozenset[str]:
        return self.strong | self.weak


@lru_cache(maxsize=2048)
def _words(text: str) -> _Words:
    plain = text.replace("’", "'").lower()
    plain = re.sub(r"(?<=\w)-(?=\w)", "", plain)  # Wi-Fi is wifi, as many write it
    found = [word for word in re.findall(r"[^\W_]+(?:'[^\W_]+)?", plain) if word not in EMPTY]
    owners = {word[:-2] for word in found if word.endswith("'s") and f"{word} " in plain}
    bare = [word.removesuffix("'s") for word in found]
    weak = {word for word in bare if word in WEAK}
    attributes = {word for word in bare if word in ATTRIBUTES}
    return _Words(_stems(set(bare) - weak), _stems(weak), _stems(attributes), _stems(owners))


def _stems(found: set[str]) -> frozenset[str]:
    return frozenset(_STEMMER.stemWords(sorted(found)))


def answers(question: str, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the entries that answer `question`, the best first, the latest first among equals; () where none does.

    A question of one's own ("when is my …") needs what it is about in the entry; one in general terms, every word
    of it. An entry about somebody's things answers only who names that somebody.
    """
    if not QUESTION.match(question) or OPINION.search(question):
        return ()
    if len(question.split()) > LONGEST_QUESTION_WORDS:
        return ()
    asked = _words(question)
    own = bool(FIRST_PERSON.search(re.sub(r"\b(?:tell|remind) me\b", "", question, flags=re.IGNORECASE)))
    if not own and (INDEFINITE.search(question) or not asked.strong):
        return ()
    return _best(asked, [entry for entry in entries if _fits(asked, entry, whole=not own)])


def matches(about: str, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the entries that a few words mean ("my dentist"), the best first, the latest first among equals."""
    asked = _words(about)
    return _best(asked, [entry for entry in entries if _fits(asked, entry, whole=False)])


def same_subject(fact: str, entries: Sequence[Entry]) -> Entry | None:
    """Return the latest entry that says something of the same: what stands before its verb is equal."""
    subject = _subject(fact)
    return next((e for e in reversed(entries) if subject and _subject(e.text) == subject), None)


def _subject(text: str) -> frozenset[str]:
    before = re.split(
        r"\s(?:is|are|was|were|has|have|will|isn't|aren't)\s|'s (?=on|at|in|not)", text, maxsplit=1
    )
    return _words(before[0]).all if len(before) == 2 else frozenset()


def _fits(asked: _Words, entry: Entry, *, whole: bool) -> bool:
    said = _words(f"{entry.word} {entry.text}" if entry.word else entry.text)
    if not asked.all or said.owners - asked.all:
        return False
    if whole or not asked.strong:
        return asked.all <= said.all
    if asked.attributes and said.attributes and not asked.attributes & said.attributes:
        return False
    return asked.strong <= said.strong


def _best(asked: _Words, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    def share(entry: Entry) -> tuple[int, float, int]:
        said = _words(f"{entry.word} {entry.text}" if entry.word else entry.text).all
        common = len(said & asked.all)
        return common, common / len(said | asked.all), entry.id

    return tuple(sorted(entries, key=share, reverse=True))
