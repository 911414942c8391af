"""Lane-wise expressions, as the VXM computes them: from memory, accumulators and the SXM, over ALUs, to memory.

Nothing waits on the chip, so an expression has a cycle for every node. Reads and accumulators can be issued at any
time, so their values arrive when they are wanted, once for every time; an ALU's result lives one cycle and is passed
on by Copies; a *trip* to an SXM and back (an SXM hop) takes a fixed time. A sweep repeats the whole for many vectors,
`interval` cycles apart: the initiation interval (II), the smallest without a self-conflict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lpu_backend.chip.floorplan import Unit, mxm, sxm, transit, vxm
from lpu_backend.chip.isa import SIGNATURES, Immediate, Opcode
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.chip.timing import timing
from lpu_backend.compiler.planes import Plane
from lpu_backend.compiler.sram import Vectors
from lpu_backend.errors import ScheduleError


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Vectors from memory, word `first` + i · stride in issue i."""

    vectors: Vectors
    first: int = 0
    stride: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Accumulated:
    """The content of an accumulator, int32; slot + i · stride in issue i."""

    plane: Plane
    slot: int
    stride: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Trip:
    """An SXM hop: a value to a side's SXM and back: Permute, Distribute by a map, or Shift by lanes (`address`)."""

    opcode: Opcode
    address: int
    a: Node
    side: str = "E"


@dataclass(frozen=True, slots=True, eq=False)
class Alu:
    """One instruction of the VXM."""

    opcode: Opcode
    a: Node
    b: Node | Immediate | None = None


Node = Read | Accumulated | Trip | Alu


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """The low bytes of an ALU's result into memory: as many as `vectors` has planes."""

    value: Alu
    vectors: Vectors
    first: int = 0
    stride: int = 1


@dataclass(slots=True)
class Timed:
    """An expression with a cycle for every node; ALUs in the order of their cycles, most constrained first."""

    stores: list[Store]
    alus: list[Alu] = field(default_factory=list)
    at: dict[Alu, int] = field(default_factory=dict)
    operands: dict[tuple[Alu, str], tuple[Node, int]] = field(default_factory=dict)
    """Of an ALU: the node that is its operand, padded, and the cycle of issue at which it is met."""


class Timer:
    """Finds the cycles. Relative to the earliest ALU, cycle 0."""

    def __init__(self, spec: ChipSpec) -> None:
        self._spec = spec
        self._delays = timing(spec)
        self._alu = self._delays.delay[Opcode.COPY]

    def time(self, stores: list[Store]) -> Timed:
        """Return the cycles for all ALUs the stores need; raises ScheduleError where values can't be made to meet."""
        timed = Timed(list(stores))
        order: list[Alu] = []
        for store in stores:
            self._collect(store.value, order)
        for alu in order:
            timed.at[alu] = max([0, *(self.available(n, timed) for n in _nodes(alu))])
        self._delay(order, timed)
        copies: dict[tuple[Node, int], Alu] = {}
        for alu in order:
            for name, operand in (("a", alu.a), ("b", alu.b)):
                if isinstance(operand, Read | Accumulated | Trip | Alu):
                    met = self._padded(operand, timed.at[alu], timed, copies)
                    timed.operands[alu, name] = (met, timed.at[alu])
        arriving = {alu: sum(not isinstance(n, Alu) for n in _nodes(alu)) for alu in timed.at}
        timed.alus = sorted(timed.at, key=lambda alu: (timed.at[alu], -arriving[alu]))
        return timed

    def is_free(self, node: Node) -> bool:
        """Return whether a value can be made to arrive at any time."""
        return isinstance(node, Read | Accumulated) or (isinstance(node, Trip) and self.is_free(node.a))

    def available(self, node: Node, timed: Timed) -> int:
        """Return the first cycle in which an ALU that takes this node may be issued."""
        if self.is_free(node):
            return 0
        if isinstance(node, Alu):
            return timed.at[node] + self._alu
        assert isinstance(node, Trip)
        assert isinstance(node.a, Alu)
        return timed.at[node.a] + self._alu + self.trip_cycles(node)

    def trip_cycles(self, trip: Trip) -> int:
        """Return the cycles from the drive at the VXM to the issue of the ALU that takes what comes back."""
        queue = sxm_queue(trip)
        out, back = (0, 32) if trip.side == "E" else (32, 0)
        there = transit(vxm(0), queue, out) + self._delays.skew[trip.opcode]
        return (
            there
            + self._delays.delay[trip.opcode]
            + transit(queue, vxm(0), back)
            + self._delays.skew[Opcode.COPY]
        )

    def _collect(self, node: Node, order: list[Alu]) -> None:
        if isinstance(node, Trip):
            self._collect(node.a, order)
        elif isinstance(node, Alu) and node not in order:
            for operand in _nodes(node):
                self._collect(operand, order)
            order.append(node)

    def _delay(self, order: list[Alu], timed: Timed) -> None:
        """Delay an ALU, where all it depends on may arrive at any time, until just before its first consumer."""
        users: dict[Alu, list[Alu | None]] = {}
        for alu in order:
            for operand in _nodes(alu):
                if isinstance(operand, Alu):
                    users.setdefault(operand, []).append(alu)
                elif isinstance(operand, Trip) and isinstance(operand.a, Alu):
                    users.setdefault(operand.a, []).append(None)
        for store in timed.stores:
            users.setdefault(store.value, []).append(None)
        movable: set[Node] = set()
        for alu in order:
            if all(self.is_free(n) or n in movable for n in _nodes(alu)):
                movable.add(alu)
        for alu in reversed(order):
            taken = [timed.at[user] for user in users[alu] if user is not None]
            if alu in movable and len(taken) == len(users[alu]):
                timed.at[alu] = min(taken) - self._alu

    def _padded(self, node: Node, wanted: int, timed: Timed, copies: dict[tuple[Node, int], Alu]) -> Node:
        """Return the node where it is met at `wanted`, else the last of the Copies that pass it on until then."""
        if self.is_free(node) or self.available(node, timed) == wanted:
            return node
        if (node, wanted) not in copies:
            if wanted - self._alu < self.available(node, timed):
                raise ScheduleError("two values of an expression can't be made to meet", wanted, "VXM", "")
            before = self._padded(node, wanted - self._alu, timed, copies)
            copy = Alu(Opcode.COPY, before)
            timed.at[copy] = wanted - self._alu
            timed.operands[copy, "a"] = (before, timed.at[copy])
            copies[node, wanted] = copy
        return copies[node, wanted]


def _nodes(alu: Alu) -> Iterator[Node]:
    yield alu.a
    if isinstance(alu.b, Read | Accumulated | Trip | Alu):
        yield alu.b


def sxm_queue(trip: Trip) -> int:
    """Return the queue of a trip's instruction."""
    unit = SIGNATURES[trip.opcode].unit
    assert unit is not None
    return sxm(trip.side, unit)


def accumulator_queue(plane: Plane) -> int:
    """Return the queue of ACC of a plane."""
    return mxm(plane.number, Unit.MXM_ACCUMULATORS)
