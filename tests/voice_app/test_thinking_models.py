"""A language model that thinks before it answers: its thoughts are neither said nor kept, and the wait is bridged."""

from __future__ import annotations

import numpy as np
import pytest

from inference.types import Audio, Notice, Text, Thought, ToolCall
from tests.voice_app.scripted_session import ScriptedSession
from voice_app.core import events
from voice_app.core.beside import CAN_NOT, NO_ANSWER, Beside
from voice_app.core.turn import THINKING, Filler

BRIDGE = Filler(THINKING, Audio(np.full(16_000, 0.1, np.float32), 16_000))
LONG = (*[Thought("hm ", 7)] * 100, "Paris it is.")
"""Two seconds of thoughts, at the scripted model's 20 ms a token."""


def held(*script: object, **options: object) -> ScriptedSession:
    """Hold a session of one turn, whose reply is a script."""
    more = {"fillers": (BRIDGE,)}
    return ScriptedSession(replies=(script,), more=more, **options).run()  # type: ignore[arg-type]


@pytest.mark.parametrize("drafting", [True, False])
def test_a_thought_is_bridged_once_the_turn_is_over(drafting: bool) -> None:
    """By one filler, whether the thought began before the end of the turn or after; then comes the answer."""
    stage = held(*LONG, drafting=drafting)
    (filler,), (commit,) = stage.of(events.OpenerSpoken), stage.of(events.TurnCommitted)

    assert filler.text == THINKING
    assert commit.at_s <= filler.at_s < stage.of(events.ResponseTextDelta)[0].at_s
    assert [clause.text for clause in stage.of(events.ClauseReady)] == ["Paris it is."]


def test_no_thought_is_said_shown_or_kept() -> None:
    """In the events, the sound and the chat there is the answer alone; its tokens are counted without them."""
    stage = held(*LONG)
    (done,) = stage.of(events.TextDone)

    assert (done.text, done.tokens) == ("Paris it is.", 3)
    assert stage.history.messages("next")[2].content == "Paris it is."
    assert all("hm" not in event.model_dump_json() for event in stage.log)


def test_a_short_thought_needs_no_bridge() -> None:
    """Its answer is there before the turn is over."""
    assert held(Thought("hm", 7), "Paris.").of(events.OpenerSpoken) == []


def test_an_empty_thought_is_none() -> None:
    """As models write that may think, and do not."""
    assert held(*[Thought("\n", 7)] * 100, "Paris.").of(events.OpenerSpoken) == []


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ([Thought("hm", 7)] * 5, NO_ANSWER),
        ([ToolCall("call_1", "make_tea", "{}")], CAN_NOT),
        (["It is on.", ToolCall("call_1", "make_tea", "{}")], "It is on."),
        ([Thought("hm", 7), "Paris.", Thought("hm", 8)], "Paris."),
    ],
)
def test_a_model_without_a_word_is_told_of_in_one_line(script: list[object], says: str) -> None:
    """Where its thoughts came to no end, and where it called what nobody offered; words of its own stand alone."""
    stage = held(*script)
    assert " ".join(clause.text for clause in stage.of(events.ClauseReady)) == says
    assert [event.status for event in stage.of(events.ResponseDone)] == ["completed"]


def test_notices_go_to_the_log() -> None:
    """An action in time as an action of the budget; what could not be helped as a notice."""
    told: list[events.Event] = []
    beside = Beside(lambda event, at_s=None: told.append(event), lambda: None, lambda: None)
    beside.heed(Notice("late", "the local model answers"))
    beside.heed(Notice("it broke off"))
    beside.answers(Text("x", 1))

    assert told == [
        events.BudgetAction(action="the local model answers", cause="late"),
        events.Noticed(message="it broke off"),
    ]
