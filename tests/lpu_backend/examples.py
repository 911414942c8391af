"""A program written by hand, to show how one is made: one tile of a matrix product; `probes.py` has a vector sum."""

from __future__ import annotations

from lpu_backend.chip.floorplan import Unit, mem, mxm
from lpu_backend.chip.isa import (
    E,
    Opcode,
    W,
    abc,
    acc,
    iw,
    lw,
    read,
    write,
)
from lpu_backend.chip.program import FLOW, Kind, Labels, Program, ProgramBuilder, Repeat


def matmul_tile(vectors: int = 2) -> Program:
    """y[v, n] = Σ_k x[v, k] · w[n, k]: 320 × 320 INT8 weights, INT8 activations, INT32 results; plane 2 (east).

    w: slices E24…E39 (slots 7…10), vector n in slice E(24 + n % 16), word n // 16. x in slice E43, slot 11. The results
    flow west and are written to slices E0…E3 (slot 1), a byte plane each.
    """
    b = ProgramBuilder("matmul-tile", "product")
    weights, x, product, y = b.value(16), b.value(), b.value(), b.value(4)
    tile, load = 1, 20
    with b.op("matmul"):
        for stream in range(16):
            mem_slice = mem("E", 24 + stream)
            region = b.region(Kind.CONSTANT, (mem_slice, 0, 20), "w", first=stream, step=16)
            # All weights are at slot 13 in cycle 6: 1 for the read, then 13 − slot − 1 hops.
            hops = 13 - (1 + (24 + stream) // 4) - 1
            labels = Labels(makes=weights + stream * FLOW, region=region)
            b.issue(5 - hops, mem_slice, read(0, E(stream)), labels, Repeat(20, 1, 1))
        b.issue(
            10, mxm(2, Unit.MXM_WEIGHTS), lw(0, E(0, 16)), Labels(weights, version=tile), Repeat(20, 1, 1)
        )
        b.issue(10 + load, mxm(2, Unit.MXM_WEIGHTS), iw(), Labels(version=tile))
        start = 10 + load + 1
        at_x = b.region(Kind.INPUT, (mem("E", 43), 0, vectors), "x")
        # Read in T − 4 − 1 (hop) − 1, at slot 13 in T − 4, among the activations in T.
        b.issue(start - 6, mem("E", 43), read(0, E(16)), Labels(makes=x, region=at_x), Repeat(vectors, 1, 1))
        b.issue(start, mxm(2, Unit.MXM_ACTIVATIONS), abc(E(16)), Labels(x, 0, product, tile), Repeat(vectors))
        b.issue(
            start + 20,
            mxm(2, Unit.MXM_ACCUMULATORS),
            acc(Opcode.ACC_SET_OUT, 0, W(0, 4)),
            Labels(product, 0, y, version=1),
            Repeat(vectors, 1, 1),
        )
        for plane in range(4):
            region = b.region(
                Kind.OUTPUT, (mem("E", plane), 4096, vectors), "y", first=plane, step=4, writes=1
            )
            # Driven in + 4 at slot 13, at slot 1 11 hops later.
            b.issue(
                start + 20 + 4 + 11,
                mem("E", plane),
                write(4096, W(plane)),
                Labels(y + plane * FLOW, region=region),
                Repeat(vectors, 1, 1),
            )
    return b.build()
