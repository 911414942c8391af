"""A chat longer than the language model's context goes on: its oldest turns are forgotten in time."""

from __future__ import annotations

import asyncio

import pytest

from inference.errors import PromptTooLong
from inference.protocols import Chat
from inference.types import Message
from tests.voice_app.scripted_session import ScriptedSession, tone
from voice_app.core import events
from voice_app.core.draft import TURN_TOKENS, Drafter
from voice_app.core.endpointing import Endpointer, EndpointLimits
from voice_app.io.recordings import RecordedTurn
from voice_app.runtime.engine_set import load_text_only
from voice_app.runtime.settings import load_settings

TURNS = 12


class NarrowDetector:
    """A turn detector whose model has room for a few messages."""

    def finished(self, chat: Chat, messages: tuple[Message, ...]) -> float:
        if len(messages) > 4:
            raise PromptTooLong(100, 50)
        return 1.0


def test_a_turn_detector_without_room_fails_no_reply() -> None:
    """The oldest turns are forgotten for it, as for the reply."""
    stage = ScriptedSession(
        heard=("a", "b", "c"), detector=NarrowDetector(), turns=(RecordedTurn(tone(1.0)),) * 3
    ).run()

    assert [event.status for event in stage.of(events.ResponseDone)] == ["completed"] * 3
    assert stage.history.messages("next")[1].content == "b"


def test_a_chat_is_halved_before_it_leaves_no_room() -> None:
    """All turns are answered, the chat is never near the context's end, and is not cut at every turn."""
    stage = ScriptedSession(
        heard=[f"question {number}" for number in range(TURNS)],
        replies=("word " * 30 + "end.",),
        turns=(RecordedTurn(tone(1.0)),) * TURNS,
        context_tokens=200 + TURN_TOKENS + 150,
    ).run()
    first = [request.messages[1].content for request in stage.llm.requests]

    assert [event.status for event in stage.of(events.ResponseDone)] == ["completed"] * TURNS
    chat = stage.session.assistant.engines.chat
    assert all(chat.remaining_tokens(request.messages) >= 200 for request in stage.llm.requests)
    assert 3 <= len(set(first)) <= 5


@pytest.mark.model
def test_a_real_chat_outgrows_its_context() -> None:
    """The product's model, with a context for a few turns: there is always room for a turn and its reply."""
    engines = load_text_only(load_settings(models={"context_tokens": 1024}))
    assistant = engines.assistant()
    chat, history = assistant.engines.chat, assistant.history
    drafter = Drafter(assistant, Endpointer(EndpointLimits()))
    reserve = assistant.style.max_tokens + TURN_TOKENS
    try:
        for number in range(30):
            history.add(f"Tell me about the number {number}.", "It is a number like any other. " * 4)
            asyncio.run(drafter.compact())

            assert chat.remaining_tokens(history.messages("")) >= reserve
    finally:
        engines.close()
