"""Whose turn it is, in which order that is asked, and how the call is made."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from tests.voice_app.skills.talk import BY_MODEL, Talk
from voice_app.core import events
from voice_app.core.errors import ToolError
from voice_app.core.turn import Answer, TurnContext, announcement
from voice_app.skills.registry import SkillValues, session_skills
from voice_app.skills.router import route
from voice_app.skills.skill import Arguments, Fallback, Open, Outcome, Skill, skill
from voice_app.skills.utterance import Utterance

SKILLS = session_skills(SkillValues())
PIECES = (
    "okay please can you set a timer for ten minutes half past six remember that my name is Igor forget what time is "
    "it in Paris how many miles are 5 kilometers plus times % of think harder about say again the table column to and "
    "not don't . , ? ! - 0.5 1/3 \0 é"
)


def held(text: str, *replies: str, skills: tuple[Skill, ...] = SKILLS) -> tuple[Talk, str]:
    """Hold a turn; return the answer."""

    async def hold() -> str:
        return await talk.say(text)

    talk = Talk(skills, replies=[*replies] or [BY_MODEL])
    return talk, asyncio.run(hold())


def test_a_request_that_rules_can_read_asks_no_language_model() -> None:
    """The call and its answer are told as events; the answer is the reply."""
    talk, said = held("What is twelve times seven?")
    (called,), (answered,) = talk.of(events.ToolCalled), talk.of(events.ToolAnswered)

    assert (called.name, called.arguments) == ("calculator", '{"expression":"12 * 7","unit":""}')
    assert answered.output == said
    assert talk.requests == []


class Dose(Arguments):
    """How much of what."""

    seconds: int = Field(ge=0, le=9999)
    what: str = Field("", max_length=60)


@skill("dose", about="Doses.", read=lambda said, _: Open({"seconds": ["3000"], "what": ["", "laundry"]}))
def dose(call: Dose) -> Outcome:
    """Say the dose."""
    return Outcome(f"{call.seconds} {call.what}")


LAUNDRY = "The laundry takes fifty minutes"
"""How long is for rules to read, what for is for the language model to tell."""


def test_a_request_that_no_rule_can_read_is_written_by_the_language_model() -> None:
    """Under the grammar of the skill, held to the words and numbers of the request."""
    written = '{"seconds":3000,"what":"laundry"}'
    talk, _ = held(LAUNDRY, written, skills=(dose,))
    (called,) = talk.of(events.ToolCalled)
    (request,) = talk.requests

    assert called.arguments == written
    assert request.grammar is not None
    assert 'f0 ::= "3000"' in request.grammar
    assert '"\\"laundry\\""' in request.grammar


def test_a_call_that_is_cut_off_is_asked_for_again() -> None:
    """And no call is made."""
    talk, said = held(LAUNDRY, '{"seconds":30', skills=(dose,))

    assert said == dose.phrases.unclear
    assert talk.of(events.ToolCalled) == []


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
            {"about": "time", "place": "Sydney", "day": "today", "minutes": 0, "at": "", "other": ""},
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
    assert (found.skill.name, found.arguments) == (tool, arguments)
    assert found.by in ("template", "rule")


class Word(Arguments):
    """A word."""

    word: str


def scripted_skill(name: str, reading: object) -> Skill:
    """Return a skill that reads everything alike, and says its name."""

    @skill(name, about="Says its name.", read=lambda utterance, earlier: reading)
    def say_name(call: Word, context: TurnContext) -> Answer:
        return announcement(f"{name} {call.word if isinstance(call, Word) else call}")

    return say_name


@pytest.mark.parametrize(
    ("readings", "name"),
    [
        ((Fallback(Word(word="a")), Open({"word": ["b"]}), Word(word="c")), "third"),
        ((Fallback(Word(word="a")), Open({"word": ["b"]}), None), "second"),
        ((Fallback(Word(word="a")), None, None), "first"),
        ((Word(word="a"), Word(word="b"), Word(word="c")), "first"),
        ((None, None, None), None),
    ],
)
def test_who_reads_a_turn_for_sure_comes_before_who_only_may(
    readings: tuple[object, ...], name: str | None
) -> None:
    """Then a skill that is meant, then what is said where nobody is; the first of equals."""
    skills = [
        scripted_skill(each, reading)
        for each, reading in zip(("first", "second", "third"), readings, strict=True)
    ]
    found = route(Utterance.of("hello"), skills)

    assert (found and found.skill.name) == name


def test_a_skill_is_a_function_and_its_type() -> None:
    """The schema of its call is that of its parameter; a call without an answer is refused in a sentence."""

    @skill("echo", about="Repeats a word.", read=lambda utterance, earlier: Word(word=utterance.request))
    def echo(call: Word) -> Outcome:
        if call.word == "no":
            raise ToolError("I would rather not.")
        return Outcome(call.word)

    assert echo.arguments is Word
    assert echo(Word(word="hi")) == Outcome("hi")
    assert held("Hi!", skills=(echo,))[1] == "hi"
    assert held("No.", skills=(echo,))[1] == "I would rather not."


@pytest.mark.parametrize("text", ["hello", "", " ", "x" * 1_000_000, "12 times " * 50_000])
def test_other_turns_are_left_alone(text: str) -> None:
    """Small talk, and texts that are too long to be a request."""
    assert route(Utterance.of(text), SKILLS) is None


@given(st.lists(st.sampled_from(PIECES.split(" ")), max_size=30).map(" ".join) | st.text(max_size=2500))
def test_any_text_is_routed_or_left(text: str) -> None:
    """No text breaks a skill's reading, and what is read is a call that can be told."""
    found = route(Utterance.of(text), SKILLS)

    assert found is None or isinstance(found.arguments, dict)


@pytest.mark.parametrize(
    ("text", "plain", "request_"),
    [
        ("Okay, can you please set it, please?", "set it?", "set it"),
        ("Hey computer, I'd like you to stop. Thanks!", "stop!", "stop"),
        ("What's one hundred and five divided by 2 1/2?", None, "what's 105 divided by 2.5"),
        ("No problem.", None, "no problem"),
        ("Start a ten-minute timer for me", "Start a ten-minute timer", "start a 10 minute timer"),
        ("Don’t   stop", "Don't stop", "don't stop"),
    ],
)
def test_an_utterance_is_read_once_for_all(text: str, plain: str | None, request_: str) -> None:
    """Courtesies off both ends, apostrophes and spaces plain, numbers as digits."""
    said = Utterance.of(text)

    assert (said.plain, said.request) == (plain or said.text, request_)
