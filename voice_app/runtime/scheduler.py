"""The one lane for the CPU: model work runs a quantum at a time, the most urgent first.

Two cores can't share three models: with free threads, speech to text starves the language model
(75 to 5 tokens a second, measured). A quantum is one call, or one item of an iterator.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from enum import IntEnum
from typing import Protocol, TypeVar

T = TypeVar("T")


class Priority(IntEnum):
    """Who goes first; smaller is sooner."""

    FINAL_TRANSCRIPT = 0
    FIRST_TOKENS = 1
    FIRST_SOUND = 2
    MORE_SOUND = 3
    MORE_TOKENS = 4
    PARTIAL_TRANSCRIPT = 5
    UPKEEP = 6


class Scheduler(Protocol):
    """Runs blocking model work for the event loop."""

    async def call(self, priority: Priority, work: Callable[[], T]) -> T:
        """Run one quantum and return its result."""
        ...


class ThreadScheduler:
    """A lane on one worker thread. A quantum that has begun runs to its end; one that waits can be cancelled."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lane")
        self._order = itertools.count()
        self._waiting: list[tuple[Priority, int, asyncio.Future[None]]] = []
        self._busy = False

    async def call(self, priority: Priority, work: Callable[[], T]) -> T:
        """Run `work` when no more urgent quantum waits."""
        await self._acquire(priority)
        done = self._start(work)
        try:
            return await asyncio.shield(done)
        finally:
            if done.done():
                self._release()
            else:  # cancelled while the quantum runs: the lane is free when it ends
                done.add_done_callback(self._abandoned)

    def prepare(self, work: Callable[[], T]) -> Future[T]:
        """Run `work` in the lane's thread before there is an event loop, as loading a model.

        Whoever calls OpenMP from a thread gets a team of its own; two teams are more threads than cores, and then
        llama.cpp decodes at half speed (measured). A model is loaded in the thread that will use it.
        """
        return self._thread.submit(work)

    def _start(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _acquire(self, priority: Priority) -> None:
        if not self._busy:
            self._busy = True
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release()
            raise

    def _release(self) -> None:
        while self._waiting:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._busy = False

    def _abandoned(self, ended: asyncio.Future[T]) -> None:
        if not ended.cancelled():
            ended.exception()  # nobody waits for it any more
        self._release()

    def close(self) -> None:
        """Wait for the running quantum and end the thread."""
        self._thread.shutdown(wait=True)


_END = object()


async def stream(
    scheduler: Scheduler, priority: Callable[[], Priority], items: Iterator[T]
) -> AsyncGenerator[T, None]:
    """Yield the items of a blocking iterator, a quantum each; `priority` is asked anew for every item."""
    while True:
        item = await scheduler.call(priority(), lambda: next(items, _END))
        if item is _END:
            return
        yield item  # type: ignore[misc]
