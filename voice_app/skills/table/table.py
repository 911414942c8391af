"""A table: columns and rows of text. Every operation returns another table; other cells stay to the letter."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from voice_app.core.errors import TableError
from voice_app.skills.word_lists import WEEKDAYS

LONGEST_CELL = 200
"""Characters; what is longer is cut."""
MOST_ROWS = 200
MOST_COLUMNS = 20
Row = tuple[str, ...]
_ORDERS = (
    ("morning", "noon", "afternoon", "evening", "night"),
    WEEKDAYS,
)
_AMOUNT = re.compile(r"-?\d+(?:\.\d+)?")


def clean(text: str) -> str:
    """Return text as one line without control characters, of at most `LONGEST_CELL` characters."""
    head = text[: 8 * LONGEST_CELL]
    printable = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in head)
    return " ".join(printable.split())[:LONGEST_CELL].rstrip()


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of different names, and rows with a cell for each.

    Raises TableError for a row of another length, a name that is empty or there already, and more than
    `MOST_COLUMNS` or `MOST_ROWS`. Names and cells are `clean`.
    """

    columns: Row
    rows: tuple[Row, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(map(clean, self.columns)))
        object.__setattr__(self, "rows", tuple(tuple(map(clean, row)) for row in self.rows))
        names = [name.casefold() for name in self.columns]
        if not names or not all(names) or len(set(names)) < len(names):
            raise TableError(f"columns need different names, not {', '.join(self.columns) or 'none'}")
        if len(names) > MOST_COLUMNS or len(self.rows) > MOST_ROWS:
            raise TableError(f"a table has at most {MOST_COLUMNS} columns and {MOST_ROWS} rows")
        for row in self.rows:
            if len(row) != len(names):
                raise TableError(f"a row of {len(row)} cells does not fit {len(names)} columns")

    def index(self, name: str) -> int:
        """Return where a column is; letters count as equal in either case. Raises TableError."""
        for place, column in enumerate(self.columns):
            if column.casefold() == clean(name).casefold():
                return place
        raise TableError(f"there is no column {name!r}; there are {', '.join(self.columns)}")

    def column(self, name: str) -> Row:
        """Return the cells of a column, from the top. Raises TableError."""
        place = self.index(name)
        return tuple(row[place] for row in self.rows)

    def with_rows(self, *rows: Sequence[str]) -> Table:
        """Return it with rows after its own. Raises TableError."""
        return replace(self, rows=(*self.rows, *map(tuple, rows)))

    def with_column(self, name: str, cells: Sequence[str]) -> Table:
        """Return it with a column after its own. Raises TableError."""
        if len(cells) != len(self.rows):
            raise TableError(f"{len(cells)} cells do not fit {len(self.rows)} rows")
        rows = tuple((*row, cell) for row, cell in zip(self.rows, cells, strict=True))
        return Table((*self.columns, name), rows)

    def without_column(self, name: str) -> Table:
        """Return it without a column. Raises TableError, also for its only one."""
        place = self.index(name)
        return Table(_without(self.columns, place), tuple(_without(row, place) for row in self.rows))

    def renamed(self, name: str, other: str) -> Table:
        """Return it with a column by another name. Raises TableError."""
        place = self.index(name)
        return replace(self, columns=(*self.columns[:place], other, *self.columns[place + 1 :]))

    def without_row(self, number: int) -> Table:
        """Return it without a row, counted from 1, or from the end with -1. Raises TableError."""
        place = number - 1 if number > 0 else len(self.rows) + number
        if number == 0 or not 0 <= place < len(self.rows):
            raise TableError(f"there is no row {number}; there are {len(self.rows)}")
        return replace(self, rows=(*self.rows[:place], *self.rows[place + 1 :]))

    def sorted_by(self, name: str, *, descending: bool = False) -> Table:
        """Return it with the rows in the order of a column; rows that are equal there stay as they stand."""
        place = self.index(name)
        rows = sorted(self.rows, key=lambda row: sort_key(row[place]), reverse=descending)
        return replace(self, rows=tuple(rows))

    def markdown(self) -> str:
        """Return it as a Markdown table (GitHub's)."""
        lines = [self.columns, ("---",) * len(self.columns), *self.rows]
        return "\n".join("| " + " | ".join(map(_escaped, line)) + " |" for line in lines)

    def as_json(self) -> str:
        """Return it as {"columns": [...], "rows": [[...]]}."""
        return json.dumps({"columns": self.columns, "rows": self.rows}, ensure_ascii=False)


def sort_key(cell: str) -> tuple[int, float, str]:
    """Order cells: days and times of day, then numbers and amounts ("free" is 0), then words."""
    word = cell.casefold()
    for order in _ORDERS:
        if word in order:
            return 0, order.index(word), word
    if word == "free":
        return 1, 0.0, word
    number = _AMOUNT.search(word.replace(",", ""))
    return (1, float(number[0]), word) if number else (2, 0.0, word)


def _without(cells: Row, place: int) -> Row:
    return (*cells[:place], *cells[place + 1 :])


def _escaped(cell: str) -> str:
    """Return a cell whose marks Markdown takes for themselves."""
    return re.sub(r"([\\`*_|<>\[\]~&!])", r"\\\1", cell)
