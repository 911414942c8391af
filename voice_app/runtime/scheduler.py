"""The owner of the processor: jobs of the engines run on its cores, the most urgent first.

Models with free threads starve each other: on two cores, speech to text beside the language model takes it from 75 to
5 tokens a second (measured). So a job says which engine it is for, and an engine how many cores it works with. What
does not fit waits. A job is one call, or one item of a stream. Where an engine can change its number of threads between
jobs, the scheduler measures with which it is quicker now, and gives its jobs so many cores.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from voice_app.core import clock
from voice_app.core.errors import Overloaded
from voice_app.core.ports import EngineName, Priority
from voice_app.runtime.threads import Team

T = TypeVar("T")
MOST_WAITING = 256
"""Jobs that may wait. A session has hardly more than four at a time."""
KEPT_TURNS = 3
"""Turns of the event loop for which a stream keeps its place between two items: its reader needs one or two."""
REMOTE_THREADS = 32
"""Threads that may wait for other machines; waiting takes no core."""


@dataclass(slots=True, eq=False)
class Ticket:
    """The place of a job, or of a stream of jobs, in the order."""

    session: str
    on: EngineName
    priority: Priority
    deadline_s: float
    arrival: int
    keeps: bool
    """Whether it is a stream's, which keeps its place between two items."""
    turn: asyncio.Future[None] | None = None
    """Set when the job may run; None while a stream only keeps its place."""
    kept_turns: int = KEPT_TURNS
    least_cores: int = 0
    """It gets so many even where its engine needs fewer."""
    cores: int = 0
    """What it has while it runs."""
    comparable: bool = False
    """Whether it is a step like the one before: an item of a stream, but the first, which does more."""


class Scheduler:
    """Runs jobs of many sessions on a number of cores, in one event loop.

    Order: priority, then deadline, then the session that has used the least, then arrival. A job that runs ends by
    itself; one that waits can be cancelled. An engine does one job at a time, always in the same thread: a thread that
    calls OpenMP gets a team of threads of its own, and with two teams llama.cpp decodes at half speed (measured).
    """

    seconds: Callable[[], float] = staticmethod(time.perf_counter)
    """The clock of what happens inside a job."""

    def __init__(self, cores: int | None = None, needs: Mapping[EngineName, int] | None = None) -> None:
        """`needs` says with how many cores an engine works, 0 for one elsewhere; all cores where it says nothing."""
        self.cores = cores or os.cpu_count() or 1
        self._needs = dict(needs or {})
        self._teams: dict[EngineName, Team] = {}
        """Of the engines whose number of threads is decided here."""
        self._threads: dict[EngineName, ThreadPoolExecutor] = {}
        self._waiters = ThreadPoolExecutor(REMOTE_THREADS, thread_name_prefix="remote")
        self._arrivals = itertools.count()
        self._waiting: list[Ticket] = []
        self._running: Counter[str] = Counter()
        """Jobs of each session that run."""
        self._busy: set[EngineName] = set()
        self._free = self.cores
        self._used_s: dict[str, float] = {}
        """Core seconds of each session; who comes back begins no lower than the others."""
        self._due = False
        self._entered = False
        """Whether a job has come since the last look: who is woken by what made it come may have one, too."""
        self.refused = 0
        """Jobs that were not taken because too many waited."""

    @property
    def free_cores(self) -> int:
        """Cores on which no job runs."""
        return self._free

    def session(self, name: str) -> SessionScheduler:
        """Return the scheduler as one session uses it."""
        return SessionScheduler(self, name)

    def adapt(
        self, engine: EngineName, most: int, use: Callable[[int], None], sample: Callable[[], object]
    ) -> None:
        """Decide from now on with how many threads, up to `most`, an engine works; see `Team`.

        `use` is called before each of its jobs, so another model takes the place of one before that one is closed.

        With 0 or 1 there is nothing to decide: it has the cores that it was said to need.
        """
        self._teams.pop(engine, None)
        if min(most, self.cores) > 1:
            self._teams[engine] = Team(min(most, self.cores), use, sample)

    def forget(self, session: str) -> None:
        """Keep nothing of a session that has ended."""
        self._used_s.pop(session, None)

    @property
    def known_sessions(self) -> set[str]:
        """Sessions whose use of the cores is kept."""
        return set(self._used_s)

    def set_remote(self, engine: EngineName) -> None:
        """Take an engine for one of another machine: whoever waits for it takes no core."""
        self._needs[engine] = 0

    def set_local(self, engine: EngineName, cores: int) -> None:
        """Take an engine for one of this machine again, with so many cores."""
        self._needs[engine] = cores

    async def compare(self, engine: EngineName) -> bool:
        """Measure with how many threads an engine is quicker now, on idle cores; return False where that is fixed."""
        team = self._teams.get(engine)
        if team is None:
            return False
        ticket = self.ticket("keep warm", engine, Priority.UPKEEP, None)
        ticket.least_cores = team.choice.most
        found_s = await self.call(ticket, lambda: team.compare(self.seconds))
        team.choice.compared(clock.now(), found_s)
        return True

    def prepare(self, on: EngineName, work: Callable[[], T]) -> Future[T]:
        """Run `work` in the thread of an engine before there is an event loop, as loading it."""
        return self._thread(on).submit(work)

    def close(self) -> None:
        """Wait for the jobs that run and end the threads."""
        self._waiters.shutdown(wait=False, cancel_futures=True)
        for thread in self._threads.values():
            thread.shutdown(wait=True)

    def ticket(
        self,
        session: str,
        on: EngineName,
        priority: Priority,
        deadline_s: float | None,
        *,
        keeps: bool = False,
    ) -> Ticket:
        """Return a place in the order, not yet taken."""
        due_s = math.inf if deadline_s is None else deadline_s
        return Ticket(session, on, priority, due_s, next(self._arrivals), keeps)

    async def call(self, ticket: Ticket, work: Callable[[], T]) -> T:
        """Run `work` when its ticket is the most urgent one that fits. Raises Overloaded."""
        if self._cores_of(ticket.on) == 0:
            return await asyncio.wrap_future(self._waiters.submit(work))
        await self._enter(ticket)
        started_s = clock.now()
        done = self._start(ticket.on, self._with_threads(ticket, work))

        def ended(future: asyncio.Future[T]) -> None:
            if not future.cancelled():
                future.exception()  # who was cancelled meanwhile does not ask for it
            self._leave(ticket, clock.now() - started_s)

        done.add_done_callback(ended)
        return await asyncio.shield(done)

    def _with_threads(self, ticket: Ticket, work: Callable[[], T]) -> Callable[[], T]:
        """Return the work of an engine that adapts, with as many threads as the job has cores; a step is timed."""
        team = self._teams.get(ticket.on)
        if team is None:
            return work

        def run() -> T:
            threads = team.choice.threads
            team.use(threads)
            started_s = self.seconds()
            result = work()
            if ticket.comparable:
                team.choice.worked(threads, self.seconds() - started_s)
            return result

        return run

    def give_up(self, ticket: Ticket) -> None:
        """Forget the place that a stream keeps."""
        ticket.keeps = False
        if ticket in self._waiting:
            self._waiting.remove(ticket)
            self._schedule()

    def _start(self, on: EngineName, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread(on), work)

    def _thread(self, on: EngineName) -> ThreadPoolExecutor:
        if on not in self._threads:
            self._threads[on] = ThreadPoolExecutor(1, thread_name_prefix=f"engine-{on}")
        return self._threads[on]

    def _cores_of(self, on: EngineName, least: int = 0) -> int:
        team = self._teams.get(on)
        needs = team.choice.cores if team else self._needs.get(on, self.cores)
        return min(max(needs, least), self.cores)

    async def _enter(self, ticket: Ticket) -> None:
        """Wait for the ticket's turn; it has its cores then."""
        if len(self._waiting) >= MOST_WAITING:
            self.refused += 1
            raise Overloaded(f"{len(self._waiting)} jobs wait already; end a session, or try again")
        self._catch_up(ticket.session)
        ticket.turn = turn = asyncio.get_running_loop().create_future()
        if ticket not in self._waiting:
            self._waiting.append(ticket)
        self._entered = True
        self._schedule()
        try:
            await turn
        except asyncio.CancelledError:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                self._schedule()
            else:  # its turn has come in the same moment
                self._leave(ticket, 0.0)
            raise

    def _catch_up(self, session: str) -> None:
        """Give a session that did nothing no advantage over those that worked."""
        active = {ticket.session for ticket in self._waiting} | set(self._running)
        if session not in active:
            least_s = min((self._used_s.get(name, 0.0) for name in active), default=0.0)
            self._used_s[session] = max(self._used_s.get(session, 0.0), least_s)

    def _schedule(self) -> None:
        """Look for the next job in the next turn of the loop."""
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self) -> None:
        """Start what is most urgent, as long as there are cores for it."""
        self._due = False
        if self._entered:
            self._entered = False
            self._schedule()
            return
        for ticket in sorted(self._waiting, key=self._order):
            if ticket.on in self._busy:
                continue
            if self._cores_of(ticket.on, ticket.least_cores) > self._free:
                return  # what is less urgent must not keep it waiting
            if ticket.turn is None:
                self._wait_for(ticket)
                return
            self._waiting.remove(ticket)
            if not ticket.turn.done():
                self._give_cores(ticket, ticket.turn)

    def _wait_for(self, ticket: Ticket) -> None:
        """Leave a stream that keeps its place some turns of the loop to ask for its next item."""
        ticket.kept_turns -= 1
        if ticket.kept_turns == 0:
            self._waiting.remove(ticket)
        self._schedule()

    def _order(self, ticket: Ticket) -> tuple[int, float, float, int]:
        return ticket.priority, ticket.deadline_s, self._used_s.get(ticket.session, 0.0), ticket.arrival

    def _give_cores(self, ticket: Ticket, turn: asyncio.Future[None]) -> None:
        ticket.cores = self._cores_of(ticket.on, ticket.least_cores)
        self._busy.add(ticket.on)
        self._running[ticket.session] += 1
        self._free -= ticket.cores
        turn.set_result(None)

    def _leave(self, ticket: Ticket, seconds: float) -> None:
        """Take the cores back; the place of a stream is kept."""
        if ticket.session in self._used_s:  # it has not ended meanwhile
            self._used_s[ticket.session] += ticket.cores * seconds
        self._busy.discard(ticket.on)
        self._running[ticket.session] -= 1
        if not self._running[ticket.session]:
            del self._running[ticket.session]
        self._free += ticket.cores
        ticket.turn = None
        if ticket.keeps:
            ticket.kept_turns = KEPT_TURNS
            self._waiting.append(ticket)
        self._schedule()


class SessionScheduler:
    """The scheduler as one session uses it; fulfils the core's protocol."""

    def __init__(self, scheduler: Scheduler, name: str) -> None:
        self._scheduler, self._name = scheduler, name
        self.deadline_s: float | None = None
        """When the reply to the current turn should be audible, on the loop's clock."""

    async def call(self, priority: Priority, work: Callable[[], T], *, on: EngineName) -> T:
        """Run one job of the engine `on` and return its result. Raises Overloaded."""
        ticket = self._scheduler.ticket(self._name, on, priority, self._deadline_s(priority))
        return await self._scheduler.call(ticket, work)

    async def stream(
        self, priority: Callable[[], Priority], items: Iterator[T], *, on: EngineName
    ) -> AsyncGenerator[T, None]:
        """Yield the items of a blocking iterator, a job each; `priority` is asked anew for every item."""
        ticket = self._scheduler.ticket(self._name, on, priority(), None, keeps=True)
        try:
            while True:
                ticket.priority = priority()
                ticket.deadline_s = self._deadline_s(ticket.priority) or math.inf
                item = await self._scheduler.call(ticket, lambda: next(items, _END))
                if item is _END:
                    return
                yield item  # type: ignore[misc]
                ticket.comparable = True
        finally:
            self._scheduler.give_up(ticket)

    def _deadline_s(self, priority: Priority) -> float | None:
        """Return when work should be done; what comes after the first sound has all the time that sound takes."""
        return self.deadline_s if priority <= Priority.FIRST_SOUND else None


_END = object()
"""What a stream's iterator gives at its end."""
