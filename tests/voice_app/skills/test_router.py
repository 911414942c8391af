"""Skills in conversations of virtual time, with a scripted language model."""

from __future__ import annotations

import pytest

from tests.voice_app.test_conversation import Stage
from voice_app.core import events
from voice_app.core.session import Session
from voice_app.skills.registry import SkillValues, session_skills
from voice_app.skills.router import Router, route
from voice_app.skills.utterance import Utterance

SKILLS = session_skills(SkillValues())


def join(conversation: Session) -> None:
    conversation.drafter.skills = (Router(SKILLS),)


def test_a_request_that_rules_can_read_asks_no_language_model() -> None:
    """The call, its answer, and the answer's sound; the history has it."""
    stage = Stage(heard=("What is twelve times seven?",), during=join).run()
    (called,), (answered,) = stage.of(events.ToolCalled), stage.of(events.ToolAnswered)

    assert (called.name, called.arguments) == ("calculator", '{"expression":"12 * 7","unit":""}')
    assert answered.output == "12 times 7 is 84."
    assert stage.llm.requests == []
    assert stage.history.messages("next")[2].content == "12 times 7 is 84."


LAUNDRY = "The laundry takes fifty minutes so could you start a timer for me"
"""How long is for rules to read, what for is for the language model to tell."""


def test_a_request_that_no_rule_can_read_is_written_by_the_language_model() -> None:
    """Under the grammar of the tool, held to the words and numbers of the request."""
    stage = Stage(
        heard=(LAUNDRY,),
        replies=('{"action":"start","kind":"timer","seconds":3000,"at":"","label":"laundry"}',),
        during=join,
    ).run()
    (answered,) = stage.of(events.ToolAnswered)
    (request,) = stage.llm.requests

    assert answered.output == "The laundry timer is set for 50 minutes."
    assert request.grammar is not None
    assert 'f2 ::= "3000"' in request.grammar
    assert '"\\"laundry\\""' in request.grammar


def test_a_call_that_is_cut_off_is_asked_for_again() -> None:
    """One clear line, and no call."""
    stage = Stage(heard=(LAUNDRY,), replies=('{"action":"start","kind":"ti',), during=join).run()
    (done,) = stage.of(events.TextDone)

    assert done.text == "I didn't get that timer. Say, for example: set a timer for five minutes."
    assert stage.of(events.ToolCalled) == []


@pytest.mark.parametrize(
    ("text", "tool", "arguments"),
    [
        (
            "The baby weighs eight pounds, how much would that be in kilograms?",
            "units",
            {"amount": "8", "source": "pound", "target": "kilogram"},
        ),
        (
            "My sister lives in Sydney, what time is it for her?",
            "clock",
            {"about": "time", "place": "Sydney", "day": "today", "minutes": 0},
        ),
        (
            "If I bought seven boxes at twelve dollars each, what is seven times twelve?",
            "calculator",
            {"expression": "7 * 12", "unit": "dollars"},
        ),
    ],
)
def test_one_choice_for_each_argument_needs_no_language_model(
    text: str, tool: str, arguments: dict[str, object]
) -> None:
    """Numbers, units, places and sums are found among other words."""
    found = route(Utterance.of(text), SKILLS)

    assert found is not None
    assert (found.skill.name, found.arguments, found.by) == (tool, arguments, "rule")


def test_a_tool_without_an_answer_says_why() -> None:
    """Its sentence is the reply; the conversation goes on."""
    stage = Stage(heard=("What is 9 to the power of 9 to the power of 9?",), during=join).run()
    (done,) = stage.of(events.TextDone)

    assert done.text == "That number is too large for me."
    assert [event.status for event in stage.of(events.ResponseDone)] == ["completed"]


@pytest.mark.parametrize("text", ["hello", "x" * 1_000_000, "12 times " * 50_000])
def test_other_turns_are_left_alone(text: str) -> None:
    """Small talk, and texts that are too long to be a request."""
    assert route(Utterance.of(text), SKILLS) is None
