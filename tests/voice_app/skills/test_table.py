"""Tables: laws that hold for any cells, whatever is in them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from voice_app.core.errors import TableError
from voice_app.skills.table.table import LONGEST_CELL, Table, clean

CELLS = st.text(max_size=60)
NAMES = st.lists(
    st.text(min_size=1, max_size=20).filter(clean),
    min_size=1,
    max_size=5,
    unique_by=lambda name: clean(name).casefold(),
)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    names = draw(NAMES)
    rows = draw(st.lists(st.tuples(*[CELLS] * len(names)), max_size=6))
    return Table(tuple(names), tuple(rows))


@given(tables(), st.text(min_size=1).filter(clean), st.data())
def test_a_new_column_leaves_every_other_cell(table: Table, name: str, data: st.DataObject) -> None:
    """Taking it out again gives the table before."""
    cells = data.draw(st.lists(CELLS, min_size=len(table.rows), max_size=len(table.rows)))
    if clean(name).casefold() in (column.casefold() for column in table.columns):
        with pytest.raises(TableError):
            table.with_column(name, cells)
        return
    wider = table.with_column(name, cells)

    assert wider.column(name) == tuple(map(clean, cells))
    assert wider.without_column(name) == table


@given(tables(), st.data())
def test_rows_are_added_and_taken_out_whole(table: Table, data: st.DataObject) -> None:
    """A row behind the others changes none of them, and is the last one."""
    row = data.draw(st.tuples(*[CELLS] * len(table.columns)))
    longer = table.with_rows(row)

    assert longer.rows[:-1] == table.rows
    assert longer.rows[-1] == tuple(map(clean, row))
    assert longer.without_row(-1) == longer.without_row(len(longer.rows)) == table


@given(tables(), st.data())
def test_sorting_and_renaming_keep_the_rows(table: Table, data: st.DataObject) -> None:
    """The same rows in another order; another name over the same cells; sorting twice changes nothing."""
    name = data.draw(st.sampled_from(table.columns))
    ordered = table.sorted_by(name)

    assert sorted(ordered.rows) == sorted(table.rows)
    assert ordered.sorted_by(name) == ordered
    assert table.renamed(name, "Some other name").rows == table.rows


def test_cells_are_ordered_as_people_order_them() -> None:
    """Times of day by the day, amounts by their value with "free" first, words by their letters."""
    rows = (("Evening", "$20"), ("Morning", "free"), ("Afternoon", "$9"))
    table = Table(("Time", "Cost"), rows)

    assert table.sorted_by("time").column("Time") == ("Morning", "Afternoon", "Evening")
    assert table.sorted_by("cost").column("Cost") == ("free", "$9", "$20")
    assert table.sorted_by("cost", descending=True).column("Cost") == ("$20", "$9", "free")


@given(tables())
def test_markdown_and_json_say_the_same_cells(table: Table) -> None:
    """What a Markdown parser reads is one table of as many cells; JSON gives them back to the letter."""
    tokens = MarkdownIt("commonmark").enable("table").parse(table.markdown())
    cells = [token.content for token in tokens if token.type == "inline"]

    assert sum(token.type == "table_open" for token in tokens) == 1
    assert len(cells) == len(table.columns) * (1 + len(table.rows))
    assert json.loads(table.as_json()) == {
        "columns": list(table.columns),
        "rows": [list(row) for row in table.rows],
    }


@given(st.text(max_size=2000))
def test_cells_are_one_line_of_bounded_length(text: str) -> None:
    """Whatever comes: no line breaks, no control characters, and cleaning twice changes nothing."""
    cell = clean(text)

    assert len(cell) <= LONGEST_CELL
    assert cell.isprintable()
    assert clean(cell) == cell


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        ((), ()),
        (("A", "a"), ()),
        (("A", " "), ()),
        (("A",), (("1", "2"),)),
        (tuple(map(str, range(21))), ()),
        (("A",), (("1",),) * 201),
    ],
)
def test_what_is_no_table_is_refused(columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> None:
    """No columns, names twice or empty, rows of another length, and more than a person reads."""
    with pytest.raises(TableError):
        Table(columns, rows)


def test_changes_that_name_what_is_not_there_are_refused() -> None:
    """The error names what there is."""
    table = Table(("A", "B"), (("1", "2"),))

    with pytest.raises(TableError, match="there are A, B"):
        table.without_column("C")
    for number in (0, 2, -2):
        with pytest.raises(TableError, match="there are 1"):
            table.without_row(number)
    with pytest.raises(TableError, match="there already|different names"):
        table.renamed("A", "b")
