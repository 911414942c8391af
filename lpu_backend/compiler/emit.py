"""Resource binding, a timed expression → rows: which ALU, which streams and routes, which labels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lpu_backend.chip.floorplan import SLOT_OF_QUEUE, is_east, transit, vxm
from lpu_backend.chip.isa import (
    LARGE_ALUS,
    LARGE_ONLY,
    AluResult,
    Immediate,
    Instruction,
    Opcode,
    Operand,
    Streams,
    acc,
    alu,
    alu_takes_group,
)
from lpu_backend.chip.program import FLOW, Labels, ProgramBuilder, Repeat
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.chip.timing import timing
from lpu_backend.compiler.chain import Chain
from lpu_backend.compiler.lanes import (
    Accumulated,
    Alu,
    Node,
    Read,
    Store,
    Timed,
    Trip,
    accumulator_queue,
    sxm_queue,
)
from lpu_backend.compiler.planes import Plane
from lpu_backend.errors import ScheduleError

_SMALL_FIRST = (*(n for n in range(16) if n not in LARGE_ALUS), *sorted(LARGE_ALUS))
_LARGE = tuple(sorted(LARGE_ALUS))
_OUTWARD_GROUPS = (4, 5, 6, 7, 0, 1, 2, 3)
"""Results leave on the streams that weights do not use, while there are any."""


class NoRoom(Exception):
    """At this interval there are not enough ALUs or streams."""


@dataclass(slots=True)
class Built:
    """A chain with what to note when it is placed."""

    chain: Chain
    earliest: int = 0
    taken: list[tuple[Plane, np.ndarray, np.ndarray]] = field(default_factory=list)

    def settle(self, base: int) -> None:
        """Note until when accumulators are in use."""
        for plane, slots, cycles in self.taken:
            np.maximum.at(plane.used_until, slots, base + cycles)


def build_chain(spec: ChipSpec, builder: ProgramBuilder, timed: Timed, repeat: Repeat) -> Built | None:
    """Return the rows of an expression at an interval, with labels of `builder`.

    None where there are not enough ALUs or streams.
    """
    try:
        return _Emitter(spec, builder, timed, repeat).build()
    except NoRoom:
        return None


class _Emitter:
    def __init__(self, spec: ChipSpec, builder: ProgramBuilder, timed: Timed, repeat: Repeat) -> None:
        self._builder, self._timed, self._repeat = builder, timed, repeat
        self._delays = timing(spec)
        self._built = Built(Chain(spec))
        self._period = repeat.interval if repeat.count > 1 else 1 << 30
        self._busy: set[tuple[int, int]] = set()
        self._lanes: set[tuple[int, int]] = set()
        """Streams at the VXM, and the cycle modulo the period: arriving ones, and driven ones from 64 on."""
        self._alu: dict[Alu, int] = {}
        self._label: dict[Alu, int] = {}
        self._arrivals: dict[tuple[Node, int], tuple[Streams, int]] = {}
        self._outs: dict[Alu, Streams] = {}
        self._reach: dict[Alu, list[int]] = {}

    def build(self) -> Built:
        for node in self._timed.alus:
            self._label[node] = self._builder.value(4)
        self._choose_outs()
        for node in self._timed.alus:
            self._place(node)
        for store in self._timed.stores:
            self._store(store)
        self._carry_outs()
        return self._built

    def _sweep(self, stride: int = 0) -> Repeat:
        return Repeat(self._repeat.count, self._repeat.interval, stride)

    # Which ALU

    def _place(self, node: Alu) -> None:
        """Choose the ALU and the streams of its operands, and issue it."""
        cycle = self._timed.at[node]
        for number in _LARGE if node.opcode in LARGE_ONLY else _SMALL_FIRST:
            if (number, cycle % self._period) in self._busy:
                continue
            chosen = self._operands(node, number, cycle)
            if chosen is not None:
                self._busy.add((number, cycle % self._period))
                self._alu[node] = number
                self._issue(node, number, chosen)
                return
        raise NoRoom

    def _operands(self, node: Alu, number: int, cycle: int) -> list[tuple[Node, Streams]] | None:
        """Return streams for those operands that arrive on streams; None where this ALU can't take them."""
        met = [self._timed.operands[node, name][0] for name in "ab" if (node, name) in self._timed.operands]
        arriving = [value for value in met if not isinstance(value, Alu)]
        known = {
            value: self._arrivals[value, cycle][0] for value in arriving if (value, cycle) in self._arrivals
        }
        chosen: list[tuple[Node, Streams]] = list(known.items())
        for value in arriving:
            if value not in known:
                free = self._free_streams(value, number, cycle, chosen)
                if free is None:
                    return None
                chosen.append((value, free))
        if not all(alu_takes_group(number, streams.first % 32 // 4) for _, streams in chosen):
            return None
        groups = [(s.first % 32 // 4, is_east(s.first)) for _, s in chosen]
        if len(groups) == 2 and groups[0][0] == groups[1][0] and groups[0][1] != groups[1][1]:
            return None
        return chosen

    def _free_streams(
        self, node: Node, number: int, cycle: int, chosen: list[tuple[Node, Streams]]
    ) -> Streams | None:
        east, width = self._comes_east(node), self._width(node)
        for known, streams in chosen:
            if known is node:
                return streams
        taken = {s.first % 32 // 4 for _, s in chosen}
        phase = cycle % self._period
        fitting = [group for group in range(8) if group not in taken and alu_takes_group(number, group)]
        own, opposite = (0, 32) if east else (32, 0)
        free = [group for group in fitting if (4 * group + own, phase) not in self._lanes]
        # One that is free from the other side, too, can meet whatever comes from there.
        free.sort(key=lambda group: (4 * group + opposite, phase) in self._lanes)
        return Streams(4 * free[0] + own, width) if free else None

    @staticmethod
    def _comes_east(node: Node) -> bool:
        """Return whether a value reaches the VXM flowing east."""
        if isinstance(node, Read):
            return SLOT_OF_QUEUE[node.vectors[0].mem_slice] < 0
        if isinstance(node, Accumulated):
            return not node.plane.is_east
        assert isinstance(node, Trip)
        return node.side == "W"

    @staticmethod
    def _width(node: Node) -> int:
        if isinstance(node, Read):
            return len(node.vectors)
        return _Emitter._width(node.a) if isinstance(node, Trip) and isinstance(node.a, Read) else 4

    def _issue(self, node: Alu, number: int, chosen: list[tuple[Node, Streams]]) -> None:
        cycle = self._timed.at[node]
        operands: list[Operand | None] = []
        labels: list[int] = []
        for name, given in (("a", node.a), ("b", node.b)):
            met = self._timed.operands.get((node, name))
            if met is None:
                operands.append(given if isinstance(given, Immediate) else None)
                labels.append(0)
            elif isinstance(met[0], Alu):
                operands.append(AluResult(self._alu[met[0]]))
                labels.append(self._label[met[0]])
            else:
                streams = next(streams for known, streams in chosen if known is met[0])
                label = self._arrive(met[0], streams, cycle)
                operands.append(streams)
                labels.append(label)
        a, b = operands
        assert a is not None
        what = alu(node.opcode, a, b, self._outs.get(node))
        full = Labels(labels[0], labels[1], self._label[node])
        self._built.chain.issue(cycle, vxm(number), what, full, self._sweep())

    # What arrives

    def _arrive(self, node: Node, streams: Streams, cycle: int) -> int:
        """Make a value arrive for the ALU issued in `cycle`; return its label."""
        known = self._arrivals.get((node, cycle))
        if known:
            return known[1]
        self._lanes.add((streams.first // 4 * 4, cycle % self._period))
        label = self._builder.value(4)
        self._arrivals[node, cycle] = (streams, label)
        sampled = cycle - self._delays.skew[Opcode.COPY]
        if isinstance(node, Read):
            self._read(node, streams, (sampled, vxm(0)), label)
        elif isinstance(node, Accumulated):
            self._take_out(node, streams, sampled, label)
        else:
            assert isinstance(node, Trip)
            self._trip(node, streams, sampled, label)
        return label

    def _read(self, node: Read, streams: Streams, arrival: tuple[int, int], label: int) -> None:
        for plane, words in enumerate(node.vectors):
            out = Streams(streams.first + plane)
            self._built.chain.read(words, node.first, out, arrival, self._sweep(node.stride))
            self._built.chain.label_last(label + plane * FLOW)

    def _take_out(self, node: Accumulated, streams: Streams, sampled: int, label: int) -> None:
        plane, queue = node.plane, accumulator_queue(node.plane)
        driven = sampled - transit(queue, vxm(0), streams.first)
        cycle = driven - self._delays.delay[Opcode.ACC_OUT]
        sweep = self._sweep(node.stride)
        for index, repeat in plane.runs(node.slot, sweep):
            slot = node.slot + index * node.stride
            later = index * sweep.interval
            labels = Labels(makes=label + later, version=int(plane.updates[slot]))
            self._built.chain.issue(cycle + later, queue, acc(Opcode.ACC_OUT, slot, streams), labels, repeat)
        self._built.chain.carry(streams, driven, (queue, vxm(0)), sweep)
        issues = np.arange(sweep.count)
        slots = node.slot + issues * node.stride
        cycles = cycle + issues * sweep.interval
        written = int((plane.used_until[slots] + 1 - cycles).max())
        self._built.earliest = max(self._built.earliest, written)
        self._built.taken.append((plane, slots, cycles))

    def _trip(self, node: Trip, streams: Streams, sampled: int, label: int) -> None:
        queue = sxm_queue(node)
        driven = sampled - transit(queue, vxm(0), streams.first)
        cycle = driven - self._delays.delay[node.opcode]
        entered = cycle - self._delays.skew[node.opcode]
        chain = self._built.chain
        if isinstance(node.a, Alu):
            source, into = self._outs[node.a], self._label[node.a]
            self._reach.setdefault(node.a, []).append(queue)
        else:
            assert isinstance(node.a, Read)
            width = len(node.a.vectors)
            east = node.side == "E"
            source = self._outward(east, width, entered - transit(vxm(0), queue, 0 if east else 32))
            into = self._builder.value(4)
            self._read(node.a, source, (entered, queue), into)
        what = Instruction(node.opcode, node.address, a=source, out=streams)
        chain.issue(cycle, queue, what, Labels(into, 0, label), self._sweep())
        chain.carry(streams, driven, (queue, vxm(0)), self._sweep())

    # What leaves

    def _choose_outs(self) -> None:
        """Choose streams for every ALU whose result leaves the VXM."""
        for node in self._timed.alus:
            ways = [(trip[0].side == "E", 4) for trip in self._trips() if trip[0].a is node] + [
                (SLOT_OF_QUEUE[s.vectors[0].mem_slice] > 0, len(s.vectors))
                for s in self._timed.stores
                if s.value is node
            ]
            if not ways:
                continue
            if len({east for east, _ in ways}) > 1:
                raise ScheduleError(
                    "a result leaves on one side", self._timed.at[node], "VXM", node.opcode.name
                )
            cycle = self._timed.at[node] + self._delays.delay[Opcode.COPY]
            self._outs[node] = self._outward(ways[0][0], max(width for _, width in ways), cycle)

    def _trips(self) -> list[tuple[Trip, int]]:
        return [(met, at) for met, at in self._timed.operands.values() if isinstance(met, Trip)]

    def _outward(self, east: bool, width: int, cycle: int) -> Streams:
        """Return streams driven from the VXM, or past it, that the expression itself does not use at this cycle."""
        for group in _OUTWARD_GROUPS:
            for within in range(0, 4, width):
                first = 4 * group + within + (0 if east else 32)
                keys = {(64 + first + k, cycle % self._period) for k in range(width)}
                if not keys & self._lanes:
                    self._lanes |= keys
                    return Streams(first, width)
        raise NoRoom

    def _store(self, store: Store) -> None:
        streams = self._outs[store.value]
        driven = self._timed.at[store.value] + self._delays.delay[Opcode.COPY]
        for plane, words in enumerate(store.vectors):
            label = self._label[store.value] + plane * FLOW
            data = Streams(streams.first + plane)
            self._built.chain.write(
                words, store.first, data, (driven, vxm(0), label), self._sweep(store.stride)
            )
            self._reach.setdefault(store.value, []).append(words.mem_slice)

    def _carry_outs(self) -> None:
        """Carry every result as far as the last unit that takes it."""
        for node, queues in self._reach.items():
            driven = self._timed.at[node] + self._delays.delay[Opcode.COPY]
            farthest = max(queues, key=lambda queue: abs(SLOT_OF_QUEUE[queue]))
            self._built.chain.carry(self._outs[node], driven, (vxm(0), farthest), self._sweep())
