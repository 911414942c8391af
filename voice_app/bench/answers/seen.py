"""What was seen of a turn: its answer, its calls, and what there was before and after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SeenCall:
    """A call of a skill, as the chat keeps it."""

    skill: str
    arguments: Mapping[str, Any]
    kind: str
    """answer, deed, question or refusal: `voice_app.core.history.SkillCall.kind`."""
    output: str


@dataclass(frozen=True, slots=True)
class Known:
    """What a session holds at a moment."""

    timers: tuple[str, ...] = ()
    """All there is to say of each: any change is one of these."""
    left_s: tuple[float, ...] = ()
    """Until each is due."""
    memory: tuple[str, ...] = ()
    table: str = ""
    """Title, columns and cells of the table shown."""


@dataclass(frozen=True, slots=True)
class SeenTurn:
    """A turn of the user, and what became of it."""

    say: str
    answer: str
    calls: tuple[SeenCall, ...]
    before: Known
    after: Known
    first_ms: float | None
    """Typed -> the first words of the answer; measured on this machine."""
    whole_ms: float | None
    """Typed -> its last words."""
    failed: str = ""
    """Why there is no answer."""
