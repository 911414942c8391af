"""Sayings for the memory that were written before its rules: the call, and what is remembered afterwards."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.voice_app.skills.talk import Talk
from voice_app.skills.memory.entries import Note
from voice_app.skills.memory.store import Memory
from voice_app.skills.registry import SkillValues, session_skills
from voice_app.skills.router import route
from voice_app.skills.utterance import Utterance

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Row:
    """Turns of a chat and what they come to."""

    before: tuple[str, ...]
    turns: tuple[str, ...]
    skill: str
    arguments: dict[str, object]
    after: tuple[str, ...] | None

    @property
    def is_alike(self) -> bool:
        """Whether it only looks like a saying."""
        return self.skill == "~"


def parts(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(";") if part)


def rows(name: str = "memory_sayings.tsv") -> list[Row]:
    """Return the chats of a table beside this file."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    cells = [line.split("\t") for line in lines if not line.startswith("#")]
    return [
        Row(
            parts(before),
            tuple(turns.split(" / ")),
            skill,
            json.loads(arguments),
            None if after == "?" else parts(after),
        )
        for before, turns, skill, arguments, after in cells
    ]


def plain(text: object) -> str:
    """Return a text without what does not matter: letters' size, marks, now and actually."""
    bare = re.sub(r"[^\w\s]", "", str(text)).casefold()
    return " ".join(word for word in bare.split() if word not in ("now", "actually", "the"))


def outcome(row: Row, memory: Memory) -> str:
    """Hold the turns; return what was wrong, or ""."""
    memory.take([Note("fact", text) for text in row.before])
    talk = Talk(session_skills(SkillValues(memory=memory)))

    async def hold() -> None:
        for text in row.turns[:-1]:
            await talk.say(text)

    asyncio.run(hold())
    found = talk.routed(row.turns[-1])
    asyncio.run(talk.say(row.turns[-1]))
    name, call = (found.skill.name, found.arguments) if found else ("~", {})
    wrong = [
        f"{key}={call.get(key)!r}"
        for key, value in row.arguments.items()
        if plain(call.get(key)) != plain(value)
    ]
    texts = sorted(plain(entry.text) for entry in memory.entries())
    if row.skill != "?" and name != row.skill:
        return f"{name} {dict(call)}"
    if wrong:
        return f"{name} {wrong}"
    kept = row.after is None or texts == sorted(map(plain, row.after))
    return "" if kept else f"afterwards {texts}"


def failures(half: int, alike: bool, folder: Path) -> list[str]:
    found = []
    for number, row in enumerate(rows()):
        if number % 2 == half and row.is_alike is alike:
            memory = Memory(folder / f"{number}.sqlite3")
            if wrong := outcome(row, memory):
                found.append(f"{' / '.join(row.turns)} -> {wrong}")
            memory.close()
    return found


MOST_WRONG = {(0, False): 0, (1, False): 0, (0, True): 0, (1, True): 0}
"""Of each half, asked for and alike (measured); the first half was worked with, the second only counted."""


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("alike", [False, True])
def test_what_is_said_to_the_memory_and_what_only_looks_like_it(
    half: int, alike: bool, tmp_path: Path
) -> None:
    """Each row is a chat of its own, with what is remembered already."""
    found = failures(half, alike, tmp_path)

    assert len(found) <= MOST_WRONG[half, alike], "\n".join(found)


@pytest.mark.parametrize("row", rows("memory_corrections.tsv"), ids=lambda row: " / ".join(row.turns))
def test_what_is_said_after_something_else_was(row: Row, tmp_path: Path) -> None:
    """Corrections, answers to questions back, undoing, and what only stands in their place."""
    assert outcome(row, Memory(tmp_path / "plain.sqlite3")) == ""


SKILLS = {skill.name: skill for skill in session_skills(SkillValues()) if skill.name in ("memory", "notes")}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, skill in SKILLS.items() for text in skill.phrases.like]
)
def test_what_the_choice_is_shown_can_be_read(name: str, text: str) -> None:
    """By a saying, or by the skill once it is chosen."""
    said = Utterance.of(text)
    fill = SKILLS[name].fill
    assert fill

    assert route(said, [SKILLS[name]]) or fill(said, ())


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, skill in SKILLS.items() for text in skill.phrases.unlike]
)
def test_what_only_looks_like_it_is_no_saying(name: str, text: str) -> None:
    """Nor read by the skill where it is chosen by mistake."""
    said = Utterance.of(text)
    fill = SKILLS[name].fill
    assert fill

    assert not route(said, [SKILLS[name]])
    assert not fill(said, ())
