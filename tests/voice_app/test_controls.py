"""What a key can do to a conversation: stop it, end a turn; and what the program says of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from inference.types import Message
from tests.voice_app.scripted_session import ScriptedSession, pause, tone
from voice_app.core import events
from voice_app.core.ports import Announce, Command, EndTurn, Stop, Text
from voice_app.core.session import Session
from voice_app.io.recordings import RecordedTurn


def at(seconds: float, *commands: Command) -> Callable[[Session], None]:
    """Return what sends commands at a time of the session."""

    def begin(session: Session) -> None:
        asyncio.get_running_loop().call_later(seconds, lambda: [session.send(one) for one in commands])

    return begin


def test_a_stop_cuts_the_reply_and_what_was_heard_is_kept() -> None:
    """The next turn is answered as usual."""
    stage = ScriptedSession(
        heard=("hello", "again"), turns=(RecordedTurn(tone(1.024)),) * 2, during=at(3.0, Stop())
    ).run()
    first, second = stage.of(events.ResponseDone)
    (truncated,) = stage.of(events.ItemTruncated)

    assert (first.status, second.status) == ("cancelled", "completed")
    assert first.at_s == pytest.approx(3.0, abs=0.001)
    assert stage.history.messages("next")[2].content == truncated.heard == "One two. Three"


def test_a_stop_drops_what_the_user_says() -> None:
    """While he speaks and while he pauses: nothing is answered."""
    for seconds in (1.0, 1.8):
        assert ScriptedSession(during=at(seconds, Stop())).run().of(events.TurnCommitted) == []


def test_a_stop_before_the_first_sound_keeps_the_question_as_unanswered() -> None:
    """It stands before the next one, so that "try again" finds it; nothing of a reply is remembered."""
    stage = ScriptedSession(
        heard=("hello", "again"),
        first_token_s=2.0,
        turns=(RecordedTurn(tone(1.024)),) * 2,
        during=at(2.5, Stop()),
    ).run()

    assert [event.status for event in stage.of(events.ResponseDone)][0] == "cancelled"
    assert [event.heard for event in stage.of(events.ItemTruncated)] == [""]
    assert stage.llm.requests[-1].messages[1:] == (Message("user", "hello\nagain"),)


def test_a_stop_before_the_words_are_known_remembers_nothing() -> None:
    """There is no question yet that could be kept."""

    stage = ScriptedSession(during=at(1.0, EndTurn(), Stop())).run()

    assert [event.status for event in stage.of(events.ResponseDone)][0] == "cancelled"
    assert stage.of(events.ItemTruncated) == []


def test_a_released_key_ends_the_turn_at_once() -> None:
    """No silence is waited for, neither in speech nor in a pause."""
    for seconds in (1.3, 1.8):
        stage = ScriptedSession(during=at(seconds, EndTurn())).run()
        commit = stage.of(events.TurnCommitted)[0]

        assert commit.at_s == pytest.approx(seconds, abs=0.001)


def test_an_announcement_waits_until_nobody_speaks() -> None:
    """It is heard after the reply, and is no part of the chat."""
    stage = ScriptedSession(during=at(1.0, Announce("Time is up."))).run()
    texts = [event.text for event in stage.of(events.TextDone)]
    stops, starts = stage.of(events.PlaybackStopped), stage.of(events.PlaybackStarted)

    assert texts == ["One two. Three four five.", "Time is up."]
    assert starts[1].at_s > stops[0].at_s
    assert len(stage.history.messages("next")) == 4


def test_an_announcement_that_speech_covers_is_made_again() -> None:
    """Somebody begins to speak before it is audible: it comes after the answer."""
    stage = ScriptedSession(
        turns=(RecordedTurn(pause(1.024)),), during=at(0.69, Announce("Time is up."))
    ).run()

    assert [event.text for event in stage.of(events.TextDone)][-1] == "Time is up."
    assert stage.of(events.PlaybackStopped)[-1].at_s > stage.of(events.TurnCommitted)[1].at_s


def test_an_announcement_that_a_typed_turn_cuts_before_it_is_heard_is_made_again() -> None:
    """Nothing is lost: it comes after the answer."""

    commands = (Announce("Time is up."), Text("count"))
    stage = ScriptedSession(during=at(0.1, *commands), heard=("hello",)).run()
    started = [event.turn for event in stage.of(events.PlaybackStarted)]
    last = [event.text for event in stage.of(events.TextDone) if event.turn in started]

    assert "Time is up." in last
