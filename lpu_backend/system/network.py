"""The scheduled network: which vector leaves which chip on which link in which cycle.

Nothing waits, retries or arbitrates in this network, so the schedule is all there is. `schedule` takes work (vectors
that have to be elsewhere, sums over vectors) and gives every Send of every hop its cycle. It goes through the work in
the order in which it becomes possible, and takes the way that arrives first: a longer one when the short one is busy.

What a link and a chip do is counted as in `wire.py`: a Send takes its link for 20 cycles; the Receive is 260 cycles
later; a chip on the way sends on 26 cycles after that or later, the vector waiting in SRAM beside the link; at its
target it can be read 377 cycles after the Receive. A sum is Read, VXM additions and Write (`sum_cycles`).

Simplified: streams and SRAM banks inside a chip are not booked for passing vectors (11 links bring and take 1.1
vectors a cycle; 64 streams and 176 banks are there), and an exchange does not overlap with the chip's own program.
"""

from __future__ import annotations

import hashlib
import heapq
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lpu_backend.chip.floorplan import SXM_SLOT
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.system.routes import Route, Routes
from lpu_backend.system.topology import System

Planes = tuple[int, ...]
"""Values that are the byte planes of one vector of numbers: 4 for int32 and float32, 2 for float16."""
SUM_OPERANDS = 16
"""Vectors of 4 planes that 64 streams bring to the VXM at once."""


@dataclass(frozen=True, slots=True)
class Move:
    """A value (a vector of 320 B) has to be on another chip."""

    value: int
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class Sum:
    """A chip adds vectors of numbers, pairwise in the order of the operands."""

    chip: int
    operands: tuple[Planes, ...]
    result: Planes


@dataclass(frozen=True, slots=True)
class Work:
    """The transfers and sums to be scheduled. `given`: (value, chip) in SRAM when it starts."""

    what: str
    given: tuple[tuple[int, int], ...]
    moves: tuple[Move, ...]
    sums: tuple[Sum, ...] = ()


@dataclass(frozen=True, slots=True)
class Hop:
    """One Send and its Receive. Cycles of the common time of all chips, from the start of the exchange."""

    link: int
    send_cycle: int
    receive_cycle: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """A vector's way: its hops, and the cycle from which it can be read in the SRAM of its target."""

    move: Move
    hops: tuple[Hop, ...]
    landed_cycle: int


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """Work with a cycle for everything: `transfers[i]` is `work.moves[i]`, `sum_cycles[i]` issues `work.sums[i]`.

    `cycles`: from the first Read of a vector that is sent to the last result in SRAM.
    """

    system: System = field(repr=False)
    work: Work = field(repr=False)
    transfers: tuple[Transfer, ...] = field(repr=False)
    sum_cycles: tuple[int, ...] = field(repr=False)
    cycles: int

    @property
    def vector_hops(self) -> int:
        """Return the number of vectors times links they cross."""
        return sum(len(transfer.hops) for transfer in self.transfers)

    @property
    def detours(self) -> int:
        """Return the number of vectors that take more links than another between (or inside) the same nodes."""
        size, fewest = self.system.wire.node_chips, dict[tuple[int, int], int]()
        ways = [
            ((each.move.source // size, each.move.target // size), len(each.hops)) for each in self.transfers
        ]
        for nodes, links in ways:
            fewest[nodes] = min(links, fewest.get(nodes, links))
        return sum(links > fewest[nodes] for nodes, links in ways)

    @property
    def seconds(self) -> float:
        """Return the emulated time."""
        return self.system.wire.chip.seconds(self.cycles)

    @property
    def digest(self) -> str:
        """Return the sha256 over every Send and sum with its cycle."""
        hops = [(h.send_cycle, h.link, t.move.value) for t in self.transfers for h in t.hops]
        text = np.array(hops, np.int64).tobytes() + np.array(self.sum_cycles, np.int64).tobytes()
        return hashlib.sha256(text).hexdigest()


def sum_cycles(chip: ChipSpec, operands: int) -> int:
    """Return the cycles from the last operand's Read until the sum can be read: way, entry, additions, way, Write."""
    way = SXM_SLOT - 2
    levels, left = 0, operands
    while left > 1:
        passed = min(left, SUM_OPERANDS)
        levels, left = levels + (passed - 1).bit_length(), left - passed + 1
    alus = chip.vxm_entry_cycles + levels * chip.vxm_alu_cycles + chip.vxm_exit_cycles
    return chip.mem_read_cycles + way + alus + way + chip.mem_write_cycles


class _Links:
    """When every link is taken: a Send takes its link for a vector's cycles."""

    def __init__(self, vector_cycles: int) -> None:
        self._width = vector_cycles
        self._sends: dict[int, list[int]] = {}
        self._packed: dict[int, int] = {}
        """Link → start of the stretch without gaps at its end."""

    def first_free(self, link: int, cycle: int) -> int:
        """Return the first cycle from `cycle` on in which a Send finds the link free."""
        sends = self._sends.get(link)
        if not sends or cycle >= sends[-1] + self._width:
            return cycle
        if cycle > self._packed[link] - self._width:
            return sends[-1] + self._width
        for taken in sends[bisect_right(sends, cycle - self._width) :]:
            if taken >= cycle + self._width:
                break
            cycle = taken + self._width
        return cycle

    def take(self, link: int, cycle: int) -> None:
        """Book a Send."""
        sends = self._sends.setdefault(link, [])
        if not sends or cycle > sends[-1] + self._width:
            self._packed[link] = cycle
        insort(sends, cycle)


class _Schedule:
    """The state of scheduling one piece of work."""

    def __init__(self, system: System, work: Work, routes: Routes) -> None:
        self.system, self.work, self.routes = system, work, routes
        self.wire = system.wire
        self.links = _Links(self.wire.vector_cycles)
        self.queue: list[tuple[int, int, int]] = []
        """(cycle from which it is possible, 0: sum, 1: move, index)."""
        self.transfers: list[Transfer | None] = [None] * len(work.moves)
        self.sums: list[int] = [-1] * len(work.sums)
        self.vxm_free: dict[int, int] = defaultdict(int)
        self.moves_from: dict[tuple[int, int], list[int]] = defaultdict(list)
        self.sums_with: dict[tuple[int, int], list[int]] = defaultdict(list)
        self.missing = [sum(map(len, each.operands)) for each in work.sums]
        self.ready = [0] * len(work.sums)
        self.end = 0
        for index, move in enumerate(work.moves):
            self.moves_from[move.value, move.source].append(index)
        for index, each in enumerate(work.sums):
            for planes in each.operands:
                for value in planes:
                    self.sums_with[value, each.chip].append(index)

    def arrive(self, value: int, chip: int, landed: int, routable: int) -> None:
        """Note that a value is on a chip: what needs it there becomes possible."""
        for index in self.moves_from[value, chip]:
            heapq.heappush(self.queue, (routable, 1, index))
        for index in self.sums_with[value, chip]:
            self.missing[index] -= 1
            self.ready[index] = max(self.ready[index], landed)
            if not self.missing[index]:
                heapq.heappush(self.queue, (self.ready[index], 0, index))

    def run(self) -> Exchange:
        """Schedule everything, in the order in which it becomes possible."""
        for value, chip in self.work.given:
            self.arrive(value, chip, 0, self.wire.launch_cycles)
        while self.queue:
            cycle, kind, index = heapq.heappop(self.queue)
            if kind:
                self._move(index, cycle)
            else:
                self._sum(index, cycle)
        transfers = tuple(transfer for transfer in self.transfers if transfer is not None)
        if len(transfers) < len(self.transfers) or -1 in self.sums:
            raise ValueError(f"{self.work.what}: some of the work needs a value that nothing brings")
        return Exchange(self.system, self.work, transfers, tuple(self.sums), self.end)

    def _move(self, index: int, cycle: int) -> None:
        move = self.work.moves[index]
        way, sends = self.best(move, cycle)
        self.book(way, sends)
        flight = self.wire.flight_cycles
        received = sends[-1] + flight
        landed = received + self.wire.landing_cycles
        hops = tuple(Hop(link, send, send + flight) for link, send in zip(way, sends, strict=True))
        self.transfers[index] = Transfer(move, hops, landed)
        self.end = max(self.end, landed)
        self.arrive(move.value, move.target, landed, received + self.wire.forward_cycles)

    def book(self, way: Route, sends: list[int]) -> None:
        """Take the links of a way."""
        for link, send in zip(way, sends, strict=True):
            self.links.take(link, send)

    def best(self, move: Move, cycle: int, limit: int | None = None) -> tuple[Route, list[int]]:
        """Return the route whose last Send is first; of equals the shorter, then the first; empty: none in time."""
        step = self.wire.flight_cycles + self.wire.forward_cycles
        best: tuple[Route, list[int]] = (), []
        for length, ways in self.routes.lengths(move.source, move.target):
            if limit is not None and cycle + (length - 1) * step >= limit:
                break
            for way in ways:
                sends = self._sends(way, cycle, step, limit)
                if sends:
                    best, limit = (way, sends), sends[-1]
                    if limit == cycle + (length - 1) * step:
                        break
        return best

    def _sends(self, way: Route, cycle: int, step: int, limit: int | None) -> list[int]:
        """Return the first free cycles along a way; nothing when its last Send would not be before the limit."""
        sends, at = list[int](), cycle
        left = (len(way) - 1) * step
        for link in way:
            at = self.links.first_free(link, at)
            if limit is not None and at + left >= limit:
                return []
            sends.append(at)
            at, left = at + step, left - step
        return sends

    def _sum(self, index: int, cycle: int) -> None:
        each = self.work.sums[index]
        issued = max(cycle, self.vxm_free[each.chip])
        passes = -(-(len(each.operands) - 1) // (SUM_OPERANDS - 1))
        self.vxm_free[each.chip] = issued + passes
        self.sums[index] = issued
        done = issued + sum_cycles(self.wire.chip, len(each.operands))
        self.end = max(self.end, done)
        for value in each.result:
            self.arrive(value, each.chip, done, done + self.wire.launch_cycles)


def deal(system: System, sources: Sequence[Sequence[int]], target: Sequence[int]) -> list[tuple[int, int]]:
    """Return who sends each vector to whom, when any target may take it. `sources`: for each vector, who may send it.

    Vector by vector the pair whose way arrives first, given the vectors before; of equals the nearest, then the first.
    """
    planned = _Schedule(system, Work("dealing", (), ()), Routes(system))
    nearest = {
        source: sorted((planned.routes.shortest(source, end), source, end) for end in target)
        for source in sorted({chip for allowed in sources for chip in allowed})
    }
    step = planned.wire.flight_cycles + planned.wire.forward_cycles
    found = []
    for allowed in sources:
        best: tuple[int, Move, Route, list[int]] | None = None
        for links, a, b in heapq.merge(*(nearest[source] for source in allowed)):
            if best is not None and planned.wire.launch_cycles + (links - 1) * step >= best[0]:
                break
            move = Move(0, a, b)
            way, sends = planned.best(move, planned.wire.launch_cycles, best[0] if best else None)
            if sends:
                best = sends[-1], move, way, sends
        assert best is not None
        planned.book(best[2], best[3])
        found.append((best[1].source, best[1].target))
    return found


def schedule(system: System, work: Work, broken: Sequence[int] = ()) -> Exchange:
    """Give every Send and every sum its cycle. `broken`: links that must not be used, both directions of each cable.

    Raises TopologyError when no way leads to a target.
    """
    return _Schedule(system, work, Routes(system, frozenset(broken))).run()
