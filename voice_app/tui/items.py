"""What the transcript is made of: frozen facts, replaced when they grow, so that "changed" is "another object"."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from voice_app.tui.spoken_words import Mark, Playhead, Spoken, mark

MOST_CHARS = 20_000
"""Of an item: about ten screens full."""


class Activity(StrEnum):
    """What goes on."""

    LOADING = "loading"
    LISTENING = "listening"
    HEARING = "hearing"
    DRAFTING = "drafting"
    THINKING = "thinking"
    SPEAKING = "speaking"
    HELD = "interrupted"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class UserItem:
    """What the user said or typed."""

    text: str
    typed: bool = False
    partial: bool = False
    """Whether the words may still change."""


@dataclass(frozen=True, slots=True)
class ReplyItem:
    """What the assistant answers."""

    text: str = ""
    left_out: int = 0
    """Characters after `text` that are not kept for the screen."""
    status: Literal["writing", "completed", "cancelled", "failed", "ignored"] = "writing"
    spoken: Spoken = Spoken()
    playhead: Playhead | None = None
    heard: Mark | None = None
    """Set when the reply is over: how far it was heard."""
    who: str = ""
    to_sound_s: float | None = None
    """What the user waited: from the last voiced sample, or from the typed text, to the first audible one; measured."""
    typed: bool = False
    """Whether it answers typed text: then there is no last voiced sample."""
    tokens_per_s: float | None = None
    """Measured."""

    def mark(self, now_s: float) -> Mark | None:
        """Return how far it has been spoken; None while it is silent."""
        if self.heard is not None:
            return self.heard
        return mark(self.spoken.words, self.playhead.heard_s(now_s)) if self.playhead else None


@dataclass(frozen=True, slots=True)
class TableItem:
    """A table of a reply."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    complete: bool = True
    left_out: int = 0
    """Rows that are not kept for the screen."""


@dataclass(frozen=True, slots=True)
class ToolItem:
    """A local tool that was asked."""

    name: str
    arguments: str
    output: str | None = None
    """None while it works."""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoteItem:
    """A line of the program's own."""

    kind: Literal["notice", "memory", "session", "ignored", "considered"]
    text: str


Item = UserItem | ReplyItem | TableItem | ToolItem | NoteItem
