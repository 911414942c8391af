"""The way of the tools in conversations of virtual time, with a scripted language model."""

from __future__ import annotations

import pytest

from tests.voice_app.test_conversation import Stage
from voice_app import events
from voice_app.config import Settings
from voice_app.conversation import Conversation
from voice_app.tools.calls import meant, tools_way
from voice_app.tools.timers import Timers
from voice_app.tools.toolbox import toolbox

TOOLS = toolbox(Settings(), Timers())


def join(conversation: Conversation) -> None:
    conversation.drafter.ways = (tools_way(TOOLS),)


def test_a_request_that_rules_can_read_asks_no_language_model() -> None:
    """The call, its answer, and the answer's sound; the history has it."""
    stage = Stage(heard=("What is twelve times seven?",), during=join).run()
    (called,), (answered,) = stage.of(events.ToolCalled), stage.of(events.ToolAnswered)

    assert (called.name, called.arguments) == ("calculator", '{"expression":"12 * 7","unit":""}')
    assert answered.output == "12 times 7 is 84."
    assert stage.llm.requests == []
    assert stage.history.messages("next")[2].content == "12 times 7 is 84."


def test_a_request_that_no_rule_can_read_is_written_by_the_language_model() -> None:
    """Under the grammar of the tool, held to the numbers and units of the request."""
    stage = Stage(
        heard=("Our cat weighs 4 kilograms so in pounds how many is that",),
        replies=('{"amount":"4","source":"kilogram","target":"pound"}',),
        during=join,
    ).run()
    (answered,) = stage.of(events.ToolAnswered)
    (request,) = stage.llm.requests

    assert answered.output == "4 kilograms are about 8.82 pounds."
    assert request.grammar is not None
    assert '"\\"kilogram\\""' in request.grammar
    assert "mile" not in request.grammar


def test_a_call_that_is_cut_off_is_asked_for_again() -> None:
    """One clear line, and no call."""
    stage = Stage(
        heard=("Our cat weighs 4 kilograms so in pounds how many is that",),
        replies=('{"amount":"4","source":',),
        during=join,
    ).run()
    (done,) = stage.of(events.TextDone)

    assert done.text == "I didn't get which units you mean. Say, for example: what are 5 miles in kilometers?"
    assert stage.of(events.ToolCalled) == []


def test_a_tool_without_an_answer_says_why() -> None:
    """Its sentence is the reply; the conversation goes on."""
    stage = Stage(heard=("What is 9 to the power of 9 to the power of 9?",), during=join).run()
    (done,) = stage.of(events.TextDone)

    assert done.text == "That number is too large for me."
    assert [event.status for event in stage.of(events.ResponseDone)] == ["completed"]


@pytest.mark.parametrize("text", ["hello", "x" * 1_000_000, "12 times " * 50_000])
def test_other_turns_are_left_alone(text: str) -> None:
    """Small talk, and texts that are too long to be a request."""
    assert meant(text, TOOLS) is None
