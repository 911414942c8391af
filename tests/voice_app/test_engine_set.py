"""Engines that sessions share, when a persona or a model is exchanged."""

from __future__ import annotations

import pytest

from inference.types import Voice
from voice_app.runtime.engine_set import load, replaced, style_of
from voice_app.runtime.settings import load_settings


@pytest.mark.model
def test_another_persona_with_the_same_voice_loads_nothing() -> None:
    """The engines go on; how fast they speak, and what was spoken beforehand, is the persona's."""
    old = load(load_settings(persona="plain", turn={"openers": True}))
    try:
        asked = load_settings(persona="storyteller", turn={"openers": True})
        new = old.scheduler.prepare("llm", lambda: replaced(old, asked)).result()

        assert (new.stt, new.llm, new.tts) == (old.stt, old.llm, old.tts)
        assert [style_of(engines.persona).voice for engines in (old, new)] == [Voice(), Voice(0.95)]
        for slower, quicker in zip(new.openers + new.fillers, old.openers + old.fillers, strict=True):
            assert slower.text == quicker.text
            assert slower.sound is not quicker.sound
    finally:
        old.close()
