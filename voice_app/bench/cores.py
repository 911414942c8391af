"""Several benchmarks on one machine take turns: a lock file is held while turns are spoken."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from voice_app import clock
from voice_app.errors import SessionError

HOLD_S = 200.0
"""After so long, the lock is let go between two turns."""
AWAY_S = 1.0
"""For so long, so that whoever waits gets it."""


class Cores:
    """Holds a lock file (flock) from entering to leaving, with gaps between turns; without a path it does nothing."""

    def __init__(self, path: Path | None) -> None:
        self._file: int | None = None
        self._held = False
        self._since_s: float | None = None
        if path is not None:
            try:
                self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            except OSError as error:
                raise SessionError(path, f"can't be used as a lock ({error.strerror})") from None

    def __enter__(self) -> Self:
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            self._held = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.close(self._file)

    def may_speak(self) -> bool:
        """Tell whether a turn may begin now: whether the lock is held, and was not for long."""
        if self._file is None:
            return True
        now_s = clock.now()
        since_s = self._since_s = now_s if self._since_s is None else self._since_s
        if self._held and now_s - since_s > HOLD_S:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            self._held, self._since_s = False, now_s
        elif not self._held and now_s - since_s > AWAY_S:
            self._take(self._file, now_s)
        return self._held

    def _take(self, file: int, now_s: float) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        self._held, self._since_s = True, now_s
