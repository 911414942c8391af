"""Tensor parallel matrix products, split by columns: INT32 parts go to all other chips, and each adds them up.

All chips run the same program on their own weights, so what a chip sends in a cycle all others send in that cycle, too,
and what it receives a latency later is their part of the same vector. A vector is read once and sent on all links.
"""

from __future__ import annotations

from lpu_backend.chip.floorplan import c2c, mem
from lpu_backend.chip.isa import E, Instruction, Opcode, W
from lpu_backend.chip.program import Labels, Repeat
from lpu_backend.chip.timing import timing
from lpu_backend.compiler.chain import Chain
from lpu_backend.compiler.lanes import Alu, Read, Store
from lpu_backend.compiler.lower_linear import Finish, integer_sums, products, scaled, weighted
from lpu_backend.compiler.lowering import Lowering, Planes
from lpu_backend.compiler.sram import Vectors
from lpu_backend.model.graph import TensorParallelLinear

_SENT = W(31)
_FIRST_PEER_SLICE = 8
"""West: what comes by link k lies in four slices from 8 + 4 k on; what comes together goes into different slices."""


def lower_tensor_parallel_linear(
    lower: Lowering, op: TensorParallelLinear, inputs: Planes, finish: Finish
) -> None:
    """Lower `graph.TensorParallelLinear`: own parts, the exchange, and for every 320 outputs the end of the sum."""
    own: list[list[Vectors]] = []
    for blocks in lower.placement.blocks[op.matrix]:
        sums = integer_sums(op, products(lower, op, blocks, inputs)[0])
        parts = lower.floats("y", len(sums))
        for value, to in zip(sums, parts, strict=True):
            held = value if isinstance(value, Alu) else Alu(Opcode.COPY, value)
            lower.schedule.compute([Store(held, to)], lower.rows)
        own.append(parts)
    for chunk, parts in enumerate(own):
        totals = [_total(lower, op, part) for part in parts]
        floats = [Alu(Opcode.I32_TO_F32, Read(total)) for total in totals]
        lower.schedule.compute(finish(chunk, scaled(lower, op, weighted(floats), chunk)), lower.rows)
        for total in totals:
            lower.schedule.sram.release(total)


def _total(lower: Lowering, op: TensorParallelLinear, own: Vectors) -> Vectors:
    """Return the sum of this and all other chips' parts."""
    sram = lower.schedule.sram
    others = _exchange(lower, op, own)
    value = Alu(Opcode.ADD_I32, Read(own), Read(others[0]))
    for other in others[1:]:
        value = Alu(Opcode.ADD_I32, value, Read(other))
    total = lower.floats("y", 1)[0]
    lower.schedule.compute([Store(value, total)], lower.rows)
    for part in (own, *others):
        sram.release(part)
    return total


def _exchange(lower: Lowering, op: TensorParallelLinear, own: Vectors) -> list[Vectors]:
    """Send byte planes of all rows to all others, and take theirs into SRAM; return them by link."""
    schedule, rows = lower.schedule, lower.rows
    every, landed = schedule.spec.c2c_vector_cycles, timing(schedule.spec).delay[Opcode.RECEIVE]
    chain, paced, sweep = Chain(schedule.spec), Repeat(rows, every), Repeat(rows, every, 1)
    others = []
    for link in range(op.tp_degree - 1):
        first = _FIRST_PEER_SLICE + 4 * link
        slices = tuple(mem("W", first + plane) for plane in range(4))
        others.append(schedule.sram.scratch(slices, rows))
    for plane, words in enumerate(own):
        cycle, number = plane * rows * every, lower.exchanged + 1
        value = schedule.builder.value()
        chain.read(words, 0, _SENT, (cycle, c2c(0)), sweep)
        chain.label_last(value)
        for link, held in enumerate(others):
            queue, stream, arrives = c2c(link), E(link), cycle + op.latency_cycles
            send, receive = Instruction(Opcode.SEND, a=_SENT), Instruction(Opcode.RECEIVE, out=stream)
            chain.issue(cycle, queue, send, Labels(value, version=number), paced)
            got = schedule.builder.value()
            chain.issue(arrives, queue, receive, Labels(makes=got, version=number), paced)
            chain.carry(stream, arrives + landed, (queue, held[plane].mem_slice), paced)
            chain.write(held[plane], 0, stream, (arrives + landed, queue, got), sweep)
        lower.exchanged += rows
    schedule.put(chain)
    return others
