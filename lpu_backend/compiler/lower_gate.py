"""SwiGLU: the gate of the feed-forward."""

from __future__ import annotations

from lpu_backend.chip.isa import Opcode
from lpu_backend.compiler.lanes import Alu, Read
from lpu_backend.compiler.lowering import Floats, Lowering, Planes, number, split_planes


def lower_gate(lower: Lowering, half_gate: Floats, upper: Floats) -> Planes:
    """Lower `graph.Gate` to three byte planes."""
    to = lower.planes("hidden", len(half_gate))
    for t, u, planes in zip(half_gate, upper, to, strict=True):
        gate = Read(t)
        product = Alu(Opcode.MUL_F32, Read(u), gate)
        raised = Alu(Opcode.ADD_F32, Alu(Opcode.TANH, gate), number(1))
        value = Alu(Opcode.F32_TO_I32, Alu(Opcode.MUL_F32, product, raised))
        lower.schedule.compute(split_planes(value, planes), lower.rows)
    return to
