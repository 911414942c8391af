"""An event loop whose clock jumps: tests of hours run in milliseconds, and times are exact.

Nothing waits for the wall: when every task sleeps, the clock is set to the next timer. Work that blocks is run
by `VirtualScheduler` in place, and then costs what its engine declared.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from voice_app.core.ports import EngineName
from voice_app.runtime.scheduler import Scheduler

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that never blocks: it moves the clock by as much as it was asked to wait."""

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


def run_virtual(coroutine: Coroutine[Any, Any, T]) -> T:
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


class VirtualScheduler(Scheduler):
    """The real order and cancellation; a job is computed in place, and ends when its declared time has passed.

    `cores` and `needs` as of `Scheduler`; by default every engine takes the one core there is.
    """

    def __init__(self, meter: Meter, cores: int = 1, needs: Mapping[EngineName, int] | None = None) -> None:
        super().__init__(cores, needs)
        self._meter = meter
        self.seconds = lambda: meter.owed_s

    def _start(self, on: EngineName, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.ensure_future(self._run(work))

    async def _run(self, work: Callable[[], T]) -> T:
        result = work()
        await asyncio.sleep(self._meter.take())
        return result
