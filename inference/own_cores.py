"""Keeps two threads that compute together on two cores.

Where a machine has just two cores, Linux may wake both threads of a computation on one of them, and moves one only
some 20 ms later. Seen on a virtual machine with Linux 6.18: after 0.4 s without work, Whisper's encoder takes 44 ms
with two threads as with one, and 27 with each thread on a core of its own (measured, medians of 12).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

_TASKS = Path("/proc/self/task")
_BUSY = 0.4
"""Share of a computation's time for which a thread that belongs to it ran, at least; both on one core have half."""
_OTHERS = 0.2
"""Share that all other threads may have had: where another engine computes, too, the two busiest may be of two."""
_LEAST_S = 0.01
"""A shorter computation does not tell who took part in it."""
_TRIES = 40
"""After so many computations that did not tell, nothing is looked for any more."""


class OwnCores:
    """Finds the two threads of an engine by the processor time that they take, and gives each a core of its own.

    For machines of two cores; elsewhere, with one thread, and where the system tells nothing, it does nothing.
    """

    _callers: ClassVar[dict[int, int]] = {}
    """The core of each thread that calls and computes: its own only while it does. Its helper, which OpenMP keeps for
    it, is the same for every engine that it calls."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._cores = _two_cores()
        self._left = _TRIES if self._cores else 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Compute inside. The first times are watched, to find the threads; one that works for others, too, is let go
        afterwards."""
        caller = threading.get_native_id()
        if self.threads != 2 or self._cores is None:
            yield
        elif (core := self._callers.get(caller)) is not None:
            _pin(caller, {core})
            try:
                yield
            finally:
                _pin(caller, set(self._cores))
        elif self._left:
            before, began_s = _ran_s(), time.perf_counter()
            yield
            self._find(caller, before, time.perf_counter() - began_s)
        else:
            yield

    def _find(self, caller: int, before: dict[int, float], took_s: float) -> None:
        """Give the threads that computed their cores, where there were just two; the caller gets its own in `held`."""
        assert self._cores
        if took_s < _LEAST_S:
            return
        self._left -= 1
        after = _ran_s()
        shares = {thread: (after[thread] - before.get(thread, 0)) / took_s for thread in after}
        busy = [thread for thread, share in shares.items() if share > _BUSY]
        others = sum(shares.values()) - sum(shares[thread] for thread in busy)
        if len(busy) != 2 or others > _OTHERS:
            return
        self._left = 0
        busy.sort(key=lambda thread: thread != caller)
        for thread, core in zip(busy, self._cores, strict=True):
            if thread == caller:
                self._callers[caller] = core
            else:
                _pin(thread, {core})


def _two_cores() -> tuple[int, int] | None:
    """Return the cores that this process may use, where they are two and the system tells who computes."""
    if not hasattr(os, "sched_getaffinity") or not _ran_s():
        return None
    cores = sorted(os.sched_getaffinity(0))
    return (cores[0], cores[1]) if len(cores) == 2 else None


def _ran_s() -> dict[int, float]:
    """Return for how long each thread of this process has run; empty where the system does not tell."""
    ran = dict[int, float]()
    with suppress(OSError):
        for task in _TASKS.iterdir():
            with suppress(OSError, ValueError):  # it has just ended
                ran[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e9
    return ran


def _pin(thread: int, cores: set[int]) -> None:
    with suppress(OSError):  # it has ended, or the system forbids it: then nothing changes
        os.sched_setaffinity(thread, cores)
