"""The abilities of a session when its persona or its voice is exchanged."""

from __future__ import annotations

from types import SimpleNamespace

from voice_app.runtime.settings import load_settings
from voice_app.runtime.skill_set import Abilities
from voice_app.skills.table.table_skill import TableWay


def assistant(persona: str) -> SimpleNamespace:
    tts = SimpleNamespace(pronounce=lambda words: None)
    return SimpleNamespace(
        settings=load_settings(memory="off"),
        persona=SimpleNamespace(name=persona),
        engines=SimpleNamespace(tts=tts),
    )


def tables(abilities: Abilities) -> TableWay:
    (found,) = [way for way in abilities.ways if isinstance(way, TableWay)]
    return found


def test_another_persona_has_no_table_of_the_one_before() -> None:
    """Another voice of the same persona keeps it."""
    abilities = Abilities(assistant("plain"), print, print)
    first = tables(abilities)
    abilities.adopt(assistant("plain"))
    assert tables(abilities) is first
    abilities.adopt(assistant("friend"))
    assert tables(abilities) is not first
    abilities.close()
