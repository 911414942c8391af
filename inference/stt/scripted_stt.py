"""Speech to text that reads its transcripts from a list, in a declared time."""

from __future__ import annotations

import time
from collections.abc import Sequence

from inference.types import Audio, Spend, Transcript


class ScriptedSpeechToText:
    """Fulfils `SpeechToText`: every `transcribe` returns the next text, "" behind the last.

    `partial` returns what the next `transcribe` will, without going on. Both spend `seconds`.
    """

    def __init__(self, texts: Sequence[str], seconds: float = 0.1, spend: Spend = time.sleep) -> None:
        self._texts = tuple(texts)
        self._next = 0
        self._seconds = seconds
        self._spend = spend

    def transcribe(self, audio: Audio) -> Transcript:
        """Return the next text."""
        transcript = self.partial(audio)
        self._next += 1
        return transcript

    def partial(self, audio: Audio) -> Transcript:
        """Return the next text and stay at it."""
        self._spend(self._seconds)
        text = self._texts[self._next] if self._next < len(self._texts) else ""
        return Transcript(text.strip(), audio.seconds)
