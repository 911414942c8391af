"""A recorded session in place of a live one: its events come when they came, by a clock that may run faster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from voice_app.core import events
from voice_app.core.errors import SessionError

REFUSED = "This is a recording: it can be watched, not talked to."
SILENCE_DB = -60.0


class Replay:
    """A control and a source made of a log. Nothing that is asked of it changes what happened."""

    def __init__(self, log: Sequence[events.Event], clock_s: Callable[[], float], speed: float = 1.0) -> None:
        self._log, self._clock_s, self.speed = log, clock_s, speed
        self._next = 0
        self._at_s, self._since_s = 0.0, clock_s()
        self.paused = False
        self._refused = False

    def now_s(self) -> float:
        """Return the time on the recorded session's clock."""
        if self.paused:
            return self._at_s
        return self._at_s + (self._clock_s() - self._since_s) * self.speed

    def take(self) -> list[events.Event]:
        """Return what has come by now. Some events are dated ahead, as sound: the log's order is kept."""
        due, now_s = list[events.Event](), self.now_s()
        while self._next < len(self._log) and self._log[self._next].at_s <= now_s:
            due.append(self._log[self._next])
            self._next += 1
        if self._refused:
            self._refused = False
            due.append(events.Noticed(at_s=now_s, message=REFUSED))
        return due

    def run_at(self, speed: float) -> None:
        """Go on at another speed."""
        self._at_s, self._since_s = self.now_s(), self._clock_s()
        self.speed = speed

    def pause(self, paused: bool) -> None:
        """Stop the clock, or let it run."""
        self._at_s, self._since_s = self.now_s(), self._clock_s()
        self.paused = paused

    @property
    def over(self) -> bool:
        """Return whether everything has come."""
        return self._next >= len(self._log)

    def _refuse(self) -> None:
        self._refused = True

    def submit(self, text: str) -> None:
        """Refuse."""
        self._refuse()

    def interrupt(self) -> None:
        """Refuse."""
        self._refuse()

    def set_muted(self, muted: bool) -> None:
        """Refuse."""
        self._refuse()

    def push_to_talk(self, down: bool) -> None:
        """Refuse."""
        self._refuse()

    def hands_free(self, on: bool) -> None:
        """Refuse."""
        self._refuse()

    def repeat(self) -> None:
        """Refuse."""
        self._refuse()

    def retry(self) -> None:
        """Refuse."""
        self._refuse()

    def switch(self, **changes: str) -> None:
        """Refuse."""
        self._refuse()

    def level_db(self) -> float:
        """Return silence: sound is not in a log."""
        return SILENCE_DB

    def has_microphone(self) -> bool:
        """Return False: nobody can speak to a recording."""
        return False

    def choices(self) -> Mapping[str, tuple[str, ...]]:
        """Return nothing: nothing can be exchanged."""
        return {}

    def write_sound(self, path: Path) -> float:
        """Refuse. Raises SessionError."""
        raise SessionError(path, "sound is not in a session's log")

    def end(self) -> None:
        """Do nothing: nothing runs."""
