"""Takes the loudspeaker's sound out of the microphone's, with WebRTC's echo canceller (AEC3).

The only file that imports `pywebrtc_audio`; without that package nothing is cancelled. Both streams run on without
gaps, so samples are paired by count; their clocks only say where to begin, and when one of them has slipped.
While nothing is played, the microphone passes untouched and undelayed.
"""

from __future__ import annotations

import math
from collections import deque
from importlib.util import find_spec
from typing import Literal

import numpy as np
import soxr

from inference.types import Samples
from voice_app.audio.frames import CHUNK_SAMPLES, FRAME_RATE_HZ, SampleClock
from voice_app.errors import AudioDeviceError

PACKAGE = "pywebrtc_audio"
MISSING = f"no {PACKAGE}: pip install pywebrtc-audio"
Wanted = Literal["auto", "on", "off"]

CHUNK_S = CHUNK_SAMPLES / FRAME_RATE_HZ
AUDIBLE = 10 ** (-70 / 20)
"""What is played more quietly makes no echo that matters."""
TAIL_S = 1.0
"""How long after the last sound an echo may come: the loudspeaker's latency, the room, the microphone's latency."""
MASK = 10 ** (-63 / 20)
"""RMS of the noise laid over what the canceller leaves. In silent rooms AEC3 leaves echoes of -62 to -70 dBFS, in which
the detector still finds speech; at -66 dBFS the noise hides them, and a person is 20 dB louder."""
SLIP_S = 0.008
"""Streams that are further off than at their pairing have lost sound, or drifted: they are paired anew."""
LOST_S = 0.2
"""A loudspeaker that has pulled nothing for so long plays nothing."""
KEPT_S = 2.0
"""Played sound kept for a microphone that is behind."""
BACKLOG_BLOCKS = 400
"""Blocks of 10 ms that may wait; when there are more, the oldest are lost and the streams paired anew."""


def is_available() -> bool:
    """Tell whether the package is installed, without loading it."""
    return find_spec(PACKAGE) is not None


class PlayedSound:
    """What the loudspeaker plays, handed from its callback to the canceller. Safe for one thread on each side."""

    def __init__(self) -> None:
        self._blocks: deque[tuple[int, Samples, int, float]] = deque(maxlen=BACKLOG_BLOCKS)
        self._number = 0
        self._expected = 0
        self._rate_hz = FRAME_RATE_HZ
        self._resampler: soxr.ResampleStream | None = None
        self._clock = SampleClock()
        self._samples_in = 0
        self._kept: Samples = np.empty(0, np.float32)
        self._kept_from = 0
        self._next = 0
        self._behind = 0.0
        """How far the samples taken are behind those pulled at the same time."""

    def put(self, block: Samples, rate_hz: int, pulled_s: float) -> None:
        """Take a copy of a block, shape (n,), that the device pulled at `pulled_s`; in its thread."""
        self._blocks.append((self._number, block.copy(), rate_hz, pulled_s))
        self._number += 1

    def take(self, end_s: float, count: int) -> Samples:
        """Return the `count` samples, 16 kHz, behind the last ones taken; near to what was pulled by `end_s`.

        Sound is heard after it was pulled, so it is here before its echo. Zeros where nothing was played.
        """
        while self._blocks:
            self._read(*self._blocks.popleft())
        newest = self._kept_from + len(self._kept)
        due = (end_s - self._clock.at(0.0)) * FRAME_RATE_HZ
        if not due - newest < LOST_S * FRAME_RATE_HZ:  # nothing was ever played, or the device is gone
            return np.zeros(count, np.float32)
        slipped = abs(due - self._next - count - self._behind) > SLIP_S * FRAME_RATE_HZ
        if slipped or self._next + count > newest:
            self._next = min(math.floor(due), newest) - count
            self._behind = due - self._next - count
        first, self._next = self._next - self._kept_from, self._next + count
        out = np.zeros(count, np.float32)
        there = self._kept[max(first, 0) : max(first + count, 0)]
        out[max(-first, 0) : max(-first, 0) + len(there)] = there
        return out

    def _read(self, number: int, block: Samples, rate_hz: int, pulled_s: float) -> None:
        if number != self._expected or rate_hz != self._rate_hz:
            self._restart(rate_hz)
        self._expected = number + 1
        self._samples_in += len(block)
        self._clock.observe(self._samples_in / rate_hz, pulled_s)
        if self._resampler is not None:
            block = self._resampler.resample_chunk(block)
        kept = np.concatenate((self._kept, block))
        self._kept = kept[-round(KEPT_S * FRAME_RATE_HZ) :]
        self._kept_from += len(kept) - len(self._kept)

    def _restart(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._resampler = None
        if rate_hz != FRAME_RATE_HZ:  # the low quality has the shortest delay: 20 ms at most
            self._resampler = soxr.ResampleStream(rate_hz, FRAME_RATE_HZ, 1, dtype="float32", quality="LQ")
        self._clock = SampleClock()
        self._samples_in = 0
        self._kept = self._kept[:0]
        self._kept_from = self._next = 0
        self._behind = 0.0


class EchoCanceller:
    """Cleans the microphone's sound in chunks of 10 ms.

    While it cancels, sound comes out 8 ms later than it went in, with the frequencies below 100 Hz taken out.
    """

    def __init__(self, played: PlayedSound) -> None:
        """Load the package; raises AudioDeviceError where it is missing."""
        try:
            from pywebrtc_audio import AudioProcessor
        except ImportError as error:
            raise AudioDeviceError(MISSING) from error
        self._processor = AudioProcessor(sample_rate=FRAME_RATE_HZ, echo_cancellation=True)
        self._played = played
        self._quiet_s = math.inf
        self._cancels = False
        self._rise: Samples = np.linspace(0, 1, CHUNK_SAMPLES, dtype=np.float32)
        self._noise = np.random.default_rng(0)

    def clean(self, near: Samples, end_s: float) -> Samples:
        """Return `near`, shape (160,), 16 kHz, without echo; `end_s` is when its last sample was captured."""
        far = self._played.take(end_s, len(near))
        self._quiet_s = 0.0 if np.abs(far).max() > AUDIBLE else self._quiet_s + CHUNK_S
        cancels = self._quiet_s < TAIL_S
        if not cancels and not self._cancels:
            return near
        cleaned: Samples = self._processor.process(near, far)
        cleaned += MASK * self._noise.standard_normal(len(near), np.float32)
        if cancels and not self._cancels:
            cleaned = near + self._rise * (cleaned - near)
        elif not cancels:
            cleaned = cleaned + self._rise * (near - cleaned)
        self._cancels = cancels
        return cleaned


def echo_canceller(wanted: Wanted, played: PlayedSound) -> EchoCanceller | None:
    """Return a canceller, or None where none is wanted or, on "auto", there is none. Raises AudioDeviceError."""
    if wanted == "off" or (wanted == "auto" and not is_available()):
        return None
    return EchoCanceller(played)
