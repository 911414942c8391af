"""What can be asked of tables: one flat call, its action and the words that it is about."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from voice_app.skills.skill import Arguments

MOST_DAYS = 7
MOST_ASKED_ROWS = 12
LONGEST_NAMES = 240
"""Characters of a list of names."""
LONGEST_WISH = 300
"""Characters."""

Action = Literal[
    "make", "show", "again", "add_column", "remove_column", "rename_column", "add_row", "remove_row", "set_cell",
    "fill", "swap", "resize", "sort", "read", "clear", "undo", "export",
]  # fmt: skip


class TableCall(Arguments):
    """A table to be made, or a change to the one there is. What an action has no use for is empty."""

    action: Action
    subject: str = Field("", max_length=80)
    """What it is about: a city, a kind of things; of `again`, another one."""
    days: int = Field(0, ge=0, le=MOST_DAYS)
    """Of an itinerary; 0: the table is none. Of `resize`: how many there shall be."""
    count: int = Field(0, ge=0, le=MOST_ASKED_ROWS)
    """Rows of a new table, 0: as usual; of `resize`: how many there shall be, of `add_row`: how many more."""
    columns: str = Field("", max_length=LONGEST_NAMES)
    """Names of columns, or times of day, parted by commas."""
    rows: str = Field("", max_length=LONGEST_NAMES)
    """Names of rows, parted by commas."""
    column: str = Field("", max_length=60)
    """The column that is meant: its name, its place ("column 2", "column -1"), or a time of day."""
    row: str = Field("", max_length=60)
    """The row that is meant: "day 2", "row 3" ("row -1" is the last), or what stands in it."""
    value: str = Field("", max_length=120)
    """A new name or cell; of `swap`, the other row; of `read`, "columns" or "rows": only those."""
    order: Literal["", "up", "down"] = ""
    wish: str = Field("", max_length=LONGEST_WISH)
    """What else was said of a table to be made: what the visitor likes stands in it."""


def names(listed: str) -> tuple[str, ...]:
    """Return the names of a list that is parted by commas."""
    return tuple(name.strip() for name in listed.split(",") if name.strip())
