"""Tables of a session: with a model that knows no grammar, then the real one on all four requests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from inference.llm.llamacpp import LlamaCpp
from inference.llm.native import NativeSampler
from inference.types import Sampling
from tests.bench.tables import REQUESTS, run
from tests.voice_app.skills.talk import Talk
from voice_app.core import events
from voice_app.core.errors import TableError
from voice_app.core.turn import TurnContext
from voice_app.demos.check import faults
from voice_app.runtime.engine_set import EngineSet, load_text_only
from voice_app.runtime.settings import load_settings
from voice_app.skills.table import cell_grammar as grammar
from voice_app.skills.table import filling
from voice_app.skills.table.shown import Shown
from voice_app.skills.table.table import Table
from voice_app.skills.table.table_skill import Tables, table_skill

HOSTILE = (
    'a"b',
    "back\\slash",
    "two\nlines",
    "tab\there",
    "\x00\x7f\u2028",
    "日本 ☕ é",
    "| pipe |",
    "x" * 5000,
    '" | [^"]',
)


def held(*texts: str) -> tuple[Talk, Tables, list[str]]:
    """Hold these turns with a model that writes "One two." whatever it is asked; return the answers, too."""
    tables = Tables()
    talk = Talk((table_skill(tables),), replies=["One two."])

    async def hold() -> list[str]:
        return [await talk.say(text) for text in texts]

    return talk, tables, asyncio.run(hold())


def table_of(event: events.Fact) -> Table:
    assert isinstance(event, events.TableShown)
    return Table(event.columns, event.rows)


def test_four_turns_with_a_model_that_obeys_nothing() -> None:
    """Every table is valid and carries the one before; two sentences are said of each."""
    talk, tables, texts = held(*REQUESTS)
    final = [event for event in talk.of(events.TableShown) if event.complete]
    itinerary, table, cost, both = map(table_of, final)

    assert table == itinerary
    assert [event.listed for event in final] == [True, False, False, False]
    assert cost.without_column("Approximate cost") == table
    assert both.rows[: len(cost.rows)] == cost.rows
    assert set(both.column("City")) == {"New York City", "Atlanta, Georgia"}
    assert len(set(both.column("Activity"))) == len(both.rows) == 12
    assert tables.shown is not None
    assert tables.shown.table == both
    assert all(text.count(". ") == 1 and "|" not in text for text in texts)


def test_a_change_that_can_not_be_made_is_said_and_changes_nothing() -> None:
    """The same column twice, a row that is not there, the same city again."""
    _, tables, texts = held(
        REQUESTS[0], "Remove row 9.", "Add a column with the day.", "Do this for New York City also."
    )

    assert "no row 9" in texts[1]
    assert "different names" in texts[2]
    assert "New York City is in it already" in texts[3]
    assert tables.shown is not None
    assert len(tables.shown.table.rows) == 6


def test_a_table_that_fails_while_it_grows_is_taken_back_on_the_screen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is said, that the table is left as it is, is what is seen."""

    async def fails(asked: TurnContext, shown: Shown, name: str) -> filling.Growing:
        yield shown.with_table(shown.table.with_column(name, [""] * len(shown.table.rows)))
        raise TableError("the model is gone")

    monkeypatch.setattr(filling, "column", fails)
    talk, tables, texts = held(REQUESTS[0], REQUESTS[2])
    whole, grown, back = talk.of(events.TableShown)[-3:]

    assert "the model is gone" in texts[1]
    assert (whole.complete, grown.complete, back.complete) == (True, False, True)
    assert table_of(grown) != table_of(whole) == table_of(back)
    assert tables.shown is not None
    assert tables.shown.table == table_of(whole)


def test_changes_without_a_model_keep_their_part_for_later_ones() -> None:
    """Another city's rows follow the renamed columns; what was taken out stays out."""
    _, tables, _ = held(
        REQUESTS[0],
        "Rename the column activity to what we do.",
        "Remove the time column.",
        "Sort the table by day, descending.",
        "Delete the last row.",
        "Do the same for Boston.",
    )
    assert tables.shown is not None
    table = tables.shown.table

    assert table.columns == ("City", "Day", "What we do")
    assert table.column("City") == ("New York City",) * 5 + ("Boston",) * 5
    assert table.column("Day") == ("2", "2", "2", "1", "1") * 2


@pytest.fixture(scope="module")
def engines() -> Iterator[EngineSet]:
    loaded = load_text_only(load_settings())
    yield loaded
    loaded.close()


@pytest.mark.model
def test_the_embedded_model_makes_valid_tables(engines: EngineSet) -> None:
    """The four requests: columns and rows carried through, amounts in the cost column, nothing twice."""
    turns = asyncio.run(run(engines, 0))

    assert faults([told.table for told in turns], [told.answer for told in turns]) == []


@pytest.mark.model
def test_a_table_of_things_is_valid_with_the_embedded_model(engines: EngineSet) -> None:
    """Different things, every cell filled, as many columns as asked for."""
    request = "Make a table of three animals with columns name, color and food."
    (told,) = asyncio.run(run(engines, 0, (request,)))

    assert told.table is not None
    assert told.table.columns == ("Name", "Color", "Food")
    assert 1 <= len(told.table.rows) <= 3
    assert len(set(told.table.column("Name"))) == len(told.table.rows)
    assert all(cell for row in told.table.rows for cell in row)


@pytest.mark.model
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_can_stand_in_a_grammar(engines: EngineSet, text: str) -> None:
    """llama.cpp reads the grammar of a choice with quotes, backslashes, line breaks and any Unicode in it."""
    assert isinstance(engines.llm, LlamaCpp)
    NativeSampler(engines.llm.model, Sampling(), grammar.choice([text, "plain"])).close()
