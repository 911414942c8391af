"""What a sentence says of what, and what it says once it is corrected. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from voice_app.skills.memory.about import IS_A_NAME, SAME, WORDS, about
from voice_app.skills.memory.entries import Entry
from voice_app.skills.number_words import canonical
from voice_app.skills.word_lists import MONTHS, WEEKDAYS, phrase, word_set, words_of

Kind = Literal["time", "place", "name", "other"]
VERB = phrase(
    r"""
    \s(?:is|are|was|were|has|have|had|will|must|isn't|aren't|lives?|works?|likes?|loves?|hates?|wants?|needs?|costs?|
    starts?|begins?|ends?|leaves?|comes?|goes|moved|drives?|studies|study|weighs?|expires?|visits?|opens?|closes?)\b|
    's (?=on|at|in|not|called)
    """
)
TIME = phrase(
    r"""
    \d|\b(?:
    (?:mon|tues|wednes|thurs|fri|satur|sun)days?|"""
    + "|".join(MONTHS)
    + r"""|today|tonight|tomorrow|noon|midnight|morning|afternoon|evening|night|weeks?|weekends?|months?|
    years?|days?|hours?|minutes?|o'clock|half past|quarter|
    at (?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)|
    christmas|easter|spring|summer|autumn|winter|soon|later|always|never|every|before|after
    )\b
    """
)
_PLACED = phrase(r"(?:in|on|at|to|under|behind|beside|near|by|from|above|below|inside)\b")
_AT_THE_END = phrase(
    r"[\s,]+(?:now|anymore|any more|actually|these days|last (?:week|month|year)|from now on|instead)$"
)
_OFTEN = phrase(r"\b(?:now|actually|really|currently|new)\s+")
NO_STATEMENT, MARKERS = word_set(WORDS["no_statement"]), word_set(WORDS["markers"])
KEEP_BEFORE = word_set(WORDS["keep_before"])
LONGEST_STATEMENT_WORDS = 20
LONGEST_REPLACED_WORDS = 5
"""Behind a verb: a longer text says more than the one thing that is corrected."""
LOOSE = about(WORDS["weak"]).all - about(WORDS["attributes"]).all
"""Stems that a subject may have more: my dentist appointment is my dentist."""
_FROM = word_set("live work study drive weigh")
"""What one does in one way at a time, so that "I moved to Leeds" takes the place of "I live in York"."""
_PRONOUN = phrase(r"^(?:(?:no|actually|sorry|well)\b[,.]?\s+)?(?:he|she|it|they)\b(?=(?:'s)?\s)")
_OPENING = phrase(
    r"^(?:no|nope|sorry|oops|wait|actually|well|oh|um|by the way|so|and|but|correction)\b[,.:]?\s+"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence that says something of something."""

    subject: frozenset[str]
    """Of what, by stems; empty where that can't be told."""
    value: str
    """What stands behind the verb."""
    kind: Kind


def statement(text: str) -> Statement | None:
    """Return what a sentence says of what; None where no verb is found in it."""
    bare = _AT_THE_END.sub("", _OFTEN.sub("", text.strip().rstrip(".!")))
    found = VERB.search(bare)
    if found is None or not bare[found.end() :].strip():
        return None
    before, verb, value = bare[: found.start()], found[0].strip(), bare[found.end() :].strip()
    subject = about(before).all
    if not subject and before.lower() in ("i", "we"):
        subject = about(SAME.get(verb, verb)).all & _FROM
    is_name = re.match(r"(?:called|named)\b", value) or (subject and IS_A_NAME.search(bare))
    if is_name:
        subject |= {"name"}
    return Statement(subject, value, "name" if "name" in subject else _kind(value))


def _kind(value: str) -> Kind:
    if TIME.search(value) and not (_PLACED.match(value) and re.search(r"\blevel|floor|room|gate\b", value)):
        return "time"
    return "place" if _PLACED.match(value) else "other"


def same_subject(fact: str, entries: Sequence[Entry]) -> Entry | None:
    """Return the latest entry that says something of the same: what stands before its verb is equal."""
    said = statement(fact)
    if said is None or not said.subject:
        return None
    for entry in reversed(entries):
        other = statement(entry.text)
        if other and other.subject & said.subject and other.subject ^ said.subject <= LOOSE:
            return entry
    return None


def says_otherwise(text: str, known: str) -> bool:
    """Return whether two sentences say different things of the same."""
    said, other = statement(text), statement(known)
    if said is None or other is None:
        return False
    values = said.value.casefold(), other.value.casefold()
    return values[0] not in values[1] and values[1] not in values[0]


def outdated(text: str, entries: Sequence[Entry]) -> tuple[Entry, str] | None:
    """Return the entry that a plain statement makes untrue, and what it says from now on.

    "My sister is called Anna now" is one where another name of hers is remembered. Where the two may both be true
    ("my bike is red", "my bike is old"), a word such as now or actually must say that the first is not.
    """
    said = _OPENING.sub("", _OPENING.sub("", text)).strip()
    found = words_of(said)
    if (
        text.rstrip().endswith("?")
        or not 2 < len(found) <= LONGEST_STATEMENT_WORDS
        or NO_STATEMENT & set(found)
    ):
        return None
    new, old = statement(said), same_subject(said, entries)
    was = statement(old.text) if old else None
    if new is None or old is None or was is None or new.kind != was.kind:
        return None
    if new.kind == "other" and not MARKERS & set(words_of(text)):
        return None
    fact = bare_fact(said)
    return None if new.value.casefold() == was.value.casefold() else (old, fact)


def of_the_same(text: str, known: str) -> str:
    """Return a statement with a known fact's subject in the place of "she" or "it"; "" where it has no such word."""
    found, verb = _PRONOUN.match(text), VERB.search(known)
    return known[: verb.start()] + text[found.end() :] if found and verb else ""


def bare_fact(text: str) -> str:
    """Return a statement without the words that only say that it is new: now, actually."""
    text = text.strip().rstrip(".!")
    return re.sub(
        r"[\s,]+(?:now|actually|instead|these days|from now on)$", "", _OFTEN.sub("", text), flags=re.I
    )


# Corrections: "no, Tuesday".


def corrected(old: str, value: str, wrong: str = "") -> str | None:
    """Return a fact with one of its parts replaced by `value`; None where it can't be told which.

    `wrong` are the words that it takes the place of, where they were said.
    """
    if wrong and (at := old.lower().find(wrong.lower())) >= 0:
        return old[:at] + _fitted(old[at : at + len(wrong)], value) + old[at + len(wrong) :]
    by_kind = _by_kind(old, value)
    if by_kind is not None:
        return by_kind or None
    return _by_name(old, value) or _behind_verb(old, value)


def _class(word: str) -> str:
    bare = word.strip(".,:;!?").lower()
    if bare.removesuffix("s") in WEEKDAYS:
        return "weekday"
    if bare in MONTHS:
        return "month"
    is_number = (
        bool(bare) and re.fullmatch(r"\d[\d.:]*(?:st|nd|rd|th|am|pm)?", canonical(bare).strip()) is not None
    )
    return "number" if is_number else ""


def _by_kind(old: str, value: str) -> str | None:
    """Replace a weekday by a weekday, a number by a number; "" where it is open which, None where there is none."""
    bare = [word for word in value.split() if word.lower() not in KEEP_BEFORE | {"the", "of", "o'clock"}]
    classes = [_class(word) for word in bare]
    words = old.split()
    if not bare or not all(classes):
        return None
    for kind in dict.fromkeys(classes):
        places = [place for place, word in enumerate(words) if _class(word) == kind]
        if not places:
            return None
        if places[-1] - places[0] != len(places) - 1:
            return ""
        new = [_fitted(words[places[0]], word) for word in bare if _class(word) == kind]
        words[places[0] : places[-1] + 1 if kind == "number" else places[0] + 1] = new
    return " ".join(words)


def _by_name(old: str, value: str) -> str | None:
    """Replace the one name in a fact by another one."""
    names = re.findall(r"(?<=\s)[A-Z][\w'-]*(?: [A-Z][\w'-]*)*", old)
    names = [name for name in names if name != "I" and not _class(name)]
    is_name = re.fullmatch(r"[A-Z][\w'-]*(?: [A-Z][\w'-]*)?", value)
    return re.sub(rf"(?<=\s){re.escape(names[0])}", value, old) if is_name and len(names) == 1 else None


def _behind_verb(old: str, value: str) -> str | None:
    found = VERB.search(old)
    if found is None:
        return None
    words = old[found.end() :].split()
    kept = words[0] if words and words[0].lower() in KEEP_BEFORE and len(words) > 1 else ""
    if value.split()[0].lower() in KEEP_BEFORE:
        kept = ""
    rest = words[1:] if kept else words
    if not rest or len(rest) > LONGEST_REPLACED_WORDS:
        return None
    new = _fitted(rest[0], value) if len(rest) == 1 else value
    return " ".join(part for part in (old[: found.end()].strip(), kept, new) if part)


def _fitted(old: str, value: str) -> str:
    """Return a value with a large letter where names of days have one, and where what it replaces is a name."""
    if _class(value) in ("weekday", "month"):
        return value.capitalize()
    is_name = old[:1].isupper() and value.islower() and " " not in value
    return value.capitalize() if is_name and not any(char.isdigit() for char in value) else value
