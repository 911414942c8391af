"""The last answer once more: which words ask for it, and what is answered."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from inference.types import Audio, Message
from tests.voice_app.test_conversation import Stage, tone
from voice_app.core import events
from voice_app.core.session import Session
from voice_app.io.recordings import RecordedTurn
from voice_app.skills.repeat.repeat import NOTHING_YET, REPEAT, RETRY, WARMTH, repeat
from voice_app.skills.router import Router

SILENCE = Audio(np.zeros(40 * 16_000, np.float32), 16_000)


def stage(*heard: str, replies: tuple[str, ...] = ("One.", "Two.", "Three.")) -> Stage:
    def join(conversation: Session) -> None:
        conversation.drafter.skills = (Router((repeat,)),)

    return Stage(
        heard=heard, replies=replies, turns=(RecordedTurn(tone(1.024)),) * len(heard), during=join
    ).run()


def texts(of: Stage) -> list[str]:
    return [event.text for event in of.of(events.TextDone)]


@pytest.mark.parametrize(
    "words",
    [REPEAT, "Can you repeat that, please?", "Sorry, what did you say?", "Pardon?", "say it once more"],
)
def test_the_last_answer_is_repeated_to_the_word(words: str) -> None:
    """The language model is not asked."""
    of = stage("count", words)

    assert texts(of) == ["One.", "One."]
    assert len(of.llm.requests) == 1


@pytest.mark.parametrize("words", [RETRY, "Try that again, please.", "Give me another answer."])
def test_the_last_question_is_tried_anew(words: str) -> None:
    """The same chat up to the question, with tokens drawn otherwise."""
    of = stage("count", words)
    first, second = of.llm.requests

    assert texts(of) == ["One.", "Two."]
    assert second.messages == first.messages
    assert second.sampling.temperature == WARMTH


def test_every_try_draws_anew_and_a_repetition_is_no_question() -> None:
    """What was asked last is found before requests for the same again."""
    of = stage("count", REPEAT, RETRY, RETRY)
    seeds = [request.sampling.seed for request in of.llm.requests]

    assert [request.messages[-1] for request in of.llm.requests] == [Message("user", "count")] * 3
    assert len(set(seeds)) == 3


@pytest.mark.parametrize("words", [REPEAT, RETRY])
def test_before_the_first_answer_there_is_nothing_to_say_again(words: str) -> None:
    """That is said."""
    assert texts(stage(words)) == [NOTHING_YET]


@pytest.mark.parametrize(
    "words",
    ["What did you say about Paris?", "Can you say hello?", "Try the door again.", "Repeat after me: one"],
)
def test_other_words_are_left_to_the_language_model(words: str) -> None:
    """Words that only begin like a request for the same again are a question."""
    assert len(stage(words).llm.requests) == 1


@pytest.mark.parametrize("stopped", [events.DraftCreated, events.PlaybackStarted])
def test_a_question_whose_answer_was_stopped_unheard_is_the_last_one(stopped: type[events.Event]) -> None:
    """While it is thought about and at the first sound; a try that is stopped as well is no question."""
    held: list[Session] = []

    def stop(event: events.Event) -> None:
        if isinstance(event, stopped) and event.turn in (2, 3):
            asyncio.get_running_loop().call_soon(held[0].stop)

    def join(conversation: Session) -> None:
        held.append(conversation)
        conversation.drafter.skills = (Router((repeat,)),)
        loop = asyncio.get_running_loop()
        for number, text in enumerate(("count", "spell", RETRY, RETRY)):
            loop.call_later(0.1 + 8 * number, conversation.submit, text)
        conversation.bus.subscribe(stop)

    of = Stage(replies=("One.",), turns=(RecordedTurn(SILENCE),), during=join).run()
    asked = of.llm.requests[-1]

    assert [event.status for event in of.of(events.ResponseDone)][:4] == [
        "completed",
        "cancelled",
        "cancelled",
        "completed",
    ]
    assert [message.content for message in asked.messages[1:]] == ["count", "One.", "spell"]
    assert asked.sampling.temperature == WARMTH
