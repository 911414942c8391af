"""What words ask of tables: those that a choice says are meant for them, and those that go on from the latest call."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inference.types import Message
from voice_app.skills.phrases import Phrases, Slot, language_data, load_phrases, phrases_of
from voice_app.skills.skill import Arguments, Called, Clarify, Open, Refuse
from voice_app.skills.table import spoken_cells as spoken
from voice_app.skills.table.table_call import TableCall
from voice_app.skills.table.table_slots import Look, slots
from voice_app.skills.utterance import Utterance
from voice_app.skills.word_lists import word_set, words_of

LONGEST_REQUEST = 600
"""Characters; a request for a table is not longer, a pasted text is."""
MOST_LEADING_WORDS = 12
"""Words before a request that may tell why it is made."""
Reading = Arguments | Open | Clarify | Refuse | None
_FOLDER = Path(__file__).parent
_NO_REQUEST = word_set(
    "don't dont never didn't won't shouldn't wouldn't if why he she they told said asked wrote"
)
_TRAVEL = word_set("trip itinerary travel visit vacation holiday sightseeing getaway")
_PARTS = word_set("table column row itinerary columns rows")
_CHANGES = word_set(
    "add append arrange change clear color colour combine copy cut delete duplicate edit extend fill group highlight "
    "insert make merge mark move put remove rename reorder replace set shift shrink sort split swap switch turn "
    "update widen"
)
_ASKING = word_set(
    "how why who where when which what how's who's where's when's what's is are was were did does do has have"
)
CANNOT = "I can't change a table in that way."


@dataclass(frozen=True, slots=True)
class TableReader:
    """Reads calls; `look` returns the table that is there."""

    look: Look
    slots: Mapping[str, Slot] = field(init=False)
    sayings: Phrases = field(init=False)
    going_on: Phrases = field(init=False)
    right_after: Phrases = field(init=False)

    def __post_init__(self) -> None:
        made = slots(self.look)
        object.__setattr__(self, "slots", made)
        object.__setattr__(self, "sayings", load_phrases(_FOLDER, made))
        document = language_data(_FOLDER, "follow.")
        object.__setattr__(self, "going_on", phrases_of(document, made))
        object.__setattr__(
            self, "right_after", phrases_of({**document, "calls": document["right_after"]}, made)
        )

    def follow(self, utterance: Utterance, called: Called) -> Reading:
        """Read words as going on from the latest call about tables."""
        if len(utterance.text) > LONGEST_REQUEST:
            return None
        if called.clarifies:
            return self._answer(utterance, called)
        if self.look() is None:
            return None
        found = self._first(self.going_on, utterance)
        if found is None and not called.ago:
            found = self._first(self.right_after, utterance)
        return _same_cell(found, called.arguments) if found and found.row == "?" else found

    def fill(self, utterance: Utterance, earlier: Sequence[Message]) -> Reading:
        """Read the call in words that are meant for tables: the longest end of them that is a saying."""
        if len(utterance.text) > LONGEST_REQUEST or word_set(utterance.text.lower()) & _NO_REQUEST:
            return None
        found = self._first(self.going_on, utterance) if self.look() else None
        if found and found.row != "?":
            return found
        words = words_of(utterance.plain)
        asking = not words or words[0] in _ASKING
        for text in _ends(utterance.text)[: 1 if asking else None]:
            if found := self._first(self.sayings, Utterance.of(text)):
                return found
        if asking:
            return None
        if set(words) & _TRAVEL:
            return Clarify("For which city?", {"action": "make", "days": 2})
        return Refuse(CANNOT) if words[0] in _CHANGES and set(words) & _PARTS and self.look() else None

    def _first(self, phrases: Phrases, utterance: Utterance) -> TableCall | None:
        return next(filter(None, map(_valid, phrases.match(utterance))), None)

    def _answer(self, utterance: Utterance, called: Called) -> Reading:
        """Read the answer to the question for a city."""
        said = spoken.bare(re.sub(r"^(?:in|to|for) ", "", utterance.plain, flags=re.IGNORECASE))
        place = spoken.place(said) if len(said.split()) <= 4 else None
        return _valid({**called.arguments, "subject": place}) if place else None


def _valid(arguments: Mapping[str, Any]) -> TableCall | None:
    try:
        return TableCall.model_validate(arguments)
    except ValidationError:
        return None


def _same_cell(found: TableCall, before: Mapping[str, Any]) -> TableCall | None:
    """Return a change of the cell that the call before was about."""
    if before.get("action") not in ("set_cell", "fill") or not (before.get("row") or before.get("column")):
        return None
    return found.model_copy(update={"row": before.get("row", ""), "column": before.get("column", "")})


def _ends(text: str) -> list[str]:
    """Return a text without its first words, one more each time; then without its last clause."""
    whole = text.split()
    cut = re.split(r"[,;.?!]\s", text)[0].split()
    found = [
        " ".join(words[at:]) for words in (whole, cut) for at in range(min(MOST_LEADING_WORDS, len(words)))
    ]
    return list(dict.fromkeys(filter(None, found)))
