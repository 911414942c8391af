"""Which entries answer a question, or are meant by a few words. Pure: at most a few hundred short entries."""

from __future__ import annotations

import re
from collections.abc import Sequence

from voice_app.skills.memory.about import About, about, lettered
from voice_app.skills.memory.entries import Entry
from voice_app.skills.memory.subjects import TIME, VERB
from voice_app.skills.word_lists import phrase

_TELL_ME = r"""
    (?:
    (?:tell|remind) me|
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


ANSWER_KIND = phrase(
    r"""
    \b(what|which)\s
    (?:city|country|town|village|place|street|floor|level|room|day|time|date|month|year|person)
    (?= (?:is|are|was|were|do|does|did|have|has|had|am|should|can|will)\b)
    """
)
"""In "which city was I born in" and "what day is it", city and day name the kind of the answer."""
WHEN = phrase(r"\bwhen(?:'s)?\b|\b(?:what|which) (?:time|day|date|month|year)\b|\bhow late\b")
WHERE = phrase(
    r"\bwhere(?:'s)?\b|\b(?:what|which) (?:city|country|town|village|place|street|floor|level|room)\b"
)
PLACE = phrase(
    r"""
    \b(?:in|on|at|under|behind|beside|near|next|by|from|to|above|below|inside|outside|between|with|here|there|home|
    upstairs|downstairs|lives?|living|lived)\b
    """
)


def may_be_answered(question: str) -> bool:
    """Return whether words are a question that some entry may answer, and not one for advice or a text."""
    is_short = len(question.split()) <= LONGEST_QUESTION_WORDS
    return bool(is_short and QUESTION.match(question) and not OPINION.search(question))


def answers(question: str, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the entries that answer `question`, the best first, the latest first among equals; () where none does.

    A question of one's own ("when is my …") needs what it is about in the entry; one in general terms, every word
    of it. An entry about somebody's things answers only who names that somebody.
    """
    if not may_be_answered(question):
        return ()
    asked = about(ANSWER_KIND.sub(r"\1", question))
    own = bool(FIRST_PERSON.search(re.sub(r"\b(?:tell|remind) me\b", "", question, flags=re.IGNORECASE)))
    if not own and (INDEFINITE.search(lettered(question)) or not asked.strong):
        return ()
    fitting = [entry for entry in entries if _says(question, entry) and _fits(asked, entry, whole=not own)]
    return _best(asked, fitting)


def _says(question: str, entry: Entry) -> bool:
    """Return whether an entry may say when or where, if that is asked."""
    if WHEN.search(question):
        return bool(TIME.search(entry.text))
    return not WHERE.search(question) or bool(PLACE.search(entry.text))


def matches(words: str, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the entries that a few words mean ("my dentist"), the best first, the latest first among equals."""
    asked = about(words)
    return _best(asked, [entry for entry in entries if _fits(asked, entry, whole=False)])


def _subject(text: str) -> frozenset[str]:
    """Return what stands before the verb; all of it where no verb is found."""
    return about(VERB.split(text, maxsplit=1)[0]).all


def _fits(asked: About, entry: Entry, *, whole: bool) -> bool:
    said = _about(entry)
    if not asked.all or said.owners - asked.all:
        return False
    if whole:
        return asked.all <= said.all
    if not asked.strong:
        return asked.all <= said.all and _subject(entry.text) <= asked.all
    return asked.attributes <= said.attributes and asked.strong <= said.strong


def _about(entry: Entry) -> About:
    return about(f"{entry.word} {entry.text}" if entry.word else entry.text)


def _best(asked: About, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    def share(entry: Entry) -> tuple[int, float, int]:
        said = _about(entry).all
        common = len(said & asked.all)
        return common, common / len(said | asked.all), entry.id

    return tuple(sorted(entries, key=share, reverse=True))
