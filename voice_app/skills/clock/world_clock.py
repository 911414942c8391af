"""The clock: the time here and elsewhere, days of the week, dates, and how long it is until one."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence

from inference.types import Message
from voice_app.core import clock
from voice_app.core.errors import ToolError
from voice_app.skills.clock.clock_call import SLOTS, Moment, filled, follow, titled
from voice_app.skills.clock.dates import MOVABLE, resolve, spoken_date
from voice_app.skills.clock.places import zone_of
from voice_app.skills.durations import listed
from voice_app.skills.skill import Clarify, Outcome, Skill, skill
from voice_app.skills.utterance import Utterance

Now = Callable[[], datetime.datetime]
"""Returns the local date and time, aware of its zone."""


def tell(call: Moment, now: datetime.datetime) -> Outcome:
    """Answer a call at a moment. Raises ToolError."""
    match call.about:
        case "time" if call.at:
            return Outcome(_elsewhere(call, now))
        case "time":
            return Outcome(_time(call, now))
        case "time_until":
            return Outcome(_time_until(call.at, now))
        case "time_difference":
            return Outcome(_difference(call, now))
        case "days_until":
            return Outcome(_until(call.day, now.date()))
        case _:
            return Outcome(_date(call, now))


def _time(call: Moment, now: datetime.datetime) -> str:
    moment = now.astimezone(datetime.UTC) + datetime.timedelta(minutes=call.minutes)
    then = moment.astimezone(zone_of(call.place)) if call.place else _local(moment, now)
    day = f" on {then:%A}" if then.date() != now.date() else ""
    where = f"{'By' if call.place.endswith('time') else 'In'} {call.place} it" if call.place else "It"
    tense = "was" if call.minutes < 0 else "will be" if call.minutes > 0 else "is"
    return f"{where} {tense} {spoken_time(then)}{day}."


def _local(moment: datetime.datetime, now: datetime.datetime) -> datetime.datetime:
    """Return a moment in the zone of now; where that is an offset alone, the machine's zone knows when it changes."""
    return moment.astimezone(None if isinstance(now.tzinfo, datetime.timezone) else now.tzinfo)


def spoken_time(at: datetime.datetime) -> str:
    """Return "3:05 PM"."""
    return f"{at.hour % 12 or 12}:{at.minute:02} {'AM' if at.hour < 12 else 'PM'}"


def _elsewhere(call: Moment, now: datetime.datetime) -> str:
    """Return what time it is in a place when a clock somewhere else shows a time, today there."""
    hour, minute = map(int, call.at.split(":"))
    wall = (now.astimezone(zone_of(call.other)) if call.other else now).replace(tzinfo=None)
    zone = zone_of(call.other) if call.other else now.tzinfo
    said = wall.replace(hour=hour, minute=minute, second=0, microsecond=0, tzinfo=zone)
    then = said.astimezone(zone_of(call.place)) if call.place else _local(said, now)
    days = (then.date() - said.date()).days
    day = {1: " the next day", -1: " the day before"}.get(days, "")
    when, there = f"When it is {spoken_time(said)}", f"it is {spoken_time(then)}"
    return f"{when} {_where(call.other)}, {there}{day} {_where(call.place)}."


def _where(place: str) -> str:
    return f"{'by' if place.endswith('time') else 'in'} {place}" if place else "here"


def _time_until(at: str, now: datetime.datetime) -> str:
    """Return how long it is until a clock shows a time next."""
    if not at:
        raise ToolError("Name the time until which you want to know.")
    hour, minute = map(int, at.split(":"))
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if then <= now:
        then += datetime.timedelta(days=1)
    minutes = -(-int((then - now).total_seconds()) // 60)
    return f"{_hours(minutes)} until {spoken_time(then)}."


def _hours(minutes: int) -> str:
    counts = zip(("hour", "minute"), divmod(minutes, 60), strict=True)
    return listed([f"{count} {name}{'s' * (count != 1)}" for name, count in counts if count]) or "No time"


def _difference(call: Moment, now: datetime.datetime) -> str:
    place, other = call.place, call.other
    if not place:
        raise ToolError("Name the place whose time you want to compare.")
    there = now.astimezone(zone_of(place)).utcoffset()
    here = now.astimezone(zone_of(other)).utcoffset() if other else now.utcoffset()
    assert there is not None
    assert here is not None
    minutes = round((there - here).total_seconds() / 60)
    if minutes == 0:
        return f"It is the same time in {place}{' and ' + other if other else ''}."
    side = "ahead" if minutes > 0 else "behind"
    of = (" of " if minutes > 0 else " ") + other if other else ""
    return f"{place} is {_hours(abs(minutes))} {side}{of}."


def _date(call: Moment, now: datetime.datetime) -> str:
    day, today = call.day, (now.astimezone(zone_of(call.place)) if call.place else now).date()
    then = resolve(day, today)
    if call.place and day == "today":
        return f"In {call.place} it is {spoken_date(then, now.date())}."
    if day in ("", "today"):
        return f"Today is {spoken_date(then, today)}, {then.year}."
    if day in ("tomorrow", "yesterday"):
        return f"{day.capitalize()} {'is' if day == 'tomorrow' else 'was'} {spoken_date(then, today)}."
    verb = "was" if then < today else "is"
    if day[0] in "+-":
        count = abs(int(day))
        when = f"{count} day{'s' * (count != 1)}"
        return f"{'In ' + when if then > today else when + ' ago'} it {verb} {spoken_date(then, today)}."
    if day in MOVABLE:
        return f"{titled(day)} {verb} {spoken_date(then, today)}."
    if day[0].isdecimal():
        return f"{spoken_date(then, today, weekday=False)} {verb} a {then:%A}."
    return f"{day[0].upper()}{day[1 : -len(f'{then:%A}')]}{then:%A} {verb} {spoken_date(then, today, weekday=False)}."


def _until(day: str, today: datetime.date) -> str:
    then = resolve(day, today)
    days, name = (then - today).days, spoken_date(then, today)
    if days == 0:
        return f"{name}, is today."
    count = f"{abs(days):,} day{'s' * (abs(days) != 1)}"
    weeks = f", {days // 7} weeks" if days % 7 == 0 and days >= 14 else ""
    return f"{count}{weeks} until {name}." if days > 0 else f"{name}, was {count} ago."


def clock_skill(now: Now = clock.wall) -> Skill:
    """Return the skill that tells the time."""

    def fill(utterance: Utterance, earlier: Sequence[Message]) -> Moment | Clarify | None:
        return filled(utterance, world_clock.phrases)

    @skill(
        "clock",
        about="Tells the time here and in other places, days and dates, and how long it is until one.",
        slots=SLOTS,
        fill=fill,
        follow=follow,
    )
    def world_clock(call: Moment) -> Outcome:
        return tell(call, now())

    return world_clock
