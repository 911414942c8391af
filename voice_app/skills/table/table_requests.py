"""What can be asked of tables."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NewItinerary:
    """Plan days in a city."""

    city: str
    days: int
    wish: str
    """The request itself: what the visitor likes stands in it."""


@dataclass(frozen=True, slots=True)
class NewList:
    """Make a table of things; the first column names them."""

    subject: str
    count: int
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AsTable:
    """Show what there is as a table."""


@dataclass(frozen=True, slots=True)
class AlsoFor:
    """Add the same rows for another city, or another kind of things."""

    subject: str


@dataclass(frozen=True, slots=True)
class AddColumn:
    """Add a column, its cells to be found."""

    name: str


@dataclass(frozen=True, slots=True)
class DropColumn:
    """Take a column out."""

    name: str


@dataclass(frozen=True, slots=True)
class RenameColumn:
    """Call a column something else."""

    name: str
    other: str


@dataclass(frozen=True, slots=True)
class DropRow:
    """Take a row out."""

    number: int
    """From 1; -1 is the last."""


@dataclass(frozen=True, slots=True)
class SortRows:
    """Put the rows into an order."""

    name: str
    descending: bool = False


New = NewItinerary | NewList
Change = AsTable | AlsoFor | AddColumn | DropColumn | RenameColumn | DropRow | SortRows
Request = New | Change
