"""Days in words: "the day after tomorrow", "next Friday", "December 25th", as a day of the calendar."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from pathlib import Path

from voice_app.core.errors import ToolError
from voice_app.skills.number_words import ORDINALS
from voice_app.skills.phrases import language_data
from voice_app.skills.word_lists import MONTHS, WEEKDAYS

DAY_PATTERN = (
    r"^(today|tomorrow|yesterday|[+-][0-9]{1,5}"
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
    if words in _NAMED:
        return _NAMED[words]
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
