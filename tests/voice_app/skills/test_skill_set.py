"""The skills of a session when its persona or its voice is exchanged."""

from __future__ import annotations

from types import SimpleNamespace

from voice_app.runtime.settings import load_settings
from voice_app.runtime.skill_set import SkillSet


def assistant(persona: str) -> SimpleNamespace:
    return SimpleNamespace(settings=load_settings(memory="off"), persona=SimpleNamespace(name=persona))


def test_another_persona_has_no_table_of_the_one_before() -> None:
    """Another voice of the same persona keeps it."""
    skills = SkillSet(assistant("plain"), print, print, print)
    first = skills.tables
    skills.adopt(assistant("plain"))
    assert skills.tables is first
    skills.adopt(assistant("friend"))
    assert skills.tables is not first
    skills.close()
