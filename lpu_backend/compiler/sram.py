"""SRAM as the compiler hands it out: words of slices, who holds what, which version of it, from when to when."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from lpu_backend.chip.floorplan import mem
from lpu_backend.chip.program import Kind, ProgramBuilder
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.errors import CapacityError


@dataclass(slots=True, eq=False)
class Words:
    """Words of one slice with one content."""

    mem_slice: int
    address: int
    count: int
    region: int
    version: int = 0
    """Number of times each word has been written when it holds this content."""
    writable: int = 0
    """The cycle from which it may be written: the former content has been read."""
    ready: int = 0
    """The cycle from which it can be read."""
    read_until: int = 0
    twin: Words | None = None
    """Words of another slice with the same content, for those who would have to wait for this one."""


Vectors = tuple[Words, ...]
"""Words of neighbouring slices that hold the byte planes of vectors, the lowest byte first."""


@dataclass(frozen=True, slots=True)
class Source:
    """The source of a region's vectors: vector first, first + step, … of an array of the image."""

    tensor: str
    first: int = 0
    step: int = 1
    writes: int = 0


class Sram:
    """Hands out words slice by slice, from address 0 up; scratch of a size and place is used again."""

    def __init__(self, builder: ProgramBuilder, spec: ChipSpec) -> None:
        self._builder = builder
        self.spec = spec
        self.used = [0] * spec.mem_slices
        self._free: defaultdict[tuple[tuple[int, ...], int], list[Vectors]] = defaultdict(list)

    def hold(self, kind: Kind, mem_slice: int, count: int, source: Source) -> Words:
        """Take words with data: constants, inputs, outputs, state."""
        address = self._take(mem_slice, count, source.tensor)
        place = (mem_slice, address, count)
        region = self._builder.region(kind, place, source.tensor, source.first, source.step, source.writes)
        return Words(mem_slice, address, count, region, version=int(kind is Kind.OUTPUT))

    def hold_planes(
        self, kind: Kind, place: tuple[str, int], width: int, count: int, source: Source
    ) -> Vectors:
        """Take words for `width` byte planes of `count` vectors in the slices from `place` = (side, index) on."""
        return tuple(
            self.hold(
                kind,
                mem(place[0], place[1] + plane),
                count,
                Source(source.tensor, source.first * width + plane, source.step * width, source.writes),
            )
            for plane in range(width)
        )

    def scratch(self, slices: tuple[int, ...], count: int) -> Vectors:
        """Take words for a value between two operations, one plane in each of the slices."""
        free = self._free[slices, count]
        if free:
            return tuple(
                Words(w.mem_slice, w.address, count, w.region, w.version + 1, max(w.read_until, w.ready))
                for w in free.pop(0)
            )
        planes = []
        for mem_slice in slices:
            address = self._take(mem_slice, count, "scratch")
            region = self._builder.region(Kind.SCRATCH, (mem_slice, address, count))
            planes.append(Words(mem_slice, address, count, region, version=1))
        return tuple(planes)

    def release(self, vectors: Vectors) -> None:
        """Release a value that nothing scheduled from now on reads."""
        self._free[tuple(w.mem_slice for w in vectors), vectors[0].count].append(vectors)

    def _take(self, mem_slice: int, count: int, what: str) -> int:
        address = self.used[mem_slice]
        if address + count > self.spec.mem_words:
            need = sum(self.used) + count
            word = self.spec.vector_bytes
            chips = max(2, -(-need // (self.spec.mem_slices * self.spec.mem_words)))
            raise CapacityError(need * word, self.spec.sram_bytes, chips, f"{what} in slice {mem_slice}")
        self.used[mem_slice] += count
        return address
