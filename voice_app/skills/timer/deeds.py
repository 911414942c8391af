"""What a call does to timers, and what is said of it: each deed is the outcome's effect."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from functools import partial

from voice_app.core.errors import ToolError
from voice_app.skills.clock.dates import spoken_date
from voice_app.skills.clock.world_clock import Now
from voice_app.skills.durations import listed, spoken_span
from voice_app.skills.skill import Outcome
from voice_app.skills.timer.call import TimerCall
from voice_app.skills.timer.choosing import the_one, those
from voice_app.skills.timer.timers import (
    LONGEST_S,
    Timer,
    Timers,
    exact_left_s,
    left_s,
    next_at,
    spoken_at,
)

SNOOZED_S = 5 * 60
"""How long an alarm is put off where nothing else is said."""
_COUNTS = ("", "", "two", "three")


def run(call: TimerCall, timers: Timers, now: Now) -> Outcome:
    """Do what is asked; timers change as the outcome's effect. Raises ToolError."""
    deeds: dict[str, Callable[[], Outcome]] = {
        "start": partial(_started, call, timers, now),
        "cancel": partial(_cancelled, call, timers),
        "pause": partial(_paused, call, timers),
        "resume": partial(_resumed, call, timers),
        "extend": partial(_extended, call, timers),
        "change": partial(_changed, call, timers, now),
        "restart": partial(_restarted, call, timers),
        "rename": partial(_renamed, call, timers),
        "snooze": partial(_snoozed, call, timers),
        "undo": partial(_undone, timers),
    }
    return deeds.get(call.action, partial(_told, call, timers))()


def asked(call: TimerCall) -> str:
    """Return the question that a call without a length or a time is asked."""
    if call.kind == "alarm" or call.day:
        return "At what time?"
    return "When shall I remind you?" if call.kind == "reminder" else "For how long?"


def _when(call: TimerCall, now: datetime.datetime) -> tuple[int, str, str]:
    """Return the seconds until a call's time, the time as an argument and as it is said. Raises ToolError."""
    if not call.at:
        if call.day or call.seconds <= 0:
            raise ToolError(asked(call))
        seconds, at, said = call.seconds, "", ""
    else:
        then = next_at(
            call.at, now, day=call.day, either=call.either, afternoon=call.kind in ("reminder", "timer")
        )
        seconds, at = round(then.timestamp() - now.timestamp()), f"{then:%H:%M}"
        said = spoken_at(at) + _on_day(then.date(), now.date())
    if seconds > LONGEST_S:
        raise ToolError(f"That is too far ahead: {LONGEST_S // 86400} days are the most.")
    return max(1, seconds), at, said


def _on_day(day: datetime.date, today: datetime.date) -> str:
    days = (day - today).days
    if days < 7:
        return ("", " tomorrow")[days] if days < 2 else f" on {day:%A}"
    return f" on {spoken_date(day, today)}"


def _started(call: TimerCall, timers: Timers, now: Now) -> Outcome:
    timers.check()
    seconds, at, said = _when(call, now())
    kind = "timer" if call.kind == "any" else call.kind

    def start() -> None:
        for _ in range(min(call.times, timers.free())):
            timers.start(_when(call, now())[0] if call.at else seconds, call.label, kind, at)

    span = spoken_span(max(60, seconds // 60 * 60) if at else seconds)
    if kind == "reminder":
        when = f"at {said}, in {span}" if at else f"in {span}"
        return Outcome(f"I will remind you {when}{_purpose(call.label)}.", effect=start)
    if call.times > 1:
        return Outcome(f"{call.times} {kind}s set for {said or span}.", effect=start)
    name = f"The {call.label} {kind} is" if call.label else kind.capitalize()
    return Outcome(f"{name} set for {f'{said}, in {span}' if at else span}.", effect=start)


def _purpose(label: str) -> str:
    if not label:
        return ""
    return f": {label}" if label.startswith(("the ", "your ", "you ")) else f" to {label}"


def _cancelled(call: TimerCall, timers: Timers) -> Outcome:
    chosen = those(call, timers)
    return Outcome(_said_of(chosen, "cancelled"), effect=lambda: timers.cancel(*chosen))


def _paused(call: TimerCall, timers: Timers) -> Outcome:
    chosen = those(call, timers)
    if any(timer.at for timer in chosen):
        raise ToolError("What rings at a time of the clock can't be paused. I can cancel it.")
    if all(timer.paused_s is not None for timer in chosen):
        raise ToolError(_said_of(chosen, "paused already"))
    left = f", with {spoken_span(left_s(chosen[0]))} left" if len(chosen) == 1 else ""
    return Outcome(_said_of(chosen, "paused").rstrip(".") + f"{left}.", effect=lambda: timers.pause(*chosen))


def _resumed(call: TimerCall, timers: Timers) -> Outcome:
    paused = [timer for timer in timers.running() if timer.paused_s is not None]
    if not paused:
        raise ToolError("No timer is paused.")
    chosen = those(call, timers, among=paused)
    left = f", with {spoken_span(left_s(chosen[0]))} left" if len(chosen) == 1 else ""
    return Outcome(
        _said_of(chosen, "running again").rstrip(".") + f"{left}.", effect=lambda: timers.resume(*chosen)
    )


def _extended(call: TimerCall, timers: Timers) -> Outcome:
    timer = the_one(call, timers)
    if not call.seconds:
        raise ToolError("By how much?")
    before = exact_left_s(timer)
    after = before + call.seconds
    if after <= 0:
        raise ToolError(f"Only {spoken_span(left_s(timer))} left on {timer.name()}. I can cancel it.")
    if after > LONGEST_S:
        raise ToolError(f"That is too far ahead: {LONGEST_S // 86400} days are the most.")
    at = _later(timer.at, call.seconds) if timer.at else ""

    def extend() -> None:
        left = max(1.0, exact_left_s(timer) + call.seconds)
        timers.set_left(timer, left, seconds=max(1, timer.seconds + call.seconds), at=at)

    name = timer.name() if timer.label or timer.at or len(timers.running()) > 1 else "the timer"
    if at:
        return Outcome(f"{name[0].upper()}{name[1:]} rings at {spoken_at(at)} now.", effect=extend)
    return Outcome(f"{spoken_span(round(after))} left on {name} now.", effect=extend)


def _later(at: str, seconds: int) -> str:
    """Return the time that a clock shows some seconds after `at`."""
    minutes = int(at[:2]) * 60 + int(at[3:]) + seconds // 60
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def _changed(call: TimerCall, timers: Timers, now: Now) -> Outcome:
    timer = the_one(call, timers)
    if call.day and not call.at and timer.at:
        call = call.model_copy(update={"at": timer.at, "either": False})
    if not call.at:
        call = call.model_copy(update={"kind": timer.kind})
    seconds, at, said = _when(call, now())

    def change() -> None:
        left = _when(call, now())[0] if call.at else seconds
        timers.set_left(timer, left, seconds=seconds, at=at)

    name = f"the {timer.label} {timer.kind}" if timer.label else f"the {timer.kind}"
    return Outcome(f"{name.capitalize()} is set for {said or spoken_span(seconds)} now.", effect=change)


def _restarted(call: TimerCall, timers: Timers) -> Outcome:
    timer = the_one(call, timers)
    if timer.at:
        raise ToolError("What rings at a time of the clock can't be restarted.")
    name = timer.name()
    return Outcome(
        f"{name[0].upper()}{name[1:]} begins anew, with {spoken_span(timer.seconds)}.",
        effect=lambda: timers.restart(timer),
    )


def _renamed(call: TimerCall, timers: Timers) -> Outcome:
    timer = the_one(call, timers)
    if not call.name:
        raise ToolError("What shall I call it?")
    name = timer.name()
    return Outcome(
        f"{name[0].upper()}{name[1:]} is called {call.name} now.",
        effect=lambda: timers.rename(timer, call.name),
    )


def _snoozed(call: TimerCall, timers: Timers) -> Outcome:
    rung = timers.rung
    if rung is None:
        raise ToolError("Nothing has rung.")
    timers.check()
    seconds = call.seconds or SNOOZED_S
    if not 0 < seconds <= LONGEST_S:
        raise ToolError("I can't put it off by that.")
    return Outcome(
        f"I will ring again in {spoken_span(seconds)}.",
        effect=lambda: _do(timers.start, seconds, rung.label, rung.kind),
    )


def _do(deed: Callable[..., object], *arguments: object) -> None:
    deed(*arguments)


def _undone(timers: Timers) -> Outcome:
    deed = timers.last_deed()
    if deed is None or not deed.timers:
        raise ToolError("There is nothing to undo about timers.")
    started = [timer for timer, before in zip(deed.timers, deed.before, strict=True) if before is None]
    if started:
        if not set(started) & set(timers.running()):
            raise ToolError("It has ended already.")
        return Outcome(_said_of(started, "cancelled"), effect=timers.undo)
    if not deed.ended and not set(deed.timers) & set(timers.running()):
        raise ToolError("It has rung already.")
    how = "back" if deed.ended else "as before"
    restored = [before for before in deed.before if before]
    left = f", with {spoken_span(round(deed.left_s[0]))} left" if deed.ended and len(restored) == 1 else ""
    return Outcome(_said_of(restored, how).rstrip(".") + f"{left}.", effect=timers.undo)


def _told(call: TimerCall, timers: Timers) -> Outcome:
    if not timers.running():
        return Outcome(f"No {'timer' if call.kind == 'any' else call.kind} is running.")
    chosen = those(call, timers, ask=False)
    lines = [_line(timer) for timer in chosen]
    if len(chosen) > 1 and not call.label:
        lines.insert(0, f"There are {_COUNTS[len(chosen)] if len(chosen) < 4 else len(chosen)}")

    def note() -> None:
        timers.recent = chosen[0] if len(chosen) == 1 else timers.recent

    return Outcome(". ".join(lines) + ".", effect=note)


def _line(timer: Timer) -> str:
    """Return what is said of a timer among others."""
    left, name = spoken_span(left_s(timer)), timer.name()
    if timer.paused_s is not None:
        return f"{name[0].upper()}{name[1:]} is paused with {left} left"
    if timer.at:
        return f"{name[0].upper()}{name[1:]} rings in {spoken_span(max(60, left_s(timer) // 60 * 60))}"
    return f"{left} left on {name}"


def _said_of(chosen: list[Timer], how: str) -> str:
    names = listed([timer.name() for timer in chosen])
    return f"{names[0].upper()}{names[1:]} {'is' if len(chosen) == 1 else 'are'} {how}."
