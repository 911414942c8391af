"""The embedding: a token's row is gathered from whichever of 32 slices holds it."""

from __future__ import annotations

from lpu_backend.chip.floorplan import transit, vxm
from lpu_backend.chip.isa import AluResult, E, Opcode, Streams, W, alu, gather
from lpu_backend.chip.program import FLOW, Labels, Repeat
from lpu_backend.chip.timing import timing
from lpu_backend.compiler.chain import Chain
from lpu_backend.compiler.layout import TILE_GROUPS, table_sets
from lpu_backend.compiler.lowering import Floats, Lowering
from lpu_backend.compiler.sram import Vectors, Words
from lpu_backend.model.graph import Embed

_ALU, _CONVERT, _SCALE = 0, 2, 1
_MAP_STREAM = 20


def lower_embed(lower: Lowering, op: Embed, x: Floats) -> Floats:
    """Lower `graph.Embed`: x = f32(row) · c, a token and a chunk of 320 at a time."""
    for row in range(lower.rows):
        for chunk, to in enumerate(x):
            _gather(lower, op, (row, chunk), to)
    return x


def _gather(lower: Lowering, op: Embed, which: tuple[int, int], to: Vectors) -> None:
    """Gather from all slices: those without the row give zeros; one ALU adds all, a result every three cycles."""
    schedule, builder = lower.schedule, lower.schedule.builder
    chain, delays = Chain(schedule.spec), timing(schedule.spec)
    step = delays.delay[Opcode.COPY]
    row, chunk = which
    total = builder.value(4)
    turn = 0
    sets = table_sets(lower.graph.model)
    for number, held in enumerate(lower.placement.head[op.table]):
        if not held:
            continue
        side = sets[number][0]
        out = (E if side == "W" else W)(0)
        label = builder.value()
        for stream, _ in enumerate(held):
            source = (number, side, held[stream], stream)
            _gather_one(lower, chain, source, (step * (turn + stream), label, chunk, row))
        _add(chain, out, label, (turn, len(held), step), total)
        turn += len(held)
    _finish(lower, chain, (step * turn, total + step * (turn - 1)), row, to)
    schedule.put(chain)


def _gather_one(
    lower: Lowering, chain: Chain, source: tuple[int, str, Words, int], when: tuple[int, int, int, int]
) -> None:
    """Give the vector of slice number `stream` to the ALU that is issued in cycle when[0]."""
    of_set, side, words, stream = source
    cycle, label, chunk, row = when
    delays, builder = timing(lower.schedule.spec), lower.schedule.builder
    out = (E if side == "W" else W)(0)
    sampled = cycle - delays.skew[Opcode.COPY]
    driven = sampled - transit(words.mem_slice, vxm(0), out.first)
    at = driven - delays.delay[Opcode.GATHER]
    index = (W if side == "W" else E)(_MAP_STREAM, 2)
    map_label = builder.value(2)
    number = stream * lower.rows + row
    for plane, given in enumerate(lower.placement.inputs[f"embed.{of_set}"]):
        chain.read(given, number, Streams(index.first + plane), (at, words.mem_slice), Repeat())
        chain.label_last(map_label + plane * FLOW)
    skip = TILE_GROUPS * chunk
    labels = Labels(map_label, 0, label + cycle, words.version, words.region)
    what = gather(words.address + skip, words.count - skip, index, out)
    chain.issue(at, words.mem_slice, what, labels)
    chain.carry(out, driven, (words.mem_slice, vxm(0)))
    chain.touch(at, at, words, reads=True)


def _add(chain: Chain, data: Streams, label: int, sweep: tuple[int, int, int], total: int) -> None:
    """Add what arrives to the ALU's own last result."""
    turn, count, step = sweep
    first = turn * step
    if turn == 0:
        chain.issue(0, vxm(_ALU), alu(Opcode.COPY, data), Labels(label, 0, total))
        turn, count, first = 1, count - 1, step
    labels = Labels(label + first, total + first - step, total + first)
    chain.issue(first, vxm(_ALU), alu(Opcode.ADD_I32, data, AluResult(_ALU)), labels, Repeat(count, step))


def _finish(lower: Lowering, chain: Chain, end: tuple[int, int], row: int, to: Vectors) -> None:
    """Convert, scale and store."""
    builder, delays = lower.schedule.builder, timing(lower.schedule.spec)
    step, skew = delays.delay[Opcode.COPY], delays.skew[Opcode.COPY]
    cycle, label = end
    floats, scale, value = (builder.value(4) for _ in range(3))
    chain.issue(cycle, vxm(_CONVERT), alu(Opcode.I32_TO_F32, AluResult(_ALU)), Labels(label, 0, floats))
    given, out = W(8, 4), E(24, 4)
    for plane, words in enumerate(lower.placement.inputs["embed.scale"]):
        chain.read(words, row, Streams(given.first + plane), (cycle + step - skew, vxm(0)), Repeat())
        chain.label_last(scale + plane * FLOW)
    what = alu(Opcode.MUL_F32, AluResult(_CONVERT), given, out)
    chain.issue(cycle + step, vxm(_SCALE), what, Labels(floats, scale, value))
    for plane, words in enumerate(to):
        driven = (cycle + 2 * step, vxm(0), value + plane * FLOW)
        chain.write(words, row, Streams(out.first + plane), driven, Repeat())
        chain.carry(Streams(out.first + plane), driven[0], (vxm(0), words.mem_slice))
