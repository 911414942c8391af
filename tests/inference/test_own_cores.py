"""Two threads that compute together are found, and get a core each."""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from inference.own_cores import OwnCores

DATA = bytes(40_000_000)
"""Its checksum takes some 20 ms, in which Python lets other threads run."""

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) != 2, reason="for two cores"
)


@pytest.fixture(autouse=True)
def _nobody_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without what other tests found."""
    monkeypatch.setattr(OwnCores, "_callers", {})


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Two threads, none of them that of the test."""
    with ThreadPoolExecutor(2) as pool:
        yield pool


def compute(barrier: threading.Barrier) -> int:
    """Compute beside another thread; return which one it was."""
    barrier.wait(10)
    zlib.crc32(DATA)
    return threading.get_native_id()


def cores_of(thread: int) -> set[int]:
    return os.sched_getaffinity(thread)


def test_two_threads_get_a_core_each(pool: ThreadPoolExecutor) -> None:
    """Found in one of the first computations; that of the caller, which only waits, stays free."""
    own, barrier = OwnCores(2), threading.Barrier(2)
    for _ in range(40):
        with own.held():
            workers = {job.result() for job in [pool.submit(compute, barrier) for _ in range(2)]}
    assert len(workers) == 2
    one, other = (cores_of(worker) for worker in workers)
    assert len(one) == len(other) == 1
    assert one != other
    assert len(cores_of(0)) == 2


def test_a_caller_that_computes_is_free_afterwards(pool: ThreadPoolExecutor) -> None:
    """Its core is its own only while it computes; its helper keeps the other one."""
    own, barrier = OwnCores(2), threading.Barrier(2)
    during = set[int]()
    for _ in range(40):
        with own.held():
            during = cores_of(0)
            job = pool.submit(compute, barrier)
            compute(barrier)
            helper = job.result()
    assert len(during) == 1
    assert cores_of(helper) == cores_of(0) - during
    assert len(cores_of(0)) == 2
    with OwnCores(2).held():  # another engine that the same thread calls
        assert cores_of(0) == during


def test_one_thread_is_left_alone(pool: ThreadPoolExecutor) -> None:
    """Where an engine has one thread, and where more or fewer than two compute, nobody is moved."""
    barrier = threading.Barrier(2)
    alone = OwnCores(1)
    for _ in range(5):
        with alone.held():
            workers = {job.result() for job in [pool.submit(compute, barrier) for _ in range(2)]}
    single = OwnCores(2)
    for _ in range(5):
        with single.held():
            zlib.crc32(DATA)
    assert all(len(cores_of(thread)) == 2 for thread in (0, *workers))


def test_where_others_compute_too_nobody_is_moved() -> None:
    """The two busiest may be of two engines."""
    own, barrier = OwnCores(2), threading.Barrier(3)
    with ThreadPoolExecutor(3) as pool:
        for _ in range(8):
            with own.held():
                workers = {job.result() for job in [pool.submit(compute, barrier) for _ in range(3)]}
        assert all(len(cores_of(thread)) == 2 for thread in (0, *workers))
