"""Timers, alarms and reminders of a session. They live in memory alone: a session that has ended can't ring."""

from __future__ import annotations

import asyncio
import datetime
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from voice_app.core import clock
from voice_app.core.errors import ToolError
from voice_app.skills.clock.dates import resolve
from voice_app.skills.durations import spoken_span

MOST_TIMERS = 20
LONGEST_S = 31 * 24 * 3600
"""Of any timer: it ends with the session, and few of those last for a month."""
UNDONE_DEEDS = 20
"""Deeds that can be taken back, the latest first."""


@dataclass(slots=True, eq=False)
class Timer:
    """Something that rings once."""

    seconds: int
    """How long it is set for."""
    label: str
    """What it is for; empty: only how long."""
    kind: str
    """timer, alarm or reminder."""
    due_s: float
    """On `voice_app.core.clock`; means nothing while it is paused."""
    at: str = ""
    """The time of the clock that it rings at, 24 hours; empty where it is a span."""
    paused_s: float | None = None
    """What was left when it was paused."""

    def announcement(self) -> str:
        """Return what is said when it is due."""
        if self.kind == "reminder":
            return f"Reminder: {self.label}." if self.label else "This is your reminder."
        if self.kind == "alarm" and not self.label:
            return "This is your alarm."
        return f"{self.name().capitalize()} is done."

    def name(self) -> str:
        """Return how it is called among others: the egg timer, the timer for 5 minutes, the alarm for 7:00 AM."""
        if self.kind == "reminder" and self.label:
            return f"the reminder: {self.label}"
        if self.label:
            return f"the {self.label} {self.kind}"
        return f"the {self.kind} for {spoken_at(self.at) if self.at else spoken_span(self.seconds)}"


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done to timers, as far as it takes to undo it."""

    timers: tuple[Timer, ...]
    before: tuple[Timer | None, ...]
    """Copies of the timers as they were; None where there was none."""
    left_s: tuple[float, ...]
    """What was left of each."""
    ended: bool = False
    """Whether it ended them."""


@dataclass(slots=True)
class Timers:
    """The timers that run or are paused, on the clock of the running loop."""

    rings: Callable[[str], None] = lambda text: None
    """Told, in the loop, what to say when a timer is due."""
    recent: Timer | None = None
    """The one that was talked of last."""
    rung: Timer | None = None
    """The one that rang last."""
    _running: dict[Timer, asyncio.TimerHandle | None] = field(default_factory=dict)
    """In the order in which they were started; without a handle those that are paused."""
    _done: deque[Deed] = field(default_factory=lambda: deque(maxlen=UNDONE_DEEDS))

    def start(self, seconds: int, label: str = "", kind: str = "timer", at: str = "") -> Timer:
        """Start a timer. Raises ToolError where there are too many."""
        self.check()
        timer = self.recent = Timer(seconds, label, kind, clock.now() + seconds, at)
        self._done.append(Deed((timer,), (None,), (0.0,)))
        self._run(timer, seconds)
        return timer

    def check(self) -> None:
        """Raise ToolError where there is no room for another timer."""
        if not self.free():
            raise ToolError(f"There are {MOST_TIMERS} timers already. Cancel one first.")

    def free(self) -> int:
        """Return how many more there is room for."""
        return MOST_TIMERS - len(self._running)

    def running(self) -> list[Timer]:
        """Return the timers, paused ones too, in the order in which they were started."""
        return list(self._running)

    def cancel(self, *timers: Timer) -> None:
        """Stop timers; one that has rung needs no stopping."""
        self._note(timers, ended=True)
        for timer in timers:
            self._stop(timer)
            self._running.pop(timer, None)
        self.recent = None

    def pause(self, *timers: Timer) -> None:
        """Hold timers; what is left stays as it is to the fraction of a second."""
        self._note(timers)
        for timer in self._there(timers):
            timer.paused_s = exact_left_s(timer)
            self._stop(timer)

    def resume(self, *timers: Timer) -> None:
        """Let paused timers run on."""
        self._note(timers)
        for timer in self._there(timers):
            self._run(timer, exact_left_s(timer))

    def set_left(self, timer: Timer, left_s: float, *, seconds: int, at: str = "") -> None:
        """Set what is left of a timer, and how long it is set for; one that is paused stays so."""
        self._note((timer,))
        for found in self._there((timer,)):
            found.seconds, found.at = seconds, at
            if found.paused_s is None:
                self._run(found, left_s)
            else:
                found.paused_s = left_s

    def restart(self, timer: Timer) -> None:
        """Begin anew with all of a timer's time."""
        self._note((timer,))
        for found in self._there((timer,)):
            self._run(found, found.seconds)

    def rename(self, timer: Timer, label: str) -> None:
        """Give a timer another name."""
        self._note((timer,))
        timer.label = label

    def last_deed(self) -> Deed | None:
        """Return what `undo` would take back."""
        return self._done[-1] if self._done else None

    def undo(self) -> None:
        """Take the latest deed back; a timer that was cancelled goes on with what was left of it."""
        if not self._done:
            return
        deed = self._done.pop()
        for timer, before, left_s in zip(deed.timers, deed.before, deed.left_s, strict=True):
            was_there = timer in self._running
            if before is None:
                self._stop(timer)
                self._running.pop(timer, None)
            elif was_there or deed.ended:
                self._put_back(timer, before, left_s, was_there=was_there)

    def close(self) -> None:
        """Stop all timers."""
        for timer in self._running:
            self._stop(timer)
        self._running.clear()
        self._done.clear()

    def _put_back(self, timer: Timer, before: Timer, left_s: float, *, was_there: bool) -> None:
        ran_on = was_there and before.paused_s is None and timer.paused_s is None
        timer.seconds, timer.label, timer.at = before.seconds, before.label, before.at
        self._running.setdefault(timer, None)
        if before.paused_s is None:
            self._run(timer, before.due_s - clock.now() if ran_on else left_s)
        else:
            self._stop(timer)
            timer.paused_s = before.paused_s

    def _note(self, timers: Sequence[Timer], *, ended: bool = False) -> None:
        found = self._there(timers)
        left_s = tuple(map(exact_left_s, found))
        self._done.append(Deed(found, tuple(replace(timer) for timer in found), left_s, ended))
        self.recent = found[0] if len(found) == 1 else None

    def _there(self, timers: Sequence[Timer]) -> tuple[Timer, ...]:
        return tuple(timer for timer in timers if timer in self._running)

    def _run(self, timer: Timer, left_s: float) -> None:
        self._stop(timer)
        loop = asyncio.get_running_loop()
        timer.due_s, timer.paused_s = loop.time() + max(0.0, left_s), None
        self._running[timer] = loop.call_at(timer.due_s, self._ring, timer)

    def _stop(self, timer: Timer) -> None:
        handle = self._running.get(timer)
        if handle:
            handle.cancel()
            self._running[timer] = None

    def _ring(self, timer: Timer) -> None:
        del self._running[timer]
        self.rung = timer
        self.rings(timer.announcement())


def exact_left_s(timer: Timer) -> float:
    """Return the seconds until a timer is due; of a paused one what it was paused with."""
    return max(0.0, timer.due_s - clock.now()) if timer.paused_s is None else timer.paused_s


def left_s(timer: Timer) -> int:
    """Return the whole seconds until a timer is due."""
    return round(exact_left_s(timer))


def spoken_at(at: str) -> str:
    """Return "7:30 PM" of 19:30."""
    hour, minute = int(at[:2]), at[3:]
    return f"{hour % 12 or 12}:{minute} {'AM' if hour < 12 else 'PM'}"


def next_at(
    at: str, now: datetime.datetime, *, day: str = "", either: bool = False, afternoon: bool = False
) -> datetime.datetime:
    """Return the next time that a clock shows `at`, on a day where one is named. Raises ToolError for one that is past.

    `either`: half of the day does not matter, the next to come is meant; on another day than today it is the earlier
    half's, but with `afternoon` that from 1 to 6 PM. `now` is aware. On days when clocks are changed it is the
    machine's zone that knows, or that of `now`.
    """
    hour, minute = int(at[:2]), int(at[3:])
    today = now.date()
    named = resolve(day, today) if day else None
    hours = [hour % 12, hour % 12 + 12] if either else [hour]
    if named and named > today and either:
        hours = [hour + 12 if afternoon and hour <= 6 else hour]
    found = [
        _aware(datetime.datetime.combine(date, datetime.time(hour, minute)), now)
        for date in ([named] if named else [today, today + datetime.timedelta(1)])
        for hour in hours
    ]
    later = [then for then in found if then.timestamp() > now.timestamp()]
    if not later:
        raise ToolError("That time has passed already.")
    return min(later, key=datetime.datetime.timestamp)


def _aware(then: datetime.datetime, now: datetime.datetime) -> datetime.datetime:
    zone = None if isinstance(now.tzinfo, datetime.timezone) else now.tzinfo
    return then.replace(tzinfo=zone) if zone else then.astimezone()
