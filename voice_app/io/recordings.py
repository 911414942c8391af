"""A user made of recordings: speaks them in real time, waits for replies, interrupts."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from inference.audio import resample
from inference.errors import AudioError
from inference.sound_files import read_audio
from inference.types import Audio, Samples
from voice_app.core import clock
from voice_app.core.ports import FRAME_RATE_HZ, FRAME_S, FRAME_SAMPLES, AudioFrame

REPLY_LIMIT_S = 120.0
"""Replies longer than this are not waited for."""
ROOM_NOISE = 1e-4
"""RMS of the noise between recordings, -80 dBFS: no microphone is digitally silent."""
VOICED_DB = -35.0
"""What is quieter than this below the loudest 10 ms counts as silence."""


@dataclass(frozen=True, slots=True)
class RecordedTurn:
    """One recording and when it is spoken."""

    sound: Path | Audio
    after: Literal["reply"] | float = "reply"
    """"reply": once the assistant has answered the turn before; a number: that many seconds into its answer."""


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """When a recording was spoken, on `voice_app.core.clock`."""

    start_s: float
    end_s: float
    """The last sample of the file."""
    voiced_end_s: float
    """The last sample that is not silence: from here a reply's latency counts."""


@dataclass(slots=True)
class HeardReply:
    """A reply as the user hears it; `end_s` is None while it is audible."""

    start_s: float
    end_s: float | None = None


@dataclass(frozen=True, slots=True)
class Manners:
    """How long the user waits."""

    gap_s: float = 0.6
    """Between the end of a reply and the next turn."""
    timeout_s: float = 12.0
    """How long to wait for a reply that does not come."""


def replies_to(turn: SpokenTurn, replies: Sequence[HeardReply]) -> list[HeardReply]:
    """Return the replies that answer `turn`: begun since it began, and not cut off during its speech."""
    return [
        reply
        for reply in replies
        if reply.start_s >= turn.start_s and (reply.end_s is None or reply.end_s > turn.voiced_end_s)
    ]


def next_turn_s(
    after: Literal["reply"] | float, last: SpokenTurn, replies: Sequence[HeardReply], manners: Manners
) -> float:
    """Return when the turn after `last` begins, judging by the replies heard so far."""
    ends_s = [REPLY_LIMIT_S + reply.start_s if reply.end_s is None else reply.end_s for reply in replies]
    answering = replies_to(last, replies)
    if not answering:
        return max([last.end_s, *ends_s]) + manners.timeout_s
    first, final = answering[0], answering[-1]
    if after != "reply":
        barge_in_s = first.start_s + after
        if first.end_s is None or barge_in_s <= first.end_s:
            return max(barge_in_s, last.end_s)
    final_end_s = REPLY_LIMIT_S + final.start_s if final.end_s is None else final.end_s
    return max(final_end_s, last.end_s) + manners.gap_s


def voiced_end(samples: Samples) -> int:
    """Return how many of `samples`, 16 kHz, lead up to the end of the last 10 ms that are not silence."""
    size = FRAME_RATE_HZ // 100
    padded = np.pad(samples, (0, -len(samples) % size)).reshape(-1, size).astype(np.float64)
    power = np.mean(padded**2, axis=1)
    loud = np.flatnonzero(power > power.max(initial=0.0) * 10 ** (VOICED_DB / 10))
    return min(len(samples), (int(loud[-1]) + 1) * size) if len(loud) else len(samples)


class RecordedUser:
    """A frame source that speaks recordings, and hears through `heard_start` and `heard_end`.

    Construction reads all files and raises AudioError for one that can't be used. Use it once.
    """

    def __init__(
        self,
        turns: Sequence[RecordedTurn],
        *,
        gap_s: float = 0.6,
        timeout_s: float = 12.0,
    ) -> None:
        self.spoken: list[SpokenTurn] = []
        """The turns whose recording has ended, in order."""
        self._turns = [(turn.after, _load(turn.sound)) for turn in turns]
        self._manners = Manners(gap_s, timeout_s)
        self._replies: list[HeardReply] = []
        self._closed = False
        rng = np.random.default_rng(0)
        self._noise: Samples = (ROOM_NOISE * rng.standard_normal((31, FRAME_SAMPLES))).astype(np.float32)

    def spoken_since(self, start_s: float) -> list[SpokenTurn]:
        """Return the turns whose recording has ended, in seconds since `start_s`."""
        return [
            SpokenTurn(turn.start_s - start_s, turn.end_s - start_s, turn.voiced_end_s - start_s)
            for turn in self.spoken
        ]

    def heard_start(self) -> None:
        """Take in that the loudspeaker starts to sound."""
        if self._sounding is None:
            self._replies.append(HeardReply(clock.now()))

    def heard_end(self) -> None:
        """Take in that the loudspeaker has fallen silent."""
        if self._sounding is not None:
            self._sounding.end_s = clock.now()

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yield frames at the pace of the clock, until a second after the last reply (or the timeout)."""
        start_s = clock.now()
        for number, samples in enumerate(self._blocks(start_s), start=1):
            end_s = start_s + number * FRAME_S
            await clock.sleep_until(end_s)
            if self._closed:
                return
            yield AudioFrame(samples, end_s)

    async def close(self) -> None:
        """End `frames` at the next frame."""
        self._closed = True

    @property
    def _sounding(self) -> HeardReply | None:
        return self._replies[-1] if self._replies and self._replies[-1].end_s is None else None

    def _blocks(self, start_s: float) -> Iterator[Samples]:
        """Yield blocks of 512 samples; each is decided when the one before has been taken."""
        number = 0
        last: SpokenTurn | None = None
        for after, sound in self._turns:
            while start_s + number * FRAME_S < self._due_s(after, last, start_s):
                yield self._quiet(number)
                number += 1
            at_s = start_s + number * FRAME_S
            end_s = at_s + len(sound) / FRAME_RATE_HZ
            last = SpokenTurn(at_s, end_s, at_s + voiced_end(sound) / FRAME_RATE_HZ)
            for first in range(0, len(sound), FRAME_SAMPLES):
                block = self._quiet(number)
                piece = sound[first : first + FRAME_SAMPLES]
                block[: len(piece)] = piece
                yield block
                number += 1
            self.spoken.append(last)
        while start_s + number * FRAME_S < self._due_s("reply", last, start_s) + 1.0:
            yield self._quiet(number)
            number += 1

    def _due_s(self, after: Literal["reply"] | float, last: SpokenTurn | None, start_s: float) -> float:
        if last is not None:
            return next_turn_s(after, last, self._replies, self._manners)
        # Before the first turn, a greeting is the only thing to wait for.
        opening = SpokenTurn(start_s, start_s, -math.inf)
        if not self._replies and after == "reply":
            return start_s + self._manners.gap_s
        return next_turn_s(after, opening, self._replies, self._manners)

    def _quiet(self, number: int) -> Samples:
        block: Samples = self._noise[number % len(self._noise)].copy()
        return block


def _load(sound: Path | Audio) -> Samples:
    audio = sound if isinstance(sound, Audio) else read_audio(sound)
    if not len(audio.samples):
        raise AudioError("the recording is empty", None if isinstance(sound, Audio) else sound)
    if audio.rate_hz != FRAME_RATE_HZ:
        audio = resample(audio, FRAME_RATE_HZ)
    return np.ascontiguousarray(audio.samples, np.float32)
