"""The clock: the time here and elsewhere, days of the week, dates, and how long it is until one."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import Field

from inference.types import Message
from voice_app.core import clock
from voice_app.core.errors import ToolError
from voice_app.skills.clock.dates import DAY_PATTERN, day_in_words, resolve, spoken_date
from voice_app.skills.clock.places import is_place, zone_of
from voice_app.skills.durations import SPAN, span_s
from voice_app.skills.phrases import Slot
from voice_app.skills.skill import Arguments, Open, Outcome, Skill, skill
from voice_app.skills.utterance import Utterance

Now = Callable[[], datetime.datetime]
"""Returns the local date and time, aware of its zone."""

MOST_MINUTES = 7 * 24 * 60
_NO_PLACES = ("nice", "central", "mountain", "reading", "la", "universal", "zulu")
"""Places that are other words far more often."""


class Moment(Arguments):
    """What to tell of the clock or the calendar."""

    about: Literal["time", "date", "days_until", "time_difference"]
    place: str = Field("", max_length=60, pattern=r"^[A-Za-z' .-]*$")
    """A city or country; empty: here."""
    day: str = Field("today", pattern=DAY_PATTERN)
    minutes: int = Field(0, ge=-MOST_MINUTES, le=MOST_MINUTES)
    """From now, of the time that is asked for."""


def _titled(place: str) -> str:
    return " ".join(
        word if word in ("the", "of", "de", "time") else word.capitalize() for word in place.split()
    )


def _known(place: str) -> str | None:
    return _titled(place) if is_place(place) else None


def _minutes(words: str) -> int | None:
    """Return the whole minutes of a span, None where it is longer than MOST_MINUTES."""
    minutes = span_s(words) // 60
    return minutes if minutes <= MOST_MINUTES else None


def _minutes_ago(words: str) -> int | None:
    minutes = _minutes(words)
    return minutes and -minutes


_PLACE = r"[a-z][a-z' ]{1,40}?"
_PLACES = ("tokyo", "new york", "india")
SLOTS = {
    "place": Slot(_PLACE, _PLACES, _titled),
    "known_place": Slot(_PLACE, _PLACES, _known),
    "named_time": Slot(r"[a-z]{2,20} time", ("pacific time",), _known),
    "from_now": Slot(SPAN, ("45 minutes", "an hour and 0.5"), _minutes),
    "ago": Slot(SPAN + " ago", ("2 hours ago",), lambda words: _minutes_ago(words.removesuffix(" ago"))),
    "day": Slot(r"\S.{0,40}?", ("next friday", "december 25th", "christmas", "in 3 days"), day_in_words),
    "tomorrow": Slot("tomorrow", ("tomorrow",)),
}


def read(utterance: Utterance, earlier: Sequence[Message]) -> Open | None:
    """Return that the time of a place is asked for, among other words."""
    asks = re.search(r"\b(?:what time (?:is it|it is)|the (?:current|local) time)\b", utterance.request)
    places = _places(utterance.request) if asks else []
    return Open({"about": ["time"], "place": places, "day": ["today"], "minutes": ["0"]}) if places else None


def _places(words: str) -> list[str]:
    """Return the first place of those that a request names."""
    found = words.replace(" ,", "").split()
    runs = [
        " ".join(found[start : start + count])
        for count in (3, 2, 1)
        for start in range(len(found) - count + 1)
    ]
    return [_titled(run) for run in runs if run not in _NO_PLACES and is_place(run)][:1]


def tell(call: Moment, now: datetime.datetime) -> Outcome:
    """Answer a call at a moment. Raises ToolError."""
    match call.about:
        case "time":
            return Outcome(_time(call, now))
        case "time_difference":
            return Outcome(_difference(call.place, now))
        case "days_until":
            return Outcome(_until(call.day, now.date()))
        case _:
            return Outcome(_date(call.day, now.date()))


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


def _difference(place: str, now: datetime.datetime) -> str:
    if not place:
        raise ToolError("Name the place whose time you want to compare.")
    there, here = now.astimezone(zone_of(place)).utcoffset(), now.utcoffset()
    assert there is not None
    assert here is not None
    minutes = round((there - here).total_seconds() / 60)
    if minutes == 0:
        return f"It is the same time in {place}."
    hours, rest = divmod(abs(minutes), 60)
    parts = [f"{hours} hour{'s' * (hours != 1)}"] * bool(hours) + [f"{rest} minutes"] * bool(rest)
    return f"{place} is {' and '.join(parts)} {'ahead' if minutes > 0 else 'behind'}."


def _date(day: str, today: datetime.date) -> str:
    then = resolve(day, today)
    if day in ("", "today"):
        return f"Today is {spoken_date(then, today)}, {then.year}."
    if day in ("tomorrow", "yesterday"):
        return f"{day.capitalize()} {'is' if day == 'tomorrow' else 'was'} {spoken_date(then, today)}."
    verb = "was" if then < today else "is"
    if day[0] in "+-":
        count = abs(int(day))
        when = f"{count} day{'s' * (count != 1)}"
        return f"{'In ' + when if then > today else when + ' ago'} it {verb} {spoken_date(then, today)}."
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

    @skill(
        "clock",
        about="Tells the time here and in other places, days and dates, and how long it is until one.",
        slots=SLOTS,
        read=read,
    )
    def world_clock(call: Moment) -> Outcome:
        return tell(call, now())

    return world_clock
