"""Watches the open streams of a sound card and reopens those that are lost. Knows no sound library.

Sound libraries may hang: PortAudio never returns from opening or ending a stream of a sound server that is stopped,
and sometimes of one that was killed. The calls go through a `Caller`, with limits. All take 0.1 s at most on a
PulseAudio that runs; the limits are for loaded machines, and for devices that sleep.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from voice_app.core import clock
from voice_app.core.errors import AudioDeviceError
from voice_app.io.abandonable import Caller

STALLED_S = 0.5
"""A stream whose callback has not been called for this long is lost; blocks come every 10 to 35 ms."""
TICK_S = 0.25
RETRY_S = (0.25, 5.0)
"""First and longest wait between two attempts to reopen a device."""
GONE_S = 5.0
"""A reply does not wait longer than this for its loudspeaker to come back."""
OPEN_LIMIT_S = 10.0
"""Devices are looked up and several formats tried; a wireless headset connects first."""
START_LIMIT_S = 5.0
SHUT_LIMIT_S = 5.0
"""A stream ends within a block; the device may take its time to be released. The user waits for it on Ctrl-C."""
REINITIALISE_LIMIT_S = 10.0
"""The library looks at all cards anew."""


class Stream(Protocol):
    """An open stream that calls back from a thread of its own."""

    @property
    def active(self) -> bool:
        """Return whether it runs, as far as it knows; never blocks."""
        ...

    def start(self) -> None:
        """Begin to call back."""
        ...

    def abort(self) -> None:
        """End at once."""
        ...

    def close(self) -> None:
        """Release the device."""
        ...


def _never() -> bool:
    return False


def _nothing() -> None:
    pass


@dataclass(slots=True, eq=False)
class AudioLine:
    """One stream that should be open, and how to get it back."""

    name: str
    """For messages: "microphone", "loudspeaker"."""
    open: Callable[[], Stream]
    """Opens a stream, not yet started, in the caller's thread. Raises AudioDeviceError."""
    attach: Callable[[Stream], None]
    """Takes a new stream over before it starts, in the event loop's thread."""
    report: Callable[[str], None]
    busy: Callable[[], bool] = _never
    """Whether a short break would be heard."""
    gone: Callable[[], None] = _nothing
    """Called when the device has been away for `GONE_S`, and then again now and then."""
    stream: Stream | None = None
    calls: int = 0
    called_s: float = 0.0

    def called(self, now_s: float) -> None:
        """Take in that the stream calls back; from its thread."""
        self.calls += 1
        self.called_s = now_s

    def lost(self, now_s: float) -> bool:
        """Return whether the stream is closed, inactive, or has not called back for `STALLED_S`."""
        if self.stream is None or now_s - self.called_s > STALLED_S:
            return True
        try:
            return not self.stream.active
        except Exception:  # a stream that can't even be asked
            return True


def _start(stream: Stream, name: str) -> None:
    """Start a stream, in the caller's thread. Raises AudioDeviceError."""
    try:
        stream.start()
    except Exception as error:  # of a sound library that this file does not know
        raise AudioDeviceError(f"the {name} does not start: {error}") from error


def _shut(stream: Stream | None) -> None:
    """Close a stream; a graceful stop would wait for ever for one that has stalled."""
    if stream is not None:
        for act in (stream.abort, stream.close):
            with contextlib.suppress(Exception):
                act()


class Watch:
    """Opens lines and looks after them until they are removed. Bound to the event loop it is made in.

    `reinitialise` closes and opens the sound library itself; all streams are closed then. Only after that do devices
    that came or went show. It and all that blocks is called through `caller`. While the library hangs, the lines are
    lost; that is reported once. They are opened again if the call that hangs ends after all.
    """

    def __init__(self, reinitialise: Callable[[], None], caller: Caller) -> None:
        self.loop = asyncio.get_running_loop()
        self._reinitialise = reinitialise
        self._caller = caller
        self._lines: list[AudioLine] = []
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._reported_hang: str | None = None

    async def add(self, line: AudioLine) -> None:
        """Open and start `line`, and look after it. Raises AudioDeviceError."""
        async with self._lock:
            try:
                await self._open(line)
            except AudioDeviceError:
                self._reported_hang = self._caller.hang  # by the error
                raise
            self._lines.append(line)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def remove(self, line: AudioLine) -> None:
        """Close `line` for good, or leave it to a library that hangs."""
        async with self._lock:  # no attempt to reopen is under way
            if line in self._lines:
                self._lines.remove(line)
            with contextlib.suppress(AudioDeviceError):
                await self._caller.wait(self._shut(line))
            self._report_hang(line)
            if not self._lines and self._task is not None:
                self._task.cancel()
                await asyncio.wait([self._task])
                self._task = None

    async def _open(self, line: AudioLine) -> None:
        """Give a line a new stream, and start it. Raises AudioDeviceError; the line has no stream then."""
        call = self._caller.call
        try:
            stream = await call(line.open, OPEN_LIMIT_S, f"opening the {line.name}", undo=_shut)
            line.attach(stream)
            line.stream, line.calls, line.called_s = stream, 0, clock.now()
            await call(partial(_start, stream, line.name), START_LIMIT_S, f"starting the {line.name}")
            self._reported_hang = None  # a hang from now on is another one
        except BaseException:  # also when the session ends now
            self._shut(line)
            raise

    def _shut(self, line: AudioLine) -> Future[None]:
        """Have the line's stream closed, if there is one, before anything else is opened."""
        stream, line.stream = line.stream, None
        return self._caller.submit(partial(_shut, stream), SHUT_LIMIT_S, f"closing the {line.name}")

    def _report_hang(self, line: AudioLine) -> None:
        """Report once that the sound library hangs."""
        before, self._reported_hang = self._reported_hang, self._caller.hang
        if self._reported_hang and self._reported_hang != before:
            line.report(self._reported_hang)

    async def _run(self) -> None:
        suspects: set[AudioLine] = set()
        while True:
            await asyncio.sleep(TICK_S)
            lost = {line for line in self._lines if line.lost(clock.now())}
            # Twice in a row: when the whole process was held up, callbacks get their chance first.
            if lost & suspects:
                await self._recover(lost & suspects)
                lost = set()
            suspects = lost

    async def _recover(self, lost: set[AudioLine]) -> None:
        """Try until all lines are open again or removed."""
        since_s, wait_s = clock.now(), RETRY_S[0]
        _report_stopped(lost)
        while lost:
            if not self._caller.hang:
                await self._reopen(lost)
                lost = self._report_back(lost)
            if lost and not self._caller.hang and not self._in_use(lost):
                await self._start_over()
                lost = self._report_back(lost)
            if lost:
                self._report_hang(next(iter(lost)))
                if clock.now() - since_s > GONE_S:
                    for line in lost:
                        line.gone()
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, RETRY_S[1])

    def _in_use(self, lost: set[AudioLine]) -> bool:
        return any(line.busy() for line in self._lines if line not in lost)

    def _report_back(self, lost: set[AudioLine]) -> set[AudioLine]:
        """Report which of `lost` are open again; return all lines that are not."""
        for line in lost:
            if line.stream is not None:
                line.report(f"the {line.name} is back")
        closed = {line for line in self._lines if line.stream is None}
        _report_stopped(closed - lost)
        return closed

    async def _start_over(self) -> None:
        async with self._lock:
            lines = list(self._lines)
            for line in lines:
                self._shut(line)
            with contextlib.suppress(AudioDeviceError):
                await self._caller.call(
                    self._reinitialise, REINITIALISE_LIMIT_S, "starting the sound library anew"
                )
        await self._reopen(lines)

    async def _reopen(self, lines: Iterable[AudioLine]) -> None:
        """Give each line a new stream that calls back, or none."""
        async with self._lock:
            wanted = [line for line in lines if line in self._lines]
            for line in wanted:
                self._shut(line)
                with contextlib.suppress(AudioDeviceError):
                    await self._open(line)
            await asyncio.sleep(STALLED_S / 2)
            for line in wanted:
                if line.calls == 0:
                    self._shut(line)


def _report_stopped(lines: Iterable[AudioLine]) -> None:
    for line in lines:
        line.report(f"the {line.name} stopped; trying to open it again")
