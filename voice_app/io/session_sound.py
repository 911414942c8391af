"""A session's sound, kept only when asked: the user on the left, the assistant on the right, on one clock."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from inference.types import Samples
from voice_app.core.errors import SessionError
from voice_app.core.ports import FRAME_RATE_HZ, AudioFrame

Pcm = npt.NDArray[np.int16]
LONGEST_S = 3600.0
"""What is older is forgotten: an hour takes 230 MB at most."""


class SessionSound:
    """Keeps 16-bit sound at 16 kHz in memory, for `write`, which any thread may call; all else is for the loop's."""

    def __init__(self) -> None:
        self._changing = Lock()
        """Held while the deques change or are copied, never while samples are worked on or written."""
        self._frames: deque[tuple[float, Pcm]] = deque()
        self._reply: list[Pcm] = []
        self._started_s: float | None = None
        self._replies: deque[tuple[float, Pcm]] = deque()

    def hear(self, frame: AudioFrame) -> None:
        """Keep a frame of the user's sound."""
        start_s = frame.end_s - len(frame.samples) / FRAME_RATE_HZ
        samples = _as_int16(frame.samples)
        with self._changing:
            self._frames.append((start_s, samples))
            while self._frames[0][0] < frame.end_s - LONGEST_S:
                self._frames.popleft()
            while self._replies and self._replies[0][0] < frame.end_s - LONGEST_S:
                self._replies.popleft()

    def begin(self) -> None:
        """Begin a reply; `say` adds its sound."""
        self._reply = []

    def say(self, samples: Samples, rate_hz: int) -> None:
        """Keep sound of the reply, shape (n,)."""
        self._reply.append(_as_int16(soxr.resample(samples, rate_hz, FRAME_RATE_HZ)))

    def started(self, at_s: float) -> None:
        """Note that the reply is audible from `at_s` on, on the clock of the frames."""
        self._started_s = at_s

    def stopped(self, played_s: float) -> None:
        """End the reply: only its first `played_s` seconds were heard."""
        if self._started_s is not None and self._reply:
            heard = np.concatenate(self._reply)[: round(played_s * FRAME_RATE_HZ)]
            with self._changing:
                self._replies.append((self._started_s, heard))
        self._started_s, self._reply = None, []

    def write(self, path: Path) -> float:
        """Write a stereo WAV and return its seconds. Raises SessionError."""
        with self._changing:
            frames, replies = tuple(self._frames), tuple(self._replies)
        if not frames:
            raise SessionError(path, "there is no sound yet to be written")
        start_s = frames[0][0]
        last_s, last = frames[-1]
        length = round((last_s - start_s) * FRAME_RATE_HZ) + len(last)
        sound = np.zeros((length, 2), np.int16)
        for at_s, samples in frames:
            _lay(sound[:, 0], at_s - start_s, samples)
        for at_s, samples in replies:
            _lay(sound[:, 1], at_s - start_s, samples)
        try:
            path.touch(mode=0o600)
            soundfile.write(path, sound, FRAME_RATE_HZ, subtype="PCM_16", format="WAV")
        except (OSError, soundfile.LibsndfileError) as error:
            raise SessionError(path, f"can't be written ({error}); choose another file") from error
        return length / FRAME_RATE_HZ


def _as_int16(samples: Samples) -> Pcm:
    return np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16)


def _lay(channel: Pcm, at_s: float, samples: Pcm) -> None:
    """Put samples into a channel where they belong; what lies outside is left out."""
    at = round(at_s * FRAME_RATE_HZ)
    first = max(0, -at)
    end = min(len(samples), len(channel) - at)
    if end > first:
        channel[at + first : at + end] = samples[first:end]
