"""Tables in conversations: virtual time and a model that knows no grammar, then the real one on all four requests."""

from __future__ import annotations

import asyncio

import pytest

from inference.llm.llamacpp import LlamaCpp
from inference.llm.native import NativeSampler
from inference.types import Sampling
from tests.bench.tables import REQUESTS, run
from tests.voice_app.test_conversation import Stage, pause
from voice_app.core import events
from voice_app.core.errors import TableError
from voice_app.core.session import Session
from voice_app.core.turn import TurnContext
from voice_app.demos.check import faults
from voice_app.io.recordings import RecordedTurn
from voice_app.runtime.engines import build_llm
from voice_app.runtime.scheduler import Scheduler
from voice_app.runtime.settings import load_settings
from voice_app.skills.router import Router
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


def conversation(*heard: str) -> tuple[Stage, Tables]:
    """A conversation in which these words are heard, with a model that writes "One two. …" whatever it is asked."""
    tables = Tables()

    def join(held: Session) -> None:
        held.drafter.skills = (Router((table_skill(tables),)),)

    turns = (RecordedTurn(pause(1.0)),) * len(heard)
    return Stage(heard=heard, turns=turns, during=join).run(), tables


def table_of(event: events.Fact) -> Table:
    assert isinstance(event, events.TableShown)
    return Table(event.columns, event.rows)


def test_four_turns_with_a_model_that_obeys_nothing() -> None:
    """Every table is valid and carries the one before; two sentences are said of each."""
    stage, tables = conversation(*REQUESTS)
    final = [event for event in stage.of(events.TableShown) if event.complete]
    itinerary, table, cost, both = map(table_of, final)
    texts = [event.text for event in stage.of(events.TextDone)]

    assert table == itinerary
    assert [event.listed for event in final] == [True, False, False, False]
    assert cost.without_column("Approximate cost") == table
    assert both.rows[: len(cost.rows)] == cost.rows
    assert set(both.column("City")) == {"New York City", "Atlanta, Georgia"}
    assert len(set(both.column("Activity"))) == len(both.rows) == 12
    assert tables.shown is not None
    assert tables.shown.table == both
    assert texts[0].startswith("Here is a two-day itinerary for New York City. On the first morning you ")
    assert texts[1] == "Here is the itinerary as a table. It has six rows with city, day, time and activity."
    assert all(text.count(". ") == 1 and "|" not in text for text in texts)


def test_a_table_grows_row_by_row_while_the_first_sentence_is_said() -> None:
    """Its rows come one by one, unfinished until the last event; the voice begins before the table is complete."""
    stage, _ = conversation(REQUESTS[0])
    shown = stage.of(events.TableShown)
    (started,) = stage.of(events.PlaybackStarted)

    assert [len(event.rows) for event in shown] == [1, 2, 3, 4, 5, 6, 6]
    assert [event.complete for event in shown] == [False] * 6 + [True]
    assert len({event.title for event in shown}) == 1
    assert started.at_s < shown[-1].at_s


def test_a_draft_that_is_dropped_shows_no_table() -> None:
    """The user goes on after the pause: only the itinerary that the whole turn asks for is shown, and kept."""
    tables = Tables()

    def join(held: Session) -> None:
        held.drafter.skills = (Router((table_skill(tables),)),)

    heard = ("Plan two days in Boston", "Plan two days in Boston, no, make an itinerary for Rome.")
    turns = (RecordedTurn(pause(1.0, 0.2, 1.0)),)
    stage = Stage(heard=heard, turns=turns, during=join).run()
    shown = stage.of(events.TableShown)

    assert len(stage.of(events.DraftDiscarded)) == 1
    assert {event.revision for event in shown} == {2}
    assert shown[0].at_s >= stage.of(events.TurnCommitted)[0].at_s
    assert tables.shown is not None
    assert tables.shown.table == table_of(shown[-1])


def test_a_change_that_can_not_be_made_is_said_and_changes_nothing() -> None:
    """The same column twice, a row that is not there, the same city again."""
    stage, tables = conversation(
        REQUESTS[0], "Remove row 9.", "Add a column with the day.", "Do this for New York City also."
    )
    texts = [event.text for event in stage.of(events.TextDone)]

    assert texts[1] == "I left the table as it is: there is no row 9; there are 6."
    assert texts[2].startswith("I left the table as it is: columns need different names")
    assert texts[3] == "I left the table as it is: New York City is in it already."
    assert tables.shown is not None
    assert len(tables.shown.table.rows) == 6


@pytest.mark.parametrize("change", [REQUESTS[2], "Make an itinerary for Rome."])
def test_a_table_that_is_cut_short_changes_nothing(change: str) -> None:
    """Neither blank cells nor a few rows take the place of the whole table; the next change is made to that."""
    tables = Tables()

    def join(held: Session) -> None:
        held.drafter.skills = (Router((table_skill(tables),)),)

        def stop(event: events.Event) -> None:
            if isinstance(event, events.TableShown) and event.turn == 2 and not event.complete:
                asyncio.get_running_loop().call_soon(held.stop)

        held.bus.subscribe(stop)

    heard = (REQUESTS[0], change, REQUESTS[1])
    stage = Stage(heard=heard, turns=(RecordedTurn(pause(1.0)),) * 3, during=join).run()
    first, last = (table_of(event) for event in stage.of(events.TableShown) if event.complete)

    assert [event.status for event in stage.of(events.ResponseDone)][1] == "cancelled"
    assert first == last
    assert tables.shown is not None
    assert tables.shown.table == first


def test_a_table_that_fails_while_it_grows_is_taken_back_on_the_screen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is said, that the table is left as it is, is what is seen."""

    async def fails(asked: TurnContext, shown: Shown, name: str) -> filling.Growing:
        yield shown.with_table(shown.table.with_column(name, [""] * len(shown.table.rows)))
        raise TableError("the model is gone")

    monkeypatch.setattr(filling, "column", fails)
    stage, tables = conversation(REQUESTS[0], REQUESTS[2])
    whole, grown, back = stage.of(events.TableShown)[-3:]

    assert stage.of(events.TextDone)[1].text.endswith("I left the table as it is: the model is gone.")
    assert (whole.complete, grown.complete, back.complete) == (True, False, True)
    assert table_of(grown) != table_of(whole) == table_of(back)
    assert tables.shown is not None
    assert tables.shown.table == table_of(whole)


def test_changes_without_a_model_keep_their_part_for_later_ones() -> None:
    """Another city's rows follow the renamed columns; what was taken out stays out."""
    stage, tables = conversation(
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
    assert [event.status for event in stage.of(events.ResponseDone)] == ["completed"] * 6


@pytest.fixture(scope="module")
def scheduler() -> Scheduler:
    return Scheduler()


@pytest.fixture(scope="module")
def llm(scheduler: Scheduler) -> LlamaCpp:
    return scheduler.prepare("llm", lambda: build_llm(load_settings())).result()


@pytest.mark.model
def test_the_embedded_model_makes_valid_tables(llm: LlamaCpp, scheduler: Scheduler) -> None:
    """The four requests: columns and rows carried through, amounts in the cost column, nothing twice."""
    turns = asyncio.run(run(llm, scheduler, 0))

    assert faults([told.table for told in turns], [told.answer for told in turns]) == []


@pytest.mark.model
def test_a_table_of_things_is_valid_with_the_embedded_model(llm: LlamaCpp, scheduler: Scheduler) -> None:
    """Different things, every cell filled, as many columns as asked for."""
    request = "Make a table of three animals with columns name, color and food."
    (told,) = asyncio.run(run(llm, scheduler, 0, (request,)))

    assert told.table is not None
    assert told.table.columns == ("Name", "Color", "Food")
    assert 1 <= len(told.table.rows) <= 3
    assert len(set(told.table.column("Name"))) == len(told.table.rows)
    assert all(cell for row in told.table.rows for cell in row)


@pytest.mark.model
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_can_stand_in_a_grammar(llm: LlamaCpp, text: str) -> None:
    """llama.cpp reads the grammar of a choice with quotes, backslashes, line breaks and any Unicode in it."""
    NativeSampler(llm.model, Sampling(), grammar.choice([text, "plain"])).close()
