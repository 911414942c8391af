"""Skills in whole sessions of virtual time: drafts that are dropped, replies that are stopped, timers that ring."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inference.types import Audio, Message
from tests.bench.tables import REQUESTS
from tests.voice_app.scripted_session import ScriptedSession, pause, tone
from tests.voice_app.skills.test_timer_skill import NOON
from voice_app.core import events
from voice_app.core.ports import Announce, Stop, Text
from voice_app.core.session import Session
from voice_app.core.turn import THINKING, Filler
from voice_app.io.recordings import RecordedTurn
from voice_app.skills.memory.entries import Note
from voice_app.skills.memory.memory_skill import memory_skill
from voice_app.skills.memory.store import Memory
from voice_app.skills.repeat.repeat import RETRY, WARMTH, repeat
from voice_app.skills.router import Router
from voice_app.skills.skill import Skill
from voice_app.skills.table.table import Table
from voice_app.skills.table.table_skill import Tables, table_skill
from voice_app.skills.think.think import Effort, think_skill
from voice_app.skills.timer.timer_calls import timer_skill
from voice_app.skills.timer.timers import Timers


def using(*skills: Skill) -> Callable[[Session], None]:
    """Return what gives a conversation these skills."""

    def join(conversation: Session) -> None:
        conversation.assistant.skills = (Router(skills),)

    return join


def with_timers(timers: Timers) -> Callable[[Session], None]:
    def join(session: Session) -> None:
        using(timer_skill(timers, lambda: NOON))(session)
        timers.rings = lambda text: session.send(Announce(text))

    return join


def test_a_timer_runs_from_the_end_of_the_turn_and_rings_aloud() -> None:
    """Due as many seconds after the release as were asked for; then the assistant speaks of its own accord."""
    stage = ScriptedSession(
        heard=("Set a timer for four seconds.", "hello"),
        turns=(RecordedTurn(pause(1.0)), RecordedTurn(pause(1.0), after=4.0)),
        during=with_timers(Timers()),
    ).run()
    released = stage.of(events.TurnCommitted)[0].at_s
    (called,) = stage.of(events.ToolCalled)
    rings_s = [event.at_s for event in stage.of(events.TextDone)][-1]

    assert '"seconds":4' in called.arguments
    assert rings_s >= released + 4


def test_a_draft_that_is_dropped_starts_no_timer() -> None:
    """Only the timer that the whole turn asks for runs."""
    timers = Timers()
    stage = ScriptedSession(
        heard=("Set a timer for five minutes.", "Set a timer for fifty minutes."),
        turns=(RecordedTurn(pause(1.0, 0.2, 1.0)),),
        during=with_timers(timers),
    ).run()

    assert len(stage.of(events.DraftDiscarded)) == 1
    assert [timer.seconds for timer in timers.running()] == [3000]


DENTIST, FACT = "Remember that my dentist is on Tuesday.", "my dentist is on Tuesday"


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path / "plain.sqlite3")


def texts(memory: Memory) -> list[str]:
    return [entry.text for entry in memory.entries()]


def test_a_fact_is_on_disk_before_it_is_acknowledged(memory: Memory) -> None:
    """Whoever reads the file when the first sample sounds finds the entry."""
    found: dict[str, list[str]] = {}

    def look(session: Session) -> None:
        using(memory_skill(memory))(session)
        session.bus.subscribe(lambda event: found.setdefault(event.type, texts(Memory(memory.path))))

    ScriptedSession(heard=(DENTIST,), during=look).run()

    assert found["response.draft.created"] == []
    assert found["memory.changed"] == found["output_audio_buffer.started"] == [FACT]


def test_a_draft_that_is_dropped_writes_nothing(memory: Memory) -> None:
    """The user goes on after a pause: the whole sentence is remembered, and only that."""
    stage = ScriptedSession(
        heard=("Remember that my dentist is", "Remember that my dentist is on Friday."),
        turns=(RecordedTurn(pause(1.0, 0.3, 1.0)),),
        during=using(memory_skill(memory)),
    ).run()

    assert len(stage.of(events.DraftDiscarded)) == 1
    assert texts(memory) == ["my dentist is on Friday"]


def test_a_memory_that_fails_stops_no_ordinary_talk(memory: Memory) -> None:
    """Only what is asked of it fails, with one line and without an acknowledgement."""
    memory.remember(Note("fact", FACT))
    memory._connection.execute("PRAGMA query_only = ON")
    stage = ScriptedSession(
        heard=("What is the capital of France?", "Remember that my cat is Tom."),
        turns=(RecordedTurn(pause(1.0)),) * 2,
        during=using(memory_skill(memory)),
    ).run()

    assert [event.status for event in stage.of(events.ResponseDone)] == ["completed", "failed"]
    assert "can't be written" in stage.of(events.Noticed)[0].message
    assert len(stage.of(events.PlaybackStarted)) == 1
    assert texts(memory) == [FACT]


def test_an_interrupted_reply_has_still_done_what_it_said(memory: Memory) -> None:
    """What was released is done once, whatever is heard of the acknowledgement."""
    turns = (RecordedTurn(tone(1.024)), RecordedTurn(tone(0.6), after=0.3))
    ScriptedSession(heard=(DENTIST, "stop"), turns=turns, during=using(memory_skill(memory))).run()

    assert texts(memory) == [FACT]


def test_a_table_grows_row_by_row_while_the_first_sentence_is_said() -> None:
    """Its rows come one by one, unfinished until the last event; the voice begins before the table is complete."""
    stage = ScriptedSession(heard=REQUESTS[:1], during=using(table_skill(Tables()))).run()
    shown = stage.of(events.TableShown)
    (started,) = stage.of(events.PlaybackStarted)

    assert [len(event.rows) for event in shown] == [1, 2, 3, 4, 5, 6, 6]
    assert [event.complete for event in shown] == [False] * 6 + [True]
    assert len({event.title for event in shown}) == 1
    assert started.at_s < shown[-1].at_s


def test_a_draft_that_is_dropped_shows_no_table() -> None:
    """The user goes on after the pause: only the itinerary that the whole turn asks for is shown, and kept."""
    tables = Tables()
    heard = ("Plan two days in Boston", "Plan two days in Boston, no, make an itinerary for Rome.")
    turns = (RecordedTurn(pause(1.0, 0.2, 1.0)),)
    stage = ScriptedSession(heard=heard, turns=turns, during=using(table_skill(tables))).run()
    shown = stage.of(events.TableShown)

    assert len(stage.of(events.DraftDiscarded)) == 1
    assert {event.revision for event in shown} == {2}
    assert shown[0].at_s >= stage.of(events.TurnCommitted)[0].at_s
    assert tables.shown is not None
    assert tables.shown.table == Table(shown[-1].columns, shown[-1].rows)


@pytest.mark.parametrize("change", [REQUESTS[2], "Make an itinerary for Rome."])
def test_a_table_that_is_cut_short_changes_nothing(change: str) -> None:
    """Neither blank cells nor a few rows take the place of the whole table; the next change is made to that."""
    tables = Tables()

    def join(held: Session) -> None:
        using(table_skill(tables))(held)

        def stop(event: events.Event) -> None:
            if isinstance(event, events.TableShown) and event.turn == 2 and not event.complete:
                asyncio.get_running_loop().call_soon(held.send, Stop())

        held.bus.subscribe(stop)

    heard = (REQUESTS[0], change, REQUESTS[1])
    stage = ScriptedSession(heard=heard, turns=(RecordedTurn(pause(1.0)),) * 3, during=join).run()
    first, last = (
        Table(event.columns, event.rows) for event in stage.of(events.TableShown) if event.complete
    )

    assert [event.status for event in stage.of(events.ResponseDone)][1] == "cancelled"
    assert first == last
    assert tables.shown is not None
    assert tables.shown.table == first


SILENCE = Audio(np.zeros(40 * 16_000, np.float32), 16_000)


@pytest.mark.parametrize("stopped", [events.DraftCreated, events.PlaybackStarted])
def test_a_question_whose_answer_was_stopped_unheard_is_the_last_one(stopped: type[events.Event]) -> None:
    """While it is thought about and at the first sound; a try that is stopped as well is no question."""
    held: list[Session] = []

    def stop(event: events.Event) -> None:
        if isinstance(event, stopped) and event.turn in (2, 3):
            asyncio.get_running_loop().call_soon(held[0].send, Stop())

    def join(conversation: Session) -> None:
        held.append(conversation)
        using(repeat)(conversation)
        loop = asyncio.get_running_loop()
        for number, text in enumerate(("count", "spell", RETRY, RETRY)):
            loop.call_later(0.1 + 8 * number, conversation.send, Text(text))
        conversation.bus.subscribe(stop)

    of = ScriptedSession(replies=("One.",), turns=(RecordedTurn(SILENCE),), during=join).run()
    asked = of.llm.requests[-1]

    assert [event.status for event in of.of(events.ResponseDone)][:4] == [
        "completed",
        "cancelled",
        "cancelled",
        "completed",
    ]
    assert [message.content for message in asked.messages[1:]] == ["count", "One.", "spell"]
    assert asked.sampling.temperature == WARMTH


def thinking(effort: Effort) -> Callable[[Session], None]:
    return using(think_skill(effort))


ANSWERS = ("It is Lyon.", "It is Paris.", "Paris.", "It is Nice.", "The capital is Paris.")


def test_the_answer_that_most_agree_on_is_spoken() -> None:
    """The question alone is asked, and the event tells how sure the vote is and what it took."""
    stage = ScriptedSession(
        heard=("Think harder about what is the capital of France?",),
        replies=ANSWERS,
        during=thinking(Effort(5, 60.0)),
    ).run()
    (considered,) = stage.of(events.Considered)
    (done,) = stage.of(events.TextDone)

    assert done.text == "It is Paris."
    assert (considered.samples, considered.agreed, considered.budget_s) == (5, 3, 60.0)
    assert {request.messages[-1].content for request in stage.llm.requests} == {
        "what is the capital of France?"
    }
    assert considered.spent_s == pytest.approx(5 * 0.1 + (2 + 2 + 0 + 2 + 3) * 0.02, abs=0.001)


def test_the_time_is_kept() -> None:
    """An answer that is under way when it is spent does not count; the first always does."""
    stage = ScriptedSession(
        heard=("Think hard: where?",), replies=ANSWERS, during=thinking(Effort(5, 0.3))
    ).run()
    none = ScriptedSession(
        heard=("Think hard: where?",), replies=ANSWERS, during=thinking(Effort(5, 0.01))
    ).run()
    (considered,), (least,) = stage.of(events.Considered), none.of(events.Considered)

    assert considered.samples == 2
    assert considered.spent_s <= 0.3 + 0.1
    assert least.samples == 1
    assert none.of(events.TextDone)[0].text == "It is Lyon."


def test_the_question_before_is_thought_about() -> None:
    """Where the request has none of its own; with none before, it is asked for."""
    stage = ScriptedSession(
        heard=("Think harder.", "Where is Paris?", "Think harder about that."),
        replies=("In Spain.", "In Spain.", "In France.", "In France.", "In France."),
        turns=(RecordedTurn(pause(1.0)),) * 3,
        during=thinking(Effort(3, 60.0)),
    ).run()

    assert [event.text for event in stage.of(events.TextDone)] == [
        "What shall I think about?",
        "In Spain.",
        "In France.",
    ]
    assert stage.llm.requests[-1].messages[-1].content == "Where is Paris?"


def test_the_user_may_go_on_while_it_thinks() -> None:
    """The draft is dropped with its samples, and the whole question is thought about."""
    stage = ScriptedSession(
        heard=("Think harder about", "Think harder about where Paris is"),
        replies=lambda _: "It is in France",
        turns=(RecordedTurn(pause(1.0, 0.2, 1.0)),),
        during=thinking(Effort(3, 60.0)),
    ).run()

    assert len(stage.of(events.DraftDiscarded)) == 1
    assert [event.text for event in stage.of(events.TextDone)][-1] == "It is in France"
    assert stage.llm.requests[-1].messages[-1] == Message("user", "where Paris is")


def test_a_filler_is_said_first_and_is_no_part_of_the_answer() -> None:
    """Where the answer takes longer than the filler; the history has the answer alone."""
    filler = Filler(THINKING, Audio(np.ones(16_000, np.float32), 16_000))
    stage = ScriptedSession(
        heard=("Think harder about where Paris is.",),
        replies=ANSWERS,
        first_token_s=0.8,
        during=thinking(Effort(5, 10.0)),
        more={"fillers": (filler,)},
    ).run()
    (opener,) = stage.of(events.OpenerSpoken)

    assert opener.text == THINKING
    assert opener.at_s < stage.of(events.Considered)[0].at_s
    assert stage.history.messages("next")[2].content == "It is Paris."


def test_a_question_without_an_answer_is_the_one_before() -> None:
    """Its answer was stopped before its first sound; so was that to a first request to think about it."""

    def begin(conversation: Session) -> None:
        using(think_skill(Effort(3, 60.0)))(conversation)
        loop = asyncio.get_running_loop()
        for number, text in enumerate(("Who is Ann?", "Where is Paris?", "Think harder.", "Think harder.")):
            loop.call_later(0.1 + 8 * number, conversation.send, Text(text))
        for number in (1, 2):
            loop.call_later(0.15 + 8 * number, conversation.send, Stop())

    silence = Audio(np.zeros(40 * 16_000, np.float32), 16_000)
    stage = ScriptedSession(
        replies=lambda _: "In France.", turns=(RecordedTurn(silence),), during=begin
    ).run()

    assert [event.text for event in stage.of(events.TextDone)] == ["In France."] * 2
    assert stage.llm.requests[-1].messages[-1].content == "Where is Paris?"
