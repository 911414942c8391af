"""What is asked of the notes: "search my notes for the wifi password", "what did I write about the garden?"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from inference.types import Message
from voice_app.core.errors import ToolError
from voice_app.skills.fillers import LOOKING
from voice_app.skills.notes.notes import Notes, spoken_part, terms
from voice_app.skills.number_words import LONGEST_REQUEST
from voice_app.skills.phrases import Slot
from voice_app.skills.skill import Arguments, Outcome, Skill, skill
from voice_app.skills.utterance import Utterance
from voice_app.skills.word_lists import word_set, words_of

_ASKS = word_set("what when where who which how is are does do did was were")


class NoteQuery(Arguments):
    """What to look for."""

    query: str = Field(min_length=1, max_length=LONGEST_REQUEST)


def query_of(words: str) -> str | None:
    """Return the words of a request that say what to look for; None where there are none."""
    return " ".join(terms(words)) or None


def asked_of(words: str) -> str | None:
    """Return the same of a question; None for other words, which may ask to do something with a note."""
    return query_of(words) if set(words_of(words)[:2]) & _ASKS else None


def fill(utterance: Utterance, earlier: Sequence[Message]) -> NoteQuery | None:
    """Return what a request looks for that is meant for the notes; None where it does not name them."""
    names_them = re.search(r"\bmy (?:own )?notes?\b|\bi (?:wrote|noted|jotted|write)\b", utterance.request)
    query = query_of(utterance.text)
    if re.search(
        r"\b(?:should i|to) (?:write|put|add|note)\b|\b(?:never|always) reads?\b", utterance.request
    ):
        return None
    return NoteQuery(query=query) if names_them and query else None


SLOTS = {
    "query": Slot(r"[^,].*", ("sourdough bread", "the wifi password"), query_of),
    "asked": Slot(r"\S.*", ("what is the wifi password", "when was the boiler serviced"), asked_of),
}


def answer(call: NoteQuery, notes: Notes | None) -> Outcome:
    """Say the best passage and the note it stands in. Raises ToolError."""
    if notes is None:
        raise ToolError("No folder of notes is set. Name one in the settings, under notes.")
    wanted = terms(call.query)
    found = notes.search(call.query)
    if found is None:
        return Outcome(f"I found nothing about {' '.join(wanted)} in your notes.")
    return Outcome(f"Your note {found.title()} says: {spoken_part(found, wanted)}", (found.file,))


def notes_skill(folder: str, cache: Path) -> Skill:
    """Return the skill that searches a folder of notes; an empty name: there is none yet."""
    notes = Notes(Path(folder).expanduser(), cache) if folder else None

    @skill(
        "notes",
        about="Searches your own notes, the folder of the settings, and names the note it reads from.",
        slots=SLOTS,
        fill=fill,
        takes_s=notes.takes_s if notes else lambda: 0.0,
        filler=LOOKING,
    )
    def search(call: NoteQuery) -> Outcome:
        return answer(call, notes)

    return search
