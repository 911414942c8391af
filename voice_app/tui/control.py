"""What the screen asks of a session. Every method may be called from any thread and returns at once, but for two.

What follows from a call is in the events.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from voice_app.core import events

SWITCHES = {
    "model": "language model",
    "backend": "what runs the language model",
    "voice": "voice",
    "persona": "persona",
    "input": "microphone",
    "output": "loudspeaker",
}
"""What can be exchanged while the session goes on, and what it is called."""


class Control(Protocol):
    """A session, from outside."""

    def submit(self, text: str) -> None:
        """Take typed text as a turn; it interrupts a reply."""

    def interrupt(self) -> None:
        """Drop what is being said."""

    def set_muted(self, muted: bool) -> None:
        """Close or open the microphone."""

    def push_to_talk(self, down: bool) -> None:
        """Open the microphone, or close it, which ends the turn."""

    def hands_free(self, on: bool) -> None:
        """Listen all the time, or only while the user pushes to talk."""

    def repeat(self) -> None:
        """Have the last answer said again."""

    def retry(self) -> None:
        """Have the last question answered anew."""

    def switch(self, **changes: str) -> None:
        """Exchange some of `SWITCHES`."""

    def level_db(self) -> float:
        """Return how loud the microphone is now, dBFS."""
        ...

    def has_microphone(self) -> bool:
        """Return whether the session has a microphone."""
        ...

    def choices(self) -> Mapping[str, tuple[str, ...]]:
        """Return the names that `switch` takes; may take a moment."""
        ...

    def write_sound(self, path: Path) -> float:
        """Write the session's sound as a WAV and return its seconds; blocks. Raises SessionError."""
        ...

    def end(self) -> None:
        """End the session in order."""


class Source(Protocol):
    """Where the screen's events come from."""

    def take(self) -> list[events.Event]:
        """Return what happened since the last call, oldest first."""
        ...

    def now_s(self) -> float:
        """Return the time on the session clock."""
        ...
