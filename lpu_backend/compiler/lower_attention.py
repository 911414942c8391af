"""Rotary embedding, scores, softmax and the mix of values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lpu_backend.chip.floorplan import mem
from lpu_backend.chip.isa import Opcode
from lpu_backend.compiler.lanes import Accumulated, Alu, Read, Store, Trip
from lpu_backend.compiler.layout import (
    GROUP_ROWS,
    LANES,
    cache_name,
    groups_of,
    key_groups,
    key_heads,
    standard,
)
from lpu_backend.compiler.lower_linear import later, total_of
from lpu_backend.compiler.lower_norm import HALVINGS, folded
from lpu_backend.compiler.lowering import Floats, Lowering, Planes, number, shifted_left, split_planes
from lpu_backend.compiler.planes import SLOTS, Plane
from lpu_backend.compiler.sram import Vectors, Words
from lpu_backend.model.graph import A16_LIMIT, Mix, Rope, Scores
from lpu_backend.model.rope import partners

TILE_GROUPS = LANES // GROUP_ROWS
MAX_TURNS = (*HALVINGS, 1, 2, 1)
"""After the halvings a lane has the maximum of its residue modulo 5; turns by 1, 2 and 1 reach the other four."""
MIXED = (("W", 8), ("W", 10))
"""Mixed values by parity of the group, two byte planes each: neighbours are read together."""
SCORES = (("W", 4), ("W", 8))


def lower_rope(lower: Lowering, op: Rope, y: Floats, *, queries: bool) -> Planes:
    """Lower `graph.Rope` and `graph.Round`. Queries: a vector a head and row, zeros in the lanes of other groups."""
    lanes = np.arange(LANES)
    shape = lower.graph.model
    width = len(key_heads(shape)[0]) * shape.head_width
    partner = partners(op.head_width, op.pairs)
    other = lanes // op.head_width * op.head_width + partner[lanes % op.head_width]
    swap = lower.schedule.builder.map(np.where(lanes < width, other, lanes))
    if not queries:
        to = lower.planes("keys", len(y))
        for vectors, planes in zip(y, to, strict=True):
            value = _turned(lower, vectors, swap, int(lower.rows > 1))
            lower.schedule.compute(split_planes(value, planes), lower.rows)
        return to
    to = lower.planes("queries", 1, shape.heads * lower.rows)
    group = shape.heads // shape.kv_heads
    for chunk, vectors in enumerate(y):
        heads = key_heads(shape)[chunk // group]
        _queries(lower, (heads, chunk % group, vectors), swap, to[0])
    return to


def _turned(lower: Lowering, y: Vectors, swap: int, stride: int) -> Alu:
    inputs = lower.placement.inputs
    value = Read(y, 0, stride)
    straight = Alu(Opcode.MUL_F32, value, Read(inputs["cos"], 0, stride))
    crossed = Alu(Opcode.MUL_F32, Trip(Opcode.PERMUTE, swap, value), Read(inputs["sin"], 0, stride))
    return Alu(Opcode.F32_TO_I32, Alu(Opcode.ADD_F32, straight, crossed))


def _queries(lower: Lowering, y: tuple[range, int, Vectors], swap: int, to: Vectors) -> None:
    """Lay out the heads of a rank: one token sweeps over the groups, more tokens over themselves, group by group."""
    shape, rows = lower.graph.model, lower.rows
    group = shape.heads // shape.kv_heads
    masks = lower.placement.constants["lanes"]
    heads, rank, vectors = y
    if rows == 1:
        value = Alu(Opcode.AND, _turned(lower, vectors, swap, 0), Read(masks))
        lower.schedule.compute(split_planes(value, to, heads[0] * group + rank, group), len(heads))
        return
    for place, head in enumerate(heads):
        value = Alu(Opcode.AND, _turned(lower, vectors, swap, 1), Read(masks, place, 0))
        lower.schedule.compute(split_planes(value, to, (head * group + rank) * rows), rows)


def lower_scores(lower: Lowering, op: Scores, queries: Planes) -> Floats:
    """Lower `graph.Scores`: a 320 positions the key tiles, hi and lo, by the queries of as many heads as fit."""
    rows, schedule = lower.rows, lower.schedule
    scores: Floats = []
    turn = 0
    for chunk, lanes in enumerate(standard(lower.graph.positions)):
        side, index = SCORES[chunk % 2]
        slices = tuple(mem(side, index + plane) for plane in range(4))
        scores.append(schedule.sram.scratch(slices, op.heads * rows))
        for vector, heads in _sweeps(lower, max(1, SLOTS // (3 * rows))):
            span = TILE_GROUPS * chunk, groups_of(len(lanes))
            tiles = [
                _Tile(
                    lower.placement.state[cache_name("keys", op.layer, name, vector)],
                    span,
                    weight,
                    queries[0],
                    schedule.planes[2 * weight + turn % 2],
                )
                for weight, name in enumerate(("hi", "lo"))
            ]
            turn += 1
            sums = _products(lower, tiles, (heads[0] * rows, len(heads) * rows))
            _scores(lower, op, chunk, heads, sums, scores[-1])
    return scores


@dataclass(frozen=True, slots=True)
class _Tile:
    """A tile of a cache, and the vectors that go through it."""

    words: Vectors
    span: tuple[int, int]
    """Its first word and its groups of rows."""
    weight: int
    """0: the high bytes, 1: the low ones."""
    vectors: tuple[Words, ...]
    """By byte, the highest first."""
    plane: Plane
    """One of the side on which the tile lies: what crosses the chip is in the way of what comes back."""


Sums = list[list[Accumulated]]
"""By weight of the bytes, the highest first: the parts on several planes."""


def _products(lower: Lowering, tiles: list[_Tile], sweep: tuple[int, int]) -> Sums:
    """Return the products of all tiles with the vectors sweep = (first, count)."""
    start, count = sweep
    planes = sorted({tile.plane.number: tile.plane for tile in tiles}.items())
    slots = {number: plane.slots(3 * count) for number, plane in planes}
    begun: set[tuple[int, int]] = set()
    for tile in tiles:
        number = tile.plane.number
        lower.schedule.load(tile.plane, tile.words, *tile.span)
        for place, byte in enumerate(tile.vectors):
            of = number, tile.weight + place
            where = slots[number] + of[1] * count
            lower.schedule.multiply(tile.plane, byte, (start, count, 1), where, add=of in begun)
            begun.add(of)
    return [
        [Accumulated(plane, slots[number] + k * count) for number, plane in planes if (number, k) in begun]
        for k in range(3)
    ]


def _offset(sums: Sums, by: int) -> Sums:
    return [[Accumulated(part.plane, part.slot + by) for part in parts] for parts in sums]


def _sweeps(lower: Lowering, at_once: int) -> Iterator[tuple[int, range]]:
    """Yield the queries that use one tile of keys: the number of their keys' vector, and at most `at_once`."""
    shape = lower.graph.model
    group = shape.heads // shape.kv_heads
    for vector, shared in enumerate(key_heads(shape)):
        end = shared.stop * group
        for first in range(shared.start * group, end, at_once):
            yield vector, range(first, min(first + at_once, end))


def _scores(lower: Lowering, op: Scores, chunk: int, heads: range, sums: Sums, to: Vectors) -> None:
    rows = lower.rows
    scale, mask = (
        lower.placement.constants[f"blk.{op.layer}.scores.scale"],
        lower.placement.inputs[f"mask.{chunk}"],
    )
    sweeps = [(heads[0], len(heads))] if rows == 1 else [(head, rows) for head in heads]
    for head, issues in sweeps:
        parts = _offset(sums, (head - heads[0]) * rows)
        scaled = Alu(Opcode.MUL_F32, _weighed(parts), Read(scale, head, int(rows == 1)))
        masked = Alu(Opcode.MIN_F32, scaled, Read(mask, 0, int(rows > 1)))
        lower.schedule.compute([Store(masked, to, head * rows)], issues)


def _weighed(sums: Sums) -> Alu:
    """Return (f32(S0)·256 + f32(S1))·256 + f32(S2); Copies keep sums of unlike parts apart, one a cycle and plane."""
    planes = [[part.plane.number for part in parts] for parts in sums]
    steps = 0 if planes[0] == planes[1] == planes[2] else max(map(len, planes)) - 1
    value = Alu(Opcode.I32_TO_F32, total_of(sums[0]))
    for parts in sums[1:]:
        scaled = Alu(Opcode.MUL_F32, later(value, steps), number(256))
        value = Alu(Opcode.ADD_F32, scaled, Alu(Opcode.I32_TO_F32, total_of(parts)))
    return value


def lower_softmax(lower: Lowering, scores: Floats) -> Planes:
    """Lower `graph.Softmax`: the largest score of every head and row, then the exponentials as byte planes."""
    count = lower.graph.model.heads * lower.rows
    largest = lower.floats("largest", 1, count)[0]
    most: Alu | None = None
    for vectors in scores:
        value = Read(vectors)
        most = Alu(Opcode.COPY, value) if most is None else Alu(Opcode.MAX_F32, most, value)
    assert most is not None
    most = folded(lower, most, Opcode.MAX_F32, MAX_TURNS)
    lower.schedule.compute([Store(most, largest)], count)
    odds = lower.planes("odds", len(scores), count)
    for vectors, to in zip(scores, odds, strict=True):
        power = Alu(Opcode.EXP, Alu(Opcode.SUB_F32, Read(vectors), Read(largest)))
        scaled = Alu(Opcode.MUL_F32, power, number(A16_LIMIT))
        lower.schedule.compute(split_planes(Alu(Opcode.F32_TO_I32, scaled), to), count)
    lower.schedule.sram.release(largest)
    return odds


def lower_mix(lower: Lowering, op: Mix, odds: Planes) -> Planes:
    """Lower `graph.Mix`: sums of odds by a tile of ones; odds through the value tiles; one vector a rank."""
    rows, schedule = lower.rows, lower.schedule
    group = op.heads // op.kv_heads
    inverse = _inverse(lower, op, odds)
    mixed = [
        schedule.sram.scratch(
            tuple(mem(MIXED[g % 2][0], MIXED[g % 2][1] + k) for k in range(2)), group * rows
        )
        for g in range(op.kv_heads)
    ]
    for vector, heads in _sweeps(lower, max(1, SLOTS // (3 * rows))):
        tiles = _value_tiles(lower, op, vector, odds)
        sums = _products(lower, tiles, (heads[0] * rows, len(heads) * rows))
        _mix(lower, heads, sums, inverse, mixed)
    shared = key_heads(lower.graph.model)
    to = lower.planes("mixed", len(shared) * group)
    for chunk, planes_of_chunk in enumerate(to):
        value: Alu | None = None
        for head in shared[chunk // group]:
            part = Read(mixed[head], chunk % group * rows)
            value = Alu(Opcode.COPY, part) if value is None else Alu(Opcode.OR, value, part)
        assert value is not None
        schedule.compute(split_planes(value, planes_of_chunk), rows)
    for vectors in (inverse, *mixed):
        schedule.sram.release(vectors)
    return to


def _value_tiles(lower: Lowering, op: Mix, vector: int, odds: Planes) -> list[_Tile]:
    """Return the value tiles of all positions, high and low bytes. The last plane, which adds up the odds, gets few."""
    groups, state = key_groups(lower.graph.model), lower.placement.state
    turns = (0, 1, 0, 1), (2, 2, 2, 3)
    tiles = []
    for chunk, planes in enumerate(odds):
        for weight, name in enumerate(("hi", "lo")):
            words = state[cache_name("values", op.layer, name, vector)]
            plane = lower.schedule.planes[turns[weight][chunk % 4]]
            tiles.append(_Tile(words, (groups * chunk, groups), weight, planes, plane))
    return tiles


def _inverse(lower: Lowering, op: Mix, odds: Planes) -> Vectors:
    """Return 1 / Σ p in all lanes, for every head and row."""
    rows, schedule = lower.rows, lower.schedule
    inverse = lower.floats("inverse", 1, op.heads * rows)[0]
    plane = schedule.planes[-1]
    schedule.load(plane, lower.placement.constants["ones"], 0, TILE_GROUPS, stride=0)
    at_once = max(1, SLOTS // (2 * rows))
    for first in range(0, op.heads, at_once):
        count, start = min(at_once, op.heads - first) * rows, first * rows
        slot = plane.slots(2 * count)
        for chunk, planes in enumerate(odds):
            for place, byte in enumerate(planes):
                schedule.multiply(plane, byte, (start, count, 1), slot + place * count, add=chunk > 0)
        upper, lower_part = (Accumulated(plane, slot + place * count) for place in range(2))
        total = Alu(Opcode.ADD_I32, shifted_left(upper, 8), lower_part)
        root = Alu(Opcode.RSQRT, Alu(Opcode.I32_TO_F32, total))
        schedule.compute([Store(Alu(Opcode.MUL_F32, root, root), inverse, start)], count)
    return inverse


def _mix(lower: Lowering, heads: range, sums: Sums, inverse: Vectors, mixed: list[Vectors]) -> None:
    """Scale the sums of a range of heads, by the head of their values; other heads' lanes are cleared."""
    rows, shape = lower.rows, lower.graph.model
    group = shape.heads // shape.kv_heads
    first = heads.start
    while first < heads.stop:
        head, rank = divmod(first, group)
        end = min(heads.stop, (head + 1) * group)
        place = head % len(key_heads(shape)[0])
        value = _weighed(_offset(sums, (first - heads.start) * rows))
        scaled = Alu(Opcode.F32_TO_I32, Alu(Opcode.MUL_F32, value, Read(inverse, first * rows)))
        cleared = Alu(Opcode.AND, scaled, Read(lower.placement.constants["lanes"], place, 0))
        lower.schedule.compute([Store(cleared, mixed[head], rank * rows)], (end - first) * rows)
        first = end
