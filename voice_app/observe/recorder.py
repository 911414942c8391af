"""The session's log: one event a line, JSON, append-only, readable by its owner alone.

Every line is handed to the kernel whole before the next event happens, so that `kill -9` loses nothing that
was completed. A line that was cut off, by a full disk or the loss of power, is taken away before another one is
written, so that what follows it can be read. Sound is never in it.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from voice_app.core.errors import SessionError
from voice_app.core.events import EVENT, Event

LONGEST_LINE_BYTES = 1 << 20
LINE_START = b'{"at_s":'
"""Every event begins with its time."""


class Recorder:
    """Appends events to a file. Raises SessionError when the file can't be opened, or is no log."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost = 0
        """Events that the disk did not take."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._mend()
        except OSError as error:
            raise SessionError(path, f"the session log can't be written ({error.strerror})") from None

    def __call__(self, event: Event) -> None:
        """Append one event, whole; where the disk does not take it, count it as lost, and try the next one."""
        line = event.model_dump_json().encode() + b"\n"
        try:
            written = os.write(self._file, line)
            if written < len(line):
                os.ftruncate(self._file, os.fstat(self._file).st_size - written)
                self.lost += 1
        except OSError:
            self.lost += 1

    def _mend(self) -> None:
        """Complete or take away a last line that was cut off. Raises SessionError where it is no event's."""
        size = os.fstat(self._file).st_size
        tail = os.pread(self._file, LONGEST_LINE_BYTES, max(0, size - LONGEST_LINE_BYTES))
        last = tail[tail.rfind(b"\n") + 1 :]
        if not last:
            return
        if not LINE_START.startswith(last[: len(LINE_START)]):
            os.close(self._file)
            raise SessionError(self.path, "is no session log; choose another file")
        try:
            EVENT.validate_json(last)
            os.write(self._file, b"\n")
        except ValidationError:
            os.ftruncate(self._file, size - len(last))

    def close(self) -> None:
        os.close(self._file)


def session_path(folder: Path, started: datetime.datetime, session: str) -> Path:
    """Return the path of a new log in `folder`, of the session with this id."""
    return folder / f"{started:%Y-%m-%d_%H-%M-%S}_{session}.jsonl"


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
