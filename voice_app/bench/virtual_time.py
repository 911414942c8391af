"""An event loop whose clock jumps: tests of hours run in milliseconds, and times are exact.

Nothing waits for the wall: when every task sleeps, the clock is set to the next timer. Work that blocks is run
by `VirtualScheduler` in place, and then costs what its engine declared.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from voice_app.runtime.scheduler import ThreadScheduler

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    """Never blocks; moves the clock by as much as it was asked to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("every task waits, and no timer is set: the test would hang")
            self.now_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time starts at 0 and passes only where somebody sleeps."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._jumping.now_s


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)


class Meter:
    """Adds up the seconds that scripted engines declare."""

    def __init__(self) -> None:
        self.owed_s = 0.0

    def spend(self, seconds: float) -> None:
        self.owed_s += seconds

    def take(self) -> float:
        owed, self.owed_s = self.owed_s, 0.0
        return owed


class VirtualScheduler(ThreadScheduler):
    """The real lane's order and cancellation; a quantum is computed in place, and ends when its time has passed."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter

    def _start(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.ensure_future(self._run(work))

    async def _run(self, work: Callable[[], T]) -> T:
        result = work()
        await asyncio.sleep(self._meter.take())
        return result
