"""Microphone and loudspeaker on a real sound card: PortAudio, opened late, reopened after a loss."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from inference.types import Samples
from voice_app.core.errors import AudioDeviceError
from voice_app.core.ports import FRAME_RATE_HZ, AudioFrame
from voice_app.io.echo_cancel import PlayedSound
from voice_app.io.frames import Clean, FrameCutter
from voice_app.io.playback import Playback
from voice_app.io.recovery import Line, Watch
from voice_app.io.speaker import PlaybackSpeaker

Kind = Literal["input", "output"]
Report = Callable[[str], None]
NAMES: dict[Kind, str] = {"input": "microphone", "output": "loudspeaker"}

PULSE_LATENCY_MS = 30
"""Without it, PortAudio asks PulseAudio's ALSA plugin for 9 ms, and underruns lose 5-35 % of what is played."""
BLOCK_S = 0.01
"""What a callback is asked for, or gives."""
BACKLOG_S = 3.0
"""How far the program may fall behind the microphone before the oldest sound is dropped."""
LATENCY_LIMIT_S = 1.0
"""PortAudio's time stamps that imply more are wrong."""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One device of the system."""

    index: int
    name: str
    inputs: int
    """Channels that can be recorded."""
    outputs: int
    default_rate_hz: float
    hostapi: str
    default_in: bool
    default_out: bool


def list_devices() -> list[DeviceInfo]:
    """Return the devices PortAudio sees. Raises AudioDeviceError when PortAudio itself is missing."""
    sd = _portaudio()
    try:
        devices, apis = sd.query_devices(), sd.query_hostapis()
    except sd.PortAudioError as error:
        raise AudioDeviceError(f"the sound devices can't be listed: {_reason(error)}") from error
    default_in, default_out = _default_index(sd, "input"), _default_index(sd, "output")
    return [
        DeviceInfo(
            index=index,
            name=device["name"],
            inputs=device["max_input_channels"],
            outputs=device["max_output_channels"],
            default_rate_hz=device["default_samplerate"],
            hostapi=apis[device["hostapi"]]["name"],
            default_in=index == default_in,
            default_out=index == default_out,
        )
        for index, device in enumerate(devices)
    ]


def find_device(wanted: str | int | None, kind: Kind) -> DeviceInfo:
    """Return the device with this index or name, or the default. Raises AudioDeviceError."""
    return choose_device(list_devices(), wanted, kind)


def choose_device(devices: Sequence[DeviceInfo], wanted: str | int | None, kind: Kind) -> DeviceInfo:
    """Return the device of `kind` that `wanted` names: an index, a name, or an unambiguous part of one.

    None stands for the system's default. Raises AudioDeviceError with the choices there are.
    """
    usable = [device for device in devices if (device.inputs if kind == "input" else device.outputs) > 0]
    if not usable:
        raise AudioDeviceError(f"there is no {NAMES[kind]}{_way_out(kind)}")
    if wanted is None:
        defaults = [
            device for device in usable if (device.default_in if kind == "input" else device.default_out)
        ]
        return (defaults or usable)[0]
    text = str(wanted).strip()
    exact = [device for device in usable if text in (str(device.index), device.name)]
    folded = text.casefold()
    similar = [device for device in usable if folded and folded in device.name.casefold()]
    same = [device for device in similar if device.name.casefold() == folded]
    found = exact or same or similar
    if exact or same or len(similar) == 1:
        return found[0]
    raise AudioDeviceError(_no_such_device(usable, similar, text, kind))


def _no_such_device(
    usable: Sequence[DeviceInfo], similar: Sequence[DeviceInfo], text: str, kind: Kind
) -> str:
    near = difflib.get_close_matches(text, [device.name for device in usable], n=1, cutoff=0.5)
    what = f"{text!r} fits several {NAMES[kind]}s" if similar else f"there is no {NAMES[kind]} {text!r}"
    hint = f"; did you mean {near[0]!r}?" if near and not similar else ""
    choices = ", ".join(f"{device.index} {device.name!r}" for device in (similar or usable)[:8])
    return f"{what}{hint} (choose from: {choices})"


def _way_out(kind: Kind) -> str:
    if kind == "input":
        return "; connect one, or use `voice-app talk --in FILE` or typed text"
    return "; connect one, or write the sound to a file with `--out FILE`"


def _default_index(sd: Any, kind: Kind) -> int | None:
    try:
        return int(sd.query_devices(kind=kind)["index"])
    except (sd.PortAudioError, ValueError):  # there is none
        return None


def _portaudio() -> Any:
    """Import sounddevice, which initialises PortAudio. Raises AudioDeviceError."""
    os.environ.setdefault("PULSE_LATENCY_MSEC", str(PULSE_LATENCY_MS))
    try:
        with _quiet():
            import sounddevice
    except OSError as error:
        raise AudioDeviceError(
            f"PortAudio can't be loaded ({error}): apt-get install libportaudio2, or brew install portaudio"
        ) from error
    except Exception as error:  # PortAudioError, a class of the module that could not be imported
        raise AudioDeviceError(f"PortAudio does not start: {_reason(error)}") from error
    return sounddevice


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what ALSA's C code writes to stderr while devices are looked up and opened."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.close(null)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _reason(error: Exception) -> str:
    return str(error.args[0] if error.args else error).splitlines()[0]


def _reinitialise() -> None:
    """Close and open PortAudio, so that it looks at the devices anew. All streams must be closed."""
    sd = _portaudio()
    with contextlib.suppress(sd.PortAudioError):
        sd._terminate()
    try:
        sd._initialize()
    except sd.PortAudioError as error:
        raise AudioDeviceError(f"PortAudio does not start: {_reason(error)}") from error


_watches: list[Watch] = []


def _watch() -> Watch:
    """Return the watch of the running event loop: PortAudio is one for all streams."""
    if not _watches or _watches[-1].loop is not asyncio.get_running_loop():
        _watches[:] = [Watch(_reinitialise)]
    return _watches[-1]


def _open_stream(kind: Kind, device: DeviceInfo, formats: Sequence[tuple[int, int]], callback: Any) -> Any:
    """Return a stream, not started, in the first of `formats` (rate, channels) that the device takes."""
    sd = _portaudio()
    stream_type = sd.InputStream if kind == "input" else sd.OutputStream
    refusal = "no usable format"
    for rate_hz, channels in formats:
        try:
            with _quiet():
                return stream_type(
                    device=device.index,
                    samplerate=rate_hz,
                    channels=channels,
                    dtype="float32",
                    blocksize=round(rate_hz * BLOCK_S),
                    latency="low",
                    callback=callback,
                )
        except (sd.PortAudioError, ValueError) as error:
            refusal = _reason(error)
    raise AudioDeviceError(f"the {NAMES[kind]} {device.name!r} can't be opened: {refusal}")


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
        self._wanted = info.name if device is not None else None
        self._line = Line(
            NAMES["output"], self._open_line, self._adopt, report, busy=lambda: self._open, gone=self._give_up
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

    def _open_line(self) -> Any:
        device = find_device(self._wanted, "output")
        rates_hz = dict.fromkeys((self.rate_hz, round(device.default_rate_hz)))
        channels = dict.fromkeys((min(2, device.outputs), 1))
        formats = [(rate_hz, count) for rate_hz in rates_hz for count in channels]
        return _open_stream("output", device, formats, self._callback)

    def _adopt(self, stream: Any) -> None:
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
        self._wanted = info.name if device is not None else None
        self._report = report
        self._line = Line(NAMES["input"], self._open_line, self._adopt, report)
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

    def _open_line(self) -> Any:
        device = find_device(self._wanted, "input")
        rates_hz = dict.fromkeys((FRAME_RATE_HZ, round(device.default_rate_hz)))
        formats = [
            (rate_hz, count) for rate_hz in rates_hz for count in dict.fromkeys((1, min(2, device.inputs)))
        ]
        return _open_stream("input", device, formats, self._callback)

    def _adopt(self, stream: Any) -> None:
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
