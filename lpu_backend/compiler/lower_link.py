"""The ends of a pipeline stage: the residual stream comes over one link and leaves over another, in a burst.

Vectors follow one another at the pace of the link, a byte plane of 320 float32 of a token each: chunk by chunk, plane
by plane, the lowest first, token by token. The pattern is the same at both ends whatever the chips compute, so parts
are compiled one by one, and where the first Receive stands decides when a chip starts.
"""

from __future__ import annotations

from collections.abc import Iterator

from lpu_backend.chip.floorplan import SLOT_OF_QUEUE, c2c
from lpu_backend.chip.isa import E, Instruction, Opcode, Streams, W
from lpu_backend.chip.program import Labels, Repeat
from lpu_backend.chip.timing import timing
from lpu_backend.compiler.chain import Chain
from lpu_backend.compiler.layout import standard
from lpu_backend.compiler.lowering import Floats, Lowering
from lpu_backend.compiler.sram import Words

_STREAM = 31


def lower_receive(lower: Lowering) -> Floats:
    """Lower `graph.Receive`: into SRAM as it arrives."""
    schedule, link = lower.schedule, lower.graph.part.receives_on
    assert link is not None
    queue = c2c(link)
    stream = _flow(east=SLOT_OF_QUEUE[queue] < 0)
    x = lower.floats("x0", len(standard(lower.graph.model.width)))
    chain, delays = Chain(schedule.spec), timing(schedule.spec)
    what = Instruction(Opcode.RECEIVE, out=stream)
    for words, cycle, number, paced in _burst(lower, x):
        value = schedule.builder.value()
        chain.issue(cycle, queue, what, Labels(makes=value, version=number), paced)
        driven = cycle + delays.delay[Opcode.RECEIVE]
        chain.carry(stream, driven, (queue, words.mem_slice), paced)
        sweep = Repeat(paced.count, paced.interval, 1)
        chain.write(words, 0, stream, (driven, queue, value), sweep)
    schedule.put(chain)
    return x


def lower_send(lower: Lowering, x: Floats) -> None:
    """Lower `graph.Send`: once all of it is there."""
    schedule, link = lower.schedule, lower.graph.part.sends_on
    assert link is not None
    queue = c2c(link)
    stream = _flow(east=SLOT_OF_QUEUE[queue] > 0)
    chain = Chain(schedule.spec)
    what = Instruction(Opcode.SEND, a=stream)
    for words, cycle, number, paced in _burst(lower, x):
        value = schedule.builder.value()
        sweep = Repeat(paced.count, paced.interval, 1)
        chain.read(words, 0, stream, (cycle, queue), sweep)
        chain.label_last(value)
        chain.issue(cycle, queue, what, Labels(value, version=number), paced)
    schedule.put(chain)


def _flow(*, east: bool) -> Streams:
    return E(_STREAM) if east else W(_STREAM)


def _burst(lower: Lowering, x: Floats) -> Iterator[tuple[Words, int, int, Repeat]]:
    """Yield for each byte plane of a chunk its words, the cycle and number of its first vector, its repetition."""
    every, rows = lower.schedule.spec.c2c_vector_cycles, lower.rows
    for index, words in enumerate(plane for vectors in x for plane in vectors):
        yield words, index * rows * every, index * rows + 1, Repeat(rows, every)
