"""Matrix products: weights stream into the planes, activations follow through each tile, accumulators sum."""

from __future__ import annotations

from collections.abc import Callable

from lpu_backend.chip.isa import Opcode
from lpu_backend.compiler.lanes import Accumulated, Alu, Node, Read, Store
from lpu_backend.compiler.lowering import Floats, Lowering, Planes, number, shifted_left, split_planes
from lpu_backend.compiler.place import Block
from lpu_backend.model.graph import Linear

Sums = list[Accumulated]
"""Of one group and part: by weight of their bytes, the highest first."""
Finish = Callable[[int, Alu], list[Store]]
"""From the number of a chunk of outputs and its float32 value to what is stored of it."""


def lower_linear(lower: Lowering, op: Linear, inputs: Planes, finish: Finish) -> None:
    """Lower `graph.Linear`: products of all tiles, and for every 320 outputs the end of the sums."""
    for chunk, blocks in enumerate(lower.placement.blocks[op.matrix]):
        value = _value(lower, op, products(lower, op, blocks, inputs), chunk)
        lower.schedule.compute(finish(chunk, value), lower.rows)


def products(lower: Lowering, op: Linear, blocks: tuple[Block, ...], inputs: Planes) -> list[list[Sums]]:
    """Return products of all tiles that make 320 outputs; by group, by part."""
    places = op.input_bits // 8
    sums: dict[int, list[Sums]] = {}
    for block in blocks:
        plane = lower.schedule.planes[block.plane]
        first = plane.slots(lower.rows * places * len(block.sums))
        for turn, group in enumerate(block.sums):
            slot = first + lower.rows * places * turn
            at = [Accumulated(plane, slot + lower.rows * place) for place in range(places)]
            sums.setdefault(group, []).append(at)
        _multiply(lower, block, inputs, first)
    return [sums[group] for group in sorted(sums)]


def _multiply(lower: Lowering, block: Block, inputs: Planes, first: int) -> None:
    """Multiply into sums by group and weight of bytes: the second weight plane counts 1/256; its product with the last
    left out."""
    rows, schedule = lower.rows, lower.schedule
    plane = schedule.planes[block.plane]
    begun: set[int] = set()
    for index, piece in enumerate(block.pieces):
        words = inputs[piece.chunk]
        slot = first + rows * len(words) * block.sums.index(piece.group)
        for weights in range(block.planes):
            schedule.load(plane, block.weights, block.first(index, weights), block.groups)
            for place, byte in enumerate(words[: len(words) - weights]):
                add = piece.group in begun or weights > 0
                schedule.multiply(plane, byte, (0, rows, 1), slot + (place + weights) * rows, add=add)
        begun.add(piece.group)


def _value(lower: Lowering, op: Linear, groups: list[list[Sums]], chunk: int) -> Alu:
    """Return `graph.Linear` from its sums: by group, by part, by weight of their bytes."""
    total = _group_value(op, groups[0])
    seen = _planes(groups[0])
    for parts in groups[1:]:
        if seen & _planes(parts):
            total = later(total, len(parts) + op.input_bits // 8)
        total = Alu(Opcode.ADD_F32, total, _group_value(op, parts))
        seen |= _planes(parts)
    return scaled(lower, op, total, chunk)


def scaled(lower: Lowering, op: Linear, total: Alu, chunk: int) -> Alu:
    """Return the sum times the rows' scales, and their biases added."""
    constants = lower.placement.constants
    value = Alu(Opcode.MUL_F32, total, Read(constants[f"{op.matrix}.scale"], chunk, 0))
    if op.bias:
        value = Alu(Opcode.ADD_F32, value, Read(constants[f"{op.matrix}.bias"], chunk, 0))
    return value


def _planes(parts: list[Sums]) -> set[int]:
    return {part[0].plane.number for part in parts}


def later(value: Alu, steps: int) -> Alu:
    """Return Copies that keep sums taken out of one plane apart: it gives one a cycle."""
    for _ in range(steps):
        value = Alu(Opcode.COPY, value)
    return value


def _group_value(op: Linear, parts: list[Sums]) -> Alu:
    return weighted([Alu(Opcode.I32_TO_F32, total) for total in integer_sums(op, parts)])


def integer_sums(op: Linear, parts: list[Sums]) -> list[Node]:
    """Return T of `graph.Linear`, or U and L."""
    sums = [total_of(list(of_part)) for of_part in zip(*parts, strict=True)]
    return [Alu(Opcode.ADD_I32, shifted_left(sums[0], 8), sums[1]), *sums[2:]]


def weighted(floats: list[Alu]) -> Alu:
    """Return T as it is, or U · 256 + L."""
    total = floats[0]
    for lower_part in floats[1:]:
        total = Alu(Opcode.ADD_F32, Alu(Opcode.MUL_F32, total, number(256)), lower_part)
    return total


def total_of(parts: list[Accumulated]) -> Node:
    """Return the sum of one sum's parts on several planes."""
    total: Node = parts[0]
    for part in parts[1:]:
        total = Alu(Opcode.ADD_I32, total, part)
    return total


def stored(to: Floats) -> Finish:
    """Return the value as it is."""
    return lambda chunk, value: [Store(value, to[chunk])]


def added(x: Floats, to: Floats) -> Finish:
    """Return the value added to another: `graph.Add`."""
    return lambda chunk, value: [Store(Alu(Opcode.ADD_F32, Read(x[chunk]), value), to[chunk])]


def rounded(to: Planes) -> Finish:
    """Return the value as byte planes: `graph.Round`."""
    return lambda chunk, value: split_planes(Alu(Opcode.F32_TO_I32, value), to[chunk])
