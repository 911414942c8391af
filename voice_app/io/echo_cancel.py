"""Takes the loudspeaker's sound out of the microphone's, with WebRTC's echo canceller (AEC3).

The only file that imports `pywebrtc_audio`; without that package nothing is cancelled. While
nothing is played, the microphone passes untouched and undelayed.
"""

from __future__ import annotations

import math
from collections import deque
from importlib.util import find_spec
from typing import Literal

import numpy as np
import soxr

from inference.types import Samples
from voice_app.core.errors import AudioDeviceError
from voice_app.core.ports import FRAME_RATE_HZ
from voice_app.io.frames import CHUNK_SAMPLES

PACKAGE = "pywebrtc_audio"
MISSING = f"no {PACKAGE}: pip install pywebrtc-audio"
Wanted = Literal["auto", "on", "off"]

CHUNK_S = CHUNK_SAMPLES / FRAME_RATE_HZ
AUDIBLE = 10 ** (-70 / 20)
"""What is played more quietly makes no echo that matters."""
TAIL_S = 0.5
"""How long after the last sound an echo may come: the loudspeaker's latency, the room, the microphone's latency."""
MASK = 10 ** (-63 / 20)
"""RMS of the noise laid over what the canceller leaves. In silent rooms AEC3 leaves echoes of -62 to -70 dBFS, in which
the detector still finds speech; at -66 dBFS the noise hides them, and a person is 20 dB louder."""
SLACK_S = 0.005
"""Played sound that stays buffered at least, beyond what the microphone takes."""
WATCHED_S = 5.0
"""Sound buffered for so long without need is dropped: callbacks come in bursts, one or two a second late."""
FIRST_WATCHED_S = 0.5
"""The same at first, when what was played before the microphone opened is buffered."""
MUCH_S = 0.1
"""More than bursts need: the microphone has lost sound."""
EVIDENCE_CHUNKS = 100
"""Chunks from which an echo is detected, at most: a second, four times a second."""
LEAST_CHUNKS = 50
"""The same, at least."""
LIKE = 0.2
"""Correlation over a second from which what is heard is what was played."""
SHORTLY_LIKE = 0.3
"""The same over half a second, in which other speech may be more alike."""
FAINT = 10 ** (-60 / 20)
"""Peak under which nothing can be said."""
BACKLOG_BLOCKS = 400
"""Blocks of 10 ms that may wait; when there are more, the oldest are lost."""


def is_available() -> bool:
    """Return whether the package is installed, without loading it."""
    return find_spec(PACKAGE) is not None


class PlayedSound:
    """What the loudspeaker plays, handed from its callback to the canceller. Safe for one thread on each side.

    The device pulls sound before it is heard, so a sample is here before its echo is. Both streams run on without
    gaps and are paired by count, which a late callback does not affect: AEC3 finds the delay, as long as it stays.
    """

    def __init__(self) -> None:
        self._blocks: deque[tuple[Samples, int]] = deque(maxlen=BACKLOG_BLOCKS)
        self._rate_hz = FRAME_RATE_HZ
        self._resampler: soxr.ResampleStream | None = None
        self._queued: Samples = np.empty(0, np.float32)
        self._least = math.inf
        self._watched_s = 0.0
        self._watch_s = FIRST_WATCHED_S

    def put(self, block: Samples, rate_hz: int) -> None:
        """Take a copy of a block, shape (n,), that the device has pulled; in its thread."""
        self._blocks.append((block.copy(), rate_hz))

    def take(self, count: int) -> Samples:
        """Return the next `count` samples, 16 kHz; zeros where the device has pulled none."""
        while self._blocks:
            self._read(*self._blocks.popleft())
        out = self._queued[:count]
        self._queued = self._queued[count:]
        self._watch(count, silent=not out.any())
        return np.concatenate((out, np.zeros(count - len(out), np.float32)))

    def _read(self, block: Samples, rate_hz: int) -> None:
        if rate_hz != self._rate_hz:
            self._rate_hz = rate_hz  # the low quality has the shortest delay: 20 ms at most
            self._resampler = soxr.ResampleStream(rate_hz, FRAME_RATE_HZ, 1, dtype="float32", quality="LQ")
        if self._resampler is not None:
            block = self._resampler.resample_chunk(block)
        self._queued = np.concatenate((self._queued, block))

    def _watch(self, count: int, *, silent: bool) -> None:
        """Drop what has been buffered without need: in silence, where the jump does no harm, or when it is much."""
        self._least = min(self._least, len(self._queued) / FRAME_RATE_HZ)
        self._watched_s += count / FRAME_RATE_HZ
        needless_s = self._least - SLACK_S
        if self._watched_s >= self._watch_s and (silent or needless_s > MUCH_S):
            self._queued = self._queued[max(0, round(needless_s * FRAME_RATE_HZ)) :]
            self._least, self._watched_s, self._watch_s = math.inf, 0.0, WATCHED_S


class EchoEvidence:
    """Detects whether the microphone hears the loudspeaker, from the last second of both."""

    def __init__(self) -> None:
        self._near: deque[Samples] = deque(maxlen=EVIDENCE_CHUNKS)
        self._far: deque[Samples] = deque(maxlen=EVIDENCE_CHUNKS)
        self._fresh = 0

    def add(self, near: Samples, far: Samples) -> bool:
        """Take a chunk of each; return True when it is time to look and an echo is found."""
        self._near.append(near)
        self._far.append(far)
        self._fresh += 1
        return self._fresh >= EVIDENCE_CHUNKS // 4 and self.found()

    def found(self) -> bool:
        """Return whether what was played is found in what was heard."""
        self._fresh = 0
        if len(self._near) < LEAST_CHUNKS:
            return False
        least = LIKE if len(self._near) == EVIDENCE_CHUNKS else SHORTLY_LIKE
        return likeness(np.concatenate(self._near), np.concatenate(self._far)) > least


def likeness(near: Samples, far: Samples) -> float:
    """Return the largest normalised correlation, 0…1, of `near` with `far` up to 0.4 s earlier.

    Of differences of neighbouring samples, which whiten speech. Of 32 beginnings of replies at -20 dB through a decay
    of 30 ms, half a second gave .31 to .50 and a second .38 to .46. 42 recordings of other speakers gave up to .10 and
    .07; 336 pieces of other words in the same voice as was played, .27 and .14. 0 where one of them is silent.
    """
    heard, played = (np.diff(sound.astype(np.float64)) for sound in (near, far))
    size = 1 << (2 * len(near) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(played, size)), size)
    loudness = math.sqrt(float(np.sum(heard**2) * np.sum(played**2)))
    quiet = min(float(np.abs(near).max()), float(np.abs(far).max())) < FAINT
    return 0.0 if quiet else float(np.abs(product[: round(0.4 * FRAME_RATE_HZ)]).max()) / loudness


class EchoCanceller:
    """Cleans the microphone's sound in chunks of 10 ms, once active: when an echo is found, or expected.

    While it cancels, sound comes out 8 ms later than it went in, with the frequencies below 100 Hz taken out. Before,
    it only listens: where there is no echo, as with a headset, AEC3 takes a user who interrupts a reply for one, and
    the interruption is lost (in every second first reply, measured).
    """

    def __init__(self, played: PlayedSound, *, active: bool = True) -> None:
        """Load the package; raises AudioDeviceError where it is missing."""
        try:
            from pywebrtc_audio import AudioProcessor
        except ImportError as error:
            raise AudioDeviceError(MISSING) from error
        self._processor = AudioProcessor(sample_rate=FRAME_RATE_HZ, echo_cancellation=True)
        self._played = played
        self._active = active
        self._evidence = EchoEvidence()
        self._quiet_s = math.inf
        self._cancels = False
        self._rise: Samples = np.linspace(0, 1, CHUNK_SAMPLES, dtype=np.float32)
        self._noise = np.random.default_rng(0)

    def activate(self) -> bool:
        """Cancel from now on; return False where it was doing so already."""
        was, self._active = self._active, True
        return not was

    def hears_itself(self) -> bool:
        """Return whether the loudspeaker was heard last; False once echo cancellation is active."""
        return not self._active and self._evidence.found()

    def clean(self, near: Samples) -> Samples:
        """Return `near`, shape (160,), 16 kHz, without echo."""
        far = self._played.take(len(near))
        self._quiet_s = 0.0 if np.abs(far).max() > AUDIBLE else self._quiet_s + CHUNK_S
        hears = self._quiet_s < TAIL_S
        if not hears and not self._cancels:
            return near
        cleaned: Samples = self._processor.process(near, far)
        if not self._active:
            self._active = self._evidence.add(near, far)
            return near
        cleaned += MASK * self._noise.standard_normal(len(near), np.float32)
        if hears and not self._cancels:
            cleaned = near + self._rise * (cleaned - near)
        elif not hears:
            cleaned = cleaned + self._rise * (near - cleaned)
        self._cancels = hears
        return cleaned


def echo_canceller(wanted: Wanted, played: PlayedSound) -> EchoCanceller | None:
    """Return a canceller: active for "on", ready for "auto"; None for "off", and for "auto" where none is installed.

    Raises AudioDeviceError.
    """
    if wanted == "off" or (wanted == "auto" and not is_available()):
        return None
    return EchoCanceller(played, active=wanted == "on")
