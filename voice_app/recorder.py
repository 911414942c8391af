"""The session's log: one event a line, JSON, append-only, readable by its owner alone.

Every line is handed to the kernel whole before the next event happens, so that `kill -9` loses nothing that
was completed. Sound is never in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from voice_app import clock
from voice_app.errors import SessionError
from voice_app.events import EVENT, Event

LONGEST_LINE_BYTES = 1 << 20


class Recorder:
    """Appends events to a file. Raises SessionError when the file can't be opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise SessionError(path, f"the session log can't be written ({error.strerror})") from None

    def __call__(self, event: Event) -> None:
        """Append one event."""
        os.write(self._file, event.model_dump_json().encode() + b"\n")

    def close(self) -> None:
        os.close(self._file)


def session_path(folder: Path) -> Path:
    """Return the path of a new session's log in `folder`."""
    return folder / f"{clock.wall():%Y-%m-%d_%H-%M-%S}_{os.getpid()}.jsonl"


def replay(path: Path) -> Iterator[Event]:
    """Yield the events of a log. A last line that was cut off is left out.

    Raises SessionError with the line's number for any other line that is not an event.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise SessionError(path, f"the session log can't be read ({error.strerror})") from None
    with file:
        number = 0
        while line := file.readline(LONGEST_LINE_BYTES):
            number += 1
            try:
                yield EVENT.validate_json(line)
            except ValidationError:
                if not line.endswith(b"\n") and len(line) < LONGEST_LINE_BYTES:
                    return
                raise SessionError(path, f"line {number} is not an event of a session log") from None
