"""The CPU lane: order, exclusion, cancellation."""

from __future__ import annotations

import asyncio
import threading

import pytest

from voice_app.bench.virtual_time import Meter, VirtualScheduler, run
from voice_app.runtime.scheduler import Priority, ThreadScheduler, stream


def test_the_most_urgent_quantum_goes_first() -> None:
    """Work that waits is taken by urgency, work of one urgency in the order of its arrival."""

    async def order() -> list[str]:
        meter = Meter()
        scheduler, done = VirtualScheduler(meter), []

        async def job(name: str, priority: Priority) -> None:
            await scheduler.call(priority, lambda: meter.spend(1.0))
            done.append(name)

        await asyncio.gather(
            job("running", Priority.UPKEEP),
            job("partial", Priority.PARTIAL_TRANSCRIPT),
            job("sound 1", Priority.MORE_SOUND),
            job("sound 2", Priority.MORE_SOUND),
            job("final", Priority.FINAL_TRANSCRIPT),
        )
        return done

    assert run(order()) == ["running", "final", "sound 1", "sound 2", "partial"]


def test_quanta_do_not_overlap() -> None:
    """Three jobs of a second each take three seconds."""

    async def total() -> float:
        meter = Meter()
        scheduler = VirtualScheduler(meter)
        await asyncio.gather(*(scheduler.call(Priority.UPKEEP, lambda: meter.spend(1.0)) for _ in range(3)))
        return asyncio.get_running_loop().time()

    assert run(total()) == pytest.approx(3.0)


def test_cancelled_work_never_runs_and_frees_the_lane() -> None:
    """A quantum cancelled while it waits is skipped; one cancelled while it runs ends before the next begins."""

    async def scenario() -> tuple[list[str], float]:
        meter = Meter()
        scheduler, ran = VirtualScheduler(meter), []

        def work(name: str) -> None:
            ran.append(name)
            meter.spend(1.0)

        running = asyncio.create_task(scheduler.call(Priority.UPKEEP, lambda: work("running")))
        waiting = asyncio.create_task(scheduler.call(Priority.UPKEEP, lambda: work("waiting")))
        await asyncio.sleep(0.5)
        running.cancel()
        waiting.cancel()
        await asyncio.wait([running, waiting])
        await scheduler.call(Priority.UPKEEP, lambda: work("after"))
        return ran, asyncio.get_running_loop().time()

    assert run(scenario()) == (["running", "after"], pytest.approx(2.0))


def test_an_error_reaches_its_caller_and_frees_the_lane() -> None:
    """A quantum that fails does not block the next."""

    async def scenario() -> str:
        scheduler = ThreadScheduler()
        try:
            with pytest.raises(ZeroDivisionError):
                await scheduler.call(Priority.UPKEEP, lambda: 1 / 0)
            return await scheduler.call(Priority.UPKEEP, lambda: threading.current_thread().name)
        finally:
            scheduler.close()

    assert asyncio.run(scenario()).startswith("lane")


def test_a_stream_lets_more_urgent_work_in_between_its_items() -> None:
    """Between two items of an iterator, a more urgent call is served."""

    async def scenario() -> list[str]:
        meter = Meter()
        scheduler, seen = VirtualScheduler(meter), []

        def items():  # noqa: ANN202
            for number in range(3):
                meter.spend(1.0)
                yield f"item {number}"

        async def read() -> None:
            async for item in stream(scheduler, lambda: Priority.MORE_TOKENS, items()):
                seen.append(item)

        async def interrupt() -> None:
            await asyncio.sleep(1.5)
            await scheduler.call(Priority.FINAL_TRANSCRIPT, lambda: meter.spend(1.0))
            seen.append("urgent")

        await asyncio.gather(read(), interrupt())
        return seen

    assert run(scenario()) == ["item 0", "item 1", "urgent", "item 2"]
