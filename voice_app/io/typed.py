"""Text instead of speech, in the same session: lines from the standard input."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np

from voice_app.core import clock
from voice_app.core.ports import FRAME_S, FRAME_SAMPLES, AudioFrame

LONGEST_LINE_CHARS = 200_000
TAIL_S = 0.2


def read_lines(take: Callable[[str | None], None]) -> None:
    """Call `take` in the running loop with every line of the standard input, at its end with None."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        while line := sys.stdin.readline(LONGEST_LINE_CHARS):
            loop.call_soon_threadsafe(take, line.strip())
        loop.call_soon_threadsafe(take, None)

    # A daemon: a read that waits for a person can't be cancelled, and must not keep the program alive.
    threading.Thread(target=read, name="stdin", daemon=True).start()


class TypedUser:
    """A source of silence for a user who types; ends with the input, after the last reply.

    At a terminal a line interrupts the reply, as speech does. Lines from a pipe wait for the reply's end.
    """

    def __init__(self, submit: Callable[[str], None], *, patient: bool) -> None:
        self._submit, self._patient = submit, patient
        self._lines: deque[str] = deque()
        self._ended = False
        self._busy = False

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yield silence in real time until there is nothing more to say or to hear."""
        read_lines(self._take)
        start_s, count = clock.now(), 0
        while not (self._ended and not self._lines and not self._busy):
            count += 1
            await clock.sleep_until(start_s + count * FRAME_S)
            yield AudioFrame(np.zeros(FRAME_SAMPLES, np.float32), start_s + count * FRAME_S)
            self._say()
        await asyncio.sleep(TAIL_S)

    def _take(self, line: str | None) -> None:
        if line is None:
            self._ended = True
        elif line:
            self._lines.append(line)

    def _say(self) -> None:
        while self._lines and not (self._busy and self._patient):
            self._busy = True
            self._submit(self._lines.popleft())

    def heard_start(self) -> None:
        """Do nothing: a user who types waits for the end."""

    def heard_end(self) -> None:
        """Take the reply's end as the floor."""
        self._busy = False

    async def close(self) -> None:
        """End with the next frame."""
        self._ended = True
        self._lines.clear()
        self._busy = False


class TypedTurns:
    """A source that types one text after another, each after the answer to the one before; it has no frames."""

    def __init__(self, texts: Sequence[str], submit: Callable[[str], None]) -> None:
        self._texts, self._submit = texts, submit
        self._answered = asyncio.Event()

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Type the texts; end after the last answer."""
        for text in self._texts:
            self._answered.clear()
            self._submit(text)
            await self._answered.wait()
        for frame in list[AudioFrame]():
            yield frame

    def heard_start(self) -> None:
        """Wait for the end."""

    def heard_end(self) -> None:
        """Type the next text."""
        self._answered.set()

    async def close(self) -> None:
        """Do nothing: there is no device to release."""
