"""A text to speech whose lengths and compute times are declared: a tone, chunk by chunk."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from threading import Event

import numpy as np

from inference.types import SpeechChunk, Spend, Voice, WordEnd

_TONE_HZ = 220.0
_AMPLITUDE = 0.1


class ScriptedTextToSpeech:
    """Speaks every character as `seconds_per_char` of a quiet tone, at any speed; white space alone is not spoken.

    `requests` are the texts and the voices in which they were asked for.
    `spend` receives `first_s` before the first chunk of a clause and `next_s` before each later one.
    """

    def __init__(
        self,
        rate_hz: int = 22_050,
        first_s: float = 0.05,
        next_s: float = 0.02,
        chunk_s: float = 0.5,
        seconds_per_char: float = 0.06,
        spend: Spend = time.sleep,
    ) -> None:
        self._rate_hz = rate_hz
        self._first_s = first_s
        self._next_s = next_s
        self._chunk = max(1, round(chunk_s * rate_hz))
        self._per_char = seconds_per_char * rate_hz
        self._spend = spend
        self.requests: list[tuple[str, Voice]] = []

    @property
    def rate_hz(self) -> int:
        """Sample rate of the tone."""
        return self._rate_hz

    def stream(self, text: str, voice: Voice, cancelled: Event) -> Iterator[SpeechChunk]:
        """Yield the tone of `text`; a word ends where its last character does."""
        self.requests.append((text, voice))
        if not text.strip():
            return
        words = tuple(WordEnd(m.end(), round(m.end() * self._per_char)) for m in re.finditer(r"\S+", text))
        total = max(1, round(len(text) * self._per_char))
        for start in range(0, total, self._chunk):
            if cancelled.is_set():
                return
            self._spend(self._next_s if start else self._first_s)
            at = np.arange(start, min(start + self._chunk, total))
            tone = _AMPLITUDE * np.sin(2 * np.pi * _TONE_HZ / self._rate_hz * at)
            yield SpeechChunk(tone.astype(np.float32), self._rate_hz, () if start else words)

    def keep_warm(self) -> None:
        """Take no time."""
