"""Calls that may never return: limits, one at a time, and what comes of late results."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from voice_app.core import clock
from voice_app.core.errors import AudioDeviceError
from voice_app.io.abandonable import Caller

SHORT_S = 0.05
LONG_S = 30.0


class Stuck:
    """Work that begins, and ends when it is let go."""

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()
        self.thread: threading.Thread | None = None

    def __call__(self) -> str:
        self.thread = threading.current_thread()
        self.begun.set()
        self.let_go.wait()
        return "late"


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    """Stuck work, let go at last."""
    work = Stuck()
    yield work
    work.let_go.set()


async def until(fact: Callable[[], bool], limit_s: float = 20.0) -> None:
    """Wait until `fact` is true."""
    end_s = clock.now() + limit_s
    while not fact():
        assert clock.now() < end_s, "did not happen"
        await asyncio.sleep(0.01)


def test_answers_and_errors_reach_the_caller() -> None:
    """A call is like the work itself, with and without an event loop."""

    def fail() -> None:
        raise ValueError("no")

    caller = Caller()
    assert caller.call_blocking(lambda: 7, LONG_S, "counting") == 7
    assert asyncio.run(caller.call(lambda: 7, LONG_S, "counting")) == 7
    with pytest.raises(ValueError, match="no"):
        caller.call_blocking(fail, LONG_S, "failing")
    with pytest.raises(ValueError, match="no"):
        asyncio.run(caller.call(fail, LONG_S, "failing"))
    assert caller.hang is None


def test_no_call_is_made_while_one_hangs_and_all_are_made_again_afterwards(stuck: Stuck) -> None:
    """The first is refused after its limit, later ones at once and unmade, in one line; then the library returns."""
    heard: list[bool] = []
    made: list[bool] = []
    caller = Caller(on_hang=lambda: heard.append(True))
    with pytest.raises(AudioDeviceError, match="opening a door did not end within 0.05 s") as caught:
        caller.call_blocking(stuck, SHORT_S, "opening a door")
    assert "\n" not in str(caught.value)
    assert heard
    with pytest.raises(AudioDeviceError, match="opening a door"):
        caller.call_blocking(lambda: made.append(True), LONG_S, "knocking")
    with pytest.raises(AudioDeviceError, match="opening a door"):
        asyncio.run(caller.call(lambda: made.append(True), LONG_S, "knocking"))
    assert not made

    stuck.let_go.set()
    asyncio.run(until(lambda: caller.hang is None))
    caller.call_blocking(lambda: made.append(True), LONG_S, "knocking")
    assert made == [True]


def test_who_waits_after_a_call_that_hangs_is_refused_with_it(stuck: Stuck) -> None:
    """Its own limit, however long, does not matter: the answer comes when the one before hangs."""
    opened: list[str] = []

    async def session() -> list[BaseException | str]:
        caller = Caller()
        first = asyncio.create_task(caller.call(stuck, 0.3, "the first"))
        await until(stuck.begun.is_set)
        second = asyncio.create_task(
            caller.call(lambda: opened.append("second") or "second", LONG_S, "the second", undo=opened.remove)
        )
        answers = await asyncio.gather(first, second, return_exceptions=True)
        stuck.let_go.set()
        await until(lambda: caller.hang is None)
        assert await caller.call(lambda: "third", LONG_S, "the third") == "third"
        return answers

    answers = asyncio.run(session())
    assert [type(answer) for answer in answers] == [AudioDeviceError, AudioDeviceError]
    assert str(answers[0]) == str(answers[1])
    assert opened == []  # it was taken back before it was made


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_result_that_nobody_waits_for_is_undone_by_the_same_thread(stuck: Stuck, cancelled: bool) -> None:
    """After the limit, and after a caller who was cancelled; only once the work has ended."""
    undone: list[tuple[str, threading.Thread]] = []

    async def session() -> None:
        caller = Caller()
        opening = asyncio.create_task(
            caller.call(
                stuck,
                LONG_S if cancelled else SHORT_S,
                "opening",
                undo=lambda late: undone.append((late, threading.current_thread())),
            )
        )
        await until(stuck.begun.is_set)
        if cancelled:
            opening.cancel()
        with pytest.raises(asyncio.CancelledError if cancelled else AudioDeviceError):
            await opening
        assert undone == []
        stuck.let_go.set()
        await until(lambda: bool(undone))

    asyncio.run(session())
    assert undone == [("late", stuck.thread)]


def test_what_is_submitted_is_done_even_if_the_call_before_hangs(stuck: Stuck) -> None:
    """Closing a stream can't be refused: it is made up for, in its turn."""
    done: list[int] = []
    caller = Caller()
    with pytest.raises(AudioDeviceError):
        caller.call_blocking(stuck, SHORT_S, "opening")
    answers = [
        caller.submit(lambda number=number: done.append(number), LONG_S, "closing") for number in (1, 2)
    ]
    with pytest.raises(AudioDeviceError):
        asyncio.run(caller.wait(answers[0]))
    stuck.let_go.set()
    asyncio.run(until(answers[1].done))
    assert done == [1, 2]


def test_calls_of_many_threads_are_made_one_at_a_time() -> None:
    """The library is never entered twice at once, and each caller gets the answer of its own call."""
    caller, inside, most = Caller(), [0], [0]

    def work(number: int) -> int:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        threading.Event().wait(0.001)
        inside[0] -= 1
        return number

    answers: dict[int, int] = {}

    def ask(number: int) -> None:
        answers[number] = caller.call_blocking(lambda: work(number), LONG_S, "asking")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert answers == {number: number for number in range(20)}
