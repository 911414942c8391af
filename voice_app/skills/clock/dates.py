"""Days in words: "the day after tomorrow", "next Friday", "December 25th", as a day of the calendar."""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Mapping
from pathlib import Path

from voice_app.core.errors import ToolError
from voice_app.skills.number_words import ORDINALS
from voice_app.skills.phrases import language_data
from voice_app.skills.word_lists import MONTHS, WEEKDAYS

_OF_WEEKDAYS = {
    "martin luther king day": (1, 0, 3), "presidents day": (2, 0, 3), "mothers day": (5, 6, 2),
    "memorial day": (5, 0, -1), "fathers day": (6, 6, 3), "labor day": (9, 0, 1), "columbus day": (10, 0, 2),
    "thanksgiving": (11, 3, 4),
}  # fmt: skip
"""US days that are a weekday of a month: the month, the weekday from Monday on, which of the month."""
_OF_EASTER = {"easter": 0, "easter monday": 1, "good friday": -2, "palm sunday": -7, "pentecost": 49}
"""Days from Easter Sunday."""
_OF_THANKSGIVING = {"black friday": 1}
MOVABLE = (*_OF_WEEKDAYS, *_OF_EASTER, *_OF_THANKSGIVING)
"""Days that are another date every year."""
DAY_PATTERN = (
    rf"^(today|tomorrow|yesterday|[+-][0-9]{{1,5}}|{'|'.join(MOVABLE)}"
    rf"|(next |last )?({'|'.join(WEEKDAYS)})|([0-9]{{4}}-)?[0-9]{{2}}-[0-9]{{2}})$"
)
"""A day as a tool's argument: a word, days from today, a weekday, a date with or without its year."""
_NAMED: Mapping[str, str] = language_data(Path(__file__).parent, "days.")
_MONTH = "|".join(MONTHS)
_DAY = rf"(?:(?P<tens>20|30) )?(?P<day>\d{{1,2}}(?:st|nd|rd|th)?|{'|'.join(ORDINALS)}|thirtieth)"
_DATES = (
    re.compile(rf"^(?P<month>{_MONTH}) (?:the )?{_DAY}(?: ,)?(?: (?P<year>\d{{4}}|20 \d\d))?$"),
    re.compile(rf"^(?:the )?{_DAY}(?: of)? (?P<month>{_MONTH})(?: ,)?(?: (?P<year>\d{{4}}|20 \d\d))?$"),
)
_SOON = re.compile(r"^(?:in )?(\d{1,4}|a|one) (day|week)s?(?: from (?:now|today)| time)?$")
_AGO = re.compile(r"^(\d{1,4}|a|one) (day|week)s? ago$")


def day_in_words(words: str) -> str | None:
    """Return a day that canonical words say, as DAY_PATTERN has it; None where they say none."""
    words = words.removeprefix("on ")
    if named := named_day_in_words(words):
        return named
    if match := _SOON.match(words) or _AGO.match(words):
        days = (int(match[1]) if match[1].isdecimal() else 1) * (7 if match[2] == "week" else 1)
        return f"{'-' if words.endswith('ago') else '+'}{days}"
    weekday = re.match(rf"^(?:(next|last|this|this coming) )?({'|'.join(WEEKDAYS)})$", words)
    if weekday:
        return f"{weekday[1]} {weekday[2]}" if weekday[1] in ("next", "last") else weekday[2]
    for form in _DATES:
        if match := form.match(words):
            return _date(match)
    return None


def named_day_in_words(words: str) -> str | None:
    """Return a day that has a name of its own: "Christmas", "the day after tomorrow"; None for others."""
    return _NAMED.get(words) or next((day for day in MOVABLE if words == day), None)


def _date(match: re.Match[str]) -> str | None:
    """Return a date of words as [YYYY-]MM-DD, None where the calendar has no such day."""
    said = match["day"]
    if said == "thirtieth":
        day = 30
    elif said in ORDINALS:
        day = ORDINALS.index(said) + 1
    else:
        day = int(said.rstrip("sthndr"))
    day += int(match["tens"] or 0)
    year = (match["year"] or "").replace(" ", "")
    month = MONTHS.index(match["month"]) + 1
    try:
        datetime.date(int(year or 2000), month, day)
    except ValueError:
        return None
    return f"{year}-{month:02}-{day:02}".lstrip("-")


def resolve(day: str, today: datetime.date) -> datetime.date:
    """Return the day of the calendar; a date without a year is the next one. Raises ToolError."""
    try:
        if day in ("", "today", "tomorrow", "yesterday"):
            return today + datetime.timedelta({"tomorrow": 1, "yesterday": -1}.get(day, 0))
        if day in MOVABLE:
            found = (_movable(day, year) for year in (today.year, today.year + 1))
            return next(each for each in found if each >= today)
        if day[0] in "+-":
            return today + datetime.timedelta(int(day))
        name = day.rpartition(" ")[2]
        if name in WEEKDAYS:
            ahead = (WEEKDAYS.index(name) - today.weekday() - 1) % 7 + 1
            back = (today.weekday() - WEEKDAYS.index(name) - 1) % 7 + 1
            return today + datetime.timedelta(-back if day.startswith("last") else ahead)
        if len(day) == 10:
            return datetime.date.fromisoformat(day)
        return _next(today, int(day[:2]), int(day[3:]))
    except (ValueError, OverflowError):
        raise ToolError("The calendar has no such day.") from None


def _movable(day: str, year: int) -> datetime.date:
    """Return a day that is another date every year."""
    if day in _OF_EASTER:
        return _easter(year) + datetime.timedelta(_OF_EASTER[day])
    if day in _OF_THANKSGIVING:
        return _movable("thanksgiving", year) + datetime.timedelta(_OF_THANKSGIVING[day])
    month, weekday, count = _OF_WEEKDAYS[day]
    days = [date for date in calendar.Calendar().itermonthdates(year, month) if date.month == month]
    return [date for date in days if date.weekday() == weekday][count - (count > 0)]


def _easter(year: int) -> datetime.date:
    """Return Easter Sunday of the western churches (Gauss's rule as Butcher wrote it, for every Gregorian year)."""
    golden, century, in_century = year % 19, year // 100, year % 100
    skipped = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - century // 4 - skipped + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (in_century // 4) - epact - in_century % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return datetime.date(year, month, day + 1)


def _next(today: datetime.date, month: int, day: int) -> datetime.date:
    """Return the next such day from today on; of February 29 that of the next leap year."""
    for year in range(today.year, today.year + 9):
        try:
            found = datetime.date(year, month, day)
        except ValueError:
            continue
        if found >= today:
            return found
    raise ValueError


def spoken_date(day: datetime.date, today: datetime.date, *, weekday: bool = True) -> str:
    """Return "Friday, December 25", with the year where it is not this one's."""
    year = f", {day.year}" if day.year != today.year else ""
    name = f"{day:%A}, " if weekday else ""
    return f"{name}{MONTHS[day.month - 1].capitalize()} {day.day}{year}"
