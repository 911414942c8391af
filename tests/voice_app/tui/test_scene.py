"""The scene behind the screen: what of a log is shown."""

from __future__ import annotations

from tests.voice_app.tui.shown import folded, recorded
from voice_app.core import events
from voice_app.tui.items import Activity, NoteItem, ReplyItem, UserItem
from voice_app.tui.reducers import apply
from voice_app.tui.spoken_words import Mark


def test_a_recorded_session_shows_what_was_asked_answered_and_how_long_it_took() -> None:
    """Questions and answers alternate; dropped drafts leave nothing; each answer has its time."""
    scene = folded(recorded())

    assert [type(item) for item in scene.items.values()] == [UserItem, ReplyItem] * 4
    replies = [item for item in scene.items.values() if isinstance(item, ReplyItem)]
    assert [reply.text.strip() for reply in replies[:1]] == ["The capital of France is Paris."]
    assert [round((reply.to_sound_s or 0) * 1000) for reply in replies] == [227, 823, 261, 231]
    assert all(reply.status == "completed" and reply.heard for reply in replies)
    assert scene.session.turns == 4
    assert scene.session.discarded == 8
    assert scene.activity is Activity.CLOSED


def test_a_draft_is_seen_only_once_its_turn_is_over() -> None:
    """Words, answer and tables of a draft appear with the commit, all at once."""
    draft: list[events.Event] = [
        events.SpeechStarted(at_s=0.1, turn=1, speech_start_s=0.0),
        events.TranscriptDelta(at_s=0.5, turn=1, text="What is"),
        events.SpeechStopped(at_s=1.0, turn=1, speech_end_s=0.9),
        events.DraftCreated(at_s=1.0, turn=1, revision=1),
        events.TranscriptCompleted(at_s=1.1, turn=1, revision=1, text="What is it?"),
        events.ResponseCreated(at_s=1.2, turn=1, revision=1),
        events.ResponseTextDelta(at_s=1.3, turn=1, revision=1, delta="A secret.", token_id=1),
    ]
    before = folded(draft)
    after = folded([*draft, events.TurnCommitted(at_s=1.4, turn=1, revision=1, speech_end_s=0.9)])

    assert list(before.items.values()) == [UserItem("What is", partial=True)]
    assert before.activity is Activity.DRAFTING
    said, reply = after.items.values()
    assert said == UserItem("What is it?")
    assert isinstance(reply, ReplyItem)
    assert reply.text == "A secret."


def words(clause: int, text: str, start_s: float, *ends: tuple[int, float]) -> events.WordsTimed:
    return events.WordsTimed(
        at_s=1.0, turn=1, revision=1, raw=text, text=text, clause=clause, start_s=start_s, ends=ends
    )


def typed_reply(text: str) -> list[events.Event]:
    return [
        events.TextSubmitted(at_s=0.5, turn=1, text="Say it."),
        events.TurnCommitted(at_s=0.5, turn=1, revision=1, speech_end_s=None),
        events.DraftCreated(at_s=0.5, turn=1, revision=1),
        events.ResponseCreated(at_s=0.5, turn=1, revision=1),
        events.ResponseTextDelta(at_s=0.6, turn=1, revision=1, delta=text, token_id=5),
    ]


def test_the_word_that_sounds_is_marked_and_a_held_reply_stands_still() -> None:
    """The mark moves with the session clock, waits while the sound is held, and goes on after it."""
    scene = folded(
        [
            *typed_reply("One two three."),
            words(0, "One two three.", 0.0, (3, 0.5), (7, 1.0), (14, 1.5)),
            events.PlaybackStarted(at_s=2.0, turn=1, revision=1),
        ]
    )
    reply = scene.items["1.1.reply"]
    assert isinstance(reply, ReplyItem)
    assert [reply.mark(at_s) for at_s in (2.1, 2.7, 3.2, 3.6)] == [
        Mark(0, 3),
        Mark(4, 7),
        Mark(8, 14),
        Mark(14, 14),
    ]

    apply(scene, events.PlaybackHeld(at_s=2.7, turn=1, revision=1))
    held = scene.items["1.1.reply"]
    assert isinstance(held, ReplyItem)
    assert held.mark(9.0) == Mark(4, 7)
    assert scene.activity is Activity.HELD

    apply(scene, events.PlaybackResumed(at_s=9.0, turn=1, revision=1))
    resumed = scene.items["1.1.reply"]
    assert isinstance(resumed, ReplyItem)
    assert resumed.mark(9.4) == Mark(8, 14)


def test_of_an_interrupted_reply_what_was_heard_is_kept_apart() -> None:
    """Only whole words that were played count as heard; the rest stays to be seen as unheard."""
    scene = folded(
        [
            *typed_reply("It costs $5 today."),
            events.WordsTimed(
                at_s=1.0,
                turn=1,
                revision=1,
                raw="It costs $5 today.",
                text="It costs five dollars today.",
                clause=0,
                start_s=0.0,
                ends=((2, 0.2), (8, 0.6), (13, 0.9), (21, 1.3), (28, 1.8)),
            ),
            events.PlaybackStarted(at_s=2.0, turn=1, revision=1),
            events.PlaybackCleared(at_s=2.7, turn=1, revision=1, audio_s=0.7),
            events.ResponseDone(at_s=2.7, turn=1, revision=1, status="cancelled"),
            events.ItemTruncated(at_s=2.7, turn=1, revision=1, heard="It costs"),
        ]
    )
    reply = scene.items["1.1.reply"]

    assert isinstance(reply, ReplyItem)
    assert reply.status == "cancelled"
    assert reply.heard == Mark(8, 8)
    assert scene.session.cut == 1


def test_late_events_of_an_older_draft_change_nothing() -> None:
    """A result of a draft that was replaced is dropped by number."""
    log = [
        *typed_reply("First."),
        events.ResponseDone(at_s=3.0, turn=1, revision=1, status="completed"),
        events.TextSubmitted(at_s=4.0, turn=2, text="More?"),
        events.TurnCommitted(at_s=4.0, turn=2, revision=1, speech_end_s=None),
        *[events.DraftCreated(at_s=4.0, turn=turn, revision=1) for turn in range(2, 9)],
    ]
    scene = folded(log)
    before = dict(scene.items)
    apply(scene, events.ResponseTextDelta(at_s=5.0, turn=1, revision=1, delta="Ghost", token_id=1))

    assert scene.items == before


def test_notices_and_changes_of_memory_are_lines_of_their_own() -> None:
    """What the program has to say stands in the transcript."""
    scene = folded(
        [
            events.Noticed(at_s=1.0, message="The microphone is gone."),
            events.MemoryChanged(at_s=2.0, turn=1, revision=1, change="added", text="Igor likes tea."),
        ]
    )

    assert list(scene.items.values()) == [
        NoteItem("notice", "The microphone is gone."),
        NoteItem("memory", "remembered: Igor likes tea."),
    ]
