"""Frames of the user's sound, and the sample clock that dates them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import soxr

from inference.types import Samples
from voice_app.core.ports import FRAME_RATE_HZ, FRAME_S, FRAME_SAMPLES, AudioFrame

CHUNK_SAMPLES = 160
"""10 ms: what a microphone gives at a time, and an echo canceller takes."""
Clean = Callable[[Samples], Samples]
"""Returns a chunk of 160 samples without what does not belong to it."""

DRIFT_LIMIT = 500e-6
"""How far a card's clock may run off; crystals are within 100 ppm, virtual cards somewhat more."""
RESYNC_S = 0.02
"""A lateness that lasts for `RESYNC_AFTER_S` is lost sound, not jitter."""
RESYNC_AFTER_S = 1.0


class SampleClock:
    """Maps positions in a stream of samples to times, smoother than the arrival of its blocks.

    A block may arrive late but never before it was captured, so the earliest arrivals carry the mapping.
    It follows earlier ones at once, and later ones by at most `DRIFT_LIMIT` seconds a second.
    """

    def __init__(self) -> None:
        self._offset_s = math.nan
        self._seen_s = 0.0
        self._window_min_s = math.inf
        self._window_start_s = 0.0

    def observe(self, stream_s: float, captured_s: float) -> None:
        """Take in that the sample at `stream_s` of the stream was captured at `captured_s` or before."""
        offset_s = captured_s - stream_s
        if math.isnan(self._offset_s):
            self._offset_s, self._window_start_s = offset_s, stream_s
        creep_s = DRIFT_LIMIT * max(0.0, stream_s - self._seen_s)
        self._seen_s = stream_s
        self._offset_s = min(self._offset_s + creep_s, offset_s)
        self._window_min_s = min(self._window_min_s, offset_s)
        if stream_s - self._window_start_s >= RESYNC_AFTER_S:
            if self._window_min_s - self._offset_s > RESYNC_S:
                self._offset_s = self._window_min_s
            self._window_min_s, self._window_start_s = math.inf, stream_s

    def at(self, stream_s: float) -> float:
        """Return when the sample at `stream_s` seconds of the stream was captured; NaN before `observe`."""
        return self._offset_s + stream_s


class FrameCutter:
    """Cuts blocks of any length and rate into dated frames. One for one unbroken stream."""

    def __init__(self, rate_hz: float, clean: Clean | None = None) -> None:
        self._rate_hz = rate_hz
        self._clean = clean
        self._unclean: Samples = np.empty(0, np.float32)
        self._resampler: soxr.ResampleStream | None = None
        if rate_hz != FRAME_RATE_HZ:
            self._resampler = soxr.ResampleStream(rate_hz, FRAME_RATE_HZ, 1, dtype="float32")
        self._clock = SampleClock()
        self._samples_in = 0
        self._frames_out = 0
        self._rest: Samples = np.empty(0, np.float32)

    def push(self, block: Samples, captured_s: float) -> list[AudioFrame]:
        """Return the frames that `block`, shape (n,), completes; `captured_s` is the time of its last sample."""
        self._samples_in += len(block)
        self._clock.observe(self._samples_in / self._rate_hz, captured_s)
        if self._resampler is not None:
            block = self._resampler.resample_chunk(np.ascontiguousarray(block, np.float32))
        if self._clean is not None:
            block = self._cleaned(block, self._clean)
        sound = np.concatenate((self._rest, block))
        whole = len(sound) // FRAME_SAMPLES
        self._rest = sound[whole * FRAME_SAMPLES :]
        return [self._frame(part) for part in sound[: whole * FRAME_SAMPLES].reshape(whole, FRAME_SAMPLES)]

    def _cleaned(self, block: Samples, clean: Clean) -> Samples:
        """Return the whole chunks that `block` completes, cleaned."""
        sound = np.concatenate((self._unclean, block))
        whole = len(sound) // CHUNK_SAMPLES * CHUNK_SAMPLES
        self._unclean = sound[whole:]
        chunks = [clean(chunk) for chunk in sound[:whole].reshape(-1, CHUNK_SAMPLES)]
        return np.concatenate([sound[:0], *chunks])

    def _frame(self, samples: Samples) -> AudioFrame:
        self._frames_out += 1
        return AudioFrame(samples, self._clock.at(self._frames_out * FRAME_S))
