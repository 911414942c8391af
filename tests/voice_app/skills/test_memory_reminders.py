"""What is remembered reaches the language model in the turns that it matters to, and in no others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from inference.types import Message
from tests.voice_app.skills.talk import Talk
from voice_app.core.turn import answer
from voice_app.skills.memory.entries import Entry, Note
from voice_app.skills.memory.memory_skill import memory_skill
from voice_app.skills.memory.reminders import (
    LONGEST_REMINDER_CHARS,
    MOST_REMINDERS,
    relevant,
    reminder,
    reminders,
)
from voice_app.skills.memory.store import Memory

FACTS = """
    I am vegetarian
    I live in Leeds
    my dentist is on Tuesday
    my sister collects old maps
    my knee hurts when I run
    my dog is called Rex
    I take my coffee black
""".strip().splitlines()
ENTRIES = [Entry(number, "fact", text.strip(), "", "", "", "") for number, text in enumerate(FACTS, 1)]


def texts(question: str) -> list[str]:
    return [entry.text for entry in relevant(question, ENTRIES)]


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("What should I cook tonight?", "I am vegetarian"),
        ("suggest a recipe for dinner", "I am vegetarian"),
        ("What could I give my sister as a present?", "my sister collects old maps"),
        ("Plan a workout for me.", "my knee hurts when I run"),
        ("Should I move my dentist to another day?", "my dentist is on Tuesday"),
        ("Is there a nice walk nearby?", "I live in Leeds"),
        ("My dog is sick, what should I do?", "my dog is called Rex"),
    ],
)
def test_what_matters_to_a_turn_is_told(question: str, fact: str) -> None:
    """By the thing that both name, or by their topic."""
    assert fact in texts(question)


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "How does a dentist drill work?",
        "Who drew the first old maps?",
        "Tell me a joke.",
        "What is twelve times seven?",
        "",
        "run " * 500,
    ],
)
def test_what_does_not_matter_is_not_told(question: str) -> None:
    """General questions stay as they were, to the letter."""
    assert texts(question) == []
    assert reminder(question, ENTRIES) == ""


def test_a_reminder_is_short() -> None:
    """However much is remembered of a topic."""
    many = [
        Entry(n, "fact", f"I am allergic to food number {n} " + "x" * 40, "", "", "", "") for n in range(50)
    ]
    found = relevant("What should I cook?", many)

    assert 0 < len(found) <= MOST_REMINDERS
    assert sum(len(entry.text) for entry in found) <= LONGEST_REMINDER_CHARS
    assert found[0].id == 49


def test_the_language_model_reads_it_behind_the_users_words_in_that_turn_alone(tmp_path: Path) -> None:
    """What was read while the user spoke stays valid, and the chat has nothing that could be repeated."""
    memory = Memory(tmp_path / "plain.sqlite3")
    memory.remember(Note("fact", "I am vegetarian"))
    talk = Talk((memory_skill(memory),))
    turn = talk.turn("What should I cook tonight?")

    async def hold() -> None:
        async for _ in answer(turn, (reminders(memory),)):
            pass

    asyncio.run(hold())
    (request,) = talk.requests
    (said,) = request.messages

    assert said.role == "user"
    assert said.content.startswith("What should I cook tonight?\n")
    assert "I am vegetarian." in said.content
    assert talk.turn("And then?").messages == (Message("user", "And then?"),)


def test_a_memory_that_fails_tells_nothing(tmp_path: Path) -> None:
    """And the turn is answered."""
    memory = Memory(tmp_path / "plain.sqlite3")
    memory.close()
    turn = Talk(()).turn("What should I cook tonight?")

    assert reminders(memory)(turn) is None
    assert reminders(None)(turn) is None
    assert turn.reply.told == ""
