"""From frames to turns: what the detector says of each frame, as starts, pauses and ends of speech.

Pure: time is the frames' own. One frame is 32 ms.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from inference.types import Audio, Samples
from voice_app.core.barge_in import SpeechStats
from voice_app.core.endpointing import Endpointer
from voice_app.core.ports import FRAME_RATE_HZ as RATE_HZ
from voice_app.core.ports import FRAME_S, AudioFrame
from voice_app.core.turn_table import Input


@dataclass(frozen=True, slots=True)
class SegmenterSettings:
    """When speech begins, pauses and ends."""

    threshold: float = 0.5
    """Probability from which a frame is speech; the value Silero's authors recommend."""
    release: float = 0.35
    """Below it a frame is silence again: 0.15 under the threshold, as in Silero's own iterator."""
    quiet_db: float = 35.0
    """A frame whose end is so much quieter than the loudest of late is silence while somebody speaks, whatever the
    detector says: it notices an end some 40 ms late. Rooms that are louder than that leave it to the detector."""
    start_frames: int = 3
    """Frames of speech in a row that make a start: 96 ms, so that a click makes none."""
    barge_in_frames: int = 2
    """The same while the assistant speaks: a false start only holds the reply, so that it may be a quick one."""
    pause_frames: int = 1
    """Frames of silence in a row that make a pause, in which a reply is drafted: 32 ms. Recorded orders have 3.3 such
    pauses a turn, against 1.5 where the detector must hear two frames of silence; they start 60 ms earlier."""
    resume_frames: int = 2
    """Frames of speech in a row with which the speaker goes on after a pause."""
    preroll_s: float = 0.4
    """Sound kept from before the start, where soft first consonants are."""
    tail_s: float = 0.2
    """Sound kept from after the last voiced frame."""
    longest_turn_s: float = 60.0
    """A turn that lasts longer is answered as it is."""


QUIET_TAIL_S = 0.024
"""The end of a frame that is asked whether it is quiet."""
PEAK_DECAY = 0.995
"""What a frame leaves of the remembered loudness: half of it in 4 s."""


class GrowingSound:
    """Sound that is appended to, 16 kHz; what was there before is never touched again, so that views of it stay."""

    def __init__(self) -> None:
        self._buffer = np.empty(8 * RATE_HZ, np.float32)
        self._length = 0

    def append(self, samples: Samples) -> None:
        """Add sound at the end."""
        end = self._length + len(samples)
        if end > len(self._buffer):
            grown = np.empty(2 * end, np.float32)
            grown[: self._length] = self._buffer[: self._length]
            self._buffer = grown
        self._buffer[self._length : end] = samples
        self._length = end

    def so_far(self) -> Samples:
        """Return all of it up to now, without a copy."""
        return self._buffer[: self._length]


class SpeechSegmenter:
    """Segments frames into turns and keeps the sound of the current one.

    How long a silence ends a turn is the endpointer's to say.
    """

    def __init__(self, settings: SegmenterSettings, endpointer: Endpointer) -> None:
        self.settings, self.endpointer = settings, endpointer
        self._preroll: deque[Samples] = deque(
            maxlen=round(settings.preroll_s / FRAME_S) + settings.start_frames
        )
        self._turn: GrowingSound | None = None
        self._voiced = 0
        self._silent = 0
        self._peak = 0.0
        self._speaking = False
        self._probabilities: list[float] = []
        self.start_frames = settings.start_frames
        """Frames of speech in a row that make a start now."""
        self.speech_start_s = 0.0
        """Start of the first voiced frame of the last speech, on the clock of the frames."""
        self.speech_end_s = 0.0
        """End of the last voiced frame."""

    @property
    def speaking(self) -> bool:
        """Whether somebody speaks at this moment."""
        return self._speaking

    def push(self, frame: AudioFrame, probability: float) -> list[Input]:
        """Take a frame with its probability of speech; return what it makes happen, in order."""
        self._keep(frame.samples)
        if self._is_quiet(frame.samples) and self._speaking:
            return self._on_silence(frame)
        if probability >= (self.settings.release if self._speaking else self.settings.threshold):
            self._probabilities.append(probability)
            return self._on_voice(frame)
        return self._on_silence(frame)

    def _is_quiet(self, samples: Samples) -> bool:
        """Return whether a frame ends in silence, by its level alone, and remember how loud it is."""
        self._peak = max(self._peak * PEAK_DECAY, _rms(samples))
        tail = _rms(samples[-round(QUIET_TAIL_S * RATE_HZ) :])
        return tail < self._peak * 10 ** (-self.settings.quiet_db / 20)

    def _keep(self, samples: Samples) -> None:
        if self._turn is None:
            self._preroll.append(samples)
        else:
            self._turn.append(samples)

    def _on_voice(self, frame: AudioFrame) -> list[Input]:
        self._voiced += 1
        if self._speaking:
            self._silent = 0
            self.speech_end_s = frame.end_s
            if self._turn is not None and self.turn_so_far().seconds > self.settings.longest_turn_s:
                return [Input.TURN_OVER]
        elif self._voiced >= (self.start_frames if self._turn is None else self.settings.resume_frames):
            self._speaking, self._silent = True, 0
            self.endpointer.begin()
            self.speech_start_s = frame.end_s - self._voiced * FRAME_S
            self.speech_end_s = frame.end_s
            return [Input.SPEECH_STARTED]
        return []

    def _on_silence(self, frame: AudioFrame) -> list[Input]:
        self._silent += 1
        if self._speaking:
            if self._silent < self.settings.pause_frames:
                return []
            self._speaking = False
            self._voiced = 0
            return [Input.SPEECH_PAUSED]
        self._voiced = 0
        if self._turn is None:
            self._probabilities.clear()
        if self._turn is not None and frame.end_s - self.speech_end_s >= self.endpointer.silence_s:
            return [Input.TURN_OVER]
        return []

    def open_turn(self, *earlier: Samples) -> None:
        """Begin to keep the sound of a turn, from before its start; after that of a turn that was taken too early."""
        self._turn = GrowingSound()
        for samples in (*earlier, *self._preroll):
            self._turn.append(samples)
        self._preroll.clear()

    def close_turn(self) -> None:
        """Stop keeping sound; what is kept is forgotten."""
        self._turn = None

    def stats_so_far(self) -> SpeechStats:
        """Return what the detector made of the turn up to now."""
        count = len(self._probabilities)
        return SpeechStats(count * FRAME_S, sum(self._probabilities) / count) if count else SpeechStats()

    def turn_so_far(self) -> Audio:
        """Return the sound of the turn up to now, 16 kHz."""
        return Audio(self._turn.so_far() if self._turn else np.zeros(0, np.float32), RATE_HZ)

    def take_turn(self) -> Audio:
        """Return the sound of the turn, 16 kHz, cut shortly after the last voiced frame, and stop keeping."""
        samples = self.turn_so_far().samples
        quiet_s = max(0.0, self._silent * FRAME_S - self.settings.tail_s)
        end = len(samples) - round(quiet_s * RATE_HZ)
        self._turn = None
        return Audio(samples[: max(end, 0)], RATE_HZ)


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
