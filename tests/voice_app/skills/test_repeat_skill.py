"""The last answer once more: what is answered, and from what."""

from __future__ import annotations

import asyncio

import pytest

from inference.types import Message
from tests.voice_app.skills.talk import Talk
from voice_app.skills.repeat.repeat import NOTHING_YET, REPEAT, RETRY, WARMTH, WHAT, repeat


def held(*texts: str) -> tuple[Talk, list[str]]:
    """Hold these turns with a model that counts its answers; return the answers."""

    async def hold() -> list[str]:
        return [await talk.say(text) for text in texts]

    talk = Talk((repeat,), replies=["One.", "Two.", "Three."])
    return talk, asyncio.run(hold())


@pytest.mark.parametrize(
    "words",
    [REPEAT, "Can you repeat that, please?", "Sorry, what did you say?", "Pardon?", "say it once more"],
)
def test_the_last_answer_is_repeated_to_the_word(words: str) -> None:
    """The language model is not asked."""
    talk, answers = held("count", words)

    assert answers == ["One.", "One."]
    assert len(talk.requests) == 1


@pytest.mark.parametrize("words", [RETRY, "Try that again, please.", "Give me another answer."])
def test_the_last_question_is_tried_again(words: str) -> None:
    """The same chat up to the question, with tokens drawn otherwise."""
    talk, answers = held("count", words)
    first, second = talk.requests

    assert answers == ["One.", "Two."]
    assert second.messages == first.messages
    assert second.sampling.temperature == WARMTH


def test_every_try_draws_anew_and_a_repetition_is_no_question() -> None:
    """What was asked last is found before requests for the same again."""
    talk, _ = held("count", REPEAT, RETRY, RETRY)
    seeds = [request.sampling.seed for request in talk.requests]

    assert [request.messages[-1] for request in talk.requests] == [Message("user", "count")] * 3
    assert len(set(seeds)) == 3


@pytest.mark.parametrize("words", [REPEAT, RETRY])
def test_before_the_first_answer_there_is_nothing_to_say_again(words: str) -> None:
    """That is said."""
    assert held(words)[1] == [NOTHING_YET]


@pytest.mark.parametrize(
    "words",
    ["What did you say about Paris?", "Can you say hello?", "Try the door again.", "He said that again."],
)
def test_other_words_are_left_to_the_language_model(words: str) -> None:
    """Words that only begin like a request for the same again are a question."""
    assert Talk((repeat,)).routed(words) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [("Repeat after me: Good morning, Rome.", "Good morning, Rome."), ("Please repeat after me.", WHAT)],
)
def test_what_is_said_before_is_said_after(words: str, said: str) -> None:
    """With its letters and marks; the language model is not asked."""
    talk, answers = held(words)

    assert answers == [said]
    assert talk.requests == []
