"""Utterances as a whole: a recognizer for engines that decode nothing else, and words of sound that is all there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from inference.audio import resample
from inference.protocols import SpeechToText
from inference.types import Audio, Samples, Transcript

RATE_HZ = 16_000
"""What a recognizer is given."""

Decode = Callable[[Audio], Transcript]
"""Sound at RATE_HZ to its words."""


class BatchRecognizer:
    """Fulfils `Recognizer` for an engine that decodes whole utterances: keeps the sound until it is asked for words."""

    def __init__(self, partial: Decode, final: Decode) -> None:
        self._partial, self._final = partial, final
        self._sound: list[Samples] = [np.zeros(0, np.float32)]

    def push(self, samples: Samples) -> None:
        """Keep the sound."""
        self._sound.append(samples)

    def partial(self) -> Transcript:
        """Decode all of it, as an utterance that goes on."""
        return self._partial(self._joined())

    def finish(self) -> Transcript:
        """Decode all of it."""
        return self._final(self._joined())

    def _joined(self) -> Audio:
        self._sound = [np.concatenate(self._sound)]
        return Audio(self._sound[0], RATE_HZ)


def transcribe(stt: SpeechToText, audio: Audio, language: str = "en") -> Transcript:
    """Return the final words of a whole utterance of any rate. Raises ModelError for a language unknown to `stt`."""
    recognizer = stt.recognizer(language)
    recognizer.push(resample(audio, RATE_HZ).samples)
    return replace(recognizer.finish(), audio_s=audio.seconds)
