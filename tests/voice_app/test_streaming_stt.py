"""A session with an engine of speech to text that works while the user speaks."""

from __future__ import annotations

from tests.voice_app.scripted_session import ScriptedSession, pause, tone
from voice_app.core import events
from voice_app.io.recordings import RecordedTurn


def test_the_words_are_there_at_once_at_the_end_of_speech() -> None:
    """All but the last frame, of 32 ms, was heard while it was said; a whole utterance takes a decode of its own."""
    streamed = ScriptedSession(heard=("tell me more",), stream_word_s=0.4).run()
    whole = ScriptedSession(heard=("tell me more",)).run()

    for stage, late_s in ((streamed, 0.0032), (whole, 0.1)):
        (stopped,), (heard,) = stage.of(events.SpeechStopped), stage.of(events.TranscriptCompleted)
        assert heard.text == "tell me more"
        assert round(heard.at_s - stopped.at_s, 4) == late_s


def test_a_pause_is_drafted_and_gone_on_from_without_hearing_anything_twice() -> None:
    """Drafts have the words of the sound so far; each second of it is paid for once."""
    words = "one two three four five six seven"
    stage = ScriptedSession(
        heard=(words,), stream_word_s=0.5, turns=(RecordedTurn(pause(1.024, 0.3, 1.024)),)
    ).run()
    drafted = [event.text for event in stage.of(events.TranscriptCompleted)]

    assert len(drafted) == 2
    assert words.startswith(drafted[1])
    assert drafted[1].startswith(drafted[0] + " ")
    assert len(stage.of(events.DraftDiscarded)) == 1
    assert [event.status for event in stage.of(events.ResponseDone)] == ["completed"]


def test_words_are_shown_as_they_are_said() -> None:
    """Each partial transcript goes on from the one before, several a second."""
    stage = ScriptedSession(
        heard=("one two three four five six",),
        stream_word_s=0.3,
        partial_every_s=1.0,
        turns=(RecordedTurn(tone(1.6)),),
    ).run()
    shown = [event.text for event in stage.of(events.TranscriptDelta)]

    assert len(shown) >= 4
    assert all(later.startswith(earlier) for earlier, later in zip(shown, shown[1:], strict=False))


def test_words_over_a_reply_take_the_floor() -> None:
    """What was streamed while the reply was held is the beginning of the next turn."""
    stage = ScriptedSession(
        heard=("tell me", "stop it now please"),
        replies=("First we talk about one thing. Then we talk about another thing.", "Yes."),
        stream_word_s=0.3,
        turns=(RecordedTurn(tone(1.024)), RecordedTurn(tone(1.0), after=1.0)),
    ).run()

    assert [event.status for event in stage.of(events.ResponseDone)] == ["cancelled", "completed"]
    assert stage.of(events.TranscriptCompleted)[-1].text.startswith("stop it now")
