"""Real speech for tests: the project's own voice, and its own speech to text."""

from __future__ import annotations

from functools import cache
from threading import Event

import numpy as np

from inference.stt.whisper import WhisperSpeechToText
from inference.tts.piper import PiperTextToSpeech
from inference.types import Audio, Voice
from voice_app.runtime.engines import build_stt, build_tts
from voice_app.runtime.settings import Settings


@cache
def tts() -> PiperTextToSpeech:
    """Return the default voice."""
    return build_tts(Settings())


@cache
def stt() -> WhisperSpeechToText:
    """Return the default speech to text."""
    return build_stt(Settings())


@cache
def spoken(text: str) -> Audio:
    """Return a sentence in the default voice."""
    chunks = [chunk.samples for chunk in tts().stream(text, Voice(), Event())]
    return Audio(np.concatenate(chunks), tts().rate_hz)
