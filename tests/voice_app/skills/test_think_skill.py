"""Thinking harder: what is a request for it, how answers vote, when it stops, and that it keeps to its time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.types import Sampling
from voice_app.skills.router import route
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
        ("Could you think a bit harder?", ""),
        ("Think it through carefully.", ""),
        ("Take a moment to think about whether zero is even.", "whether zero is even."),
        ("Really think about this one: is a whale a fish?", "is a whale a fish?"),
        ("I think hard work pays.", None),
        ("What do you think about hard cheese?", None),
        ("Thinking harder is what I do.", None),
        ("Think of a number.", None),
        ("Take your time.", None),
        ("Think about it.", None),
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
