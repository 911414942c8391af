"""The memory in conversations: what is said, what is on disk when it is heard, what the voice learns."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest

from inference.types import Message
from tests.voice_app.test_conversation import Stage, pause, tone
from voice_app.core import events
from voice_app.core.errors import MemoryFileError
from voice_app.core.pipeline import Engines, Reply, ReplyStyle
from voice_app.core.session import Session
from voice_app.core.turn import Answer, TurnContext
from voice_app.io.recordings import RecordedTurn
from voice_app.skills.memory.entries import LONGEST_TEXT_CHARS, MOST_ENTRIES, Note
from voice_app.skills.memory.memory_skill import OFF, SURE, memory_skill
from voice_app.skills.memory.store import Memory
from voice_app.skills.router import Router

DENTIST = "Remember that my dentist is on Tuesday."


@dataclass
class Talk:
    """A conversation with a memory."""

    memory: Memory
    voice: list[Mapping[str, str]] = field(default_factory=list)
    """What the voice was told, in order."""
    stage: Stage = field(init=False)

    def __call__(self, *heard: str, **options: object) -> list[str]:
        """Say these turns; return the replies."""
        router = Router((memory_skill(self.memory, lambda said: self.voice.append(dict(said))),))

        def join(conversation: Session) -> None:
            conversation.drafter.skills = (router,)

        turns = options.pop("turns", (RecordedTurn(pause(1.0)),) * len(heard))
        self.stage = Stage(heard=heard, turns=turns, replies=("It is Paris.",), during=join, **options).run()
        return [event.text for event in self.stage.of(events.TextDone)]

    @property
    def changes(self) -> list[tuple[str, str]]:
        return [(event.change, event.text) for event in self.stage.of(events.MemoryChanged)]


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path / "plain.sqlite3")


@pytest.fixture
def talk(memory: Memory) -> Talk:
    return Talk(memory)


def texts(memory: Memory) -> list[str]:
    return [entry.text for entry in memory.entries()]


def test_what_is_remembered_answers_a_later_question(talk: Talk) -> None:
    """Also in the next session; the source's words are kept with it."""
    assert talk(DENTIST) == ["I'll remember that your dentist is on Tuesday."]
    assert talk.changes == [("added", "my dentist is on Tuesday")]
    assert talk.memory.entries()[0].said == DENTIST

    later = Talk(Memory(talk.memory.path))
    assert later("When is my dentist appointment?", "What is the capital of France?") == [
        "Your dentist is on Tuesday.",
        "It is Paris.",
    ]


def test_it_is_on_disk_before_it_is_acknowledged(talk: Talk) -> None:
    """Whoever reads the file when the first sample sounds finds the entry."""
    found: dict[str, list[str]] = {}

    def look(conversation: Session) -> None:
        conversation.drafter.skills = (Router((memory_skill(talk.memory),)),)
        conversation.bus.subscribe(
            lambda event: found.setdefault(event.type, texts(Memory(talk.memory.path)))
        )

    Stage(heard=(DENTIST,), during=look).run()

    assert found["response.draft.created"] == []
    assert found["memory.changed"] == found["output_audio_buffer.started"] == ["my dentist is on Tuesday"]


def test_a_draft_that_is_dropped_writes_nothing(talk: Talk) -> None:
    """The user goes on after a pause: the whole sentence is remembered, and only that."""
    talk(
        "Remember that my dentist is", "Remember that my dentist is on Friday.",
        turns=(RecordedTurn(pause(1.0, 0.3, 1.0)),),
    )  # fmt: skip

    assert len(talk.stage.of(events.DraftDiscarded)) == 1
    assert texts(talk.memory) == ["my dentist is on Friday"]


def test_a_turn_that_goes_on_after_its_end_changes_what_it_wrote(memory: Memory) -> None:
    """It was written when the turn seemed over; nobody has heard the reply, so it is the same turn."""
    way = Router((memory_skill(memory),))
    first, second = asked("Remember that my dentist is on"), asked("Remember that my dentist is on Friday")
    for turn in (first, second):
        assert way(turn.asked)
        turn.asked.reply.release()
    assert texts(memory) == ["my dentist is on Friday"]
    assert [change for change, _ in first.changes + second.changes] == ["added", "edited"]


def test_two_turns_of_the_same_chat_are_two_entries(memory: Memory) -> None:
    """A turn typed before anything was heard of the reply to the one before takes nothing from that."""
    way = Router((memory_skill(memory),))
    for text, before in (
        ("Remember my dog is Rex", ""),
        ("Remember my cat is Tom", "Remember my dog is Rex\n"),
    ):
        turn = asked(text, unanswered=before)
        assert way(turn.asked)
        turn.asked.reply.release()
    assert texts(memory) == ["my dog is Rex", "my cat is Tom"]


def test_a_correction_takes_the_place_of_what_it_corrects(talk: Talk) -> None:
    """With a no or an actually in front; without, both are kept, and the latest answers."""
    talk(DENTIST, "Actually, remember that my dentist is on Friday.")
    assert texts(talk.memory) == ["my dentist is on Friday"]

    replies = talk("Remember that my dentist is on Monday.", "When is my dentist?")
    assert len(texts(talk.memory)) == 2
    assert replies[-1] == "Your dentist is on Monday."


def test_all_that_is_remembered_is_told_and_shown(talk: Talk) -> None:
    """Aloud in sentences, on the screen as a table with the numbers of the command line."""
    replies = talk("What do you remember?", DENTIST, "My name is Igor.", "What do you remember about me?")
    (shown,) = talk.stage.of(events.TableShown)

    assert replies[0] == "I don't remember anything yet."
    assert replies[3] == "Your dentist is on Tuesday. Your name is Igor."
    assert shown.rows == (("1", "fact", "my dentist is on Tuesday"), ("2", "name", "Igor"))


def test_what_is_known_of_something_is_told_or_left_to_the_model(talk: Talk) -> None:
    """What is remembered of it, plainly asked for; general knowledge is the model's."""
    talk.memory.remember(Note("fact", "my dentist is on Tuesday"))
    replies = talk(
        "What do you remember about the dentist?", "What do you remember about my boat?",
        "What do you know about my dentist?", "What do you know about elephants?",
    )  # fmt: skip

    assert replies == [
        "Your dentist is on Tuesday.", "I don't remember anything about that.",
        "Your dentist is on Tuesday.", "It is Paris.",
    ]  # fmt: skip


def test_an_entry_is_forgotten_by_what_it_is_about(talk: Talk) -> None:
    """Where several are meant, the user is asked which, and nothing is forgotten."""
    talk.memory.take([Note("fact", text) for text in ("my dog is Rex", "my dog eats fish", "my cat is Tom")])
    replies = talk("Forget about my dog.", "Forget that my dog eats fish.", "Forget about my boat.")

    assert replies[0].startswith("I remember 2 things about that. Which one?")
    assert replies[1] == "I have forgotten that your dog eats fish."
    assert replies[2] == "I don't remember anything about that."
    assert talk.changes == [("deleted", "my dog eats fish")]
    assert texts(talk.memory) == ["my dog is Rex", "my cat is Tom"]


def test_forget_that_takes_back_what_was_just_remembered(talk: Talk) -> None:
    """Elsewhere it is a way to say never mind, and the model's."""
    replies = talk("Forget that.", DENTIST, "Forget that.")

    assert replies[0] == "It is Paris."
    assert replies[2] == "I have forgotten that your dentist is on Tuesday."
    assert texts(talk.memory) == []


def test_forget_that_takes_back_what_was_remembered_again(talk: Talk) -> None:
    """What was said last, not the newest entry."""
    dog, cat = "Remember that my dog is Rex.", "Remember that my cat is Tom."
    assert talk(dog, cat, dog, "Forget that.")[-1] == "I have forgotten that your dog is Rex."
    assert texts(talk.memory) == ["my cat is Tom"]


@pytest.mark.parametrize("heard", ["I'll remember that your dog is Rex.", "I'll remember that you are kind."])
def test_forget_that_asks_where_it_is_not_known_what(memory: Memory, heard: str) -> None:
    """Another session's entry, or words of the model: nothing is forgotten."""
    memory.remember(Note("fact", "my dog is Rex"))
    turn = asked("Forget that.", heard=heard)
    assert Router((memory_skill(memory),))(turn.asked) is not None
    turn.asked.reply.release()
    assert (texts(memory), turn.changes) == (["my dog is Rex"], [])


def test_nothing_is_told_as_forgotten_that_is_not(memory: Memory) -> None:
    """Where the disk fails, all entries stay and no change is told."""
    memory.remember(Note("fact", "my dog is Rex"))
    turn = asked("Yes.", heard=SURE)
    assert Router((memory_skill(memory),))(turn.asked) is not None
    memory._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(MemoryFileError):
        turn.asked.reply.release()
    assert (texts(memory), turn.changes) == (["my dog is Rex"], [])


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ("Yes.", 0), ("Yes, please.", 0), ("Sure, forget everything.", 0), ("Okay", 0),
        ("No.", 1), ("Yes, no, wait.", 1), ("What?", 1), ("Yesterday was fine.", 1),
    ],
)  # fmt: skip
def test_everything_is_forgotten_only_after_a_yes(talk: Talk, answer: str, left: int) -> None:
    """Anything else leaves all as it is."""
    talk.memory.remember(Note("fact", "my dog is Rex"))
    assert talk("Forget everything.", answer)[0] == SURE
    assert len(texts(talk.memory)) == left


def test_a_late_yes_forgets_nothing(talk: Talk) -> None:
    """The question must be the last that was said, and heard to its end."""
    talk.memory.remember(Note("fact", "my dog is Rex"))
    talk("Forget everything.", "What is the capital of France?", "Yes.")
    assert len(texts(talk.memory)) == 1

    way = Router((memory_skill(talk.memory),))
    assert way(asked("Yes.", heard=SURE[:20]).asked) is None
    assert way(asked("Yes.", heard=SURE).asked) is not None


def test_a_name_is_kept_corrected_and_told(talk: Talk) -> None:
    """There is one; the correction names it."""
    replies = talk(
        "What is my name?", "My name is Eager.", "No, my name is Igor.", "What's my name?", "My name is Igor."
    )

    assert replies == [
        "I don't know your name yet. You can tell me.",
        "Nice to meet you, Eager.",
        "Thank you, Igor. I'll remember.",
        "Your name is Igor.",
        "Yes, Igor.",
    ]
    assert talk.changes == [("added", "Eager"), ("edited", "Igor")]


def test_a_name_with_a_question_is_kept_and_the_question_answered(talk: Talk) -> None:
    """By the model."""
    assert talk("My name is Igor. What is the capital of France?") == ["It is Paris."]
    assert talk.memory.name() == "Igor"


def test_it_is_a_name_only_where_the_name_was_spoken_of(talk: Talk) -> None:
    """No, it's Igor: a correction behind the name, else the model's."""
    replies = talk("No, it's Paris.", "My name is Eager.", "No, it's Igor.")

    assert replies[0] == "It is Paris."
    assert talk.memory.name() == "Igor"


def test_the_voice_knows_a_pronunciation_before_it_says_the_word(talk: Talk) -> None:
    """It is told when the turn is over, and the word is spoken only after that."""
    replies = talk("My name is Igor.", "It is pronounced ee gor.", "Siobhan is pronounced shi-VAWN.")

    assert replies[1:] == ["Thank you. I'll say Igor.", "Thank you. I'll say Siobhan."]
    assert talk.voice == [{}, {"Igor": "ee-gor"}, {"Igor": "ee-gor", "Siobhan": "shi-VAWN"}]


def test_a_pronunciation_needs_a_word_and_another_sound(talk: Talk) -> None:
    """Without a name there is none to say; what is heard as it is written tells nothing."""
    replies = talk("My name is pronounced EE-gor.", "My name is Igor.", "It's pronounced Igor.")

    assert replies[0] == "Tell me your name first. Then I'll learn to say it."
    assert replies[2].startswith("I hear it just as it is written.")
    assert talk.voice == [{}]


def test_what_only_the_user_can_know_is_not_made_up(memory: Memory) -> None:
    """Unless the chat tells; other questions are the model's."""
    way = Router((memory_skill(memory),))
    assert way(asked("What is my dog's name?").asked) is not None
    told = replace(
        asked("What is my dog's name?").asked, messages=_chat("My dog is Rex.", "What is my dog's name?")
    )
    assert way(told) is None
    assert way(asked("What is the capital of France?").asked) is None


def test_without_a_memory_nothing_is_promised() -> None:
    """Neither that it will be remembered, nor that it could be."""
    way = Router((memory_skill(None),))
    for text, said in (("What is my dog's name?", "I don't know that about you."), (DENTIST, OFF)):
        answer = way(asked(text).asked)
        assert answer is not None
        assert asyncio.run(whole(answer)) == said
    assert way(asked("What is the capital of France?").asked) is None


def test_another_programs_change_is_known_at_the_next_turn(memory: Memory) -> None:
    """Pronunciations too."""
    told: list[Mapping[str, str]] = []
    way = Router((memory_skill(memory, told.append),))
    Memory(memory.path).take([Note("pronunciation", "EE-gor", "Igor"), Note("fact", "my dog is Rex")])

    assert way(asked("Who is my dog?").asked) is not None
    assert told == [{}, {"Igor": "EE-gor"}]


def test_what_does_not_fit_is_said(talk: Talk) -> None:
    """Too long, or too many: nothing is kept, and the user hears why."""
    assert "at most 300 characters" in talk("Remember that " + "my dog is happy and " * 20)[0]
    assert len("my dog is happy and " * 20) > LONGEST_TEXT_CHARS
    talk.memory.take([Note("fact", f"fact {number}") for number in range(MOST_ENTRIES)])
    assert talk(DENTIST) == ["My memory is full. Tell me first what to forget."]
    assert talk.changes == []


def test_a_memory_that_fails_stops_no_ordinary_talk(talk: Talk) -> None:
    """Only what is asked of it fails, with one line and without an acknowledgement."""
    talk(DENTIST)
    talk.memory._connection.execute("PRAGMA query_only = ON")

    replies = talk("What is the capital of France?", "Remember that my cat is Tom.")

    assert replies == ["It is Paris.", "I'll remember that your cat is Tom."]
    assert [event.status for event in talk.stage.of(events.ResponseDone)] == ["completed", "failed"]
    assert "can't be written" in talk.stage.of(events.Noticed)[0].message
    assert len(talk.stage.of(events.PlaybackStarted)) == 1
    assert texts(talk.memory) == ["my dentist is on Tuesday"]


def test_an_interrupted_reply_has_still_done_what_it_said(talk: Talk) -> None:
    """What was released is done once, whatever is heard of the acknowledgement."""
    talk(
        DENTIST, "stop",
        turns=(RecordedTurn(tone(1.024)), RecordedTurn(tone(0.6), after=0.3)),
    )  # fmt: skip

    assert texts(talk.memory) == ["my dentist is on Tuesday"]


async def whole(answer: Answer) -> str:
    return "".join([token.text async for token in answer])


PERSONA = (Message("system", "persona"), Message("user", "Hi!"), Message("assistant", SURE))


def _chat(told: str, question: str) -> tuple[Message, ...]:
    return (*PERSONA, Message("user", told), Message("assistant", "Good."), Message("user", question))


@dataclass
class Turn:
    """A turn as a way sees it."""

    asked: TurnContext
    changes: list[tuple[str, str]]


def asked(text: str, heard: str = "", unanswered: str = "") -> Turn:
    """Return the turn `text`, behind what was heard of an earlier reply, or behind a turn that had none."""
    changes: list[tuple[str, str]] = []

    def emit(event: events.Event, /, *, at_s: float | None = None) -> None:
        assert isinstance(event, events.MemoryChanged)
        changes.append((event.change, event.text))

    before = [Message("user", "?"), Message("assistant", heard)] if heard else []
    messages = (*PERSONA, *before, Message("user", unanswered + text))
    engines = cast(Engines, None)  # this way needs none
    return Turn(TurnContext(text, messages, PERSONA, engines, ReplyStyle(), Reply(), emit), changes)
