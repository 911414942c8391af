"""The list scheduler: rows, the reservation table, SRAM, MXM planes, and the three kinds of chains put on them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import numpy as np

from lpu_backend.chip.floorplan import Unit, mxm
from lpu_backend.chip.isa import E, Opcode, Streams, W, abc, acc, iw, lw
from lpu_backend.chip.program import FLOW, Labels, ProgramBuilder, Repeat
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.chip.timing import timing
from lpu_backend.compiler.chain import Chain
from lpu_backend.compiler.emit import build_chain
from lpu_backend.compiler.lanes import Store, Timer
from lpu_backend.compiler.planes import Plane
from lpu_backend.compiler.sram import Sram, Words
from lpu_backend.compiler.timeline import Needs, Timeline
from lpu_backend.errors import ScheduleError

WEIGHT_STREAMS = 16
_LONGEST_INTERVAL = 64
_TRIED_STREAMS, _STREAM_STEP = 4, 5
"""How many streams are tried for activations, of different groups, and taken the one on which they come first."""


class Schedule:
    """Everything a lowering adds to."""

    def __init__(self, builder: ProgramBuilder, sram: Sram, spec: ChipSpec, *, single: bool = True) -> None:
        self.builder, self.sram, self.spec = builder, sram, spec
        self.single = single
        """Whether single vectors pass the tiles: then the weights of all planes stream at once. Else activations take
        longer than weights, and have the upper streams."""
        self.timeline = Timeline()
        self.planes = tuple(Plane(n) for n in range(spec.mxm_planes))
        self._timing = timing(spec)
        self._timer = Timer(spec)
        self._turn = count()

    def compute(self, stores: Sequence[Store], issues: int = 1) -> None:
        """Schedule a lane-wise expression for `issues` vectors, as early as it can be. Raises ScheduleError."""
        timed = self._timer.time(list(stores))
        for interval in range(1, _LONGEST_INTERVAL):
            built = build_chain(self.spec, self.builder, timed, Repeat(issues, interval))
            needs = built.chain.needs() if built else None
            if built and needs is not None:
                base = self.put(built.chain, needs, built.earliest)
                built.settle(base)
                return
        raise ScheduleError(
            "no initiation interval (II) without a self-conflict", 0, "VXM", stores[0].value.opcode.name
        )

    def put(self, chain: Chain, needs: Needs | None = None, earliest: int = 0) -> int:
        """Place a chain; return its base."""
        needs = needs or chain.needs()
        if needs is None:
            raise ScheduleError("a chain takes one resource twice", 0, "", "")
        return chain.commit(self.builder, self.timeline, needs, earliest)

    def load(self, plane: Plane, weights: Sequence[Words], first: int, groups: int, stride: int = 1) -> None:
        """Schedule LW and IW: words first … of 16 slices into the plane, row n from slice n mod 16."""
        queue = mxm(plane.number, Unit.MXM_WEIGHTS)
        first_stream = plane.first_stream if self.single else 0
        streams = (E if plane.is_east else W)(first_stream, WEIGHT_STREAMS)
        label = self.builder.value(WEIGHT_STREAMS)
        plane.tile += 1
        chain = Chain(self.spec)
        sweep = Repeat(groups, 1, stride)
        arrival = -self._timing.skew[Opcode.LW]
        for stream, words in enumerate(weights):
            chain.read(words, first, Streams(streams.first + stream), (arrival, queue), sweep)
            chain.label_last(label + stream * FLOW)
        chain.issue(0, queue, lw(0, streams), Labels(label, version=plane.tile), Repeat(groups, 1, 1))
        loaded = self.put(chain, earliest=plane.installed) + groups
        install = Chain(self.spec)
        install.issue(0, queue, iw(groups), Labels(version=plane.tile))
        earliest = max(loaded, plane.installed + self.spec.mxm_install_interval_cycles, plane.last_product)
        plane.installed = self.put(install, earliest=earliest)

    def multiply(
        self, plane: Plane, words: Words, sweep: tuple[int, int, int], slot: int, *, add: bool
    ) -> None:
        """Schedule products of vectors, sweep = (first word, count, stride), set or added in accumulators slot …"""
        first, issues, stride = sweep
        if plane.number % 2 and words.twin is not None:
            words = words.twin
        queue = mxm(plane.number, Unit.MXM_ACTIVATIONS)
        value, product = self.builder.value(), self.builder.value()
        dot = self._timing.delay[Opcode.ABC_I8]
        slots = slice(slot, slot + issues)
        taken = int((plane.used_until[slots] - dot - np.arange(issues)).max()) + 1
        earliest = max(plane.installed + self._timing.delay[Opcode.IW], taken)
        turn, first_stream = next(self._turn), plane.first_stream if self.single else WEIGHT_STREAMS
        found: list[tuple[int, int, Chain, Needs]] = []
        for number in range(_TRIED_STREAMS):
            stream = first_stream + (turn + number * _STREAM_STEP) % WEIGHT_STREAMS
            chain = Chain(self.spec)
            labels = Labels(value, 0, product, plane.tile)
            arrival = (-self._timing.skew[Opcode.ABC_I8], queue)
            data = (E if plane.is_east else W)(stream)
            chain.read(words, first, data, arrival, Repeat(issues, 1, stride))
            chain.label_last(value)
            chain.issue(0, queue, abc(data), labels, Repeat(issues))
            self._accumulate(chain, plane, (slot, issues, product), add=add)
            needs = chain.needs()
            assert needs is not None
            soonest = chain.earliest(earliest)
            found.append((self.timeline.find(needs, soonest), number, chain, needs))
            if found[-1][0] == soonest:
                break
        _, _, chain, needs = min(found, key=lambda each: each[:2])
        base = self.put(chain, needs, earliest)
        plane.updates[slots] += 1
        plane.used_until[slots] = np.maximum(plane.used_until[slots], base + dot + np.arange(issues))
        plane.last_product = max(plane.last_product, base + issues - 1)

    def _accumulate(self, chain: Chain, plane: Plane, sums: tuple[int, int, int], *, add: bool) -> None:
        """Add ACC for sums = (first slot, count, label of the first product)."""
        slot, issues, product = sums
        opcode = Opcode.ACC_ADD if add else Opcode.ACC_SET
        for index, repeat in plane.runs(slot, Repeat(issues, 1, 1)):
            labels = Labels(product + index, version=int(plane.updates[slot + index]) + 1)
            out = mxm(plane.number, Unit.MXM_ACCUMULATORS)
            cycle = self._timing.delay[Opcode.ABC_I8] + index
            chain.issue(cycle, out, acc(opcode, slot + index), labels, repeat)
