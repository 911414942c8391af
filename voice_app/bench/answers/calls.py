"""Whether calls are the right ones, judged by their values: what arguments are called is the skills' affair. Pure."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from voice_app.bench.answers.seen import SeenCall
from voice_app.bench.answers.sets import Wanted
from voice_app.bench.answers.words import says, tokens

ACTIONS: Mapping[str, frozenset[str]] = {
    "start": frozenset({"start"}),
    "cancel": frozenset({"cancel"}),
    "list": frozenset({"list"}),
    "pause": frozenset({"pause"}),
    "resume": frozenset({"resume"}),
    "extend": frozenset({"extend", "change"}),
    "remember": frozenset({"remember", "name", "replace"}),
    "recall": frozenset({"recall", "list"}),
    "forget": frozenset({"forget", "forget_all"}),
    "change": frozenset({"replace", "remember"}),
    "pronounce": frozenset({"pronounce"}),
    "plan": frozenset({"make", "new_itinerary"}),
    "make": frozenset({"make", "show", "new_list", "as_table"}),
    "repeat": frozenset({"repeat"}),
    "retry": frozenset({"retry"}),
    "time": frozenset({"time"}),
    "date": frozenset({"date"}),
    "days_until": frozenset({"days_until"}),
    "time_difference": frozenset({"time_difference"}),
}
"""What the skills call the actions of the sets; actions that stand here not at all need no name."""
NEEDS_SOMETHING = frozenset(
    {"cancel", "list", "pause", "resume", "extend", "forget", "change", "make", "repeat", "retry"}
)
"""Actions on something that a new session does not have: there a refusal is as right as a call."""
ACTION_KEYS = ("action", "about", "what")
TIME = re.compile(r"(\d{1,2}):(\d{2})(?::00)?(?: ?([ap])\.?m\.?)?$")
TOLERANCE = 0.005
"""How far a number may be off, as a share: 5 feet 11 is 5.9167 feet."""
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def faults(calls: Sequence[SeenCall], wanted: Sequence[Wanted], today: datetime.date) -> list[str]:
    """Return what is wrong with the calls of a turn; their order is free."""
    left, wrong = list(calls), []
    for one in wanted:
        found = next((call for call in left if is_right(call, one, today)), None)
        if found:
            left.remove(found)
        else:
            wrong.append(f"no {one.skill} {one.does} {' '.join(one.has)}".rstrip())
    return wrong + [f"{call.skill} {dict(call.arguments)} {call.kind}" for call in left]


def asks(calls: Sequence[SeenCall], skill: str) -> list[str]:
    """Return what is wrong where a skill should have asked something back."""
    if any(call.skill == skill and call.kind == "question" for call in calls):
        return []
    return [f"{skill} asks nothing back"] + [f"{one.skill} {dict(one.arguments)} {one.kind}" for one in calls]


def is_right(call: SeenCall, wanted: Wanted, today: datetime.date) -> bool:
    """Return whether a call is the one that is wanted."""
    if call.skill != wanted.skill:
        return False
    if call.kind == "question":
        return False
    if call.kind == "refusal" and not call.arguments:
        return wanted.does in NEEDS_SOMETHING
    action = next((str(call.arguments[key]) for key in ACTION_KEYS if call.arguments.get(key)), None)
    if action and wanted.does in ACTIONS and action not in ACTIONS[wanted.does]:
        return False
    values = list(_values(call.arguments))
    if call.arguments.get("either"):  # a time of both halves of the day is as good as both times
        values = [_other_half(value) for value in values]
    if wanted.skill == "calculator":  # many sums have the same value
        values = [number for word in tokens(call.output) if (number := _number(word)) is not None]
    return all(any(_is_one(value, each.split("/"), today) for value in values) for each in wanted.has)


def _values(arguments: Any) -> Iterator[object]:
    if isinstance(arguments, Mapping):
        for value in arguments.values():
            yield from _values(value)
    elif isinstance(arguments, list | tuple):
        for value in arguments:
            yield from _values(value)
    elif arguments is not None and not isinstance(arguments, bool):
        yield arguments


def _other_half(value: object) -> object:
    minutes = _minutes(TIME.match(str(value)))
    return value if minutes is None else (minutes, (minutes + 12 * 60) % (24 * 60))


def _is_one(value: object, wanted: Sequence[str], today: datetime.date) -> bool:
    """Return whether a value is one of those that are wanted; of a time that may be two, each has to be."""
    if isinstance(value, tuple):
        return set(value) <= {_minutes(TIME.match(one)) for one in wanted}
    return any(_is(value, one, today) for one in wanted)


def _is(value: object, wanted: str, today: datetime.date) -> bool:
    if wanted.startswith("day:"):
        return _is_day(str(value), wanted.removeprefix("day:"), today)
    if time := TIME.match(wanted):
        return _minutes(TIME.match(str(value).strip().lower())) == _minutes(time)
    number, found = _number(wanted), _number(str(value))
    if number is not None and found is not None:
        return abs(found - number) <= max(TOLERANCE * abs(number), 1e-9)
    text = str(value).replace("_", " ")
    return says(tokens(text), wanted.replace("_", " ")) or str(value).endswith(wanted)


def _is_day(value: str, wanted: str, today: datetime.date) -> bool:
    ahead = 1 if wanted == "tomorrow" else (WEEKDAYS.index(wanted) - today.weekday() - 1) % 7 + 1
    day = today + datetime.timedelta(ahead)
    return value.lower() in (wanted, f"+{ahead}", f"next {wanted}") or value.startswith(day.isoformat())


def _minutes(time: re.Match[str] | None) -> int | None:
    """Return the minutes since midnight; a time without its half of the day is read as on a 24 hour clock."""
    if time is None:
        return None
    hour, minute, half = int(time[1]), int(time[2]), time[3]
    return (hour % 12 + 12 * (half == "p") if half else hour) * 60 + minute


def _number(text: str) -> float | None:
    whole, _, part = text.partition("/")
    try:
        return float(whole.replace(",", "")) / (float(part) if part else 1.0)
    except (ValueError, ZeroDivisionError):
        return None
