"""Small programs written by hand that show a published property of the chip each; `validate` and tests run them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lpu_backend.chip.floorplan import Unit, mem, mxm, vxm
from lpu_backend.chip.isa import AluResult, E, Immediate, Opcode, W, abc, acc, alu, iw, lw, read, write
from lpu_backend.chip.program import FLOW, Kind, Labels, Program, ProgramBuilder, Repeat

SUM_SLICE = 28
"""Slot 8: read 1, 7 hops to the VXM, 4 to enter it, two ALUs of 3 cycles, 7 hops back, write 1: 26 cycles."""


def vector_sum(vectors: int = 4) -> Program:
    """Build y = (a + b) · 3 in int32 on the east hemisphere: int32 vectors in four slices, one a byte plane.

    Slices E28…E31 hold a and then y, slices W28…W31 hold b. Reads flow to the VXM: a westward, b eastward. ALU 0
    takes SG4 group 0 of both directions... a group may not enter one ALU from both sides, so b rides in group 1.
    """
    b = ProgramBuilder("vector-sum", "product")
    read_a, read_b, y = b.value(4), b.value(4), b.value(4)
    total = b.value(4)
    sweep = Repeat(vectors, 1, 1)
    with b.op("sum"):
        for plane in range(4):
            east, west = mem("E", SUM_SLICE + plane), mem("W", SUM_SLICE + plane)
            at_a = b.region(Kind.INPUT, (east, 0, vectors), "a", first=plane, step=4)
            at_b = b.region(Kind.INPUT, (west, 0, vectors), "b", first=plane, step=4)
            at_y = b.region(Kind.OUTPUT, (east, 4096, vectors), "y", first=plane, step=4, writes=1)
            b.issue(0, east, read(0, W(plane)), Labels(makes=read_a + plane * FLOW, region=at_a), sweep)
            b.issue(0, west, read(0, E(4 + plane)), Labels(makes=read_b + plane * FLOW, region=at_b), sweep)
            # driven in 1, at the VXM in 1 + 7, inside in 12, out in 18, at slot 8 in 25, readable in 26
            b.issue(25, east, write(4096, E(plane)), Labels(in_a=y + plane * FLOW, region=at_y), sweep)
        twelve = Repeat(vectors)
        b.issue(12, vxm(0), alu(Opcode.ADD_I32, W(0, 4), E(4, 4)), Labels(read_a, read_b, total), twelve)
        b.issue(
            15, vxm(1), alu(Opcode.MUL_I32, AluResult(0), Immediate(3), E(0, 4)), Labels(total, 0, y), twelve
        )
    return b.build()


def four_planes() -> tuple[Program, int]:
    """Build loads of weights for all planes on all 64 streams; return also the cycle after the last is loaded."""
    b = ProgramBuilder("four-planes", "product")
    start = 1 + 8 + 4  # read, from slot 4 to 13, entry
    for plane in range(4):
        side, direction, low = ("W", W, 16 * plane) if plane < 2 else ("E", E, 16 * (plane - 2))
        weights = b.value(16)
        for k in range(16):
            index = 12 + 16 * (plane % 2) + k
            queue = mem(side, index)
            region = b.region(Kind.CONSTANT, (queue, 0, 20), f"w{plane}", first=k, step=16)
            labels = Labels(makes=weights + k * FLOW, region=region)
            b.issue(index // 4 - 3, queue, read(0, direction(low + k)), labels, Repeat(20, 1, 1))
        labels = Labels(weights, version=1)
        b.issue(start, mxm(plane, Unit.MXM_WEIGHTS), lw(0, direction(low, 16)), labels, Repeat(20, 1, 1))
    return b.build(), start + 20


def small_matmuls(spacing: int, count: int = 4) -> Program:
    """Build products of 80 rows of INT8 weights and one vector, again and again on plane 2, `spacing` cycles apart."""
    b = ProgramBuilder("small-matmuls", "product")
    regions = [b.region(Kind.CONSTANT, (mem("E", 24 + k), 0, 5), "w", first=k, step=16) for k in range(16)]
    at_x = b.region(Kind.INPUT, (mem("E", 43), 0, 1), "x")
    for tile in range(count):
        base, weights, x, product, y = 10 + tile * spacing, b.value(16), b.value(), b.value(), b.value(4)
        for k, region in enumerate(regions):
            cycle = base - 4 - (13 - (1 + (24 + k) // 4) - 1) - 1
            labels = Labels(makes=weights + k * FLOW, region=region)
            b.issue(cycle, mem("E", 24 + k), read(0, E(k)), labels, Repeat(5, 1, 1))
        labels = Labels(weights, version=tile + 1)
        b.issue(base, mxm(2, Unit.MXM_WEIGHTS), lw(0, E(0, 16)), labels, Repeat(5, 1, 1))
        b.issue(base + 5, mxm(2, Unit.MXM_WEIGHTS), iw(5), Labels(version=tile + 1))
        b.issue(base, mem("E", 43), read(0, E(16)), Labels(makes=x, region=at_x))
        b.issue(base + 6, mxm(2, Unit.MXM_ACTIVATIONS), abc(E(16)), Labels(x, 0, product, tile + 1))
        what = acc(Opcode.ACC_SET_OUT, 0, W(0, 4))
        b.issue(base + 26, mxm(2, Unit.MXM_ACCUMULATORS), what, Labels(product, 0, y, tile + 1))
    return b.build()


def random_image(program: Program, seed: int) -> dict[str, npt.NDArray[np.uint8]]:
    """Return random vectors of 320 bytes for whatever a program without maps reads; the same for the same seed."""
    rng = np.random.default_rng(seed)
    image: dict[str, npt.NDArray[np.uint8]] = {}
    for region in program.regions:
        if region["kind"] in (Kind.CONSTANT, Kind.INPUT, Kind.STATE):
            name = program.tensors[region["tensor"]]
            vectors = int(region["first"]) + (int(region["words"]) - 1) * int(region["step"]) + 1
            image[name] = rng.integers(0, 256, (max(vectors, len(image.get(name, ()))), 320), dtype=np.uint8)
    return image
