"""What the language model is asked for a cell: a short chat of examples, the question last: they share a prefix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from inference.types import Message
from voice_app.skills.phrases import language_data
from voice_app.skills.table.columns import ColumnKind, near

Messages = tuple[Message, ...]
_EXAMPLES: Mapping[str, Mapping[str, Any]] = language_data(Path(__file__).parent, "prompts.")
_REAL = _EXAMPLES["real"]
LONGEST_WISH = 300


def activity(city: str, time: str, kind: str, wish: str) -> Messages:
    """Ask what to do in a city at a time of day; the answer is a phrase of the kind."""
    said = f"You plan days in a city. The visitor said: {wish[:LONGEST_WISH]}"
    return (
        Message("system", said),
        *_chat(_EXAMPLES["phrases"].items()),
        Message("user", f"{time} in {city}: {kind}"),
    )


def real_activity(city: str, when: str, wish: str, told: Sequence[tuple[str, str]]) -> Messages:
    """Ask a model that knows a city what to do there then; the rows so far are the chat before."""
    system = Message("system", _REAL["system"])
    asked = (
        f"{city}: {wish[:LONGEST_WISH]} {begun}" if not at else begun
        for at, begun in enumerate([*(before for before, _ in told), when])
    )
    *before, last = asked
    answers = (text for _, text in told)
    pairs = zip(before, answers, strict=True)
    return (system, *_chat(_REAL["chat"].items()), *_chat(pairs), Message("user", last))


def verbs(time: str) -> tuple[str, ...]:
    """Return how what is done at a time of day may begin."""
    return tuple(_REAL["begin"].get(time) or _REAL["begin"]["afternoon"])


def named_cell(subject: str, row: str, column: str, told: Sequence[tuple[str, str]]) -> Messages:
    """Ask for a cell of a table whose rows and columns have names; those before it are the chat before."""
    system = Message(
        "system", f"You fill in a {subject}. Answer each time with one short entry of one to five words."
    )
    return (system, *_chat(told), Message("user", f"{row}, {column}"))


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
