"""The table of a session and what is known of it beside its cells: pure changes to both."""

from __future__ import annotations

from dataclasses import dataclass, replace

from inference.text.en.numerals import cardinal
from voice_app.skills.table.table import Table

CITY, DAY, TIME, ACTIVITY = "City", "Day", "Time", "Activity"
TIMES = ("Morning", "Afternoon", "Evening")
"""Of a day of an itinerary."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A table, what its rows are about, and which columns are filled from what."""

    title: str
    """Stays the same while the table is changed."""
    table: Table
    noun: str
    """What it is: "itinerary" or "table"."""
    subjects: tuple[str, ...]
    """What it is made for: the cities, the kinds of things; the first one's rows are the pattern of the others'."""
    subject_column: str | None
    """Where a row's subject stands; None where no column says it."""
    key: str | None
    """The column whose cells are all different and say what a row is."""
    filled: tuple[str, ...] = ()
    """Columns whose cells follow from their row's key."""
    wish: str = ""
    """The words it was asked for with."""
    rows_a_subject: int = 0
    listed: bool = False
    """Whether it is shown as a list."""

    def with_table(self, table: Table) -> Shown:
        """Return it with other cells."""
        return replace(self, table=table)

    def renamed(self, name: str, other: str) -> Shown:
        """Return it with a column by another name, that keeps its part. Raises TableError."""
        there = self.table.columns[self.table.index(name)]

        def called(column: str | None) -> str | None:
            return other if column == there else column

        return replace(
            self,
            table=self.table.renamed(there, other),
            subject_column=called(self.subject_column),
            key=called(self.key),
            filled=tuple(other if column == there else column for column in self.filled),
        )

    def without_column(self, name: str) -> Shown:
        """Return it without a column, whatever its part is. Raises TableError."""
        there = self.table.columns[self.table.index(name)]
        return replace(
            self,
            table=self.table.without_column(there),
            subject_column=None if self.subject_column == there else self.subject_column,
            key=None if self.key == there else self.key,
            filled=tuple(column for column in self.filled if column != there),
        )

    @property
    def days(self) -> int:
        """How many days it has; 0 where no column says it."""
        days = self.table.column(DAY) if DAY in self.table.columns else ()
        return max((int(day) for day in days if day.isdecimal()), default=0)

    def of_days(self, days: int) -> Shown:
        """Return it with the title of an itinerary of so many days."""
        title = f"{cardinal(str(days)).capitalize()}-day itinerary"
        return replace(self, title=title, rows_a_subject=len(self.rows_of(self.subjects[0])), listed=False)

    def with_rows_for(self, subject: str, *rows: tuple[str, ...]) -> Shown:
        """Return it with more rows after the last one that is about a subject."""
        there = self.table.rows
        if self.subject_column is None:
            return self.with_table(self.table.with_rows(*rows))
        place = self.table.index(self.subject_column)
        of = [at for at, row in enumerate(there) if row[place].casefold() == subject.casefold()]
        after = of[-1] + 1 if of else len(there)
        return self.with_table(replace(self.table, rows=(*there[:after], *rows, *there[after:])))

    def without_rows(self) -> Shown:
        """Return it with its columns alone."""
        return self.with_table(replace(self.table, rows=()))

    def rows_of(self, subject: str) -> tuple[tuple[str, ...], ...]:
        """Return the rows that are about a subject; the first ones where no column says it."""
        if self.subject_column is None:
            return self.table.rows[: self.rows_a_subject]
        place = self.table.index(self.subject_column)
        return tuple(row for row in self.table.rows if row[place].casefold() == subject.casefold())
