"""What is said of a table: a first sentence at once, from the request, and a second one from the finished table."""

from __future__ import annotations

import re

from inference.text.en.numerals import cardinal
from voice_app.skills.durations import listed
from voice_app.skills.table.changes import Cell, cell_meant, rows_meant, sorting
from voice_app.skills.table.new_tables import New, NewGrid, NewItinerary, new_table
from voice_app.skills.table.shown import DAY, TIME, Shown
from voice_app.skills.table.spoken_cells import titled
from voice_app.skills.table.table import Row
from voice_app.skills.table.table_call import TableCall

MOST_READ_ROWS = 12
"""Rows that are read aloud at once."""
_AMOUNT = re.compile(r"\$(\d+(?:\.\d+)?)")


def first(call: TableCall, shown: Shown | None) -> str:
    """Return the sentence that is said before there is a table."""
    noun = shown.noun if shown else "table"
    match call.action:
        case "make":
            return _made(new_table(call, ""))
        case "show":
            return f"Here is the {noun} as a table."
        case "add_column":
            return f"Here is the {noun} with the {_small(call.column)}."
        case "again":
            return f"Here is the same for {call.subject}."
        case "resize" | "add_row" if shown:
            return f"Here is the {noun} with {_longer(call, shown)}."
        case "fill":
            return "Here is something else for that."
        case _:
            return ""


def _longer(call: TableCall, shown: Shown) -> str:
    """Return what a table has more, or how many days it has."""
    if shown.noun == "itinerary" and call.action == "resize":
        days = call.days or call.count
        return f"{_number(days)} {'day' if days == 1 else 'days'}"
    if call.action == "resize":
        return f"{'more' if call.count > len(shown.table.rows) else 'fewer'} rows"
    if call.row:
        return f"a row for {call.row}"
    row = "day" if shown.noun == "itinerary" else "row"
    return f"more {row}s" if call.count > 1 else f"one more {row}"


def _made(new: New) -> str:
    match new:
        case NewItinerary(city=city, days=days):
            return f"Here is {'an' if days == 8 else 'a'} {_number(days)}-day itinerary for {city}."
        case NewGrid(subject=subject, noun="plan"):
            return f"Here is a {subject}."
    return f"Here is a table of {new.subject}."


def done(call: TableCall, before: Shown, after: Shown) -> str:
    """Return what a change that was made at once has done."""
    match call.action:
        case "remove_column":
            name = next(name for name in before.table.columns if name not in after.table.columns)
            return f"The column {_small(name)} is gone."
        case "rename_column":
            pairs = zip(before.table.columns, after.table.columns, strict=True)
            old, new = next(((old, new) for old, new in pairs if old != new), (call.column, call.value))
            return f"The column {_small(old)} is called {_small(new)} now."
        case "remove_row":
            gone = len(before.table.rows) - len(after.table.rows)
            return _row_gone(call.row) if gone == 1 else f"{_number(gone).capitalize()} rows are gone."
        case "sort":
            name = sorting(before, call)
            return f"The rows are sorted by {_small(name)}{', the highest first' if call.order == 'down' else ''}."
        case "swap":
            word = call.row.rpartition(" ")[0]
            return f"{'The days' if word == 'day' else 'The rows'} have changed places."
        case "set_cell":
            cell = cell_meant(before, call.row, call.column)
            return f"{_where(before, cell)} says {_doing(after.table.rows[cell.row][cell.column])} now."
        case _:
            return "The rows are gone; the columns are still there."


def _row_gone(row: str) -> str:
    word, _, number = row.rpartition(" ")
    if word in ("row", "day") and number.lstrip("-").isdecimal():
        return (
            f"The last {word} is gone."
            if int(number) < 0
            else f"{word.capitalize()} {_number(int(number))} is gone."
        )
    return f"The row {row} is gone."


def _where(shown: Shown, cell: Cell) -> str:
    """Return which cell is meant: "The morning of day two"; else its column and its row."""
    row = dict(
        zip((name.casefold() for name in shown.table.columns), shown.table.rows[cell.row], strict=True)
    )
    name = shown.table.columns[cell.column]
    if name == shown.key and row.get(TIME.casefold()) and row.get(DAY.casefold(), "").isdecimal():
        return f"The {row[TIME.casefold()].lower()} of day {_number(int(row[DAY.casefold()]))}"
    first = shown.table.rows[cell.row][0]
    of = f" of {first}" if cell.column and not first.isdecimal() else f" in row {_number(cell.row + 1)}"
    return f"The {_small(name)}{of}"


def read_aloud(shown: Shown, call: TableCall) -> str:
    """Return the cells that are asked for in words."""
    table = shown.table
    if call.value == "columns":
        return f"It has {_number(len(table.columns))} columns: {listed([_small(name) for name in table.columns])}."
    if call.value == "rows":
        return _size(shown)
    if call.row and call.column:
        cell = cell_meant(shown, call.row, call.column)
        return f"{_where(shown, cell)}: {_doing(table.rows[cell.row][cell.column])}."
    rows = [table.rows[at] for at in rows_meant(table, call.row)] if call.row else list(table.rows)
    if not rows:
        return "The table has no rows."
    left = len(rows) - MOST_READ_ROWS
    told = " ".join(_told(shown, row) for row in rows[:MOST_READ_ROWS])
    return f"{told} {_number(left).capitalize()} more rows are on the screen." if left > 0 else told


def _told(shown: Shown, row: Row) -> str:
    """Return a row in words: what places it, and what stands there."""
    many = len(shown.subjects) > 1
    parts = []
    for name, cell in zip(shown.table.columns, row, strict=True):
        if name == shown.subject_column and not many:
            continue
        parts.append(f"{_small(name)} {cell}" if cell.isdecimal() or name in shown.filled else cell)
    return (
        ", ".join(
            part[:1].lower() + part[1:] if at else titled(part) for at, part in enumerate(parts)
        ).rstrip(".")
        + "."
    )


def summary(call: TableCall, shown: Shown) -> str:
    """Return the sentence that sums the finished table up."""
    match call.action:
        case "make" if shown.noun == "itinerary" and shown.key and shown.table.rows:
            return _span(shown, shown.table.rows)
        case "add_column":
            return _of_column(shown, call.column)
        case "again":
            return _of_subject(shown, call.subject)
        case "fill" if call.row:
            cell = cell_meant(shown, call.row, call.column)
            return f"{_where(shown, cell)} says {_doing(shown.table.rows[cell.row][cell.column])} now."
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
