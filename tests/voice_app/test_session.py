"""Whole conversations in virtual time: scripted engines with declared durations, whole timelines compared."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.errors import PromptTooLong
from inference.types import ChatRequest, Message
from tests.voice_app.scripted_session import ScriptedSession, pause, tone
from voice_app.core import events
from voice_app.core.ports import Text
from voice_app.core.session import Session
from voice_app.io.recordings import RecordedTurn


def test_a_turn_from_the_first_sample_to_the_last() -> None:
    """Every instant is the sum of the durations before it."""
    stage = ScriptedSession().run()

    assert stage.timeline() == [
        ("SessionCreated", 0.0),
        ("SpeechStarted", 0.704),  # the user begins at 0.608; three frames of 32 ms make a start
        ("SpeechStopped", 1.664),  # ends at 1.632; one silent frame makes a pause
        ("DraftCreated", 1.664),  # work begins at once
        ("TranscriptCompleted", 1.764),  # + 0.1 speech to text
        ("EndpointPredicted", 1.764),  # one word: 0.45 s of silence end the turn
        ("ResponseCreated", 1.764),
        ("ResponseTextDelta", 1.864),  # + 0.1 to "One"
        ("ResponseTextDelta", 1.884),  # + 0.02 " two."
        ("ResponseTextDelta", 1.904),  # " Three" shows that the first clause is complete
        ("ClauseReady", 1.904),
        ("AudioDelta", 1.954),  # + 0.05: sound is more urgent than tokens; it is held
        ("ResponseTextDelta", 1.974),
        ("ResponseTextDelta", 1.994),
        ("TextDone", 1.994),
        ("TurnCommitted", 2.112),  # the first frame 0.45 s after the end
        ("WordsTimed", 2.112),
        ("ClauseReady", 2.112),
        ("PlaybackStarted", 2.12),  # the loudspeaker's next block of 10 ms
        ("AudioDelta", 2.162),
        ("WordsTimed", 2.162),
        ("AudioDelta", 2.182),
        ("PlaybackStopped", 3.56),  # 24 characters of 60 ms
        ("ResponseDone", 3.56),
        ("SessionClosed", 5.184),  # the recorded user stays a little
    ]
    assert stage.history.messages("next")[1:3] == (
        Message("user", "hello"),
        Message("assistant", "One two. Three four five."),
    )


def test_two_runs_are_equal() -> None:
    """Nothing depends on the machine."""
    assert ScriptedSession().run().timeline() == ScriptedSession().run().timeline()


def test_without_listeners_the_same_is_said() -> None:
    """The bus is write-only for the pipeline: a test's listener less changes no request."""
    with_listener, without = ScriptedSession().run(), ScriptedSession()
    without.log = _Deaf()
    without.run()

    assert [r.messages for r in with_listener.llm.requests] == [r.messages for r in without.llm.requests]


class _Deaf(list[events.Event]):
    def append(self, _event: events.Event) -> None:
        """Forget it."""


LONG = "First we talk about one thing. Then we talk about another thing. At last we stop."


def test_barge_in_stops_the_sound_and_keeps_what_was_heard() -> None:
    """Words into the reply silence it within 200 ms; the history keeps what was heard, and no more."""
    stage = ScriptedSession(
        heard=("tell me", "stop"),
        replies=(LONG, "Yes."),
        turns=(RecordedTurn(tone(1.024)), RecordedTurn(tone(0.6), after=1.0)),
    ).run()
    (cleared,) = stage.of(events.PlaybackCleared)
    started = stage.of(events.SpeechStarted)[1]
    heard = stage.of(events.ItemTruncated)[0].heard

    (sounded,) = [event.at_s for event in stage.of(events.PlaybackStarted) if event.turn == 1]

    assert cleared.audio_s <= started.speech_start_s + 0.2 - sounded
    assert LONG.startswith(heard)
    assert 0 < len(heard) * 0.06 <= cleared.audio_s < (len(heard) + len(" another")) * 0.06
    assert stage.history.messages("next")[1:] == (
        Message("user", "tell me"),
        Message("assistant", heard),
        Message("user", "stop"),
        Message("assistant", "Yes."),
        Message("user", "next"),
    )
    assert [event.status for event in stage.of(events.ResponseDone)] == ["cancelled", "completed"]


def test_without_barge_in_the_reply_is_heard_to_its_end() -> None:
    """Half duplex: what comes while the assistant speaks is not listened to."""
    stage = ScriptedSession(
        replies=(LONG,),
        turns=(RecordedTurn(tone(1.024)), RecordedTurn(tone(0.6), after=1.0)),
        barge_in=False,
    ).run()

    assert [event.status for event in stage.of(events.ResponseDone)] == ["completed"]


def test_going_on_before_the_answer_is_one_turn() -> None:
    """A pause that was taken for the end: the reply is dropped unheard, and both halves are transcribed together."""
    stage = ScriptedSession(
        heard=("half", "half and half"),
        turns=(RecordedTurn(pause(0.992, 0.8, 0.992)),),
        first_token_s=0.9,
    ).run()
    transcribed = stage.of(events.TranscriptCompleted)

    assert [event.status for event in stage.of(events.ResponseDone)] == ["cancelled", "completed"]
    assert {event.turn for event in transcribed} == {1}
    assert stage.of(events.PlaybackCleared) == []
    assert stage.history.messages("next")[1].content == transcribed[-1].text


def test_a_pause_behind_unfinished_words_does_not_end_the_turn() -> None:
    """Nearly a second of silence after "and" is a pause: the draft is dropped, the next one answers the whole."""
    stage = ScriptedSession(
        heard=("hello and", "hello and welcome"), turns=(RecordedTurn(pause(0.992, 0.928, 0.992)),)
    ).run()
    (commit,) = stage.of(events.TurnCommitted)

    assert [event.revision for event in stage.of(events.DraftDiscarded)] == [1]
    assert commit.revision == 2
    assert stage.history.messages("next")[1].content == "hello and welcome"
    gauge = stage.session.drafter.gauge
    assert (gauge.made, gauge.released, gauge.wasted) == (2, 1, 1)


def test_without_drafting_work_begins_at_the_end_of_the_turn() -> None:
    """The same reply, later; nothing is made before the turn is judged over."""
    stage = ScriptedSession(drafting=False).run()
    (commit,), (created,) = stage.of(events.TurnCommitted), stage.of(events.DraftCreated)

    assert created.at_s == commit.at_s == pytest.approx(1.632 + 0.608)
    assert stage.history.messages("next") == ScriptedSession().run().history.messages("next")


@pytest.mark.parametrize("sound", ["mhm", "", "Yeah, okay.", "First we talk about one"])
def test_a_cough_or_a_nod_does_not_stop_the_reply(sound: str) -> None:
    """It pauses for less than half a second, goes on where it was held, and is heard whole."""
    stage = ScriptedSession(
        heard=("tell me", sound),
        replies=(LONG,),
        turns=(RecordedTurn(tone(1.024)), RecordedTurn(tone(0.25), after=1.0)),
    ).run()
    (stopped,), (started,) = stage.of(events.PlaybackStopped), stage.of(events.PlaybackStarted)
    made = sum(event.audio_s for event in stage.of(events.AudioDelta))

    assert [event.status for event in stage.of(events.ResponseDone)] == ["completed"]
    assert [event.heard for event in stage.of(events.SpeechIgnored)] == [sound]
    assert stopped.audio_s == pytest.approx(made, abs=0.01)
    assert stopped.at_s - started.at_s == pytest.approx(made + 0.35, abs=0.15)


def test_nothing_heard_is_not_answered() -> None:
    """An empty transcript ends the turn without asking the language model."""
    stage = ScriptedSession(heard=("",)).run()

    assert stage.llm.requests == []
    assert [event.status for event in stage.of(events.ResponseDone)] == ["ignored"]


def test_typed_text_in_the_same_session() -> None:
    """Typed text is a turn: it interrupts what is said, and shares the history."""

    def type_later(session: Session) -> None:
        asyncio.get_running_loop().call_at(3.5, session.send, Text("typed words"))

    stage = ScriptedSession(replies=(LONG, "Yes."), during=type_later).run()

    assert stage.of(events.TextSubmitted)[0].text == "typed words"
    assert stage.llm.requests[1].messages[-1] == Message("user", "typed words")
    assert stage.llm.requests[1].messages[2].role == "assistant"
    assert [event.status for event in stage.of(events.ResponseDone)] == ["cancelled", "completed"]


def test_partial_transcripts_come_while_the_user_speaks_and_never_after() -> None:
    """One a second, inside the speech."""
    stage = ScriptedSession(turns=(RecordedTurn(tone(4.0)),), partial_every_s=1.0).run()
    partials = stage.of(events.TranscriptDelta)
    (stopped,) = stage.of(events.SpeechStopped)

    assert len(partials) == 3
    assert all(event.at_s <= stopped.at_s for event in partials)


def test_a_chat_that_outgrows_the_context_forgets_its_oldest_turns() -> None:
    """The reply comes all the same, from a shorter history."""

    def reply(messages: tuple[Message, ...]) -> str:
        if len(messages) > 4:
            raise PromptTooLong(100, 50)
        return "Yes."

    stage = ScriptedSession(
        heard=("is a", "is b", "is c"), replies=reply, turns=(RecordedTurn(tone(1.0)),) * 3
    ).run()

    assert [event.status for event in stage.of(events.ResponseDone)] == ["completed"] * 3
    assert [message.content for message in stage.history.messages("next")] == [
        "persona",
        "is b",
        "Yes.",
        "is c",
        "Yes.",
        "next",
    ]


def test_a_text_that_never_fits_is_reported_in_one_line() -> None:
    """The session goes on after a request that can't be answered."""

    def reply(messages: tuple[Message, ...]) -> str:
        if messages[-1].content == "long":
            raise PromptTooLong(100_000, 50)
        return "Yes."

    stage = ScriptedSession(
        heard=("long", "short"), replies=reply, turns=(RecordedTurn(tone(1.0)),) * 2
    ).run()

    assert [event.status for event in stage.of(events.ResponseDone)] == ["failed", "completed"]
    assert "too long" in stage.of(events.Noticed)[0].message


def test_a_failing_engine_fails_the_reply_and_not_the_session() -> None:
    """Whatever an engine raises becomes one line."""

    def reply(messages: tuple[Message, ...]) -> str:
        raise RuntimeError("no luck")

    stage = ScriptedSession(replies=reply).run()

    assert [event.status for event in stage.of(events.ResponseDone)] == ["failed"]
    assert "no luck" in stage.of(events.Noticed)[0].message
    assert stage.of(events.SessionClosed)


def test_a_request_is_cancelled_when_its_reply_is() -> None:
    """The model is told, so that it stops in the middle of its work."""
    stage = ScriptedSession(
        heard=("tell me", "stop"),
        replies=(" ".join(["word"] * 400), "Yes."),
        turns=(RecordedTurn(tone(1.024)), RecordedTurn(tone(0.6), after=1.0)),
    ).run()
    first: ChatRequest = stage.llm.requests[0]
    cleared = stage.of(events.PlaybackCleared)[0]

    assert first.cancelled.is_set()
    assert all(event.turn != 1 for event in stage.log if event.at_s > cleared.at_s + 0.05)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.05, 2.0), min_size=1, max_size=7), st.booleans())
def test_any_rhythm_of_speech_leaves_a_whole_conversation(lengths: list[float], barge_in: bool) -> None:
    """Whatever the pauses: replies end once each, turns are numbered in order, and the session closes."""
    stage = ScriptedSession(
        heard=("hello",) * 9, replies=(LONG,), turns=(RecordedTurn(pause(*lengths)),), barge_in=barge_in
    ).run()
    turns = [event.turn for event in stage.log[:-1]]

    assert turns == sorted(turns)
    assert len(stage.of(events.TurnCommitted)) == len(stage.of(events.ResponseDone))
    assert len(stage.of(events.ResponseCreated)) >= len(stage.of(events.PlaybackStarted))
    assert isinstance(stage.log[-1], events.SessionClosed)
    assert not stage.of(events.Noticed)
    for sounding in stage.of(events.PlaybackStarted):  # no stale sound: what is heard was released last
        commits = [event for event in stage.of(events.TurnCommitted) if event.at_s <= sounding.at_s]
        assert (sounding.turn, sounding.revision) == (commits[-1].turn, commits[-1].revision)


def test_the_wav_of_a_session_needs_no_listener(tmp_path: object) -> None:
    """Played seconds are what was written, also through the resampler of another rate."""
    stage = ScriptedSession(replies=("One two three four five six.",)).run()
    made = sum(event.audio_s for event in stage.of(events.AudioDelta))

    assert stage.of(events.PlaybackStopped)[0].audio_s == pytest.approx(made, abs=0.01)
