"""From the session's thread to the screen's: a bounded deque. The bus's listener appends, and that is all it does."""

from __future__ import annotations

from collections import deque

from voice_app.core import clock, events

MOST_WAITING = 50_000
"""Events; minutes of conversation. When it is full, the oldest are dropped and counted."""


class Feed:
    """A listener in one thread, a source of events in another. Call `take` and `now_s` where a loop runs."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._waiting: deque[events.Event] = deque(maxlen=most)
        self._started_s: float | None = None
        self.dropped = 0

    def __call__(self, event: events.Event) -> None:
        """Append an event; in the session's thread."""
        if self._started_s is None:
            self._started_s = clock.now() - event.at_s
        self.dropped += len(self._waiting) == self._waiting.maxlen
        self._waiting.append(event)

    def take(self) -> list[events.Event]:
        """Return what happened since the last call; in the screen's thread."""
        return [self._waiting.popleft() for _ in range(len(self._waiting))]

    def now_s(self) -> float:
        """Return the time on the session clock: that of all event loops of a process, from its first event on."""
        return 0.0 if self._started_s is None else clock.now() - self._started_s
