"""All skills: a folder each, and how those of a session are made. The order is that in which words are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from voice_app.core import clock
from voice_app.skills.calculator.calculator import calculate
from voice_app.skills.clock.world_clock import Now, clock_skill
from voice_app.skills.memory.memory_skill import memory_skill
from voice_app.skills.memory.store import Memory
from voice_app.skills.notes.note_search import notes_skill
from voice_app.skills.repeat.repeat import repeat
from voice_app.skills.skill import Skill
from voice_app.skills.speech.pace import Pace, speech_skill
from voice_app.skills.table.table_skill import Tables, table_skill
from voice_app.skills.think.think import Effort, think_skill
from voice_app.skills.timer.timer_calls import timer_skill
from voice_app.skills.timer.timers import Timers
from voice_app.skills.units.units import convert


@dataclass(frozen=True, slots=True)
class SkillValues:
    """What the skills of a session are made from."""

    timers: Timers = field(default_factory=Timers)
    tables: Tables = field(default_factory=Tables)
    memory: Memory | None = None
    """None: nothing is remembered."""
    pronounce: Callable[[Mapping[str, str]], None] = lambda _: None
    """Tells the session's voice how words are pronounced."""
    pace: Pace = field(default_factory=Pace)
    effort: Effort = Effort()
    notes_folder: str = ""
    """The user's notes; empty: none."""
    cache: Path = Path()
    """Folder of the notes' index."""
    now: Now = clock.wall


def session_skills(values: SkillValues) -> tuple[Skill, ...]:
    """Return all skills of a session."""
    return (
        repeat,
        speech_skill(values.pace),
        table_skill(values.tables),
        memory_skill(values.memory, values.pronounce),
        think_skill(values.effort),
        notes_skill(values.notes_folder, values.cache),
        timer_skill(values.timers, values.now),
        clock_skill(values.now),
        convert,
        calculate,
    )
