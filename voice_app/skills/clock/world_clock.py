"""The clock: the time here and elsewhere, days of the week, dates, and how long it is until one."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Literal

from pydantic import Field

from voice_app.core import clock
from voice_app.core.errors import ToolError
from voice_app.skills.clock.dates import DAY_PATTERN, day_in_words, resolve, spoken_date
from voice_app.skills.clock.places import is_place, zone_of
from voice_app.skills.number_words import request
from voice_app.skills.tool import Arguments, Outcome, Tool

Now = Callable[[], datetime.datetime]
"""Returns the local date and time, aware of its zone."""

_START = (
    r"^(?:(?:can|could|would|will) you (?:please )?(?:tell|give) me |(?:please )?tell me "
    r"|do you know |give me |check )?"
)
_END = r"(?: (?:right now|now|currently|at the moment|please|today|again|exactly))*$"
_PLACE = r"(?P<place>[a-z][a-z' ]{1,40}?)"
_TIMES = tuple(
    re.compile(_START + pattern + _END)
    for pattern in (
        rf"what(?:'s| is)? the (?:current |local |exact )?time"
        rf"(?: (?:is it|it is|of day is it))?(?: (?:over )?(?:in|for) {_PLACE})?",
        rf"(?:the )?(?:current |local )?time(?: in {_PLACE})?",
        rf"what time (?:is it|it is|do you have|do we have)(?: (?:over )?in {_PLACE})?",
        r"(?:do you have )?the time",
        rf"what(?:'s| is)? the hour(?: in {_PLACE})?",
        rf"how late is it(?: in {_PLACE})?",
    )
)
_TIMES_OF_KNOWN = tuple(
    re.compile(_START + pattern + _END)
    for pattern in (r"what(?:'s| is) (?P<place>[a-z]{2,20} time)", rf"what time is (?:it )?{_PLACE}")
)
"""What can be asked of other things than places, too."""
_LATER = re.compile(
    _START + r"what time (?:will it be|is it|was it|it will be) (?:in )?(?P<count>\d{1,4}|an?|one|0\.5 an) "
    r"(?P<unit>minute|hour)s?(?: and (?P<part>0\.\d+|\d{1,2})(?: minutes?)?)?(?: from now| (?P<ago>ago))?"
    + _END
)
_DIFFERENCE = re.compile(
    _START
    + r"(?:what(?:'s| is) the )?time difference (?:(?:between )?(?:here|us|me) (?:and|in)|to|with|from|in) "
    rf"{_PLACE}{_END}"
)
_DAYS = tuple(
    re.compile(_START + pattern + r"(?: please)?$")
    for pattern in (
        r"(?:what|which)(?:'s| is)? (?:the )?(?:day|date|day of the week|weekday)"
        r"(?: (?:of the week|is it|it is|will it be|was it|is|"
        r"was|does|do we have|will))*(?: (?P<day>.+?))?(?: (?:fall on|be|fall|is|will be|going to be))?",
        r"what(?:'s| is) the date of (?P<day>.+)",
        r"what(?:'s| is|'s the date of)? (?P<day>today|tomorrow)(?:'s)? (?:date|day)",
        r"what(?:'s| is) (?P<day>today|tomorrow)(?:'s date| 's date)?",
        r"(?:what|which) (?:year|month) (?:is it|is this|are we in|do we have)(?P<day>)",
        r"(?P<day>today)'s date",
        r"(?:what's|what is|the) date(?P<day>)",
    )
)
_UNTIL = re.compile(
    _START
    + r"how (?:many (?:more )?(?P<unit>day|week)s|long)(?: (?:is it|are there|are left|left|do we have|is there))*"
    r" (?:until|till|til|to|before) (?P<day>.+?)(?: from today| from now)?(?: please)?$"
)


_NO_PLACES = ("nice", "central", "mountain", "reading", "la", "universal", "zulu")
"""Places that are other words far more often."""


class Moment(Arguments):
    """What to tell of the clock or the calendar."""

    about: Literal["time", "date", "days_until", "time_difference"]
    place: str = Field("", max_length=60, pattern=r"^[A-Za-z' .-]*$")
    """A city or country; empty: here."""
    day: str = Field("today", pattern=DAY_PATTERN)
    minutes: int = Field(0, ge=-10080, le=10080)
    """From now, of the time that is asked for."""


def by_rule(text: str) -> Moment | None:
    """Return what a request wants to know of the clock, None where it is no such request."""
    words = re.sub(r" ,", "", request(text))
    if match := _LATER.match(words):
        return _later(match)
    if match := _DIFFERENCE.match(words):
        return _at("time_difference", match["place"])
    for form in _TIMES:
        if match := form.match(words):
            return Moment(about="time", place=_titled(match.groupdict().get("place") or ""))
    for form in _TIMES_OF_KNOWN:
        if match := form.match(words):
            return _at("time", match["place"])
    if match := _UNTIL.match(words):
        day = day_in_words(match["day"])
        return Moment(about="days_until", day=day) if day else None
    for form in _DAYS:
        if match := form.match(words):
            day = day_in_words(match["day"]) if match["day"] else "today"
            return Moment(about="date", day=day) if day else None
    return None


def _at(about: Literal["time", "time_difference"], place: str) -> Moment | None:
    if place and not is_place(place):
        return None
    return Moment(about=about, place=_titled(place))


def _titled(place: str) -> str:
    return " ".join(
        word if word in ("the", "of", "de", "time") else word.capitalize() for word in place.split()
    )


def _later(match: re.Match[str]) -> Moment | None:
    count = match["count"]
    minutes = int(count) if count.isdecimal() else 1
    if match["unit"] == "hour":
        minutes = 30 if count.startswith("0.5") else 60 * minutes
        part = match["part"] or "0"
        minutes += round(60 * float(part)) if "." in part else int(part)
    minutes = -minutes if match["ago"] else minutes
    return Moment(about="time", minutes=minutes) if abs(minutes) <= 10080 else None


def is_meant(text: str) -> bool:
    """Tell whether a request asks for the time of a place that is known, among other words."""
    asks = re.search(r"\b(?:what time (?:is it|it is)|the (?:current|local) time)\b", request(text))
    return bool(asks and _choices(text)["place"])


def _choices(text: str) -> dict[str, list[str]]:
    """Return the places that a request names."""
    words = request(text).replace(" ,", "").split()
    runs = [
        " ".join(words[start : start + count])
        for count in (3, 2, 1)
        for start in range(len(words) - count + 1)
    ]
    places = [_titled(run) for run in runs if run not in _NO_PLACES and is_place(run)][:1]
    return {"about": ["time"], "place": places, "day": ["today"], "minutes": ["0"]}


def tell(asked: Moment, now: datetime.datetime) -> Outcome:
    """Tell what is asked, at a moment. Raises ToolError."""
    match asked.about:
        case "time":
            return Outcome(_time(asked, now))
        case "time_difference":
            return Outcome(_difference(asked.place, now))
        case "days_until":
            return Outcome(_until(asked.day, now.date()))
        case _:
            return Outcome(_date(asked.day, now.date()))


def _time(asked: Moment, now: datetime.datetime) -> str:
    moment = now.astimezone(datetime.UTC) + datetime.timedelta(minutes=asked.minutes)
    then = moment.astimezone(zone_of(asked.place)) if asked.place else _local(moment, now)
    day = f" on {then:%A}" if then.date() != now.date() else ""
    where = f"{'By' if asked.place.endswith('time') else 'In'} {asked.place} it" if asked.place else "It"
    tense = "was" if asked.minutes < 0 else "will be" if asked.minutes > 0 else "is"
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


def world_clock(now: Now = clock.wall) -> Tool:
    """Return the tool that tells the time."""
    return Tool(
        "clock",
        "Tells the time here and in other places, days and dates, and how long it is until one.",
        Moment,
        by_rule,
        is_meant,
        lambda asked: tell(asked, now()),
        choices=_choices,
        unclear="I didn't get which time you mean. Say, for example: what time is it in Tokyo?",
    )
