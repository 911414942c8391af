"""A memory as a file that a person or a program reads: JSON, which can be taken in again, and Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from voice_app.core.errors import EntryError, MemoryFileError
from voice_app.skills.memory.entries import MOST_ENTRIES, Entry, Kind, Note

LARGEST_FILE_BYTES = 2 << 20
HEADINGS: dict[Kind, str] = {
    "name": "Name",
    "fact": "To remember",
    "pronunciation": "Pronunciation",
}


class Exported(BaseModel):
    """An entry in a file. Numbers and times are for the reader; what is taken in gets its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: int = 0
    kind: Kind
    text: str
    word: str = ""
    said: str = ""
    created: str = ""
    changed: str = ""


class Export(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["voice-app memory 1"] = "voice-app memory 1"
    persona: str = ""
    entries: tuple[Exported, ...]


def as_json(entries: Sequence[Entry], persona: str) -> str:
    """Return entries as a file that `notes` reads."""
    rows = tuple(Exported(**row(entry)) for entry in entries)
    return Export(persona=persona, entries=rows).model_dump_json(indent=2) + "\n"


def row(entry: Entry) -> dict[str, str | int]:
    """Return an entry as the fields of JSON."""
    return {name: getattr(entry, name) for name in Exported.model_fields}


def as_markdown(entries: Sequence[Entry], persona: str) -> str:
    """Return entries as a page."""
    lines = [f"# What {persona} remembers", ""]
    for kind, heading in HEADINGS.items():
        of_kind = [entry for entry in entries if entry.kind == kind]
        if of_kind:
            lines += [f"## {heading}", "", *(f"- {_escaped(line(entry))}" for entry in of_kind), ""]
    return "\n".join(lines)


def line(entry: Entry) -> str:
    """Return an entry on one line."""
    return f"{entry.word}: {entry.text}" if entry.word else entry.text


def _escaped(text: str) -> str:
    """Return text so that Markdown shows it as it is."""
    return "".join("\\" + char if char in "\\`*_{}[]<>#|~" else char for char in text)


def notes(path: Path) -> tuple[Note, ...]:
    """Return what an exported file says. Raises MemoryFileError where it can't be read, EntryError where it is none."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise MemoryFileError(path, f"can't be read ({error.strerror})") from None
    return _notes(content, str(path))


def _notes(content: bytes, name: str) -> tuple[Note, ...]:
    if len(content) > LARGEST_FILE_BYTES:
        raise EntryError(f"{name}: an exported memory has at most {LARGEST_FILE_BYTES} bytes")
    try:
        exported = Export.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise EntryError(f"{name}: not an exported memory ({where or 'JSON'}: {first['msg']})") from None
    if len(exported.entries) > MOST_ENTRIES:
        raise EntryError(f"{name}: a memory holds at most {MOST_ENTRIES} entries")
    return tuple(Note(entry.kind, entry.text, entry.word, entry.said) for entry in exported.entries)
