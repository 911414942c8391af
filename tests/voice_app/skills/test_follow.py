"""Turns that go on from a skill's turn, questions back, refusals, and several requests in one sentence."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Literal

import pytest

from inference.types import Message
from tests.voice_app.skills.talk import BY_MODEL, Talk
from voice_app.core.errors import ToolError
from voice_app.core.history import Exchange, History, SkillCall
from voice_app.skills.followed import calls_before
from voice_app.skills.phrases import phrases_of
from voice_app.skills.router import routes
from voice_app.skills.skill import Arguments, Called, Clarify, Outcome, Refuse, Skill, skill
from voice_app.skills.utterance import Utterance


class Light(Arguments):
    """What to do with the light of a room."""

    action: Literal["on", "off"] = "on"
    room: str = ""


def go_on(said: Utterance, called: Called) -> Light | Clarify | Refuse | None:
    """Read the room that was asked for, "off again", and a wish that can't be fulfilled."""
    words = said.request
    if called.clarifies:
        return Light(action=called.arguments["action"], room=words) if len(words.split()) == 1 else None
    if words == "off again":
        return Light(action="off", room=called.arguments["room"])
    if words.startswith("in the "):
        return Light(action=called.arguments["action"], room=words.removeprefix("in the "))
    return Refuse("I can't dim a light.") if words == "dim it" else None


PHRASES = phrases_of(
    {
        "calls": [
            {
                "arguments": {"action": "on"},
                "sayings": ["[switch] [the] light on in the {room:text}", "light"],
            },
            {"arguments": {"action": "off"}, "sayings": ["[switch] [the] light off in the {room:text}"]},
        ]
    }
)


def lights(done: list[str]) -> Skill:
    """Return a skill that switches lights, as effects."""

    @skill("light", about="Switches lights.", follow=go_on)
    def light(call: Light) -> Outcome:
        if call.room == "attic":
            raise ToolError("There is no light in the attic.")
        return Outcome(
            f"{call.room} {call.action}.", effect=lambda: done.append(f"{call.room} {call.action}")
        )

    return replace(light, phrases=PHRASES)


def held(*turns: str) -> tuple[Talk, list[str], list[str]]:
    """Hold turns; return the chat, what was said, and what was done."""
    done: list[str] = []
    talk = Talk((lights(done),))

    async def hold() -> list[str]:
        return [await talk.say(text) for text in turns]

    return talk, asyncio.run(hold()), done


def test_words_go_on_from_the_latest_call() -> None:
    """With its arguments; what a turn of chat lies between, too."""
    _, _, done = held("light on in the hall", "in the kitchen", "How are you?", "off again")

    assert done == ["hall on", "kitchen on", "kitchen off"]


def test_a_call_that_failed_is_none_to_go_on_from() -> None:
    """Nothing was done, so the words are nobody's."""
    _, said, done = held("light on in the attic", "off again")

    assert done == []
    assert said == ["There is no light in the attic.", BY_MODEL]


def test_what_cannot_be_done_is_said_and_does_not_reach_the_chat() -> None:
    """One plain sentence; the language model is not asked."""
    talk, said, done = held("light on in the hall", "dim it")

    assert said[1] == "I can't dim a light."
    assert done == ["hall on"]
    assert talk.requests == []


@pytest.mark.parametrize(("answer", "done"), [("kitchen", ["kitchen on"]), ("How are you, my dear?", [])])
def test_a_question_back_is_answered_in_the_next_turn_or_not_at_all(answer: str, done: list[str]) -> None:
    """By words that are an answer; other words are a turn of their own, and the question is forgotten."""
    switched: list[str] = []

    @skill("light", about="Switches lights.", follow=go_on)
    def light(call: Light) -> Outcome:
        return Outcome("Yes.", effect=lambda: switched.append(f"{call.room} {call.action}"))

    asks = replace(
        light,
        phrases=PHRASES,
        read=lambda said, _: (
            Clarify("Which room?", {"action": "on"}) if said.request == "make light" else None
        ),
    )
    talk = Talk((asks,))

    async def hold() -> list[str]:
        return [await talk.say(text) for text in ("make light", answer, "kitchen")]

    said = asyncio.run(hold())
    assert said[0] == "Which room?"
    assert switched == done


@pytest.mark.parametrize(
    ("text", "rooms"),
    [
        ("light on in the hall and light on in the kitchen", ["hall on", "kitchen on"]),
        ("Switch the light on in the hall and in the kitchen", ["hall on", "kitchen on"]),
        ("Light on in the hall. Then off again.", ["hall on", "hall off"]),
        (
            "light on in the hall and the kitchen and light off in the den",
            ["hall and the kitchen on", "den off"],
        ),
        ("light on in the living and dining room", ["living and dining room on"]),
        ("light on in the hall and how are you", ["hall and how are you on"]),
    ],
)
def test_several_requests_are_several_calls_where_each_is_one_for_sure(text: str, rooms: list[str]) -> None:
    """A later part may leave out the words of the first, or go on from it; else the sentence stays whole."""
    _, said, done = held(text)

    assert done == rooms
    assert len(said[0].split(". ")) == len(rooms)


def test_the_chat_keeps_what_was_done_as_calls_and_shows_no_sentence_to_imitate() -> None:
    """Answers are shown as they were said; deeds, refusals and questions back are not; skills see all."""
    history = History((Message("system", "persona"),))
    history.add("light", "hall on.", [SkillCall("light", "{}", "hall on.", "deed")])
    history.add("what is six times seven", "42.", [SkillCall("sums", '{"a":6}', "42.")])
    shown = history.messages("thanks")

    assert [message.content for message in shown] == ["persona", "what is six times seven", "42.", "thanks"]
    assert [turn.user for turn in history.turns] == ["light", "what is six times seven"]
    assert [(m.role, [c.name for c in m.tool_calls], m.call_id) for m in history.called][1:3] == [
        ("assistant", ["light"], ""),
        ("tool", [], "call_0_0"),
    ]


def test_turns_are_forgotten_as_a_whole() -> None:
    """With their calls; the later half stays."""
    history = History(())
    for number in range(5):
        history.add(f"light {number}", "on.", [SkillCall("light", "{}", "on.", "deed")] * (number % 2))
    history.forget_older_half()

    assert [turn.user for turn in history.turns] == ["light 3", "light 4"]
    assert history.forget_oldest()
    assert history.called == ()


def test_a_deed_whose_reply_was_not_heard_is_not_asked_again() -> None:
    """A question without an audible answer is, with the next words."""
    history = History(())
    history.add("what is six times seven", "", [SkillCall("sums", "{}")])
    assert history.messages("hm")[-1].content == "what is six times seven\nhm"
    history.add("light", "", [SkillCall("light", "{}", "", "deed")])
    assert history.messages("hm")[-1].content == "hm"


def test_calls_of_long_ago_are_none_to_go_on_from() -> None:
    """The most recent comes first; a question back that was not answered is over."""
    turns = [
        Exchange(str(number), "on.", (SkillCall(f"s{number}", "{}", "on.", "deed"),)) for number in range(9)
    ]
    asked = Exchange("light", "Where?", (SkillCall("light", "{}", "Where?", "question"),))

    assert [call.name for call in calls_before(turns)] == ["s8", "s7", "s6", "s5"]
    assert [call.clarifies for call in calls_before([*turns, asked])][0]
    assert all(not call.clarifies for call in calls_before([asked, *turns[:1]]))


def test_routes_have_their_calls_in_the_order_of_the_words() -> None:
    """As `voice-app tools route` prints them."""
    found = routes(Utterance.of("light on in the hall and in the den"), (lights([]),))

    assert [dict(each.arguments) for each in found] == [
        {"action": "on", "room": "hall"},
        {"action": "on", "room": "den"},
    ]
