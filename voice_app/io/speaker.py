"""Loudspeakers: what they promise, what all share, and one made of a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soxr

from inference.types import Samples
from voice_app.core import clock
from voice_app.core.errors import SessionError
from voice_app.core.ports import Played, nothing
from voice_app.io.playback import Playback

if TYPE_CHECKING:
    import soundfile

POLL_S = 0.02
"""How often a writer looks for room, and `finish` for the end."""
PIECE_S = 0.25
"""Sound is resampled in pieces of this length, so that the event loop is never held for long."""
BLOCK_S = 0.01
HEADER_S = 5.0
"""A crash loses at most this much of the recording for readers that trust the WAV header."""


class PlaybackSpeaker:
    """The part of a loudspeaker that does not depend on what pulls its `Playback`."""

    def __init__(self, rate_hz: int) -> None:
        self.on_started: Callable[[], None] = nothing
        self.on_stopped: Callable[[], None] = nothing
        self._playback = Playback(rate_hz)
        self._resampler: soxr.ResampleStream | None = None
        self._from_hz = rate_hz
        self._reply = 0
        self._open = False
        self._reported = False
        self._played = Played(0.0, complete=False)

    @property
    def rate_hz(self) -> int:
        """Return the device's rate."""
        return self._playback.rate_hz

    @property
    def underruns(self) -> int:
        """Return how often a reply ran dry before its end."""
        return self._playback.underruns

    @property
    def played_s(self) -> float:
        """Seconds of this reply that have been heard by now."""
        self._catch_up()
        return self._playback.heard(clock.now()) / self.rate_hz

    @property
    def first_sound_s(self) -> float | None:
        """Return when the first sample of this reply is audible; None until it has left."""
        self._catch_up()
        return self._playback.first_audible_s

    def begin(self) -> None:
        """Start a reply; an unfinished one is cut."""
        self._catch_up()
        if self._open:
            self.cut()
        self._playback.begin()
        self._reply += 1
        self._open, self._reported = True, False
        self._resampler, self._from_hz = None, self.rate_hz

    async def write(self, samples: Samples, rate_hz: int) -> None:
        """Queue sound, shape (n,), of any rate; wait while the buffer is full. Ignored outside a reply."""
        reply = self._reply
        size = max(1, round(PIECE_S * rate_hz))
        for first in range(0, len(samples), size):
            if not self._open or reply != self._reply:
                return
            if rate_hz != self._from_hz:
                await self._put(self._tail(), reply)
                self._resample_from(rate_hz)
            piece = np.ascontiguousarray(samples[first : first + size], np.float32)
            if self._resampler is not None:
                piece = self._resampler.resample_chunk(piece)
            await self._put(piece, reply)

    async def finish(self) -> Played:
        """End the reply and wait until it has been heard or is cut."""
        reply = self._reply
        if not self._open:
            return self._played
        await self._put(self._tail(), reply)
        if self._open and reply == self._reply:
            self._playback.end()
        while self._open and reply == self._reply:
            left_s = self._left_s()
            if left_s <= 0:
                return self._stop(self._playback.position, complete=True)
            await asyncio.sleep(min(left_s, POLL_S))
        return self._played

    def hold(self) -> None:
        """Pause the reply; what is queued stays."""
        self._catch_up()
        self._playback.hold()

    def resume(self) -> None:
        """Go on with a held reply."""
        self._catch_up()
        self._playback.resume()

    def cut(self) -> Played:
        """Fall silent: what is queued is dropped. What the device holds already still counts as played."""
        self._catch_up()
        if not self._open:
            return self._played
        return self._stop(self._playback.flush(), complete=False)

    def _catch_up(self) -> None:
        """Pull what is due by now, where nothing else does."""

    def _sound_started(self) -> None:
        """Report once, at the right moment, that the reply is audible."""
        at_s = self._playback.first_audible_s
        if at_s is None or not self._open or self._reported:
            return
        if at_s > clock.now():
            asyncio.get_running_loop().call_at(at_s, self._report_started, self._reply)
        else:
            self._report_started(self._reply)

    def _report_started(self, reply: int) -> None:
        if self._open and reply == self._reply and not self._reported:
            self._reported = True
            self.on_started()

    def _stop(self, position: int, *, complete: bool) -> Played:
        if position:
            self._report_started(self._reply)
        self._open = False
        self._played = Played(position / self.rate_hz, complete)
        if self._reported:
            self.on_stopped()
        return self._played

    def _left_s(self) -> float:
        self._catch_up()
        if not self._playback.empty:
            return self._playback.queued / self.rate_hz
        return self._playback.heard_until_s - clock.now()

    def _resample_from(self, rate_hz: int) -> None:
        self._from_hz = rate_hz
        if rate_hz == self.rate_hz:
            self._resampler = None
        else:
            self._resampler = soxr.ResampleStream(rate_hz, self.rate_hz, 1, dtype="float32")

    def _tail(self) -> Samples:
        """Return what the resampler still holds."""
        if self._resampler is None:
            return np.empty(0, np.float32)
        tail: Samples = self._resampler.resample_chunk(np.empty(0, np.float32), last=True)
        self._resampler, self._from_hz = None, self.rate_hz
        return tail

    async def _put(self, samples: Samples, reply: int) -> None:
        while len(samples) and self._open and reply == self._reply:
            self._catch_up()
            samples = samples[self._playback.put(samples) :]
            if len(samples):
                await asyncio.sleep(POLL_S)


class FileSpeaker(PlaybackSpeaker):
    """A loudspeaker that plays into a 16-bit WAV, or nowhere, at the pace of the clock.

    The file starts at `start` and has silence where nothing is said: times in it are times of the session.
    Its blocks of 10 ms are pulled when they are due and never contain sound written later than they begin.
    """

    def __init__(self, path: Path | None, rate_hz: int = 22_050) -> None:
        super().__init__(rate_hz)
        self._path = path
        self._file: soundfile.SoundFile | None = None
        self._failure: str | None = None
        self._pacer: asyncio.Task[None] | None = None
        self._start_s = 0.0
        self._blocks = 0

    async def start(self) -> None:
        """Create the file. Raises SessionError."""
        import soundfile

        if self._path is not None:
            try:
                self._file = soundfile.SoundFile(
                    self._path, "w", self.rate_hz, 1, subtype="PCM_16", format="WAV"
                )
            except (OSError, soundfile.LibsndfileError) as error:
                raise SessionError(self._path, f"can't be written ({error}); choose another file") from error
        self._start_s, self._blocks = clock.now(), 0
        self._pacer = asyncio.create_task(self._pace())

    async def close(self) -> None:
        """Cut what is being said and complete the file. Raises SessionError if it is not whole."""
        if self._pacer is None:
            return
        self.cut()
        self._pacer.cancel()
        await asyncio.wait([self._pacer])
        self._pull_block()  # the end of the fade
        self._pacer = None
        self._to_file(lambda file: file.close())
        self._file = None
        if self._failure is not None and self._path is not None:
            raise SessionError(self._path, f"is incomplete ({self._failure})")

    async def _pace(self) -> None:
        while True:
            self._catch_up()
            await clock.sleep_until(self._start_s + self._blocks * BLOCK_S)

    def _catch_up(self) -> None:
        if self._pacer is None:
            return
        # The small part of a block is there for the rounding of times that are sums.
        due = int((clock.now() - self._start_s) / BLOCK_S + 1e-6) + 1
        while self._blocks < due:
            self._pull_block()
        self._sound_started()

    def _pull_block(self) -> None:
        first, after = (round(number * BLOCK_S * self.rate_hz) for number in (self._blocks, self._blocks + 1))
        block = np.empty(after - first, np.float32)
        self._playback.pull(block, self._start_s + self._blocks * BLOCK_S)
        self._blocks += 1
        self._to_file(lambda file: file.write(block))
        if self._blocks % round(HEADER_S / BLOCK_S) == 0:
            self._to_file(self._reopen)

    def _reopen(self, file: soundfile.SoundFile) -> None:
        """Close the file, which writes its header, and go on at its end."""
        import soundfile

        file.close()
        self._file = soundfile.SoundFile(str(self._path), "r+")
        self._file.seek(0, soundfile.SEEK_END)

    def _to_file(self, act: Callable[[soundfile.SoundFile], None]) -> None:
        """Act on the file; after a failure the session goes on without it, and `close` reports it."""
        if self._file is None or self._failure is not None:
            return
        try:
            act(self._file)
        except (OSError, RuntimeError) as error:  # LibsndfileError is a RuntimeError
            self._failure = str(error)
