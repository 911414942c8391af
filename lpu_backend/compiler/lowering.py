"""What the lowering of one operation needs of the rest: the schedule, where things lie, values made so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lpu_backend.chip.floorplan import mem
from lpu_backend.chip.isa import Immediate, Opcode
from lpu_backend.compiler.lanes import Alu, Node, Store
from lpu_backend.compiler.place import BYTES, PLACES, TWINS, Placement
from lpu_backend.compiler.schedule import Schedule
from lpu_backend.compiler.sram import Vectors, Words
from lpu_backend.model.graph import ModelGraph

Floats = list[Vectors]
"""A float32 value: for every chunk of 320 elements the four byte planes of its rows."""
Planes = list[tuple[Words, ...]]
"""An integer value: for every chunk its byte planes, the highest first; words are rows."""


@dataclass(slots=True)
class Lowering:
    """One step of a model on its way to instructions."""

    graph: ModelGraph
    schedule: Schedule
    placement: Placement
    values: dict[str, Floats | Planes] = field(default_factory=dict)
    rows: int = 1
    """Tokens of the operation at hand."""
    exchanged: int = 0
    """Vectors sent so far on each link of those between chips that share a layer."""

    def floats(self, role: str, chunks: int, count: int | None = None) -> Floats:
        """Return scratch for a float32 value; neighbouring chunks of scores lie in different slices."""
        side, index = PLACES[role]
        slices = tuple(mem(side, index + plane) for plane in range(4))
        return [self.schedule.sram.scratch(slices, count or self.rows) for _ in range(chunks)]

    def planes(self, role: str, chunks: int, count: int | None = None) -> Planes:
        """Return scratch for an integer value."""
        sram = self.schedule.sram
        made: Planes = []
        for _ in range(chunks):
            words = [sram.scratch((mem(*place),), count or self.rows)[0] for place in BYTES[role]]
            for held, place in zip(words, TWINS.get(role, ()), strict=False):
                held.twin = sram.scratch((mem(*place),), count or self.rows)[0]
            made.append(tuple(words))
        return made

    def release(self, name: str) -> None:
        """Release a value that is not needed any more."""
        for vectors in self.values.pop(name, ()):
            for words in split(vectors):
                self.schedule.sram.release(words)

    def rotation(self, lanes: int) -> int:
        """Return the map that takes lane l + `lanes`, modulo 320, to lane l."""
        return self.schedule.builder.map((np.arange(320) + lanes) % 320)


def split(vectors: Vectors) -> list[Vectors]:
    """Return the pieces that are released together: byte planes of an integer one by one, all of a float32."""
    neighbours = all(b.mem_slice == a.mem_slice + 1 for a, b in zip(vectors, vectors[1:], strict=False))
    if neighbours and len(vectors) == 4:
        return [vectors]
    twins = [words.twin for words in vectors if words.twin is not None]
    return [(words,) for words in (*vectors, *twins)]


def number(value: float) -> Immediate:
    """Return a float32 constant."""
    return Immediate(int(np.float32(value).view(np.uint32)))


def shifted_left(value: Node, bits: int) -> Alu:
    """Return value << bits."""
    return Alu(Opcode.SHL_I32, value, Immediate(bits))


def split_planes(value: Alu, to: tuple[Words, ...], first: int = 0, stride: int = 1) -> list[Store]:
    """Return stores of an int32 value as two or three byte planes, the highest first; see `graph.py`."""
    bytes_ = [value]
    for above in range(1, len(to)):
        half = Immediate(sum(128 << 8 * below for below in range(above)))
        bytes_.append(Alu(Opcode.SHR_I32, Alu(Opcode.ADD_I32, value, half), Immediate(8 * above)))
    stores = []
    for byte, words in zip(bytes_, reversed(to), strict=True):
        stores += [Store(byte, (held,), first, stride) for held in (words, words.twin) if held is not None]
    return stores
