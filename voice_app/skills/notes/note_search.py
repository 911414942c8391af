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
from voice_app.skills.skill import Arguments, Outcome, Skill, skill
from voice_app.skills.utterance import Utterance

_MINE = re.compile(
    r"\bmy (?:own )?notes?\b(?! (?:app|pad|book)\b)|\bwhat (?:did|have) i (?:write|written|note|noted|jot|jotted)\b"
    r"|\bdid i (?:write|note|jot)(?: anything)?(?: down)? (?:about|on)\b"
    r"|\bdo i have (?:a|any) notes? (?:about|on|for)\b",
    re.IGNORECASE,
)
_ELSE = re.compile(
    r"\b(?:play|sing|write|take|make|add|create|delete|remove|edit|tune)\b.{0,20}\bnotes?\b|\bnotes? (?:to|down)\b",
    re.IGNORECASE,
)
"""Music, and what the tool does not do: it only reads."""


class NoteQuery(Arguments):
    """What to look for."""

    query: str = Field(min_length=1, max_length=LONGEST_REQUEST)


def read(utterance: Utterance, earlier: Sequence[Message]) -> NoteQuery | None:
    """Return what a request looks for in the user's notes, None where it does not name them."""
    text = utterance.text
    if len(text) > LONGEST_REQUEST or not _MINE.search(text) or _ELSE.search(text):
        return None
    return NoteQuery(query=" ".join(terms(text)) or text)


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
        read=read,
        takes_s=notes.takes_s if notes else lambda: 0.0,
        filler=LOOKING,
    )
    def search(call: NoteQuery) -> Outcome:
        return answer(call, notes)

    return search
