"""Checks of the four turns about tables: what makes a demonstration fail. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from voice_app.skills.table.sentences import amount
from voice_app.skills.table.table import Table

COLUMNS = ("City", "Day", "Time", "Activity")
MOST_SENTENCES = 2


def faults(tables: Sequence[Table | None], answers: Sequence[str]) -> list[str]:
    """Return what is wrong with the tables and answers of the turns so far, up to four: nothing, one line each."""
    found = []
    whole = [table for table in tables if table is not None]
    if len(whole) < len(tables):
        found.append(f"turn {[*tables].index(None) + 1} has no complete table")
    else:
        for place, table in enumerate(whole):
            found += [f"turn {place + 1}: {fault}" for fault in _CHECKS[place](whole[place - 1], table)]
    for place, text in enumerate(answers):
        if sentence_count(text) > MOST_SENTENCES or "|" in text:
            found.append(
                f"turn {place + 1}: more than {MOST_SENTENCES} sentences, or a table's marks, are said"
            )
    return found


def sentence_count(text: str) -> int:
    """Return how many sentences a spoken answer has."""
    return len(re.findall(r"[.!?](?:\s|$)", text))


def _common(table: Table) -> list[str]:
    found = [] if table.rows else ["no rows"]
    if not all(cell for row in table.rows for cell in row):
        found.append("an empty cell")
    if "Activity" in table.columns and len(set(table.column("Activity"))) < len(table.rows):
        found.append("an activity twice")
    return found


def _itinerary(_: Table, table: Table) -> list[str]:
    return [*_common(table), *(["other columns"] if table.columns != COLUMNS else [])]


def _same(before: Table, table: Table) -> list[str]:
    return [] if table == before else ["not the same items"]


def _cost(before: Table, table: Table) -> list[str]:
    if table.columns[:-1] != before.columns or table.without_column(table.columns[-1]) != before:
        return ["other cells have changed"]
    amounts = amount(table.column(table.columns[-1])) is not None
    return [*_common(table), *([] if amounts else ["a cost that is no amount"])]


def _other_city(before: Table, table: Table) -> list[str]:
    found = _common(table)
    if table.columns != before.columns or table.rows[: len(before.rows)] != before.rows:
        found.append("the first city's rows have changed")
    rows = table.rows[len(before.rows) :]
    if [row[1:3] for row in rows] != [row[1:3] for row in before.rows]:
        found.append("not the same days and times for the other city")
    if len({row[0] for row in rows}) != 1 or {row[0] for row in rows} & set(before.column("City")):
        found.append("not one other city")
    if amount(table.column(table.columns[-1])) is None:
        found.append("a cost that is no amount")
    return found


_CHECKS: tuple[Callable[[Table, Table], list[str]], ...] = (_itinerary, _same, _cost, _other_city)
