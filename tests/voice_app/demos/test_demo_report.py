"""What a demonstration reports: turns recorded from events, faults, figures with their basis."""

from __future__ import annotations

import asyncio
import io
import json

import pytest
from rich.console import Console

from inference.errors import PromptTooLong
from inference.llm.scripted_llm import ScriptedLanguageModel
from inference.types import ChatRequest, Done, Message, Text, Usage
from tests.voice_app.scripted_session import ScriptedSession, pause
from voice_app.bench.virtual_time import Meter, VirtualScheduler
from voice_app.core.session import Session
from voice_app.demos import demo_report as report
from voice_app.demos import race as compare
from voice_app.demos.check import COLUMNS, faults, sentence_count
from voice_app.demos.demo_screen import TableView
from voice_app.demos.metered import MeteredLlm, Work
from voice_app.demos.modelled import System, seconds
from voice_app.demos.race import Answered, Stamp
from voice_app.demos.scripts import TABLE
from voice_app.demos.turn_records import TurnRecord, TurnRecorder
from voice_app.io.recordings import RecordedTurn
from voice_app.runtime.engine_set import EngineSet
from voice_app.runtime.host import hold_typed
from voice_app.runtime.persona import Persona
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import Settings, load_settings
from voice_app.skills.router import Router
from voice_app.skills.table.table import Table
from voice_app.skills.table.table_skill import Tables, table_skill

SAID = [line.said for line in TABLE]
ROWS = (("Rome", "1", "Morning", "Walk"), ("Rome", "1", "Evening", "Eat"))
MORE = (("Oslo", "1", "Morning", "Swim", "$5"), ("Oslo", "1", "Evening", "Sing", "free"))
FIRST = Table(COLUMNS, ROWS)
COST = FIRST.with_column("Cost", ["free", "$20"])
GOOD = (FIRST, FIRST, COST, COST.with_rows(*MORE))


def typed(reply: str = "One two.") -> tuple[list[TurnRecord], str]:
    """The four requests typed, with a model that writes the same whatever it is asked; and what the terminal shows."""
    meter, settings = Meter(), Settings(memory="off", keep_log=False)
    llm = MeteredLlm(ScriptedLanguageModel([reply], spend=meter.spend))
    recorder, out = TurnRecorder(SAID, llm.works), io.StringIO()
    view = TableView(Console(file=out, width=120))
    persona = Persona(name="", description="")
    engines = EngineSet(settings, "scripted", persona, llm, VirtualScheduler(meter))
    plan = SessionPlan(settings, listeners=(recorder, view))
    asyncio.run(hold_typed(plan, SAID, engines))
    return recorder.turns, out.getvalue()


@pytest.mark.slow
def test_typed_turns_are_recorded_like_spoken_ones() -> None:
    """Each has its words, its answer, its table and the model's requests; there is no sound to wait for."""
    turns, shown = typed()
    row = report.outcome_as_json(report.DemoOutcome("llama.cpp", "m", tuple(turns), len(SAID)), ())

    assert row["faults"] == []
    assert [turn["said"] for turn in row["turns"]] == SAID == [turn["heard"] for turn in row["turns"]]
    assert [len(turn["table"]["rows"]) for turn in row["turns"]] == [6, 6, 6, 12]
    assert [turn["time_to_first_audio_ms"] for turn in row["turns"]] == [None] * 4
    assert all(turn["time_to_first_table_ms"] <= turn["time_to_whole_table_ms"] for turn in row["turns"])
    assert row["turns"][1]["llm"]["requests"] == 0 < row["turns"][2]["llm"]["requests"]
    assert row["word_error_rate"] is None
    assert "New York City, day 2" in shown
    assert "Approximate cost" in shown
    assert json.loads(json.dumps(row)) == row


def test_spoken_turns_count_from_the_last_sound_of_the_user() -> None:
    """A conversation in virtual time: sound after the wait for the turn's end, the first row not before it."""
    listener = TurnRecorder(SAID[:1], ())

    def join(held: Session) -> None:
        held.assistant.skills = (Router((table_skill(Tables()),)),)
        held.bus.subscribe(listener)

    ScriptedSession(heard=SAID[:1], turns=(RecordedTurn(pause(1.0)),), during=join).run()
    (record,) = listener.turns

    assert record.heard == SAID[0]
    assert record.status == "completed"
    assert record.to_audio_s is not None
    assert record.to_table_s is not None
    assert record.to_whole_table_s is not None
    assert 0 < record.to_table_s <= record.to_whole_table_s
    assert 0 < record.to_audio_s < 2
    row = report.outcome_as_json(report.DemoOutcome("llama.cpp", "m", (record,), 1), ())
    assert row["word_error_rate"] == 0.0


def test_good_turns_have_no_faults() -> None:
    """One to four of them."""
    for count in range(1, 5):
        assert faults(GOOD[:count], ["One. Two."] * count) == []


@pytest.mark.parametrize(
    ("place", "table"),
    [
        (0, None),
        (0, Table(COLUMNS)),
        (0, Table(("Day",), (("1",),))),
        (0, Table(COLUMNS, (ROWS[0], ROWS[0]))),
        (0, Table(COLUMNS, ((*ROWS[0][:3], ""),))),
        (1, FIRST.without_row(1)),
        (2, FIRST),
        (2, COST.sorted_by("Cost", descending=True)),
        (2, FIRST.with_column("Cost", ["free", "cheap"])),
        (3, COST),
        (3, COST.with_rows(MORE[0])),
        (3, COST.with_rows(*[("Rome", *row[1:]) for row in MORE])),
        (3, COST.without_row(1).with_rows(*MORE)),
    ],
)
def test_a_table_that_lost_or_made_up_something_is_a_fault(place: int, table: Table | None) -> None:
    """Missing, empty, twice the same, other rows or columns, no amounts, no other city: each is found."""
    tables = (*GOOD[:place], table)

    assert faults(tables, ["One."] * len(tables))


def test_long_answers_and_marks_aloud_are_faults() -> None:
    """Two sentences may be said, and no pipes."""
    assert sentence_count("It is $5. That is all.") == 2
    assert faults((FIRST,), ["One. Two. Three."])
    assert faults((FIRST,), ["Day | Time"])


def test_modelled_systems_take_the_turns_own_requests() -> None:
    """Requests without a token are none; every figure names its basis."""
    system = System("three seconds a token", "declared", lambda work: 3.0 * work.tokens)
    works = (Work(Usage(10, 4), 2, 0.0, 0.1, 0.5), Work())
    record = TurnRecord("a", "a", "One.", FIRST, works=works, works_to_table=1, status="completed")
    row = report.outcome_as_json(report.DemoOutcome("lpu", "m", (record,), 1), [system])["turns"][0]

    assert seconds(system, works) == 6.0
    assert row["modelled"][0]["llm_ms"] == 6000.0
    assert row["modelled"][0]["basis"] == "declared"
    assert row["llm"]["basis"] == row["basis"] == "measured"
    assert "emulated" not in row["llm"]


def test_a_watched_model_is_the_model() -> None:
    """Its tokens pass through, its other parts too."""
    chat = MeteredLlm(ScriptedLanguageModel(["a b c"], spend=lambda _: None)).chat()
    *tokens, done = chat.stream(ChatRequest((Message("user", "x"),)))

    assert tokens == [Text("a", 0), Text(" b", 1), Text(" c", 2)]
    assert done == Done(Usage(1, 1, 3), "stop")
    assert [(work.tokens, work.usage.prompt_tokens) for work in chat.works] == [(3, 1)]
    assert chat.remaining_tokens((Message("user", "x y"),)) == 99_998


def race() -> list[Answered]:
    """A measured answer, and one of an emulated chip that this machine was slow to compute."""
    slow = (Stamp("One", 0.1, None), Stamp(" two", 0.2, None))
    return [
        Answered("llama.cpp", slow),
        Answered("lpu", (Stamp("One", 0.3, 0.001), Stamp(" two", 0.6, 0.002))),
    ]


def test_a_race_is_run_at_each_ones_own_pace() -> None:
    """The chip's answer is there by its emulated time, the other one by its measured time."""
    llama, lpu = race()

    assert (llama.basis, lpu.basis) == ("measured", "emulated")
    assert lpu.until(0.002) == "One two"
    assert llama.until(0.15) == "One"
    assert list(compare.frames([llama, lpu]))[-1] == 0.2
    assert lpu.as_json()["measured"]["total_ms"] == 600.0
    assert lpu.as_json()["emulated"]["tokens_per_s"] == 1000.0
    assert "emulated" not in llama.as_json()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_race_is_drawn_and_ends_with_its_figures(terminal: bool) -> None:
    """On a terminal side by side; elsewhere as plain lines without control characters."""
    out, waits = io.StringIO(), list[float]()
    console = Console(file=out, force_terminal=terminal, width=100, color_system=None)
    compare.show_race(console, "What [bold] is it?", race(), waits.append)

    assert "What [bold] is it?" in out.getvalue()
    assert "One two" in out.getvalue()
    assert "the same question" in out.getvalue()
    assert bool(waits) == terminal == ("\x1b" in out.getvalue())


def test_an_answer_without_words_has_no_figures() -> None:
    """Nothing is divided by nothing."""
    empty = Answered("lpu", ())

    assert empty.as_json()["measured"] == {
        "tokens": 0,
        "time_to_first_token_ms": None,
        "total_ms": None,
        "tokens_per_s": None,
    }
    assert list(compare.frames([empty])) == [0.0, 0.0]


def test_a_model_that_fails_in_a_race_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it fails with, which is passed on."""
    closed: list[bool] = []

    class Failing(ScriptedLanguageModel):
        def close(self) -> None:
            closed.append(True)

    def fail(messages: tuple[Message, ...]) -> str:
        raise PromptTooLong(2, 1)

    monkeypatch.setattr(compare, "build_llm", lambda settings: Failing(fail))
    with pytest.raises(PromptTooLong):
        compare.ask_backend(load_settings(), "llama.cpp", "Why?")

    assert closed == [True]
