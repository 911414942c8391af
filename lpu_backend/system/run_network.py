"""What comes out when the Sends and Receives of a schedule happen in their cycles: the definition of values.

Every chip has words in SRAM, one for each value that its program names; before anything is written there they hold
rubbish. A Send takes what its word holds, or what stands beside the link to be passed on; the link hands the vector
over a fixed number of cycles later, and a Receive in that very cycle takes it. Two vectors on a link at once spoil each
other. Nothing here asks whether that is what was meant: `verify_network.py` does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush

import numpy as np
import numpy.typing as npt

from lpu_backend.errors import ExecutionError
from lpu_backend.system.network import Exchange, Sum, Work, sum_cycles

Bytes = npt.NDArray[np.uint8]
Place = tuple[int, int]
"""(value, chip)."""
Channel = Callable[[int, int, Bytes], Bytes | None]
"""What a link makes of a vector: (link, cycle of the Send, 320 bytes) → 320 bytes, or None when it comes too late."""
VECTOR_BYTES = 320
RUBBISH = np.full(VECTOR_BYTES, 0xEE, np.uint8)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The content of SRAM at the end, and what was amiss on the links."""

    held: Mapping[Place, Bytes] = field(repr=False)
    untaken: int
    """Vectors that arrived when no Receive was issued."""
    missed: int
    """Receives that found nothing."""
    spoiled: int
    """Vectors that met another on their link."""

    @property
    def clean(self) -> bool:
        """Return whether every vector was received and every Receive found one."""
        return not (self.untaken or self.missed or self.spoiled)

    def same(self, other: Outcome) -> bool:
        """Return whether both left the same bytes in the same places."""
        return self.held.keys() == other.held.keys() and all(
            np.array_equal(vector, other.held[place]) for place, vector in self.held.items()
        )


def random_vectors(work: Work, seed: int) -> dict[Place, Bytes]:
    """Return the bytes for everything that a piece of work starts with."""
    draw = np.random.default_rng(seed)
    return {place: draw.integers(0, 256, VECTOR_BYTES, np.uint8) for place in work.given}


def run_exchange(exchange: Exchange, given: Mapping[Place, Bytes], channel: Channel | None = None) -> Outcome:
    """Play a schedule. `given`: 320 bytes for each of `work.given`; sums are of int32 (4 planes), int16 or int8.

    Raises ExecutionError when vectors are missing or have another length.
    """
    for place in exchange.work.given:
        if place not in given or given[place].shape != (VECTOR_BYTES,):
            raise ExecutionError(f"value {place[0]} of chip {place[1]} has to be {VECTOR_BYTES} bytes")
    return _Play(exchange, given, channel).run()


def added(work: Sum, operands: list[list[Bytes]]) -> list[Bytes]:
    """Return the byte planes of a sum, integers with wrap-around; operands as byte planes, lowest first."""
    width = {1: "<i1", 2: "<i2", 4: "<i4"}.get(len(work.result))
    if width is None:
        raise ExecutionError(f"numbers of {len(work.result)} bytes are not added")
    numbers = [np.stack(planes, axis=1).copy().view(width)[:, 0] for planes in operands]
    total = np.add.reduce(numbers, dtype=np.dtype(width))
    return list(total[:, None].view(np.uint8).T.copy())


class _Play:
    """Words, links, and what is about to happen."""

    def __init__(self, exchange: Exchange, given: Mapping[Place, Bytes], channel: Channel | None) -> None:
        self.exchange, self.channel, self.wire = exchange, channel, exchange.system.wire
        self.words: dict[Place, Bytes] = {place: given[place] for place in exchange.work.given}
        """SRAM."""
        self.passing: dict[Place, Bytes] = {}
        """Beside the links, to be passed on."""
        self.arriving: dict[tuple[int, int], Bytes] = {}
        """(link, cycle) → vector."""
        self.events: list[tuple[int, int, int, Callable[[], None]]] = []
        self.count = self.missed = 0
        self.spoiled = _meeting(exchange)

    def at(self, cycle: int, order: int, act: Callable[[], None]) -> None:
        """Add an event of a cycle: writes (0) before Receives (1) before reads (2)."""
        self.count += 1
        heappush(self.events, (cycle, order, self.count, act))

    def run(self) -> Outcome:
        """Play all events in the order of their cycles."""
        self._program()
        while self.events:
            heappop(self.events)[3]()
        return Outcome(self.words, len(self.arriving), self.missed, len(self.spoiled))

    def _program(self) -> None:
        """Add every Send, Receive and sum of every chip as events."""
        arrivals = {(transfer.move.value, transfer.move.target) for transfer in self.exchange.transfers}
        for transfer in self.exchange.transfers:
            source, passed_on = (transfer.move.value, transfer.move.source), False
            for hop in transfer.hops:
                end = (transfer.move.value, self.exchange.system.target(hop.link))
                self._send(hop.link, hop.send_cycle, source, passed_on or source in arrivals)
                self._receive(hop.link, hop.receive_cycle, end, end[1] == transfer.move.target)
                source, passed_on = end, True
        for each, issued in zip(self.exchange.work.sums, self.exchange.sum_cycles, strict=True):
            self._sum(each, issued)

    def _send(self, link: int, cycle: int, source: Place, passed_on: bool) -> None:
        def read() -> None:
            held = self.passing if passed_on else self.words
            vector: Bytes | None = held.get(source, RUBBISH)
            if (link, cycle) in self.spoiled:
                vector = RUBBISH
            elif self.channel is not None:
                assert vector is not None
                vector = self.channel(link, cycle, vector)
            if vector is not None:
                self.arriving[link, cycle + self.wire.flight_cycles] = vector

        self.at(cycle if passed_on else cycle - self.wire.launch_cycles, 2, read)

    def _receive(self, link: int, cycle: int, end: Place, last: bool) -> None:
        def take() -> None:
            vector = self.arriving.pop((link, cycle), None)
            self.missed += vector is None
            found = RUBBISH if vector is None else vector
            self.at(cycle + self.wire.forward_cycles, 0, lambda: self.passing.update({end: found}))
            if last:
                self.at(cycle + self.wire.landing_cycles, 0, lambda: self.words.update({end: found}))

        self.at(cycle, 1, take)

    def _sum(self, each: Sum, issued: int) -> None:
        def add() -> None:
            read = [
                [self.words.get((value, each.chip), RUBBISH) for value in planes] for planes in each.operands
            ]
            done = {
                (value, each.chip): plane for value, plane in zip(each.result, added(each, read), strict=True)
            }
            ended = issued + sum_cycles(self.wire.chip, len(each.operands))
            self.at(ended, 0, lambda: self.words.update(done))

        self.at(issued, 2, add)


def _meeting(exchange: Exchange) -> set[tuple[int, int]]:
    """Return (link, cycle) of Sends that find another vector on their link, and of those that were there."""
    sends: dict[int, list[int]] = defaultdict(list)
    for transfer in exchange.transfers:
        for hop in transfer.hops:
            sends[hop.link].append(hop.send_cycle)
    met, width = set(), exchange.system.wire.vector_cycles
    for link, cycles in sends.items():
        cycles.sort()
        for sooner, later in zip(cycles, cycles[1:], strict=False):
            if later - sooner < width:
                met |= {(link, sooner), (link, later)}
    return met
