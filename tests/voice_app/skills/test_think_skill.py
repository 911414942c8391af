"""Thinking harder: what is a request for it, how answers vote, when it stops, and that it keeps to its time."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.types import Audio, Message, Sampling
from tests.voice_app.test_conversation import Stage, pause
from voice_app.core import events
from voice_app.core.pipeline import Filler
from voice_app.core.session import Session
from voice_app.io.recordings import RecordedTurn
from voice_app.skills.fillers import THINKING
from voice_app.skills.router import Router, route
from voice_app.skills.think.think import WARMTH, Considering, Effort, alike, gist, think_skill
from voice_app.skills.utterance import Utterance


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Think harder about what is the capital of Norway?", "what is the capital of Norway?"),
        ("Think hard: who wrote Hamlet?", "who wrote Hamlet?"),
        ("Think harder. Is the moon a planet?", "Is the moon a planet?"),
        ("Please think carefully about this: what is 7 times 8?", "what is 7 times 8?"),
        ("Think harder.", ""),
        ("Think harder about that!", ""),
        ("Can you think harder about it?", ""),
        ("I think hard work pays.", None),
        ("What do you think about hard cheese?", None),
        ("Thinking harder is what I do.", None),
        ("Think of a number.", None),
    ],
)
def test_what_is_a_request_to_think_harder(text: str, question: str | None) -> None:
    """And what the question is; "" for the one before, None for none."""
    found = route(Utterance.of(text), (think_skill(Effort()),))

    assert (found and found.arguments["question"]) == question


@pytest.mark.parametrize(
    ("question", "one", "other", "same"),
    [
        ("What is the capital of France?", "The capital of France is Paris.", "Paris", True),
        ("What is the capital of France?", "The capital of France is Paris.", "It is Lyon.", False),
        ("How many legs has a dog?", "A dog has four legs.", "4", True),
        ("How many legs has a dog?", "A dog has four legs.", "A dog has six legs.", False),
        ("Is ice cold?", "Yes, ice is cold.", "Yes.", True),
        ("Is ice cold?", "Yes, ice is cold.", "No, ice is not cold.", False),
        ("What do bees make?", "Bees make honey.", "They make honey", True),
    ],
)
def test_answers_agree_by_what_they_say_beside_the_question(
    question: str, one: str, other: str, same: bool
) -> None:
    """Numbers as words or digits, yes and no, short phrases and sentences."""
    assert alike(gist(question, one), gist(question, other)) == same


@given(st.lists(st.sampled_from(["Paris.", "It is Paris.", "Lyon.", "Nice.", ""]), min_size=1, max_size=12))
def test_the_choice_is_an_answer_that_no_other_has_more_votes_than(answers: list[str]) -> None:
    """And the earliest of those; it always agrees with itself."""
    thought = Considering("What is the capital of France?", Effort(), list(answers))
    chosen, agreed = thought.chosen()
    votes = [
        sum(alike(gist(thought.question, a), gist(thought.question, b)) for b in answers) for a in answers
    ]

    assert agreed == max(votes)
    assert chosen == answers[votes.index(max(votes))]


@given(st.lists(st.sampled_from(["Paris", "Lyon", "Nice"]), min_size=9, max_size=9), st.integers(1, 9))
def test_stopping_early_does_not_change_the_choice(answers: list[str], samples: int) -> None:
    """What is left unasked could not have outvoted it."""
    early, whole = (Considering("Where?", Effort(samples, 1e9)) for _ in range(2))
    for answer in answers[:samples]:
        whole.add(answer)
    for answer in answers:
        if early.enough(0.0):
            break
        early.add(answer)

    assert early.chosen()[0] == whole.chosen()[0]


def test_the_first_answer_is_drawn_as_always_and_the_others_differ() -> None:
    """So that the vote contains what would have been said without it."""
    thought, plain = Considering("Where?", Effort()), Sampling(seed=3)
    drawn = []
    for _ in range(3):
        drawn.append(thought.sampling(plain))
        thought.add("x")

    assert drawn[0] == plain
    assert [sampling.temperature for sampling in drawn[1:]] == [WARMTH, WARMTH]
    assert len({sampling.seed for sampling in drawn}) == 3


def join(effort: Effort) -> object:
    def joined(conversation: Session) -> None:
        conversation.drafter.skills = (Router((think_skill(effort),)),)

    return joined


ANSWERS = ("It is Lyon.", "It is Paris.", "Paris.", "It is Nice.", "The capital is Paris.")


def test_the_answer_that_most_agree_on_is_spoken() -> None:
    """The question alone is asked, and the event tells how sure the vote is and what it took."""
    stage = Stage(
        heard=("Think harder about what is the capital of France?",),
        replies=ANSWERS,
        during=join(Effort(5, 60.0)),
    ).run()
    (considered,) = stage.of(events.Considered)
    (done,) = stage.of(events.TextDone)

    assert done.text == "It is Paris."
    assert (considered.samples, considered.agreed, considered.budget_s) == (5, 3, 60.0)
    assert {request.messages[-1].content for request in stage.llm.requests} == {
        "what is the capital of France?"
    }
    assert considered.spent_s == pytest.approx(5 * 0.1 + (2 + 2 + 0 + 2 + 3) * 0.02, abs=0.001)


def test_the_time_is_kept() -> None:
    """An answer that is under way when it is spent does not count; the first always does."""
    stage = Stage(heard=("Think hard: where?",), replies=ANSWERS, during=join(Effort(5, 0.3))).run()
    none = Stage(heard=("Think hard: where?",), replies=ANSWERS, during=join(Effort(5, 0.01))).run()
    (considered,), (least,) = stage.of(events.Considered), none.of(events.Considered)

    assert considered.samples == 2
    assert considered.spent_s <= 0.3 + 0.1
    assert least.samples == 1
    assert none.of(events.TextDone)[0].text == "It is Lyon."


def test_the_question_before_is_thought_about() -> None:
    """Where the wish has none of its own; with none before, it is asked for."""
    stage = Stage(
        heard=("Think harder.", "Where is Paris?", "Think harder about that."),
        replies=("In Spain.", "In Spain.", "In France.", "In France.", "In France."),
        turns=(RecordedTurn(pause(1.0)),) * 3,
        during=join(Effort(3, 60.0)),
    ).run()

    assert [event.text for event in stage.of(events.TextDone)] == [
        "What shall I think about?",
        "In Spain.",
        "In France.",
    ]
    assert stage.llm.requests[-1].messages[-1].content == "Where is Paris?"


def test_the_user_may_go_on_while_it_thinks() -> None:
    """The draft is dropped with its samples, and the whole question is thought about."""
    stage = Stage(
        heard=("Think harder about", "Think harder about where Paris is"),
        replies=lambda _: "It is in France",
        turns=(RecordedTurn(pause(1.0, 0.2, 1.0)),),
        during=join(Effort(3, 60.0)),
    ).run()

    assert len(stage.of(events.DraftDiscarded)) == 1
    assert [event.text for event in stage.of(events.TextDone)][-1] == "It is in France"
    assert stage.llm.requests[-1].messages[-1] == Message("user", "where Paris is")


def test_a_filler_is_said_first_and_is_no_part_of_the_answer() -> None:
    """Where the answer takes longer than the filler; the history has the answer alone."""
    filler = Filler(THINKING, Audio(np.ones(16_000, np.float32), 16_000))
    stage = Stage(
        heard=("Think harder about where Paris is.",),
        replies=ANSWERS,
        first_token_s=0.8,
        during=join(Effort(5, 10.0)),
        more={"bridges": (filler,)},
    ).run()
    (opener,) = stage.of(events.OpenerSpoken)

    assert opener.text == THINKING
    assert opener.at_s < stage.of(events.Considered)[0].at_s
    assert stage.history.messages("next")[2].content == "It is Paris."


def test_a_question_without_an_answer_is_the_one_before() -> None:
    """Its answer was stopped before its first sound; so was that to a first wish to think about it."""

    def begin(conversation: Session) -> None:
        conversation.drafter.skills = (Router((think_skill(Effort(3, 60.0)),)),)
        loop = asyncio.get_running_loop()
        for number, text in enumerate(("Who is Ann?", "Where is Paris?", "Think harder.", "Think harder.")):
            loop.call_later(0.1 + 8 * number, conversation.submit, text)
        for number in (1, 2):
            loop.call_later(0.15 + 8 * number, conversation.stop)

    silence = Audio(np.zeros(40 * 16_000, np.float32), 16_000)
    stage = Stage(replies=lambda _: "In France.", turns=(RecordedTurn(silence),), during=begin).run()

    assert [event.text for event in stage.of(events.TextDone)] == ["In France."] * 2
    assert stage.llm.requests[-1].messages[-1].content == "Where is Paris?"
