"""RMSNorm, and reductions over lanes: a tree of rotations by the SXM."""

from __future__ import annotations

import numpy as np

from lpu_backend.chip.isa import Opcode
from lpu_backend.compiler.lanes import Alu, Read, Store, Trip
from lpu_backend.compiler.lowering import Floats, Lowering, Planes, number, split_planes
from lpu_backend.compiler.sram import Vectors
from lpu_backend.model.graph import A16_LIMIT, Norm

HALVINGS = (160, 80, 40, 20, 10, 5)
RESIDUES = 5


def lower_norm(lower: Lowering, op: Norm, x: Floats) -> Planes:
    """Lower `graph.Norm`: squares and the tree; the five residues and the root; the normed values."""
    schedule, constants = lower.schedule, lower.placement.constants
    root = lower.floats("root", 1)[0]
    sums = _sums(lower, x)
    total = _residues(lower, Read(sums))
    square = float(A16_LIMIT) ** 2
    scaled = Alu(Opcode.MUL_F32, total, number(float(np.float32(1 / square))))
    raised = Alu(Opcode.ADD_F32, scaled, number(float(np.float32(op.eps * op.width / square))))
    schedule.compute([Store(Alu(Opcode.RSQRT, raised), root)], lower.rows)
    normed = lower.planes("normed", len(x))
    for chunk, vectors in enumerate(x):
        scaled = Alu(Opcode.MUL_F32, Read(vectors), Read(root))
        gained = Alu(Opcode.MUL_F32, scaled, Read(constants[op.gain], chunk, 0))
        schedule.compute(split_planes(Alu(Opcode.F32_TO_I32, gained), normed[chunk]), lower.rows)
    schedule.sram.release(sums)
    schedule.sram.release(root)
    return normed


def _sums(lower: Lowering, x: Floats) -> Vectors:
    """Return sums over lanes of equal residue modulo 5. Rows go down the tree one after the other; a single row saves
    ways: three halvings a trip, from memory through both SXMs, which turn it eight times."""
    sums = lower.floats("sum", 1)[0]
    if lower.rows > 1:
        value = folded(lower, _squares(x), Opcode.ADD_F32, HALVINGS)
        lower.schedule.compute([Store(value, sums)], lower.rows)
        return sums
    lower.schedule.compute([Store(_squares(x), sums)])
    for steps in (HALVINGS[:3], HALVINGS[3:]):
        before, sums = sums, lower.floats("sum", 1)[0]
        lower.schedule.compute([Store(_halved_thrice(lower, Read(before), steps), sums)])
        lower.schedule.sram.release(before)
    return sums


def _halved_thrice(lower: Lowering, value: Read, steps: tuple[int, ...]) -> Alu:
    """Return the tree of `folded` for three steps; Copies keep the turns, four by each SXM, apart."""
    far, middle, near = steps

    def pair(lanes: int) -> Alu:
        ways = ((lanes, "E"), (lanes + far, "W"))
        turned = [Trip(Opcode.PERMUTE, lower.rotation(by), value, side) for by, side in ways]
        return Alu(Opcode.ADD_F32, turned[0], turned[1])

    def four(lanes: int) -> Alu:
        return Alu(Opcode.ADD_F32, Alu(Opcode.COPY, pair(lanes)), pair(lanes + middle))

    waiting = Alu(Opcode.COPY, Alu(Opcode.COPY, four(0)))
    return Alu(Opcode.ADD_F32, waiting, four(near))


def _squares(x: Floats) -> Alu:
    """Return the sum of squares by chunk; the Copy keeps reads of neighbouring chunks, from the same slices, apart."""
    total: Alu | None = None
    for vectors in x:
        value = Read(vectors)
        square = Alu(Opcode.MUL_F32, value, value)
        total = Alu(Opcode.COPY, square) if total is None else Alu(Opcode.ADD_F32, total, square)
    assert total is not None
    return total


def folded(lower: Lowering, value: Alu, opcode: Opcode, steps: tuple[int, ...]) -> Alu:
    """Combine a value with itself rotated, step by step. Both go to an SXM, so that they come back together; the
    SXMs take turns, and a Copy makes their turns fall apart in long sweeps."""
    for turn, step in enumerate(steps):
        side = "EW"[turn % 2]
        turned = Trip(Opcode.PERMUTE, lower.rotation(step), value, side)
        value = Alu(opcode, Trip(Opcode.SHIFT, 0, value, side), turned)
        if lower.rows > 1 and side == "W":
            value = Alu(Opcode.COPY, value)
    return value


def _residues(lower: Lowering, value: Read) -> Alu:
    """Return (((r0 + r1) + r2) + r3) + r4 in every lane, r_k of lane k modulo 5."""
    lanes = np.arange(320)
    total: Alu | None = None
    for residue in range(RESIDUES):
        start = lanes // 16 * 16
        spread = lower.schedule.builder.map(start + (residue - start) % RESIDUES)
        part = Trip(Opcode.DISTRIBUTE, spread, value)
        total = Alu(Opcode.COPY, part) if total is None else Alu(Opcode.ADD_F32, total, part)
    assert total is not None
    return total
