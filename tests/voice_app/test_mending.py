"""Halves of a turn become one: told by the words they go on with, and in whole sessions in virtual time."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.types import Message
from tests.voice_app.scripted_session import ScriptedSession, tone
from voice_app.core import events
from voice_app.core.history import SkillCall
from voice_app.core.mending import goes_on, mended
from voice_app.core.turn import Reply, Turn
from voice_app.io.recordings import RecordedTurn

Kind = Literal["answer", "deed", "question", "refusal"]
HALVES = [
    row.split("\t")
    for row in (Path(__file__).parent / "halves.tsv").read_text("utf-8").splitlines()
    if not row.startswith("#")
]


def is_work(row: list[str]) -> bool:
    """Return whether a row is of the half that the rules were made with."""
    return int(sha256("\t".join(row).encode()).hexdigest(), 16) % 2 == 0


@pytest.mark.parametrize("work", [True, False])
def test_the_rest_of_a_sentence_is_told_from_something_new(work: bool) -> None:
    """By its first word. Of the half that no rule was made with, one in ten may be taken wrongly."""
    rows = [row for row in HALVES if is_work(row) == work]
    wrong = [row for row in rows if goes_on(row[1]) != (row[2] == "rest")]
    assert len(rows) > 15
    assert len(wrong) <= (0 if work else len(rows) // 10), wrong


@pytest.mark.parametrize(
    ("first", "rest", "whole"),
    [
        ("What is 25 plus?", "17.", "What is 25 plus 17."),
        ("My address is 421.", "Main Street.", "My address is 421 Main Street."),
        ("Is it going to rain?", "Tomorrow in London?", "Is it going to rain tomorrow in London?"),
        ("What is the capital of...", "France?", "What is the capital of France?"),
        ("I want to reset the", "uh, the panel.", "I want to reset the uh, the panel."),
    ],
)
def test_halves_are_joined_without_the_mark_between_them(first: str, rest: str, whole: str) -> None:
    """And without the capital of a sentence; a name keeps its own."""
    assert mended(first, rest) == whole


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_word_is_lost(first: str, rest: str) -> None:
    """Whatever the halves, every letter and digit of both is in the whole, in order."""
    plain = [c for c in (first + rest).lower() if c.isalnum()]
    assert [c for c in mended(first, rest).lower() if c.isalnum()] == plain
    goes_on(first)


@pytest.mark.parametrize(
    ("kind", "may"), [("answer", True), ("refusal", True), ("deed", False), ("question", False)]
)
def test_what_was_done_is_not_done_again_and_who_was_asked_answers(kind: Kind, may: bool) -> None:
    """What follows a deed, or a question, is no rest of what was said before; drafts have done nothing yet."""
    turn = Turn(1, "what is fifty", reply=Reply(calls=[SkillCall("calculator", "{}", "50", kind)]))
    assert turn.may_go_on
    turn.reply.released.set()
    assert turn.may_go_on is may


@pytest.mark.parametrize(
    ("finished", "cut", "may"),
    [(0.9, False, False), (0.9, True, True), (0.3, False, True), (None, False, True)],
)
def test_a_finished_question_that_was_answered_is_over(finished: float | None, cut: bool, may: bool) -> None:
    """Unless its reply was cut off, by the one who went on."""
    turn = Turn(1, "what is the capital of Germany", finished=finished)
    if cut:
        turn.reply.cancelled.set()
    assert turn.may_go_on is may


def asked_for(messages: tuple[Message, ...]) -> str:
    """Reply with what was asked, so that a test sees it."""
    return f"Well: {messages[-1].content}. One two three four five six seven eight."


def session(heard: tuple[str, ...], after_s: float) -> ScriptedSession:
    """Return a session in which somebody speaks again so long after a reply began."""
    turns = (RecordedTurn(tone(1.024)), RecordedTurn(tone(1.024), after_s))
    return ScriptedSession(heard=heard, replies=asked_for, turns=turns).run()


def turns_of(played: ScriptedSession) -> list[str]:
    """Return the words of the turns that a language model would be shown."""
    return [turn.user for turn in played.history.turns]


def test_who_goes_on_as_the_reply_begins_is_answered_once() -> None:
    """The halves are one turn, for the language model and in the chat; the answer to the first is forgotten."""
    played = session(("What is 25 plus?", "Seventeen."), 0.5)
    assert turns_of(played) == ["What is 25 plus Seventeen."]
    assert played.of(events.TranscriptCompleted)[-1].text == "What is 25 plus Seventeen."


@pytest.mark.parametrize(("rest", "after_s"), [("What is 3 times 9?", 0.5), ("Seventeen.", 2.5)])
def test_something_new_or_later_is_a_turn_of_its_own(rest: str, after_s: float) -> None:
    """Both turns stay in the chat."""
    assert turns_of(session(("What is 25 plus?", rest), after_s)) == ["What is 25 plus?", rest]
