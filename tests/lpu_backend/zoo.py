"""Small programs that use every unit, laid out by a few lines of arithmetic instead of a compiler."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_backend.chip.floorplan import Unit, mem, mxm, sxm, transit, vxm
from lpu_backend.chip.isa import (
    SIGNATURES,
    AluResult,
    E,
    Immediate,
    Instruction,
    Opcode,
    Streams,
    W,
    abc,
    acc,
    alu,
    gather,
    iw,
    lw,
    read,
    scatter,
    write,
)
from lpu_backend.chip.program import FLOW, Kind, Labels, Program, ProgramBuilder, Repeat
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.chip.timing import timing

DELAYS = timing(PRODUCT)


@dataclass(frozen=True, slots=True)
class Made:
    """A value on its way: its label, and the unit and cycle that drove it."""

    label: int
    queue: int
    driven: int
    streams: Streams


class Hand:
    """Places instructions by hand; `arrival` does the sums."""

    def __init__(self, name: str) -> None:
        self.b = ProgramBuilder(name, "product")
        self.regions: dict[tuple[int, int], int] = {}

    def arrival(self, made: Made, queue: int, opcode: Opcode) -> int:
        """The cycle in which `queue` has to issue `opcode` to meet the value."""
        return made.driven + transit(made.queue, queue, made.streams.first) + DELAYS.skew[opcode]

    def read(
        self,
        cycle: int,
        place: tuple[str, int, int],
        out: Streams,
        tensor: str,
        count: int = 1,
        version: int = 0,
    ) -> Made:
        """Byte planes of `tensor` from neighbouring slices, so that they meet on their streams; `count` vectors."""
        side, first, address = place
        label = self.b.value(out.width)
        outward = (side == "E") == (out.first < 32)
        for plane in range(out.width):
            queue = mem(side, first + plane)
            later = (plane + first % 4) // 4 * (1 if outward else -1)
            if version:
                region = self.regions[queue, address]
            else:
                region = self.b.region(
                    Kind.INPUT, (queue, address, count), tensor, first=plane, step=out.width
                )
            labels = Labels(makes=label + plane * FLOW, region=region, version=version)
            what = read(address, Streams(out.first + plane))
            self.b.issue(cycle + later, queue, what, labels, Repeat(count, 1, 1))
        return Made(label, mem(side, first), cycle + 1, out)

    def write(
        self, made: Made, place: tuple[str, int, int], tensor: str = "", count: int = 1, version: int = 1
    ) -> int:
        """The value's byte planes into neighbouring slices; returns the cycle from which they can be read."""
        side, first, address = place
        for plane in range(made.streams.width):
            queue = mem(side, first + plane)
            cycle = self.arrival(made, queue, Opcode.WRITE)
            kind = Kind.OUTPUT if tensor else Kind.SCRATCH
            if (queue, address) not in self.regions:
                region = self.b.region(
                    kind, (queue, address, count), tensor, plane, made.streams.width, version
                )
                self.regions[queue, address] = region
            labels = Labels(made.label + plane * FLOW, region=self.regions[queue, address], version=version)
            stream = Streams(made.streams.first + plane)
            self.b.issue(cycle, queue, write(address, stream), labels, Repeat(count, 1, 1))
        return cycle + 1

    def sxm(self, side: str, what: Instruction, a: Made, b: Made | None = None, count: int = 1) -> Made:
        """One SXM instruction on a value that arrives there."""
        unit = SIGNATURES[what.opcode].unit
        assert unit is not None
        assert what.out is not None
        queue = sxm(side, unit)
        cycle = self.arrival(a, queue, what.opcode)
        label = self.b.value(what.out.width)
        self.b.issue(cycle, queue, what, Labels(a.label, b.label if b else 0, label), Repeat(count))
        return Made(label, queue, cycle + DELAYS.delay[what.opcode], what.out)

    def alu(self, number: int, opcode: Opcode, a: Made, b: Made | None, out: Streams) -> Made:
        """One ALU on values that meet at the VXM."""
        label, queue = self.b.value(4), vxm(number)
        cycle = self.arrival(a, queue, opcode)
        what = alu(opcode, a.streams, b.streams if b else None, out)
        self.b.issue(cycle, queue, what, Labels(a.label, b.label if b else 0, label))
        return Made(label, queue, cycle + DELAYS.delay[opcode], out)


def shuffles() -> Program:
    """Every SXM instruction on int32 or byte vectors, from MEM outward and back."""
    h = Hand("shuffles")
    lanes = np.arange(320)
    swap, spread = h.b.map(lanes ^ 1), h.b.map(np.where(lanes % 16 < 8, lanes // 16 * 16 + 3, -1))
    mask = h.b.map(lanes % 3 == 0)
    x = h.read(0, ("E", 36, 0), E(0, 4), "x", count=2)
    shifted = h.sxm("E", Instruction(Opcode.SHIFT, -5, a=E(0, 4), out=W(0, 4)), x, count=2)
    h.write(shifted, ("E", 0, 4096), "shifted", count=2)
    permuted = h.sxm("E", Instruction(Opcode.PERMUTE, swap, a=E(0, 4), out=W(4, 4)), x, count=2)
    h.write(permuted, ("E", 4, 4096), "permuted", count=2)
    spreaded = h.sxm("E", Instruction(Opcode.DISTRIBUTE, spread, a=E(0, 4), out=W(8, 4)), x, count=2)
    h.write(spreaded, ("E", 8, 4096), "spread", count=2)
    y = h.read(2, ("E", 28, 10), E(4, 4), "y")
    z = h.read(3, ("E", 32, 10), E(8, 4), "z")
    chosen = h.sxm("E", Instruction(Opcode.SELECT, mask, a=E(4, 4), b=E(8, 4), out=W(12, 4)), y, z)
    h.write(chosen, ("E", 12, 4096), "chosen")
    r = h.read(6, ("E", 40, 10), E(12, 4), "r")
    turned = h.sxm("E", Instruction(Opcode.ROTATE, 3, a=E(12, 4), out=W(16, 16)), r)
    h.write(turned, ("E", 12, 5000), "turned")
    return h.b.build()


def transposed() -> Program:
    """Sixteen byte vectors transposed in superlanes on the west side."""
    h = Hand("transposed")
    x = h.read(0, ("W", 24, 0), W(16, 16), "x")
    turned = h.sxm("W", Instruction(Opcode.TRANSPOSE, a=W(16, 16), out=E(0, 16)), x)
    h.write(turned, ("W", 4, 4096), "turned")
    return h.b.build()


def memory() -> Program:
    """Gather by a map, scatter by a map, a word written twice and read both times."""
    h = Hand("memory")
    b, queue = h.b, mem("E", 20)
    table = b.region(Kind.CONSTANT, (queue, 0, 64), "table")
    index = h.read(5, ("E", 0, 0), E(0, 2), "index")
    cycle = h.arrival(index, queue, Opcode.GATHER)
    label = b.value()
    b.issue(cycle, queue, gather(0, 64, E(0, 2), E(4)), Labels(index.label, makes=label, region=table))
    h.write(Made(label, queue, cycle + 1, E(4)), ("E", 40, 4096), "gathered")
    cache = mem("E", 30)
    state = b.region(Kind.STATE, (cache, 0, 16), "cache", writes=1)
    data = h.read(cycle - 4, ("E", 8, 0), E(8), "data")
    index = h.read(cycle - 6, ("E", 0, 2), E(2, 2), "places")
    late = h.arrival(index, cache, Opcode.SCATTER)
    assert late == h.arrival(data, cache, Opcode.SCATTER)
    what = scatter(0, 16, E(2, 2), E(8))
    b.issue(late, cache, what, Labels(index.label, data.label, region=state, version=1))
    out = b.value()
    b.issue(late + 1, cache, read(3, E(5)), Labels(makes=out, region=state, version=1))
    h.write(Made(out, cache, late + 2, E(5)), ("E", 41, 4096), "cached")
    for turn, vector in enumerate(("p", "q")):
        v = h.read(late + 20 * turn, ("W", 10 + turn, 0), E(16), vector)
        ready = h.write(v, ("W", 0, 4000), version=turn + 1)
        again = h.read(ready + 2, ("W", 0, 4000), E(17), "", version=turn + 1)
        h.write(again, ("E", 36 + turn, 4096), f"{vector}-again")
    return b.build()


def accumulated(half_floats: bool = False) -> Program:
    """Two K tiles of 32 outputs through plane 0 (FP16: planes 0 and 1): SET, then ADD and emit."""
    h = Hand("accumulated-f16" if half_floats else "accumulated")
    b = h.b
    planes = (0, 1) if half_floats else (0,)
    width = len(planes)
    for tile in (1, 2):
        base = 40 + 30 * tile
        for plane in planes:
            low = 16 * plane
            weights = b.value(16)
            for k in range(16):
                queue = mem("W", 8 + 16 * plane + k)
                region = b.region(Kind.CONSTANT, (queue, 2 * tile, 2), f"w{tile}{plane}", first=k, step=16)
                made = Made(weights + k * FLOW, queue, 0, W(low + k))
                cycle = base - h.arrival(made, mxm(plane, Unit.MXM_WEIGHTS), Opcode.LW) - 1
                labels = Labels(makes=made.label, region=region)
                b.issue(cycle, queue, read(2 * tile, made.streams), labels, Repeat(2, 1, 1))
            labels = Labels(weights, version=tile)
            b.issue(base, mxm(plane, Unit.MXM_WEIGHTS), lw(0, W(low, 16)), labels, Repeat(2, 1, 1))
            b.issue(base + 2, mxm(plane, Unit.MXM_WEIGHTS), iw(2), Labels(version=tile))
        x = h.read(base - 3, ("W", 40, tile), W(2 * tile, width), f"x{tile}")
        queue = mxm(0, Unit.MXM_ACTIVATIONS)
        start, product = h.arrival(x, queue, abc(x.streams).opcode), b.value()
        b.issue(start, queue, abc(x.streams), Labels(x.label, 0, product, tile))
        opcode = (Opcode.ACC_SET, Opcode.ACC_ADD_OUT)[tile - 1]
        out = E(4, 4) if tile == 2 else None
        y = b.value(4)
        b.issue(
            start + DELAYS.delay[Opcode.ABC_I8],
            mxm(0, Unit.MXM_ACCUMULATORS),
            acc(opcode, 7, out),
            Labels(product, 0, y, tile),
        )
        if out:
            driven = start + DELAYS.delay[Opcode.ABC_I8] + DELAYS.delay[Opcode.ACC_ADD_OUT]
            h.write(Made(y, mxm(0, Unit.MXM_ACCUMULATORS), driven, out), ("W", 0, 4096), "y")
    return b.build()


def softmax_like() -> Program:
    """exp(a) · rsqrt(b) + 1 chained over ALUs of three rows, with a byte result beside the float."""
    h = Hand("softmax-like")
    b = h.b
    x = h.read(0, ("E", 0, 0), W(0, 4), "a")
    y = h.read(0, ("W", 0, 0), E(8, 4), "b")
    cycle = h.arrival(x, vxm(0), Opcode.EXP)
    assert cycle == h.arrival(y, vxm(5), Opcode.RSQRT)
    e, r, m, s, t = (b.value(4) for _ in range(5))
    b.issue(cycle, vxm(0), alu(Opcode.EXP, W(0, 4)), Labels(x.label, 0, e))
    b.issue(cycle, vxm(5), alu(Opcode.RSQRT, E(8, 4)), Labels(y.label, 0, r))
    product = alu(Opcode.MUL_F32, AluResult(0), AluResult(5))
    b.issue(cycle + 3, vxm(3), product, Labels(e, r, m))
    one = Immediate(0x3F800000)
    b.issue(cycle + 6, vxm(4), alu(Opcode.ADD_F32, AluResult(3), one, E(12, 4)), Labels(m, 0, s))
    b.issue(cycle + 9, vxm(2), alu(Opcode.F32_TO_I32, AluResult(4), out=W(1)), Labels(s, 0, t))
    h.write(Made(s, vxm(4), cycle + 9, E(12, 4)), ("E", 8, 4096), "float")
    h.write(Made(t, vxm(2), cycle + 12, W(1)), ("W", 9, 4096), "byte")
    return b.build()


def lane_sum() -> Program:
    """The sum of 320 float32 lanes in every lane: six rotations by the SXM, each added to what was rotated, then the
    five residues modulo 5 that every superlane holds, spread over it one after another.

    A turn goes VXM → SXM → VXM, 35 cycles: Permute rotates, and Shift by 0 keeps what it is added to on the same way.
    """
    h = Hand("lane-sum")
    lanes = np.arange(320)
    x = h.read(0, ("E", 40, 0), E(0, 4), "x")
    for by in (160, 80, 40, 20, 10, 5):
        rotation = h.b.map((lanes + by) % 320)
        rotated = h.sxm("E", Instruction(Opcode.PERMUTE, rotation, a=E(0, 4), out=W(0, 4)), x)
        kept = h.sxm("E", Instruction(Opcode.SHIFT, 0, a=E(0, 4), out=W(4, 4)), x)
        x = h.alu(0, Opcode.ADD_F32, rotated, kept, E(0, 4))
    source, total = 0, 0
    for residue in range(5):
        spread = h.b.map(lanes // 16 * 16 + (residue - lanes // 16 * 16) % 5)
        part = h.sxm("E", Instruction(Opcode.DISTRIBUTE, spread, a=E(0, 4), out=W(0, 4)), x)
        cycle, label = h.arrival(part, vxm(3), Opcode.COPY), h.b.value(4)
        if residue == 0:
            h.b.issue(cycle, vxm(3), alu(Opcode.COPY, W(0, 4)), Labels(part.label, 0, label))
        else:
            added = alu(Opcode.ADD_F32, AluResult(3), W(0, 4), E(8, 4) if residue == 4 else None)
            h.b.issue(cycle, vxm(3), added, Labels(total, part.label, label))
        total = label
        if residue == 4:
            h.write(Made(total, vxm(3), cycle + 3, E(8, 4)), ("E", 8, 4096), "sum")
        else:  # the same sums pass the SXM once more, three cycles later
            again, copier = h.b.value(4), 1 + residue % 2
            copy = alu(Opcode.COPY, AluResult(source), out=E(0, 4))
            h.b.issue(x.driven, vxm(copier), copy, Labels(x.label, 0, again))
            x, source = Made(again, vxm(copier), x.driven + 3, E(0, 4)), copier
    return h.b.build()


ZOO = (
    shuffles,
    transposed,
    memory,
    accumulated,
    lambda: accumulated(half_floats=True),
    softmax_like,
    lane_sum,
)


def image_of(program: Program, seed: int = 0) -> dict[str, np.ndarray]:
    """Random vectors for whatever a program wants; maps of Gather and Scatter get indices with a few holes."""
    rng = np.random.default_rng(seed)
    image = {}
    for region in program.regions:
        if region["kind"] in (Kind.CONSTANT, Kind.INPUT, Kind.STATE):
            name = program.tensors[region["tensor"]]
            vectors = int(region["first"]) + (int(region["words"]) - 1) * int(region["step"]) + 1
            vectors = max(vectors, len(image.get(name, ())))
            image[name] = rng.integers(0, 256, (vectors, 320), dtype=np.uint8)
    for name, high in (("index", 64), ("places", 16)):
        if name in image:
            entries = rng.integers(-1, high, 320).astype("<i2")
            image[name] = np.ascontiguousarray(entries.view(np.uint8).reshape(320, 2).T)
    return image
