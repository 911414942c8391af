"""What the language model is asked for a cell: a short chat of examples, the question last: they share a prefix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from inference.types import Message
from voice_app.skills.phrases import language_data
from voice_app.skills.table.columns import ColumnKind, near

Messages = tuple[Message, ...]
_EXAMPLES: Mapping[str, Mapping[str, str]] = language_data(Path(__file__).parent, "prompts.")
LONGEST_WISH = 300


def activity(city: str, time: str, kind: str, wish: str) -> Messages:
    """Ask what to do in a city at a time of day; the answer is a phrase of the kind."""
    said = f"You plan days in a city. The visitor said: {wish[:LONGEST_WISH]}"
    return (
        Message("system", said),
        *_chat(_EXAMPLES["phrases"].items()),
        Message("user", f"{time} in {city}: {kind}"),
    )


def chosen_cell(kind: ColumnKind, row: str) -> Messages:
    """Ask for a cell that is one of a kind's choices."""
    return (*_chat(near(kind, row)), Message("user", row))


def free_cell(row: str, column: str) -> Messages:
    """Ask for a cell of a few words."""
    system = Message("system", "Answer in one to five words.")
    return (
        system,
        *_chat(_EXAMPLES["cells"].items()),
        Message("user", f"{row}, {column[:1].lower()}{column[1:]}?"),
    )


def things(count: str, subject: str) -> Messages:
    """Ask for the names of so many things, a line each."""
    system = Message("system", "Name things, one on each line.")
    return (system, *_chat(_EXAMPLES["lists"].items()), Message("user", f"Name {count} {subject}."))


def _chat(pairs: Iterable[tuple[str, str]]) -> Messages:
    return tuple(
        message
        for asked, answered in pairs
        for message in (Message("user", asked), Message("assistant", answered))
    )
