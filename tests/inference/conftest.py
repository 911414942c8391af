"""Fixtures of several files."""

from __future__ import annotations

import pytest

from inference.tts.piper import (
    PiperTextToSpeech,
)
from tests.inference.tiny_voice import install, tiny_voice


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> PiperTextToSpeech:
    """An engine whose voice takes microseconds: 16 samples a phoneme id."""
    folder = tmp_path_factory.mktemp("tiny")
    return PiperTextToSpeech(install(folder, tiny_voice()), folder / "cache", threads=1)
