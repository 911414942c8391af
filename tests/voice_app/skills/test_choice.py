"""Which skill words are for, where no saying reads them: a classifier, the language model, who has the last word."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from inference.types import Message
from tests.voice_app.skills.talk import BY_MODEL, Talk
from voice_app.skills.choice import CHAT, asks_nothing, is_impossible, prefix
from voice_app.skills.classifier import Classifier
from voice_app.skills.phrases import phrases_of
from voice_app.skills.registry import SkillValues, session_skills
from voice_app.skills.router import CANNOT, Router
from voice_app.skills.skill import Arguments, Clarify, Outcome, Refuse, Skill, skill
from voice_app.skills.utterance import Utterance

LIKE = [
    "water the plants",
    "give the roses a drink",
    "the garden needs water",
    "please water my garden today",
]
UNLIKE = ["what do plants drink", "roses are red", "who plants gardens", "is water wet"]


class Watering(Arguments):
    """What to water."""

    what: str


def read(said: Utterance, earlier: Sequence[Message]) -> Watering | Clarify | Refuse | None:
    """Read the plant; refuse the sea; ask where none is named."""
    words = set(said.request.split())
    if "sea" in words:
        return Refuse("I can't water the sea.")
    if "not" in words:
        return None
    plants = sorted(words & {"roses", "tulips", "garden"})
    return Watering(what=plants[0]) if plants else Clarify("Which plants?")


@skill("water", about="Waters plants.", fill=read)
def water(call: Watering) -> Outcome:
    """Water plants."""
    return Outcome(f"Watering {call.what}.", effect=lambda: None)


WATER = replace(water, phrases=phrases_of({"like": LIKE, "unlike": UNLIKE}))


@dataclass
class Chooser:
    """A chat that finds every text as probable a request for water as it is told."""

    probability: float
    asked: int = 0

    def odds(self, messages: tuple[Message, ...], words: Sequence[str]) -> tuple[float, ...]:
        self.asked += 1
        return tuple(1 - self.probability if word == CHAT else self.probability for word in words)

    def restore(self, messages: tuple[Message, ...]) -> bool:
        return True


def said(text: str, chooser: Chooser | None = None, skills: tuple[Skill, ...] = (WATER,)) -> str:
    """Hold a turn; return the answer."""
    talk = Talk(skills, chooser=chooser)

    async def hold() -> str:
        return await talk.say(text)

    return asyncio.run(hold())


@pytest.mark.parametrize(
    ("probability", "answer"), [(0.9, "Watering roses."), (0.5, "Watering roses."), (0.01, BY_MODEL)]
)
def test_the_language_model_chooses_where_the_classifier_finds_a_skill_plausible(
    probability: float, answer: str
) -> None:
    """What it finds improbable is chat."""
    assert said("the roses look thirsty", Chooser(probability)) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [("could you water the thirsty roses", "Watering roses."), ("do not give the garden a drink", BY_MODEL)],
)
def test_what_is_sure_or_can_not_be_read_asks_no_language_model(text: str, answer: str) -> None:
    """It costs the time of a short reply."""
    chooser = Chooser(0.01)

    assert said(text, chooser) == answer
    assert chooser.asked == 0


def test_an_ordinary_question_asks_nobody() -> None:
    """Neither the language model nor the skill."""
    chooser = Chooser(0.99)

    assert said("who wrote that famous novel", chooser) == BY_MODEL
    assert chooser.asked == 0


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("please water the sea today", "I can't water the sea."),
        ("please water my stuff today", "Which plants?"),
        ("it is not raining, the garden needs water", BY_MODEL),
    ],
)
def test_the_skill_has_the_last_word(text: str, answer: str) -> None:
    """It refuses, asks back, or says that the words are none of its business; then they are chat."""
    assert said(text, Chooser(0.9)) == answer


def test_without_a_judge_the_classifier_must_be_sure() -> None:
    """And the skill must be able to read the words."""
    assert said("give the tulips and roses a drink") == "Watering roses."
    assert said("tulips from Amsterdam are famous") == BY_MODEL


@pytest.mark.parametrize(
    "text",
    [
        "don't set a timer for five minutes",
        "Why did you set a timer for five minutes?",
        "who set the alarm",
        "she told me to set a timer",
        "my boss asked me to convert the files",
        "I set an alarm yesterday",
        "what is a timer",
        "how come my timer rings",
        "tell me a story about an old clock",
        "would you ever forget my name",
        "my mother wanted you to remember the bins",
        "she converted ten miles to kilometers",
    ],
)
def test_negations_the_past_and_what_others_said_ask_for_nothing(text: str) -> None:
    """Whatever they are about."""
    assert asks_nothing(Utterance.of(text))


@pytest.mark.parametrize(
    "text",
    [
        "don't forget that my sister is Anna",
        "don't let me forget the oven in ten minutes",
        "what is ten miles in kilometers",
        "what's the time",
        "set a timer for five minutes",
        "I want you to remind me at six",
        "I wanted you to remember my shoe size",
        "don't ever forget that my sister is Anna",
        "tomorrow set a reminder to call my mother",
        "a mile converted to kilometers",
        "I don't need the tea timer anymore",
    ],
)
def test_requests_ask_for_something(text: str) -> None:
    """Also those that begin like a negation or a question what something is."""
    assert not asks_nothing(Utterance.of(text))


def test_the_classifier_tells_classes_apart_the_same_way_every_time() -> None:
    """By words it has seen among words that it has not."""
    examples = [*((text, "water") for text in LIKE), *((text, CHAT) for text in UNLIKE)]
    scores = [Classifier.fitted(examples).scores("water the lilies") for _ in range(2)]

    assert scores[0] == scores[1]
    assert scores[0]["water"] > scores[0][CHAT]


def test_the_examples_of_the_language_model_are_the_same_in_every_session() -> None:
    """They are read once, and kept: whatever the memory and the notes of a session."""
    one = prefix(session_skills(SkillValues()))
    other = prefix(session_skills(SkillValues(notes_folder="/nowhere")))
    names = {message.content for message in one if message.role == "assistant"}

    assert one == other
    assert names <= {skill.name for skill in session_skills(SkillValues())} | {CHAT}


def test_a_router_without_skills_leaves_everything_to_chat() -> None:
    """Nothing is plausible there."""
    assert Router(()).likely(Utterance.of("set a timer")) == {}


@pytest.mark.parametrize(
    "text",
    [
        "Turn on the lights in the kitchen.",
        "please turn the volume down to three",
        "call my mother",
        "Order a large pizza.",
        "Could you add eggs to my shopping list?",
        "play some jazz",
        "text dad that I am on my way",
        "send Ida an email that I'm ill",
    ],
)
def test_what_nobody_can_do_is_refused_and_reaches_no_model(text: str) -> None:
    """A language model would pretend to do it."""
    assert said(text, skills=()) == CANNOT


@pytest.mark.parametrize(
    "text",
    [
        "who turned on the lights",
        "write an email to my boss",
        "what did people order in taverns",
        "call me Sam",
        "how do I book a flight",
        "play a game with me",
        "tell me how to open a jar",
    ],
)
def test_questions_about_deeds_are_chat(text: str) -> None:
    """As are wishes for words."""
    assert not is_impossible(Utterance.of(text))
