"""The chat's preferences, kept from one start to the next: that it has greeted, and the theme."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ValidationError


class Preferences(BaseModel):
    """The preferences in the state folder; a file that can't be read counts as none."""

    greeted: bool = False
    theme: str = ""


def load_preferences(path: Path | None) -> Preferences:
    """Return the preferences."""
    with suppress(OSError, ValidationError):
        if path is not None:
            return Preferences.model_validate_json(path.read_bytes()[:65536])
    return Preferences()


def save_preferences(path: Path | None, preferences: Preferences) -> None:
    """Write the preferences; where that is not possible, the chat greets again."""
    with suppress(OSError):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_text(preferences.model_dump_json())
