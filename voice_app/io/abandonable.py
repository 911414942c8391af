"""Calls into a library that may never return: one at a time, in a thread that nothing waits for at exit."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from voice_app.core.errors import AudioDeviceError

T = TypeVar("T")

LOOK_S = 0.01
"""How often a caller looks whether its call has ended: the most that waiting adds to a call."""


def _nothing() -> None:
    pass


@dataclass(slots=True, eq=False)
class _Call(Generic[T]):
    work: Callable[[], T]
    limit_s: float
    name: str
    answer: futures.Future[T] = field(default_factory=futures.Future)

    def make(self) -> None:
        if self.answer.set_running_or_notify_cancel():
            try:
                self.answer.set_result(self.work())
            except BaseException as error:
                self.answer.set_exception(error)


class Caller:
    """The one thread that calls into the sound library. May be used from any thread.

    A call that takes longer than its limit hangs: its caller and all who wait after it get an AudioDeviceError, and so
    does everyone who comes later, at once. No call is made beside the one that hangs. Should it end after all, calls
    are made again. The thread is a daemon: neither an event loop nor the interpreter waits for it at its end.

    `on_hang` is called, in the thread of the one who waits, when a call is found to hang; maybe more than once.
    """

    def __init__(self, on_hang: Callable[[], None] = _nothing) -> None:
        self._on_hang = on_hang
        self._calls: queue.SimpleQueue[_Call[Any]] = queue.SimpleQueue()
        self._current: tuple[_Call[Any], float] | None = None
        """The call being made, and when it should have ended. Real time, whatever the event loop's clock is."""
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    @property
    def hang(self) -> str | None:
        """Return what to tell the user while a call hangs: what it is and what can be done; None if none does."""
        current = self._current
        if current is None or time.perf_counter() <= current[1]:
            return None
        return (
            f"the sound library hangs: {current[0].name} did not end within {current[0].limit_s:g} s; restart the"
            " sound server, then this program (typed text works without sound)"
        )

    def submit(self, work: Callable[[], T], limit_s: float, name: str) -> futures.Future[T]:
        """Have a call made in its turn, whether or not somebody waits for it, and even if one before it hangs.

        `name` says what it does, as in "closing the microphone".
        """
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sound library", daemon=True)
                self._thread.start()
        call = _Call(work, limit_s, name)
        self._calls.put(call)
        return call.answer

    async def wait(self, answer: futures.Future[T]) -> T:
        """Return the answer of a submitted call, or raise its error. Raises AudioDeviceError once a call hangs."""
        while not answer.done():
            self._check()
            await asyncio.sleep(LOOK_S)
        return answer.result()

    async def call(
        self, work: Callable[[], T], limit_s: float, name: str, undo: Callable[[T], object] | None = None
    ) -> T:
        """Make a call and return its answer, or raise its error. Raises AudioDeviceError if the library hangs.

        `undo` gets a result that comes when nobody waits for it any more, in the thread of the calls.
        """
        self._check()
        answer = self.submit(work, limit_s, name)
        try:
            return await self.wait(answer)
        except BaseException:
            if undo is not None and not answer.cancel():
                answer.add_done_callback(lambda late: self._take_back(late, undo, limit_s, name))
            raise

    def call_blocking(self, work: Callable[[], T], limit_s: float, name: str) -> T:
        """Do what `call` does, where no event loop runs; what is done late stays done."""
        self._check()
        answer = self.submit(work, limit_s, name)
        while not answer.done():
            self._check()
            futures.wait([answer], LOOK_S)
        return answer.result()

    def _take_back(
        self, late: futures.Future[T], undo: Callable[[T], object], limit_s: float, name: str
    ) -> None:
        if not late.cancelled() and late.exception() is None:
            result = late.result()
            self.submit(lambda: undo(result), limit_s, name)

    def _check(self) -> None:
        if hang := self.hang:
            self._on_hang()
            raise AudioDeviceError(hang)

    def _run(self) -> None:
        while True:
            call = self._calls.get()
            self._current = (call, time.perf_counter() + call.limit_s)
            call.make()
            self._current = None
