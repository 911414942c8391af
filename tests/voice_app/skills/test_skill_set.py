"""The skills of a session when its persona or its voice is exchanged."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from inference.types import LlmCapabilities
from voice_app.runtime.settings import load_settings
from voice_app.runtime.skill_set import SkillSet


def assistant(persona: str, parameters: int = 0) -> SimpleNamespace:
    llm = SimpleNamespace(capabilities=LlmCapabilities(4096, parameters=parameters))
    return SimpleNamespace(
        settings=load_settings(memory="off"), persona=SimpleNamespace(name=persona), llm=llm
    )


def test_another_persona_has_no_table_of_the_one_before() -> None:
    """Another voice of the same persona keeps it."""
    skills = SkillSet(assistant("plain"), print, print, print, print)
    first = skills.tables
    skills.adopt(assistant("plain"))
    assert skills.tables is first
    skills.adopt(assistant("friend"))
    assert skills.tables is not first
    skills.close()


@pytest.mark.parametrize(("parameters", "asked"), [(135_000_000, False), (1_500_000_000, True)])
def test_a_model_that_is_large_is_asked_for_places(parameters: int, asked: bool) -> None:
    """Also where it takes the place of another one in a session."""
    skills = SkillSet(assistant("plain"), print, print, print, print)
    skills.adopt(assistant("plain", parameters))
    assert skills.tables.knows_places is asked
    skills.close()
