"""Watches the open streams of a sound card and reopens those that are lost. Knows no sound library."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from voice_app.core import clock
from voice_app.core.errors import AudioDeviceError

STALLED_S = 0.5
"""A stream whose callback has not been called for this long is lost; blocks come every 10 to 35 ms."""
TICK_S = 0.25
RETRY_S = (0.25, 5.0)
"""First and longest wait between two attempts to reopen a device."""
GONE_S = 5.0
"""A reply does not wait longer than this for its loudspeaker to come back."""


class Stream(Protocol):
    """An open stream that calls back from a thread of its own."""

    @property
    def active(self) -> bool:
        """Whether it runs, as far as it knows itself."""
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
class Line:
    """One stream that should be open, and how to get it back."""

    name: str
    """For messages: "microphone", "loudspeaker"."""
    open: Callable[[], Stream]
    """Opens a stream, not yet started, in any thread. Raises AudioDeviceError."""
    adopt: Callable[[Stream], None]
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

    def start(self, stream: Stream) -> None:
        """Take over and start a stream of `open`. Raises AudioDeviceError."""
        self.adopt(stream)
        self.stream, self.calls, self.called_s = stream, 0, clock.now()
        try:
            stream.start()
        except Exception as error:  # of a sound library that this file does not know
            raise AudioDeviceError(f"the {self.name} does not start: {error}") from error

    def shut(self) -> None:
        """Close the stream, if there is one; a graceful stop would wait for ever for one that has stalled."""
        stream, self.stream = self.stream, None
        if stream is not None:
            for act in (stream.abort, stream.close):
                with contextlib.suppress(Exception):
                    act()

    def lost(self, now_s: float) -> bool:
        """Return whether the stream is closed, inactive, or has not called back for `STALLED_S`."""
        if self.stream is None or now_s - self.called_s > STALLED_S:
            return True
        try:
            return not self.stream.active
        except Exception:  # a stream that can't even be asked
            return True


class Watch:
    """Opens lines and looks after them until they are removed. Bound to the event loop it is made in.

    `reinitialise` closes and opens the sound library itself, in a thread; all streams are closed then. Only
    after that do devices that came or went show.
    """

    def __init__(self, reinitialise: Callable[[], None]) -> None:
        self.loop = asyncio.get_running_loop()
        self._reinitialise = reinitialise
        self._lines: list[Line] = []
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    async def add(self, line: Line) -> None:
        """Open and start `line`, and look after it. Raises AudioDeviceError."""
        async with self._lock:
            try:
                line.start(await asyncio.to_thread(line.open))
            except AudioDeviceError:
                line.shut()
                raise
            self._lines.append(line)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def remove(self, line: Line) -> None:
        """Close `line` for good."""
        async with self._lock:  # no attempt to reopen is under way
            if line in self._lines:
                self._lines.remove(line)
            await asyncio.to_thread(line.shut)
            if not self._lines and self._task is not None:
                self._task.cancel()
                await asyncio.wait([self._task])
                self._task = None

    async def _run(self) -> None:
        suspects: set[Line] = set()
        while True:
            await asyncio.sleep(TICK_S)
            lost = {line for line in self._lines if line.lost(clock.now())}
            # Twice in a row: when the whole process was held up, callbacks get their chance first.
            if lost & suspects:
                await self._recover(lost & suspects)
                lost = set()
            suspects = lost

    async def _recover(self, lost: set[Line]) -> None:
        """Try until all lines are open again or removed."""
        since_s, wait_s = clock.now(), RETRY_S[0]
        _tell_stopped(lost)
        while lost:
            await self._reopen(lost)
            lost = self._tell_back(lost)
            if lost and not any(line.busy() for line in self._lines if line not in lost):
                await self._start_over()
                lost = self._tell_back(lost)
            if lost:
                if clock.now() - since_s > GONE_S:
                    for line in lost:
                        line.gone()
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, RETRY_S[1])

    def _tell_back(self, lost: set[Line]) -> set[Line]:
        """Report which of `lost` are open again; return all lines that are not."""
        for line in lost:
            if line.stream is not None:
                line.report(f"the {line.name} is back")
        closed = {line for line in self._lines if line.stream is None}
        _tell_stopped(closed - lost)
        return closed

    async def _start_over(self) -> None:
        async with self._lock:
            lines = list(self._lines)
            for line in lines:
                await asyncio.to_thread(line.shut)
            with contextlib.suppress(AudioDeviceError):
                await asyncio.to_thread(self._reinitialise)
        await self._reopen(lines)

    async def _reopen(self, lines: Iterable[Line]) -> None:
        """Give each line a new stream that calls back, or none."""
        async with self._lock:
            wanted = [line for line in lines if line in self._lines]
            for line in wanted:
                await asyncio.to_thread(line.shut)
                with contextlib.suppress(AudioDeviceError):
                    line.start(await asyncio.to_thread(line.open))
            await asyncio.sleep(STALLED_S / 2)
            for line in wanted:
                if line.calls == 0:
                    await asyncio.to_thread(line.shut)


def _tell_stopped(lines: Iterable[Line]) -> None:
    for line in lines:
        line.report(f"the {line.name} stopped; trying to open it again")
