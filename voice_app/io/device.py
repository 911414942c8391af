"""Microphone and loudspeaker on a real sound card, reopened after a loss."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any
from weakref import WeakMethod

import numpy as np
import numpy.typing as npt

from inference.types import Samples
from voice_app.core.ports import FRAME_RATE_HZ, AudioFrame
from voice_app.io.echo_cancel import PlayedSound
from voice_app.io.frames import Clean, FrameCutter
from voice_app.io.playback import Playback
from voice_app.io.portaudio import (
    BLOCK_S,
    CALLER,
    NAMES,
    choose_device,
    find_device,
    open_stream,
    query_devices,
    reinitialise,
)
from voice_app.io.recovery import AudioLine, Watch
from voice_app.io.speaker import PlaybackSpeaker

Report = Callable[[str], None]

BACKLOG_S = 3.0
"""How far the program may fall behind the microphone before the oldest sound is dropped."""
LATENCY_LIMIT_S = 1.0
"""PortAudio's time stamps that imply more are wrong."""

_watches: list[Watch] = []


def _watch() -> Watch:
    """Return the watch of the running event loop: PortAudio is one for all streams."""
    if not _watches or _watches[-1].loop is not asyncio.get_running_loop():
        _watches[:] = [Watch(reinitialise, CALLER)]
    return _watches[-1]


def _open_output(wanted: str | None, rate_hz: int, callback: Callable[..., None]) -> Any:
    device = choose_device(query_devices(), wanted, "output")
    rates_hz = dict.fromkeys((rate_hz, round(device.default_rate_hz)))
    channels = dict.fromkeys((min(2, device.outputs), 1))
    formats = [(rate_hz, count) for rate_hz in rates_hz for count in channels]
    return open_stream("output", device, formats, callback)


def _open_input(wanted: str | None, callback: Callable[..., None]) -> Any:
    device = choose_device(query_devices(), wanted, "input")
    rates_hz = dict.fromkeys((FRAME_RATE_HZ, round(device.default_rate_hz)))
    channels = dict.fromkeys((1, min(2, device.inputs)))
    formats = [(rate_hz, count) for rate_hz in rates_hz for count in channels]
    return open_stream("input", device, formats, callback)


def _weakly(method: Callable[..., None]) -> Callable[..., None]:
    """Return what calls a method while its object lives: a stream that hangs keeps no session alive at exit."""
    kept = WeakMethod(method)

    def call(*arguments: Any) -> None:
        living = kept()
        if living is not None:
            living(*arguments)

    return call


def _ignore(message: str) -> None:
    """Report to nobody."""


class DeviceSpeaker(PlaybackSpeaker):
    """A loudspeaker of the sound card, open from `start` to `close`.

    `report` gets one line when the device is lost and one when it is back, `played` all that is played. Construction
    raises AudioDeviceError when there is no such device, `start` when it can't be opened.
    """

    def __init__(
        self,
        device: str | int | None = None,
        *,
        report: Report = _ignore,
        played: PlayedSound | None = None,
    ) -> None:
        info = find_device(device, "output")
        super().__init__(round(info.default_rate_hz))
        self._played_sound = played
        self.latency_s = 0.0
        """From the last callback to the moment its sound was audible."""
        wanted = info.name if device is not None else None
        opener = partial(_open_output, wanted, self.rate_hz, _weakly(self._callback))
        self._line = AudioLine(
            NAMES["output"], opener, self._attach, report, busy=lambda: self._open, gone=self._give_up
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._announced_s = 0.0
        self._home: Watch | None = None

    async def start(self) -> None:
        """Open the device. Raises AudioDeviceError."""
        self._loop = asyncio.get_running_loop()
        home = _watch()
        await home.add(self._line)
        self._home = home

    async def close(self) -> None:
        """Cut what is being said and release the device."""
        self.cut()
        if self._home is not None:
            await self._home.remove(self._line)
            self._home = None

    def _attach(self, stream: Any) -> None:
        rate_hz = round(stream.samplerate)
        if rate_hz != self.rate_hz:
            self.cut()
            self._playback = Playback(rate_hz)

    def _give_up(self) -> None:
        self.cut()

    def _callback(self, out: npt.NDArray[np.float32], frames: int, time: Any, status: Any) -> None:
        """Copy what is queued to the device; in PortAudio's thread."""
        loop = self._loop
        if loop is None:
            return
        now_s = loop.time()
        self._line.called(now_s)
        ahead_s = time.outputBufferDacTime - time.currentTime
        if 0.0 < ahead_s < LATENCY_LIMIT_S:
            self.latency_s = ahead_s
        count = self._playback.pull(out[:, 0], now_s + self.latency_s)
        out[:, 1:] = out[:, :1]
        if self._played_sound is not None:
            self._played_sound.put(out[:, 0], self.rate_hz)
        first_s = self._playback.first_audible_s
        if count and first_s is not None and first_s != self._announced_s:
            self._announced_s = first_s
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._sound_started)


class Microphone:
    """A microphone of the sound card, as a source of frames.

    `report` gets one line when the device is lost, when it is back, and when sound had to be dropped; `clean` takes
    the echo out. Construction raises AudioDeviceError when there is no such device, `start` when it can't be opened.
    """

    def __init__(
        self, device: str | int | None = None, *, report: Report = _ignore, clean: Clean | None = None
    ) -> None:
        info = find_device(device, "input")
        self._clean = clean
        self.dropped_s = 0.0
        """Sound lost since construction because the program did not take it in time."""
        wanted = info.name if device is not None else None
        self._report = report
        opener = partial(_open_input, wanted, _weakly(self._callback))
        self._line = AudioLine(NAMES["input"], opener, self._attach, report)
        self._rate_hz = float(FRAME_RATE_HZ)
        self._blocks: deque[tuple[int, npt.NDArray[np.float32], float]] = deque(
            maxlen=round(BACKLOG_S / BLOCK_S)
        )
        self._number = 0
        self._expected = 0
        self._cutter = FrameCutter(self._rate_hz, self._clean)
        self._arrived = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._home: Watch | None = None
        self._closed = False

    async def start(self) -> None:
        """Open the device; a second call does nothing. Raises AudioDeviceError."""
        if self._home is None and not self._closed:
            self._loop = asyncio.get_running_loop()
            home = _watch()
            await home.add(self._line)
            self._home = home

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yield frames until `close`; there are none while the device is lost. Opens the device if need be."""
        await self.start()
        while not self._closed:
            await self._arrived.wait()
            self._arrived.clear()
            while self._blocks and not self._closed:
                for frame in self._cut(*self._blocks.popleft()):
                    yield frame

    async def close(self) -> None:
        """End `frames` and release the device."""
        self._closed = True
        self._arrived.set()
        if self._home is not None:
            await self._home.remove(self._line)
            self._home = None

    def _attach(self, stream: Any) -> None:
        self._blocks.clear()
        self._rate_hz = float(stream.samplerate)
        self._expected = self._number
        self._cutter = FrameCutter(self._rate_hz, self._clean)

    def _callback(self, block: npt.NDArray[np.float32], frames: int, time: Any, status: Any) -> None:
        """Copy what was captured; in PortAudio's thread."""
        loop = self._loop
        if loop is None:
            return
        now_s = loop.time()
        self._line.called(now_s)
        behind_s = time.currentTime - time.inputBufferAdcTime
        known = 0.0 < behind_s < LATENCY_LIMIT_S
        captured_s = min(now_s, now_s - behind_s + frames / self._rate_hz) if known else now_s
        self._blocks.append((self._number, block.copy(), captured_s))  # a full deque drops its oldest
        self._number += 1
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(self._arrived.set)

    def _cut(self, number: int, block: npt.NDArray[np.float32], captured_s: float) -> list[AudioFrame]:
        if number != self._expected:
            lost_s = (number - self._expected) * BLOCK_S
            self.dropped_s += lost_s
            self._report(f"the program fell behind: {lost_s:.1f} s of the microphone's sound were dropped")
            self._cutter = FrameCutter(self._rate_hz, self._clean)
        self._expected = number + 1
        mono: Samples = block.mean(axis=1, dtype=np.float32)
        return self._cutter.push(mono, captured_s)
