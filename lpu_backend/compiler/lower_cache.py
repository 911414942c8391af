"""Keys and values into their caches, at positions that only maps from the host know.

A vector passes the 16 slices of a cache; every slice takes the one whose map says so. Keys lie by position; values lie
by row, 320 positions a vector, so the newest 16 positions are transposed, each superlane is turned to every place in
turn, and a Scatter takes what has come to the superlane of the positions.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpu_backend.chip.floorplan import Unit, mem, sxm, transit
from lpu_backend.chip.isa import E, Instruction, Opcode, Streams, W, scatter, write
from lpu_backend.chip.program import FLOW, Labels, Repeat
from lpu_backend.chip.timing import timing
from lpu_backend.compiler.chain import Chain
from lpu_backend.compiler.layout import GROUP_ROWS, cache_name
from lpu_backend.compiler.lowering import Lowering, Planes
from lpu_backend.compiler.sram import Vectors, Words
from lpu_backend.model.graph import Store as Cached

SIDES = ("W", "E")
TILE_SLICES = 16
_TURNED_SLICES = (*range(12), *range(16, 20))
"""Where a block of values lies on its way: not among the keys, which are wanted at once, nor far from the VXM, where a
word would still be read when the next slice is written."""
_DATA, _MAP, _TURNED, _BACK = 20, 22, 24, 8


@dataclass(frozen=True, slots=True)
class Sweep:
    """Words first, first + stride, …"""

    first: int
    stride: int


def lower_cache(lower: Lowering, op: Cached, planes: Planes) -> None:
    """Lower `graph.Store`: the hi plane into the western slices, the lo plane into the eastern ones."""
    for vector, chunk in enumerate(planes):
        for side, words, plane in zip(SIDES, chunk, ("hi", "lo"), strict=True):
            names = tuple(cache_name(cache, op.layer, plane, vector) for cache in (op.cache, "ring"))
            for block in range(-(-lower.rows // GROUP_ROWS)):
                if op.cache == "keys":
                    _store_keys(lower, side, words, names[0], block)
                else:
                    _store_values(lower, side, words, names, block)


def _sweeps(lower: Lowering, block: int) -> tuple[Sweep, Sweep]:
    """Return a block's words and maps: a token's passes every slice, and every slice has a map of its own."""
    single = lower.rows == 1
    return Sweep(GROUP_ROWS * block, int(not single)), Sweep(0 if single else block, int(single))


def _store_keys(lower: Lowering, side: str, words: Words, name: str, block: int) -> None:
    state, inputs = lower.placement.state, lower.placement.inputs
    data, places = _sweeps(lower, block)
    _pass(lower, side, (words, data), state[name], (inputs[f"keys.map.{side}"], places))


def _store_values(lower: Lowering, side: str, words: Words, names: tuple[str, ...], block: int) -> None:
    """Store the newest 16 by position, in the ring, and from there by row."""
    state, inputs, sram = lower.placement.state, lower.placement.inputs, lower.schedule.sram
    data, places = _sweeps(lower, block)
    cache, ring = names
    if lower.rows == 1:
        newest = state[ring]
        _pass(lower, side, (words, data), newest, (inputs[f"ring.map.{side}"], places))
        _turn(lower, side, newest, state[cache], block)
        return
    newest = tuple(sram.scratch((held.mem_slice,), 1)[0] for held in state[cache])
    _pass(lower, side, (words, data), newest, None)
    _turn(lower, side, newest, state[cache], block)
    for held in newest:
        sram.release((held,))


def _outward(side: str, first: int, width: int = 1) -> Streams:
    return E(first, width) if side == "E" else W(first, width)


def _pass(
    lower: Lowering,
    side: str,
    data: tuple[Words, Sweep],
    slices: Vectors,
    maps: tuple[Vectors, Sweep] | None,
) -> None:
    """Let 16 vectors pass 16 slices; slice k takes vector k: into its first word, or where its map says."""
    builder = lower.schedule.builder
    chain = Chain(lower.schedule.spec)
    out, label = _outward(side, _DATA), builder.value()
    last = slices[-1].mem_slice
    words, sweep = data
    chain.read(words, sweep.first, out, (0, last), Repeat(TILE_SLICES, 1, sweep.stride))
    chain.label_last(label)
    index, map_label = _outward(side, _MAP, 2), builder.value(2)
    if maps:
        for plane, held in enumerate(maps[0]):
            stream = Streams(index.first + plane)
            repeat = Repeat(TILE_SLICES, 1, maps[1].stride)
            chain.read(held, maps[1].first, stream, (0, last), repeat)
            chain.label_last(map_label + plane * FLOW)
    for k, target in enumerate(slices):
        at = (
            k
            - transit(words.mem_slice, last, out.first)
            + transit(words.mem_slice, target.mem_slice, out.first)
        )
        if maps:
            labels = Labels(map_label + k, label + k, 0, target.version + 1, target.region)
            chain.issue(at, target.mem_slice, scatter(target.address, target.count, index, out), labels)
        else:
            labels = Labels(label + k, version=target.version, region=target.region)
            chain.issue(at, target.mem_slice, write(target.address, out), labels)
        chain.touch(at, at, target)
    lower.schedule.put(chain)
    if maps:
        for target in slices:
            target.version += 1
            target.writable = max(target.writable, target.ready)


def _turn(lower: Lowering, side: str, newest: Vectors, cache: Vectors, block: int) -> None:
    """Turn 16 vectors by position, superlanes by row, each superlane to the place of the positions. In between they
    lie in other slices than the cache, which is written while they are read."""
    schedule = lower.schedule
    turned = tuple(schedule.sram.scratch((mem(side, index),), 1)[0] for index in _TURNED_SLICES)
    _transpose(lower, side, newest, turned)
    for quad in range(4):
        part = slice(4 * quad, 4 * quad + 4)
        _scatter_turns(lower, side, (quad, turned[part]), cache[part], block)
    for words in turned:
        schedule.sram.release((words,))


def _transpose(lower: Lowering, side: str, a: Vectors, to: Vectors) -> None:
    schedule = lower.schedule
    delays = timing(schedule.spec)
    chain, queue = Chain(schedule.spec), sxm(side, Unit.SXM_TRANSPOSE)
    there = _outward(side, 16, 16)
    back = W(0, 16) if side == "E" else E(0, 16)
    given, made = schedule.builder.value(16), schedule.builder.value(16)
    for stream, words in enumerate(a):
        arrival = (-delays.skew[Opcode.TRANSPOSE], queue)
        chain.read(words, 0, Streams(there.first + stream), arrival, Repeat())
        chain.label_last(given + stream * FLOW)
    what = Instruction(Opcode.TRANSPOSE, a=there, out=back)
    chain.issue(0, queue, what, Labels(given, 0, made))
    driven = delays.delay[Opcode.TRANSPOSE]
    for stream, words in enumerate(to):
        label = made + stream * FLOW
        chain.write(words, 0, Streams(back.first + stream), (driven, queue, label), Repeat())
        chain.carry(Streams(back.first + stream), driven, (queue, words.mem_slice))
    schedule.put(chain)


def _scatter_turns(
    lower: Lowering, side: str, turned_quad: tuple[int, Vectors], cache: Vectors, block: int
) -> None:
    """Scatter four rows' blocks, turned by 0…19 superlanes, past four slices of the cache."""
    schedule = lower.schedule
    spec, builder, delays = schedule.spec, schedule.builder, timing(schedule.spec)
    chain, queue = Chain(spec), sxm(side, Unit.SXM_PERMUTE)
    turns = Repeat(spec.tiles)
    quad, turned = turned_quad
    there = _outward(side, _TURNED + 4 * (quad % 2), 4)
    back = W(_BACK, 4) if side == "E" else E(_BACK, 4)
    given, made, map_label = builder.value(4), builder.value(4), builder.value(2)
    for plane, words in enumerate(turned):
        arrival = (-delays.skew[Opcode.PERMUTE], queue)
        chain.read(words, 0, Streams(there.first + plane), arrival, turns)
        chain.label_last(given + plane * FLOW)
    permute = Instruction(Opcode.PERMUTE, superlane_turns(lower), a=there, out=back)
    chain.issue(0, queue, permute, Labels(given, 0, made), Repeat(spec.tiles, 1, 1))
    driven = delays.delay[Opcode.PERMUTE]
    at = driven + transit(queue, cache[0].mem_slice, back.first)
    chain.carry(back, driven, (queue, cache[0].mem_slice), turns)
    index = _outward(side, _MAP, 2)
    for plane, held in enumerate(lower.placement.inputs[f"values.map.{side}"]):
        repeat = Repeat(spec.tiles, 1, 1)
        where = (at, cache[0].mem_slice)
        chain.read(held, spec.tiles * block, Streams(index.first + plane), where, repeat)
        chain.label_last(map_label + plane * FLOW)
    for plane, words in enumerate(cache):
        what = scatter(words.address, words.count, index, Streams(back.first + plane))
        for turn in range(spec.tiles):
            labels = Labels(map_label + turn, made + plane * FLOW + turn, 0, words.version + 1, words.region)
            chain.issue(at + turn, words.mem_slice, what, labels)
            words.version += 1
        chain.touch(at, at + spec.tiles - 1, words)
    schedule.put(chain)
    for words in cache:
        words.writable = max(words.writable, words.ready)


def superlane_turns(lower: Lowering) -> int:
    """Return the first of 20 neighbouring maps: map t takes superlane s to s + t, modulo 20."""
    maps = [lower.rotation(-16 * turn) for turn in range(lower.schedule.spec.tiles)]
    assert maps == list(range(maps[0], maps[0] + len(maps)))
    return maps[0]
