"""The memory's skill: what a turn asks of it, what is in the memory afterwards, what the voice learns."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from inference.types import Message
from tests.voice_app.skills.talk import BY_MODEL, Talk
from voice_app.core import events
from voice_app.core.errors import MemoryFileError
from voice_app.core.history import SkillCall
from voice_app.skills.memory.entries import LONGEST_TEXT_CHARS, MOST_ENTRIES, Note
from voice_app.skills.memory.memory_call import MemoryCall
from voice_app.skills.memory.memory_skill import memory_skill
from voice_app.skills.memory.remembering import OFFER, SURE, UNKNOWN
from voice_app.skills.memory.sayings import sentence, to_you
from voice_app.skills.memory.store import Memory
from voice_app.skills.router import Router

DENTIST, FACT = "Remember that my dentist is on Tuesday.", "my dentist is on Tuesday"


@dataclass
class Chat:
    """Turns with a memory."""

    memory: Memory
    voice: list[Mapping[str, str]] = field(default_factory=list)
    """What the voice was told, in order."""
    talk: Talk = field(init=False)

    def __post_init__(self) -> None:
        self.talk = Talk((memory_skill(self.memory, lambda said: self.voice.append(dict(said))),))

    def say(self, *texts: str) -> list[str]:
        """Hold these turns; return the answers."""

        async def hold() -> list[str]:
            return [await self.talk.say(text) for text in texts]

        return asyncio.run(hold())

    def call(self, text: str) -> object:
        """Return the call that a turn would be, None where it is the language model's."""
        found = self.talk.routed(text)
        return found and found.call

    @property
    def changes(self) -> list[tuple[str, str]]:
        return [(event.change, event.text) for event in self.talk.of(events.MemoryChanged)]

    @property
    def texts(self) -> list[str]:
        return [entry.text for entry in self.memory.entries()]


@pytest.fixture
def chat(tmp_path: Path) -> Chat:
    return Chat(Memory(tmp_path / "plain.sqlite3"))


def asked(action: str, about: str = "", text: str = "", *, every: bool = False) -> MemoryCall:
    """Return a call."""
    return MemoryCall.model_validate({"action": action, "text": text, "about": about, "every": every})


def heard(text: str) -> list[Message]:
    """Return a turn whose answer was heard."""
    return [Message("user", "?"), Message("assistant", text)]


def test_what_is_remembered_answers_a_later_question(chat: Chat) -> None:
    """Also in the next session; the words it comes from are kept with it."""
    assert chat.call(DENTIST) == asked("remember", text=FACT)
    chat.say(DENTIST)

    assert chat.changes == [("added", FACT)]
    assert chat.memory.entries()[0].said == DENTIST
    later = Chat(Memory(chat.memory.path))
    assert later.say("When is my dentist appointment?") == [sentence(to_you(FACT))]
    assert later.call("What is the capital of France?") is None


def test_a_turn_that_goes_on_after_its_end_changes_what_it_wrote(chat: Chat) -> None:
    """It was written when the turn seemed over; nobody has heard the reply, so it is the same turn."""
    router = Router(chat.talk.skills)
    for text in ("Remember that my dentist is on", "Remember that my dentist is on Friday"):
        turn = chat.talk.turn(text)
        assert router(turn)
        turn.reply.release()

    assert chat.texts == ["my dentist is on Friday"]
    assert [change for change, _ in chat.changes] == ["added", "edited"]


def test_two_turns_of_the_same_chat_are_two_entries(chat: Chat) -> None:
    """A turn typed before anything was heard of the reply to the one before takes nothing from that."""
    router = Router(chat.talk.skills)
    first = chat.talk.turn("Remember my dog is Rex")
    second = chat.talk.turn("Remember my cat is Tom")
    object.__setattr__(
        second, "messages", (Message("user", "Remember my dog is Rex\nRemember my cat is Tom"),)
    )
    for turn in (first, second):
        assert router(turn)
        turn.reply.release()

    assert chat.texts == ["my dog is Rex", "my cat is Tom"]


def test_a_correction_takes_the_place_of_what_it_corrects(chat: Chat) -> None:
    """With a no or an actually in front; without, both are kept, and the latest answers."""
    chat.say(DENTIST, "Actually, remember that my dentist is on Friday.")
    assert chat.texts == ["my dentist is on Friday"]

    chat.say("Remember that my dentist is on Monday.")
    assert len(chat.texts) == 2
    assert chat.say("When is my dentist?") == ["Your dentist is on Monday."]


def test_all_that_is_remembered_is_shown(chat: Chat) -> None:
    """On the screen as a table with the numbers of the command line."""
    assert chat.call("What do you remember?") == asked("list")
    chat.say("What do you remember?", DENTIST, "My name is Igor.", "What do you remember about me?")
    (shown,) = chat.talk.of(events.TableShown)

    assert shown.rows == (("1", "fact", FACT), ("2", "name", "Igor"))


def test_what_is_known_of_something_is_told_or_left_to_the_model(chat: Chat) -> None:
    """What is remembered of it, plainly asked for; general knowledge is the model's."""
    chat.memory.remember(Note("fact", FACT))

    assert chat.call("What do you remember about the dentist?") == asked("recall", "the dentist", every=True)
    assert chat.call("What do you remember about my boat?") == asked("recall", "my boat", every=True)
    assert chat.call("What do you know about my dentist?") == asked("recall", "my dentist", every=True)
    assert chat.call("What do you know about elephants?") is None


def test_an_entry_is_forgotten_by_what_it_is_about(chat: Chat) -> None:
    """Where several are meant, the user is asked which, and nothing is forgotten."""
    chat.memory.take([Note("fact", text) for text in ("my dog is Rex", "my dog eats fish", "my cat is Tom")])
    chat.say("Forget about my dog.")
    assert chat.changes == []

    chat.say("Forget that my dog eats fish.", "Forget about my boat.")
    assert chat.changes == [("deleted", "my dog eats fish")]
    assert chat.texts == ["my dog is Rex", "my cat is Tom"]


def test_forget_that_takes_back_what_was_just_remembered(chat: Chat) -> None:
    """Elsewhere it is another word for never mind, and the model's."""
    assert chat.call("Forget that.") is None
    chat.say(DENTIST)
    assert chat.call("Forget that.") == asked("forget", FACT)
    chat.say("Forget that.")
    assert chat.texts == []


def test_forget_that_takes_back_what_was_remembered_again(chat: Chat) -> None:
    """What was said last, not the newest entry."""
    dog, cat = "Remember that my dog is Rex.", "Remember that my cat is Tom."
    chat.say(dog, cat, dog, "Forget that.")
    assert chat.texts == ["my cat is Tom"]


@pytest.mark.parametrize("said", ["I'll remember that your dog is Rex.", "I'll remember that you are kind."])
def test_forget_that_asks_where_it_is_not_known_what(chat: Chat, said: str) -> None:
    """Another session's entry, or words of the model: nothing is forgotten."""
    chat.memory.remember(Note("fact", "my dog is Rex"))
    chat.talk.messages = heard(said)
    chat.say("Forget that.")
    assert (chat.texts, chat.changes) == (["my dog is Rex"], [])


def test_nothing_is_told_as_forgotten_that_is_not(chat: Chat) -> None:
    """Where the disk fails, all entries stay and no change is told."""
    chat.memory.remember(Note("fact", "my dog is Rex"))
    chat.say("Forget everything.")
    chat.memory._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(MemoryFileError):
        chat.say("Yes.")
    assert (chat.texts, chat.changes) == (["my dog is Rex"], [])


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ("Yes.", 0), ("Yes, please.", 0), ("Sure, forget everything.", 0), ("Okay", 0),
        ("No.", 1), ("Yes, no, wait.", 1), ("What?", 1), ("Yesterday was fine.", 1),
    ],
)  # fmt: skip
def test_everything_is_forgotten_only_after_a_yes(chat: Chat, answer: str, left: int) -> None:
    """Anything else leaves all as it is."""
    chat.memory.remember(Note("fact", "my dog is Rex"))
    assert chat.call("Forget everything.") == asked("forget_all")
    chat.say("Forget everything.", answer)
    assert len(chat.texts) == left


def test_a_late_yes_forgets_nothing(chat: Chat) -> None:
    """The question must be the last that was said, and heard to its end."""
    chat.memory.remember(Note("fact", "my dog is Rex"))
    chat.say("Forget everything.", "What is the capital of France?", "Yes.")
    assert len(chat.texts) == 1

    call = asked("forget_all").model_dump_json()
    chat.talk.history.add("Forget everything.", SURE[:20], [SkillCall("memory", call, SURE, "question")])
    assert chat.say("Yes.") == [SURE]
    assert len(chat.texts) == 1


def test_a_name_is_kept_corrected_and_told(chat: Chat) -> None:
    """There is one; the correction names it."""
    assert chat.call("What's my name?") == asked("recall", "my name")
    assert chat.call("No, my name is Igor.") == asked("name", text="Igor")
    chat.say("My name is Eager.", "No, my name is Igor.", "My name is Igor.")
    assert chat.changes == [("added", "Eager"), ("edited", "Igor")]


def test_a_name_with_a_question_is_kept_and_the_question_answered(chat: Chat) -> None:
    """By the model."""
    assert chat.say("My name is Igor. What is the capital of France?") == [BY_MODEL]
    assert chat.memory.name() == "Igor"


def test_it_is_a_name_only_where_the_name_was_spoken_of(chat: Chat) -> None:
    """No, it's Igor: a correction after the name, else the model's."""
    assert chat.call("No, it's Paris.") is None
    chat.say("My name is Eager.", "No, it's Igor.")
    assert chat.memory.name() == "Igor"


def test_the_voice_knows_a_pronunciation_before_it_says_the_word(chat: Chat) -> None:
    """It is told when the turn is over."""
    chat.say("My name is Igor.")
    assert chat.call("It is pronounced ee gor.") == asked("pronounce", text="ee gor")
    chat.say("It is pronounced ee gor.", "Siobhan is pronounced shi-VAWN.")
    assert chat.voice == [{}, {"Igor": "ee-gor"}, {"Igor": "ee-gor", "Siobhan": "shi-VAWN"}]


def test_a_pronunciation_needs_a_word_and_another_sound(chat: Chat) -> None:
    """Without a name there is none to say; what is heard as it is written tells nothing."""
    chat.say("My name is pronounced EE-gor.", "My name is Igor.", "It's pronounced Igor.")
    assert chat.voice == [{}]
    assert chat.memory.pronunciations() == {}


def test_what_only_the_user_can_know_is_not_made_up(chat: Chat) -> None:
    """Unless the chat tells; other questions are the model's."""
    assert chat.say("What is my dog's name?") == [UNKNOWN + OFFER]
    chat.talk.messages = [Message("user", "My dog is Rex."), Message("assistant", "Good.")]
    assert chat.say("What is my dog's name?") == [BY_MODEL]
    assert chat.call("What is the capital of France?") is None


def test_without_a_memory_nothing_is_promised() -> None:
    """Neither that it will be remembered, nor that it could be."""
    talk = Talk((memory_skill(None),))
    calls = [found and found.call for found in map(talk.routed, ("What is my dog's name?", DENTIST))]

    assert calls == [asked("recall", "my dog's name"), asked("remember", text=FACT)]
    assert asyncio.run(talk.say(DENTIST)).startswith("I can't remember")
    assert talk.routed("What is the capital of France?") is None


def test_another_programs_change_is_known_at_the_next_question(chat: Chat) -> None:
    """Pronunciations too."""
    Memory(chat.memory.path).take([Note("pronunciation", "EE-gor", "Igor"), Note("fact", "my dog is Rex")])

    assert chat.say("Who is my dog?") == ["Your dog is Rex."]
    assert chat.voice == [{}, {"Igor": "EE-gor"}]


@pytest.mark.parametrize(
    "text", ["Tell me a joke.", "Set a timer for ten minutes.", "I like the weather today."]
)
def test_turns_that_ask_nothing_of_it_read_no_file(chat: Chat, text: str) -> None:
    """Drafts are made several times a turn, in the event loop."""
    chat.memory.close()
    assert chat.call(text) is None


def test_what_does_not_fit_is_not_kept(chat: Chat) -> None:
    """Too long, or too many."""
    long = "my dog is happy and " * 20
    assert len(long) > LONGEST_TEXT_CHARS
    chat.say(f"Remember that {long}")
    chat.memory.take([Note("fact", f"fact {number}") for number in range(MOST_ENTRIES)])
    chat.say(DENTIST)
    assert chat.changes == []


def test_nothing_is_lost_by_a_misheard_sentence(chat: Chat) -> None:
    """What was forgotten is told, and comes back in the next turn; what was replaced, too."""
    chat.memory.take([Note("fact", text) for text in ("my dog is Rex", "I live in York")])
    (said,) = chat.say("Delete the memory about my dog.")
    assert "your dog is Rex" in said
    assert chat.texts == ["I live in York"]
    chat.say("Undo that.")
    assert sorted(chat.texts) == ["I live in York", "my dog is Rex"]

    chat.say("I moved to Hull.", "No, don't!")
    assert sorted(chat.texts) == ["I live in York", "my dog is Rex"]
    chat.say("Forget everything.", "Yes.", "Bring it all back.")
    assert sorted(chat.texts) == ["I live in York", "my dog is Rex"]


def test_undo_is_for_the_last_change_and_only_right_after_it(chat: Chat) -> None:
    """Later, or after an answer that changed nothing, it is none of the memory's."""
    chat.memory.remember(Note("fact", "my dog is Rex"))
    chat.say("Forget my dog.", "What is the capital of France?")
    assert chat.call("Undo that.") is None
    chat.say("What do you remember?")
    assert chat.call("Undo that.") is None


def test_an_undone_undo_is_done_again(chat: Chat) -> None:
    """It changes something, too."""
    chat.memory.remember(Note("fact", "my dog is Rex"))
    chat.say("Forget my dog.", "Undo that.")
    assert chat.texts == ["my dog is Rex"]
    chat.say("Undo that.")
    assert chat.texts == []


def test_which_is_asked_and_the_next_turn_answers(chat: Chat) -> None:
    """By its place, by its words, or all; another answer leaves all as it is."""
    facts = ("my dog is Rex", "my dog eats fish")
    for answer, left in (
        ("the second one", ["my dog is Rex"]),
        ("The one about fish.", ["my dog is Rex"]),
        ("both", []),
        ("never mind", list(facts)),
        ("What is the capital of France?", list(facts)),
    ):
        chat.memory.forget_all()
        chat.memory.take([Note("fact", text) for text in facts])
        chat.say("Forget about my dog.", answer)
        assert chat.texts == left, answer


def test_a_correction_of_another_answer_is_no_correction_of_the_memory(chat: Chat) -> None:
    """Only right after its own."""
    chat.say(DENTIST, "What is the capital of France?")
    assert chat.call("No, Wednesday.") is None


def test_two_requests_in_a_turn_are_two_entries(chat: Chat) -> None:
    """The second is no continuation of the first; a title is no end of a sentence."""
    chat.say("Remember that my dog is Rex and remember that my doctor is Dr. Weiss.")
    assert chat.texts == ["my dog is Rex", "my doctor is Dr. Weiss"]


def test_what_is_said_otherwise_is_asked_before_it_is_forgotten(chat: Chat) -> None:
    """A misheard name deletes nothing."""
    chat.memory.remember(Note("fact", "my dog is Rex"))
    chat.say("Forget that my dog is Max.")
    assert chat.texts == ["my dog is Rex"]
    chat.say("Yes.")
    assert chat.texts == []
