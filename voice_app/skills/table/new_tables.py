"""What a new table is to be: an itinerary, a table of things, or rows and columns that have names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from voice_app.skills.phrases import language_data
from voice_app.skills.table.shown import TIMES
from voice_app.skills.table.spoken_cells import singular, titled
from voice_app.skills.table.table_call import MOST_ASKED_ROWS, TableCall, names
from voice_app.skills.word_lists import WEEKDAYS, words_of

USUAL_ROWS = 4
LISTED_ROWS = 8
"""Of a packing list and its like."""
MOST_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class NewItinerary:
    """Plan days in a city."""

    city: str
    days: int
    wish: str
    """The request itself: what the visitor likes stands in it."""
    times: tuple[str, ...] = TIMES


@dataclass(frozen=True, slots=True)
class NewList:
    """Make a table of things; the first column names them."""

    subject: str
    count: int
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewGrid:
    """Make a table whose rows have names, too."""

    subject: str
    columns: tuple[str, ...]
    """The first one is that of the rows' names."""
    rows: tuple[str, ...]
    noun: str = "table"


New = NewItinerary | NewList | NewGrid


def new_table(call: TableCall, wish: str) -> New:
    """Return what a call to make a table asks for; `wish` are its words."""
    last = words_of(call.subject)[-1:] or [""]
    if call.rows:
        listed = tuple(map(titled, names(call.rows)))[:MOST_ASKED_ROWS]
        return NewGrid(
            " and ".join(listed), _columns("Name", names(call.columns) or _plans()["compared"]), listed
        )
    if last[0] in ("list", "checklist"):
        found = _about(call.subject, _plans()["lists"])
        subject = found["things"] or " ".join(words_of(call.subject)[:-1]) + " things"
        return NewList(subject, call.count or LISTED_ROWS, tuple(found["columns"]))
    if call.subject and not call.days and not call.columns and _is_plan(last[0]):
        return _weekly(call.subject, len(WEEKDAYS))
    if call.days and _is_plan(last[0]):
        return _weekly(call.subject, call.days)
    if call.days:
        times = tuple(name for name in TIMES if name in names(call.columns))
        return NewItinerary(call.subject, call.days, wish, times or TIMES)
    return _things(call)


def _is_plan(word: str) -> bool:
    return word in (
        "plan",
        "planner",
        "schedule",
        "menu",
        "routine",
        "timetable",
        "program",
        "programme",
        "rota",
        "roster",
    )


def _weekly(subject: str, days: int) -> NewGrid:
    columns = _about(subject, _plans()["weekly"])
    return NewGrid(subject, ("Day", *columns), tuple(day.title() for day in WEEKDAYS[:days]), "plan")


def _things(call: TableCall) -> NewList:
    columns, subject = names(call.columns), call.subject
    if not subject and columns:
        subject = plural(columns[0].lower())
    words = subject.split() or ["thing"]
    key = titled(singular(words[-1]))
    return NewList(subject, call.count or USUAL_ROWS, _columns(key, columns or ("Description",)))


def _columns(key: str, others: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns: what names the rows first, each once."""
    is_key = {key.casefold(), "name", "names", "title"}
    found: dict[str, str] = {}
    for name in sorted(others, key=lambda name: name.casefold() not in is_key):
        found.setdefault(name.casefold(), titled(name))
    if next(iter(found)) not in is_key:
        found = {key.casefold(): key, **found}
    return tuple(found.values())[:MOST_COLUMNS]


def plural(noun: str) -> str:
    """Return the plural of a regular English noun."""
    if noun.endswith("y") and noun[-2:-1] not in tuple("aeiou"):
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def _about(subject: str, plans: Mapping[str, Any]) -> Any:
    words = words_of(subject)
    return next((plan for word, plan in plans.items() if word in words), plans[""])


@cache
def _plans() -> Mapping[str, Any]:
    return language_data(Path(__file__).parent, "plans.")  # type: ignore[no-any-return]
