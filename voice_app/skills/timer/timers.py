"""Timers, alarms and reminders of a session. They live in memory alone: a session that has ended can't ring."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from dataclasses import dataclass, field

from voice_app.core import clock
from voice_app.core.errors import ToolError
from voice_app.skills.durations import spoken_span

MOST_TIMERS = 20
LONGEST_S = 24 * 3600


@dataclass(frozen=True, slots=True, eq=False)
class Timer:
    """Something that rings once."""

    seconds: int
    label: str
    """What it is for; empty: only how long."""
    kind: str
    """timer, alarm or reminder."""
    due_s: float
    """On `voice_app.core.clock`."""

    def announcement(self) -> str:
        """Return what is said when it is due."""
        if self.kind == "reminder":
            return f"Reminder: {self.label}." if self.label else "This is your reminder."
        if self.kind == "alarm" and not self.label:
            return "This is your alarm."
        return f"{self.name().capitalize()} is done."

    def name(self) -> str:
        """Return how it is called among others: the timer for your eggs, the egg timer, the timer for 5 minutes."""
        if self.label and not self.label.startswith(("the ", "a ", "your ", "all ")):
            return f"the {self.label} {self.kind}"
        return f"the {self.kind} for {self.label or spoken_span(self.seconds)}"


@dataclass(slots=True)
class Timers:
    """The timers that run, on the clock of the running loop."""

    rings: Callable[[str], None] = lambda text: None
    """Told, in the loop, what to say when a timer is due."""
    _running: dict[Timer, asyncio.TimerHandle] = field(default_factory=dict)

    def start(self, seconds: int, label: str = "", kind: str = "timer") -> Timer:
        """Start a timer. Raises ToolError where there are too many."""
        self.check()
        loop = asyncio.get_running_loop()
        timer = Timer(seconds, label, kind, loop.time() + seconds)
        self._running[timer] = loop.call_at(timer.due_s, self._ring, timer)
        return timer

    def check(self) -> None:
        """Raise ToolError where there is no room for another timer."""
        if len(self._running) >= MOST_TIMERS:
            raise ToolError(f"There are {MOST_TIMERS} timers already. Cancel one first.")

    def running(self) -> list[Timer]:
        """Return the timers, the next one first."""
        return sorted(self._running, key=lambda timer: timer.due_s)

    def cancel(self, timer: Timer) -> None:
        """Stop a timer; one that has rung needs no stopping."""
        handle = self._running.pop(timer, None)
        if handle:
            handle.cancel()

    def close(self) -> None:
        """Stop all timers."""
        for timer in self.running():
            self.cancel(timer)

    def _ring(self, timer: Timer) -> None:
        del self._running[timer]
        self.rings(timer.announcement())


def left_s(timer: Timer) -> int:
    """Return the whole seconds until a timer is due."""
    return max(0, round(timer.due_s - clock.now()))


def seconds_until(at: str, now: datetime.datetime) -> int:
    """Return the seconds until the next time that a clock shows `at`: "7:00 am", "19:30"; "7:00" is either half's.

    `now` is aware. On days when clocks are changed it is the machine's zone that knows, or that of `now`.
    """
    shown, _, half = at.partition(" ")
    hour, minute = (int(part) for part in shown.split(":"))
    if half:
        hours = [hour % 12 + 12 * (half == "pm")]
    else:
        hours = [hour] if hour == 0 or hour > 12 else [hour % 12, hour % 12 + 12]
    zone = None if isinstance(now.tzinfo, datetime.timezone) else now.tzinfo
    found = []
    for days in (0, 1):
        for hour in hours:
            day = now.date() + datetime.timedelta(days)
            then = datetime.datetime.combine(day, datetime.time(hour, minute))
            aware = then.replace(tzinfo=zone) if zone else then.astimezone()
            found.append(round(aware.timestamp() - now.timestamp()))
    return min(seconds for seconds in found if seconds > 0)
