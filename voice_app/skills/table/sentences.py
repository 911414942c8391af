"""What is said of a table: a first sentence at once, from the request, and a second one from the finished table."""

from __future__ import annotations

import re

from inference.text.en.numerals import cardinal
from voice_app.skills.table import table_requests as ask
from voice_app.skills.table.shown import Shown
from voice_app.skills.table.table import Row

_AMOUNT = re.compile(r"\$(\d+(?:\.\d+)?)")


def first(request: ask.Request, shown: Shown | None) -> str:
    """Return the sentence that is said before there is a table."""
    noun = shown.noun if shown else "table"
    match request:
        case ask.NewItinerary(city=city, days=days):
            return f"Here is {'an' if days == 8 else 'a'} {_number(days)}-day itinerary for {city}."
        case ask.NewList(subject=subject):
            return f"Here is a table of {subject}."
        case ask.AsTable():
            return f"Here is the {noun} as a table."
        case ask.AddColumn(name=name):
            return f"Here is the {noun} with the {_small(name)}."
        case ask.AlsoFor(subject=subject):
            return f"Here is the same for {subject}."
        case ask.DropColumn(name=name):
            return f"The column {_small(name)} is gone."
        case ask.RenameColumn(name=name, other=other):
            return f"The column {_small(name)} is called {_small(other)} now."
        case ask.DropRow(number=number):
            return "The last row is gone." if number < 0 else f"Row {_number(number)} is gone."
        case ask.SortRows(name=name, descending=down):
            return f"The rows are sorted by {_small(name)}{', the highest first' if down else ''}."


def summary(request: ask.Request, shown: Shown) -> str:
    """Return the sentence that sums the finished table up."""
    match request:
        case ask.NewItinerary() if shown.key and shown.table.rows:
            return _span(shown, shown.table.rows)
        case ask.AddColumn(name=name):
            return _of_column(shown, name)
        case ask.AlsoFor(subject=subject):
            return _of_subject(shown, subject)
        case _:
            return _size(shown)


def _span(shown: Shown, rows: tuple[Row, ...]) -> str:
    """Return how an itinerary begins and ends."""
    assert shown.key
    place = shown.table.index(shown.key)
    begin, end = _doing(rows[0][place]), _doing(rows[-1][place])
    if shown.rows_a_subject <= 3 or len(rows) <= 3:
        return f"In the morning you {begin}, and in the evening you {end}."
    return f"On the first morning you {begin}, and on the last evening you {end}."


def _of_column(shown: Shown, name: str) -> str:
    cells = shown.table.column(name)
    total = amount(cells)
    if total is None:
        return f"The first one says {cells[0]}." if cells else "It has no rows yet."
    free = sum(cell == "free" for cell in cells)
    without = f", and {_number(free)} of the {_number(len(cells))} {_are(free)} free" if free else ""
    return f"All together it comes to about {_dollars(total)}{without}."


def _of_subject(shown: Shown, subject: str) -> str:
    """Compare what the subjects cost, where that is known; else tell how the new rows begin and end."""
    rows = shown.rows_of(subject)
    if shown.subject_column and rows:
        for name in shown.filled:
            place = shown.table.index(name)
            sums = [amount(tuple(row[place] for row in shown.rows_of(each))) for each in shown.subjects]
            if None not in sums and len(sums) > 1:
                return (
                    f"{subject} comes to about {_dollars(sums[-1] or 0)}, "
                    f"and {shown.subjects[0]} to about {_dollars(sums[0] or 0)}."
                )
        if shown.key:
            return _span(shown, rows)
    return _size(shown)


def _size(shown: Shown) -> str:
    count, names = len(shown.table.rows), [_small(name) for name in shown.table.columns]
    columns = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"It has {_number(count)} {'row' if count == 1 else 'rows'} with {columns}."


def amount(cells: Row) -> float | None:
    """Return the sum of amounts in dollars, "free" being 0; None where a cell is none."""
    found = [0.0 if cell == "free" else _AMOUNT.fullmatch(cell) for cell in cells]
    if not cells or None in found:
        return None
    return sum(each if isinstance(each, float) else float(each[1]) for each in found if each is not None)


def _dollars(sum_: float) -> str:
    return "nothing" if sum_ == 0 else f"${sum_:.0f}"


def _doing(phrase: str) -> str:
    return phrase[:1].lower() + phrase[1:].rstrip(".")


def _small(name: str) -> str:
    """Return a column's name inside a sentence."""
    return name[:1].lower() + name[1:] if name[1:].islower() else name


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _number(count: int) -> str:
    return cardinal(str(count))
