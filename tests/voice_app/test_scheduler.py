"""The scheduler: order, exclusion, cores, streams that keep their place, fairness, cancellation, refusal."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voice_app.bench.virtual_time import Meter, VirtualScheduler, run_virtual
from voice_app.core.errors import Overloaded
from voice_app.core.ports import EngineName, Priority
from voice_app.runtime.scheduler import MOST_WAITING, Scheduler


class Bench:
    """Jobs of a second each on a scheduler in virtual time; `done` has their names in the order of their ends."""

    def __init__(self, cores: int = 1, needs: dict[EngineName, int] | None = None) -> None:
        self.meter = Meter()
        self.scheduler = VirtualScheduler(self.meter, cores, needs)
        self.done: list[str] = []

    async def job(
        self,
        name: str,
        priority: Priority = Priority.UPKEEP,
        *,
        session: str = "",
        deadline_s: float | None = None,
        on: EngineName = "llm",
    ) -> None:
        """Do a job of one second."""
        scheduler = self.scheduler.session(session)
        scheduler.deadline_s = deadline_s
        await scheduler.call(priority, lambda: self.meter.spend(1.0), on=on)
        self.done.append(name)

    async def stream(
        self, name: str, items: int, priority: Priority = Priority.MORE_TOKENS, *, session: str = ""
    ) -> None:
        """Read a stream of items of a second each."""
        async with aclosing(
            self.scheduler.session(session).stream(lambda: priority, self.items(items), on="llm")
        ) as stream:
            async for number in stream:
                self.done.append(f"{name}{number}")

    def items(self, count: int) -> Iterator[int]:
        """Yield numbers, a second each."""
        for number in range(count):
            self.meter.spend(1.0)
            yield number

    def now(self) -> float:
        return asyncio.get_running_loop().time()


def test_the_most_urgent_job_goes_first() -> None:
    """Jobs that wait are taken by priority, those of one priority in the order of their arrival."""
    bench = Bench()

    async def order() -> None:
        running = asyncio.create_task(bench.job("running"))
        await asyncio.sleep(0.5)
        await asyncio.gather(
            running,
            bench.job("partial", Priority.PARTIAL_TRANSCRIPT),
            bench.job("sound 1", Priority.MORE_SOUND),
            bench.job("sound 2", Priority.MORE_SOUND),
            bench.job("final", Priority.FINAL_TRANSCRIPT),
        )

    run_virtual(order())

    assert bench.done == ["running", "final", "sound 1", "sound 2", "partial"]


def test_jobs_that_need_all_cores_do_not_overlap() -> None:
    """Three jobs of a second, on three engines that use every core, take three seconds."""
    bench = Bench(cores=2)

    async def total() -> float:
        await asyncio.gather(bench.job("a", on="llm"), bench.job("b", on="stt"), bench.job("c", on="tts"))
        return bench.now()

    assert run_virtual(total()) == pytest.approx(3.0)


def test_engines_with_a_core_each_work_side_by_side() -> None:
    """On two cores, engines of one thread overlap; one engine still does one job at a time."""
    bench = Bench(cores=2, needs={"llm": 1, "stt": 1, "tts": 1})

    async def total() -> float:
        await asyncio.gather(
            bench.job("a", on="llm"),
            bench.job("b", on="stt"),
            bench.job("c", on="llm"),
            bench.job("d", on="tts"),
        )
        return bench.now()

    assert run_virtual(total()) == pytest.approx(2.0)


def test_a_small_job_does_not_keep_a_more_urgent_big_one_waiting() -> None:
    """While a job for all cores waits for one of them, nothing less urgent takes the other."""
    bench = Bench(cores=2, needs={"stt": 1, "tts": 1, "llm": 2})

    async def order() -> None:
        running = asyncio.create_task(bench.job("speech", on="stt"))
        await asyncio.sleep(0.5)
        small = bench.job("voice", Priority.MORE_SOUND, on="tts")
        await asyncio.gather(running, bench.job("words", Priority.FIRST_TOKENS, on="llm"), small)

    run_virtual(order())

    assert bench.done == ["speech", "words", "voice"]


def test_a_stream_keeps_its_place_between_its_items() -> None:
    """Neither a partial transcript nor upkeep that waits gets in between the tokens of a reply."""
    bench = Bench()

    async def order() -> None:
        reading = asyncio.create_task(bench.stream("token", 3, Priority.FIRST_TOKENS))
        await asyncio.sleep(0.5)
        await asyncio.gather(
            reading, bench.job("partial", Priority.PARTIAL_TRANSCRIPT), bench.job("upkeep", Priority.UPKEEP)
        )

    run_virtual(order())

    assert bench.done == ["token0", "token1", "token2", "partial", "upkeep"]


def test_a_stream_lets_more_urgent_work_in_between_its_items() -> None:
    """Between two items of a stream, a more urgent job is done."""
    bench = Bench()

    async def order() -> None:
        reading = asyncio.create_task(bench.stream("token", 3))
        await asyncio.sleep(1.5)
        await asyncio.gather(reading, bench.job("urgent", Priority.FINAL_TRANSCRIPT))

    run_virtual(order())

    assert bench.done == ["token0", "token1", "urgent", "token2"]


def test_a_stream_whose_reader_is_busy_gives_its_place_up() -> None:
    """A reader that does something else first does not hold the processor: less urgent work runs meanwhile."""
    bench = Bench()

    async def slow_reader() -> None:
        stream = bench.scheduler.session("").stream(lambda: Priority.FIRST_TOKENS, bench.items(2), on="llm")
        async for number in stream:
            bench.done.append(f"token{number}")
            await asyncio.sleep(5.0)

    async def order() -> float:
        reading = asyncio.create_task(slow_reader())
        await asyncio.sleep(0.5)
        await bench.job("upkeep")
        ended_s = bench.now()
        await reading
        return ended_s

    assert run_virtual(order()) == pytest.approx(2.0)
    assert bench.done == ["token0", "upkeep", "token1"]


def test_the_nearer_deadline_goes_first() -> None:
    """Of two sessions whose turns are over, the one whose reply is due first is served first."""
    bench = Bench()

    async def order() -> None:
        running = asyncio.create_task(bench.job("running"))
        await asyncio.sleep(0.5)
        await asyncio.gather(
            running,
            bench.job("later", Priority.FIRST_TOKENS, session="a", deadline_s=9.0),
            bench.job("sooner", Priority.FIRST_TOKENS, session="b", deadline_s=5.0),
        )

    run_virtual(order())

    assert bench.done == ["running", "sooner", "later"]


def test_streams_of_two_sessions_take_turns() -> None:
    """What two sessions write after their first clauses advances at the same pace, whoever began."""
    bench = Bench()

    async def order() -> None:
        await asyncio.gather(bench.stream("a", 3, session="a"), bench.stream("b", 3, session="b"))

    run_virtual(order())

    assert bench.done == ["a0", "b0", "a1", "b1", "a2", "b2"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=2, max_size=8))
def test_no_session_starves(lengths: list[int]) -> None:
    """While each of several sessions has work, none is ever ahead of another by more than two jobs."""
    bench = Bench()

    async def order() -> None:
        streams = (bench.stream(f"{name}:", count, session=str(name)) for name, count in enumerate(lengths))
        await asyncio.gather(*streams)

    run_virtual(order())

    seen = [0] * len(lengths)
    for item in bench.done:
        seen[int(item.split(":")[0])] += 1
        working = [count for count, length in zip(seen, lengths, strict=True) if count < length]
        assert not working or max(seen) - min(working) <= 2 or max(seen) == min(working)
    assert seen == lengths


def test_who_comes_back_after_a_rest_gets_no_more_than_its_share() -> None:
    """A session that was silent while another worked has not saved anything up."""
    bench = Bench()

    async def order() -> None:
        await bench.stream("a", 5, session="a")
        await asyncio.gather(bench.stream("a", 2, session="a"), bench.stream("b", 4, session="b"))

    run_virtual(order())

    assert set(bench.done[5:9]) == {"a0", "a1", "b0", "b1"}


def test_waiting_for_another_machine_takes_no_core() -> None:
    """A remote model's call runs while a local job holds every core."""

    async def scenario() -> list[str]:
        scheduler, done, held = Scheduler(2, {"llm": 0}), list[str](), threading.Event()

        async def local() -> None:
            await scheduler.session("a").call(Priority.UPKEEP, lambda: held.wait(60), on="stt")
            done.append("local")

        async def remote() -> None:
            await scheduler.session("b").call(Priority.UPKEEP, lambda: None, on="llm")
            done.append("remote")
            held.set()

        try:
            await asyncio.gather(local(), remote())
        finally:
            held.set()
            scheduler.close()
        return done

    assert asyncio.run(scenario()) == ["remote", "local"]


def test_cancelled_work_never_runs_and_frees_its_cores() -> None:
    """A job cancelled while it waits is skipped; one cancelled while it runs ends before the next begins."""

    async def scenario() -> tuple[list[str], float]:
        meter, ran = Meter(), list[str]()
        scheduler = VirtualScheduler(meter).session("")

        def work(name: str) -> None:
            ran.append(name)
            meter.spend(1.0)

        running = asyncio.create_task(scheduler.call(Priority.UPKEEP, lambda: work("running"), on="llm"))
        waiting = asyncio.create_task(scheduler.call(Priority.UPKEEP, lambda: work("waiting"), on="llm"))
        await asyncio.sleep(0.5)
        running.cancel()
        waiting.cancel()
        await asyncio.wait([running, waiting])
        await scheduler.call(Priority.UPKEEP, lambda: work("after"), on="llm")
        return ran, asyncio.get_running_loop().time()

    assert run_virtual(scenario()) == (["running", "after"], pytest.approx(2.0))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_core_is_lost_whenever_work_is_cancelled(data: st.DataObject) -> None:
    """After jobs and streams that are cancelled at any moment, every core is free and nothing waits."""
    bench = Bench(cores=2, needs={"llm": 2, "stt": 1, "tts": 1, "skill": 1})
    names: list[EngineName] = ["llm", "stt", "tts", "skill"]

    async def one() -> None:
        if data.draw(st.booleans()):
            await bench.stream(
                "s", 3, data.draw(st.sampled_from(Priority)), session=data.draw(st.sampled_from("ab"))
            )
        else:
            await bench.job("j", data.draw(st.sampled_from(Priority)), on=data.draw(st.sampled_from(names)))

    async def scenario() -> None:
        tasks = [asyncio.create_task(one()) for _ in range(data.draw(st.integers(1, 8)))]
        for task in tasks:
            await asyncio.sleep(data.draw(st.sampled_from([0.0, 0.25, 1.0])))
            if data.draw(st.booleans()):
                task.cancel()
        await asyncio.wait(tasks)
        await asyncio.sleep(5.0)
        await asyncio.gather(bench.job("end", on="llm"), bench.job("end", on="stt"))

    run_virtual(scenario())

    assert bench.done[-2:] == ["end", "end"]
    assert bench.scheduler.free_cores == 2


def test_an_error_reaches_its_caller_and_frees_the_cores() -> None:
    """A job that fails does not block the next; an engine's jobs all run in its thread."""

    async def scenario() -> str:
        scheduler = Scheduler(2)
        session = scheduler.session("")
        try:
            with pytest.raises(ZeroDivisionError):
                await session.call(Priority.UPKEEP, lambda: 1 / 0, on="llm")
            return await session.call(Priority.UPKEEP, lambda: threading.current_thread().name, on="llm")
        finally:
            scheduler.close()

    assert asyncio.run(scenario()).startswith("engine-llm")


def test_too_much_work_is_refused() -> None:
    """More jobs than may wait are not taken, and those that wait are done."""
    bench = Bench()

    async def scenario() -> list[BaseException | None]:
        jobs = [asyncio.create_task(bench.job("x")) for _ in range(MOST_WAITING + 2)]
        return await asyncio.gather(*jobs, return_exceptions=True)

    results = run_virtual(scenario())

    assert sum(isinstance(result, Overloaded) for result in results) == bench.scheduler.refused == 2
    assert len(bench.done) == MOST_WAITING


def test_a_job_that_loads_is_not_in_the_way() -> None:
    """What is prepared before the event loop runs in the thread of its engine."""
    scheduler = Scheduler(2)
    try:
        name = scheduler.prepare("llm", lambda: threading.current_thread().name).result()
    finally:
        scheduler.close()

    assert name.startswith("engine-llm")
