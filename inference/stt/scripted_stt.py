"""Speech to text that reads its transcripts from a list, in a declared time: one that decodes whole utterances, and
one that works while they are said."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial

from inference.stt.batch import RATE_HZ, BatchRecognizer
from inference.types import Audio, Samples, Spend, SttCapabilities, Transcript


class ScriptedSpeechToText:
    """Fulfils `SpeechToText`: every `finish` of any recognizer returns the next text, "" after the last.

    `partial` returns what the next `finish` will, without going on. Both spend `seconds`.
    """

    capabilities = SttCapabilities()

    def __init__(self, texts: Sequence[str], seconds: float = 0.1, spend: Spend = time.sleep) -> None:
        self._texts = tuple(texts)
        self._next = 0
        self._seconds = seconds
        self._spend = spend

    def recognizer(self, language: str = "en") -> BatchRecognizer:
        """Return what gives the next texts, whatever it hears, as texts of that language."""
        return BatchRecognizer(partial(self._partial, language), partial(self._final, language))

    def _final(self, language: str, audio: Audio) -> Transcript:
        transcript = self._partial(language, audio)
        self._next += 1
        return transcript

    def _partial(self, language: str, audio: Audio) -> Transcript:
        self._spend(self._seconds)
        text = self._texts[self._next] if self._next < len(self._texts) else ""
        return Transcript(text.strip(), audio.seconds, language=language)

    def keep_warm(self) -> None:
        """Take no time."""

    def use_threads(self, threads: int) -> None:
        """Change nothing."""


class ScriptedStreamingSpeechToText:
    """Fulfils `SpeechToText`: each recognizer hears the next text, "" after the last, a word every `word_s` of sound.

    Sound is paid for when it is pushed, `real_time_factor` seconds a second; then the words of it are there at once.
    """

    capabilities = SttCapabilities(streaming=True)

    def __init__(
        self,
        texts: Sequence[str],
        word_s: float = 0.2,
        real_time_factor: float = 0.1,
        spend: Spend = time.sleep,
    ) -> None:
        self._texts: Iterator[str] = iter(texts)
        self._word_s = word_s
        self._real_time_factor = real_time_factor
        self._spend = spend

    def recognizer(self, language: str = "en") -> _ScriptedStream:
        """Return what hears the next text, whatever its language."""
        return _ScriptedStream(
            next(self._texts, "").split(), self._word_s, self._real_time_factor, self._spend
        )

    def keep_warm(self) -> None:
        """Take no time."""

    def use_threads(self, threads: int) -> None:
        """Change nothing."""


class _ScriptedStream:
    def __init__(self, words: list[str], word_s: float, real_time_factor: float, spend: Spend) -> None:
        self._words, self._word_s = words, word_s
        self._real_time_factor, self._spend = real_time_factor, spend
        self._heard_s = 0.0

    def push(self, samples: Samples) -> None:
        """Take the time that the sound costs."""
        seconds = len(samples) / RATE_HZ
        self._spend(seconds * self._real_time_factor)
        self._heard_s += seconds

    def partial(self) -> Transcript:
        """Return the words that were said so far."""
        return Transcript(" ".join(self._words[: int(self._heard_s / self._word_s)]), self._heard_s)

    def finish(self) -> Transcript:
        """Return the words that were said."""
        return self.partial()
