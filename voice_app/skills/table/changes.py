"""Changes of a table that need no language model, and which row or cell words mean. Pure; they raise TableError."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from voice_app.core.errors import TableError
from voice_app.skills.table.shown import CITY, DAY, TIME, Shown
from voice_app.skills.table.spoken_cells import named, titled
from voice_app.skills.table.table import Row, Table
from voice_app.skills.table.table_call import TableCall


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a cell stands: its row and its column, from 0."""

    row: int
    column: int


def column_meant(table: Table, said: str) -> str:
    """Return the column that words mean: its name, or its place ("column 2", "column -1")."""
    word, _, place = said.rpartition(" ")
    if word == "column" and place.lstrip("-").isdecimal():
        at = int(place)
        if at == 0 or not -len(table.columns) <= at <= len(table.columns):
            raise TableError(f"there is no column {at}; there are {len(table.columns)}")
        return table.columns[at - 1 if at > 0 else at]
    found = named(table.columns, said)
    if found is None:
        raise TableError(f"there is no column {said!r}; there are {', '.join(table.columns)}")
    return found


def rows_meant(table: Table, said: str) -> tuple[int, ...]:
    """Return the rows that words mean, from 0: "day 2", "row 3" ("row -1" is the last), or what stands in them."""
    word, _, number = said.rpartition(" ")
    if number.lstrip("-").isdecimal() and word in ("day", "row"):
        return _numbered(table, word, int(number))
    wanted = said.casefold()
    exact = [at for at, row in enumerate(table.rows) if wanted in map(str.casefold, row)]
    inside = [at for at, row in enumerate(table.rows) if any(wanted in cell.casefold() for cell in row)]
    if not (exact or inside):
        raise TableError(f"there is no {said} in it")
    return tuple(exact or inside)


def _numbered(table: Table, word: str, number: int) -> tuple[int, ...]:
    if word == "day":
        days = next((table.column(name) for name in table.columns if name.casefold() == DAY.casefold()), None)
        if days is not None:
            wanted = days[-1] if number < 0 and days else str(number)
            found = tuple(at for at, cell in enumerate(days) if cell == wanted)
            if found:
                return found
            if any(cell.isdecimal() for cell in days):
                raise TableError(f"there is no day {number}")
    at = number - 1 if number > 0 else len(table.rows) + number
    if number == 0 or not 0 <= at < len(table.rows):
        raise TableError(f"there is no {word} {number}; there are {len(table.rows)} rows")
    return (at,)


def cell_meant(shown: Shown, row: str, column: str) -> Cell:
    """Return the one cell that words mean; a time of day may be a column's name, or what another column says."""
    table = shown.table
    rows = rows_meant(table, row) if row else tuple(range(len(table.rows)))
    said = column.removesuffix("s") if column.casefold() not in map(str.casefold, table.columns) else column
    name = next(
        (each for each in table.columns if each.casefold() in (column.casefold(), said.casefold())), None
    )
    if column and name is None:
        there = [at for at in rows if said.casefold() in map(str.casefold, table.rows[at])]
        name = None if there else named(table.columns, column)
        if not there and name is None:
            raise TableError(f"there is no {column}{' on ' + row if row else ''}")
        rows = tuple(there) or rows
    if name is None:
        name = _cell_that_says(table, rows, row) or shown.key or table.columns[-1]
    if len(rows) != 1:
        raise TableError(f"{len(rows)} rows are meant by that; say which one")
    return Cell(rows[0], table.index(name))


def _cell_that_says(table: Table, rows: Sequence[int], said: str) -> str | None:
    """Return the column in which words that name a row's activity stand, where one row is meant."""
    if len(rows) != 1 or not said:
        return None
    cells = table.rows[rows[0]]
    return next(
        (table.columns[at] for at, cell in enumerate(cells) if at and cell.casefold() == said.casefold()),
        None,
    )


def with_cell(table: Table, cell: Cell, text: str) -> Table:
    """Return a table with another text in one cell."""
    row = table.rows[cell.row]
    changed: Row = (*row[: cell.column], text, *row[cell.column + 1 :])
    return replace(table, rows=(*table.rows[: cell.row], changed, *table.rows[cell.row + 1 :]))


def without_rows(table: Table, rows: Sequence[int]) -> Table:
    """Return a table without some rows."""
    return replace(table, rows=tuple(row for at, row in enumerate(table.rows) if at not in rows))


def swapped(shown: Shown, one: str, other: str) -> Shown:
    """Return a table in which two rows, or all rows of two days, have changed places; days and times stay."""
    word = one.rpartition(" ")[0]
    first, second = (
        rows_meant(shown.table, one),
        rows_meant(shown.table, other if " " in other else f"{word} {other}"),
    )
    if set(first) & set(second):
        raise TableError("these are the same rows")
    if len(first) != len(second):
        raise TableError("they have different numbers of rows")
    staying = (
        {CITY, DAY, TIME} if shown.noun == "itinerary" else {shown.key} if shown.noun == "plan" else set()
    )
    rows = list(shown.table.rows)
    for at, there in zip(first, second, strict=True):
        pairs = list(zip(shown.table.columns, rows[at], rows[there], strict=True))
        rows[at] = tuple(mine if name in staying else yours for name, mine, yours in pairs)
        rows[there] = tuple(yours if name in staying else mine for name, mine, yours in pairs)
    return shown.with_table(replace(shown.table, rows=tuple(rows)))


def fewer(shown: Shown, call: TableCall) -> Shown:
    """Return a table without the days or rows beyond those that it shall have. Raises TableError."""
    table, most = shown.table, call.days or call.count
    if shown.noun != "itinerary":
        if call.days:
            raise TableError("its rows are no days")
        if most == len(table.rows):
            raise TableError("it has as many rows already")
        return shown.with_table(replace(table, rows=table.rows[:most]))
    if DAY not in table.columns:
        raise TableError("it has no column for the day")
    if most == shown.days:
        raise TableError("it has as many days already")
    beyond = [at for at, day in enumerate(table.column(DAY)) if day.isdecimal() and int(day) > most]
    return shown.with_table(without_rows(table, beyond)).of_days(most)


def sorting(shown: Shown, call: TableCall) -> str:
    """Return the column that rows are sorted by: the one that is said, else the one that says what they are."""
    return column_meant(shown.table, call.column) if call.column else shown.key or shown.table.columns[0]


def changed(shown: Shown, call: TableCall) -> Shown:
    """Return a table after a change that needs no model."""
    table = shown.table
    match call.action:
        case "remove_column":
            return shown.without_column(column_meant(table, call.column))
        case "rename_column":
            return shown.renamed(column_meant(table, call.column), titled(call.value))
        case "remove_row":
            return shown.with_table(without_rows(table, rows_meant(table, call.row)))
        case "sort":
            down = call.order == "down"
            return shown.with_table(table.sorted_by(sorting(shown, call), descending=down))
        case "swap":
            return swapped(shown, call.row, call.value)
        case "set_cell":
            return shown.with_table(
                with_cell(table, cell_meant(shown, call.row, call.column), titled(call.value))
            )
        case "clear":
            return shown.with_table(replace(table, rows=()))
        case _:
            return replace(shown, listed=False)


def check(call: TableCall, shown: Shown) -> None:
    """Raise TableError where a change can't be made, before anything is said of it."""
    match call.action:
        case "add_column":
            shown.table.with_column(call.column, [""] * len(shown.table.rows))
        case "again":
            if call.subject.casefold() in map(str.casefold, shown.subjects):
                raise TableError(f"{call.subject} is in it already")
            shown.table.with_rows(*shown.rows_of(shown.subjects[0]))
            if shown.subject_column is None and shown.noun == "itinerary":
                raise TableError("without its column for the city the rows could not be told apart")
        case "fill" if call.row:
            cell_meant(shown, call.row, call.column)
        case "fill":
            column_meant(shown.table, call.column)
        case "read" if call.row:
            rows_meant(shown.table, call.row)
        case "resize":
            fewer(shown, call)
        case "make" | "read" | "add_row" | "undo" | "export":
            pass
        case _:
            changed(shown, call)
