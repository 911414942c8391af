"""Stream registers of the functional model: what is on every stream between every two slots."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lpu_backend.chip.floorplan import EDGE_SLOT, SLOT_OF_QUEUE, STREAMS, is_east
from lpu_backend.chip.isa import Streams
from lpu_backend.errors import ExecutionError

Bytes = npt.NDArray[np.uint8]
REGISTERS = 2 * EDGE_SLOT


class StreamRegisters:
    """64 streams × 26 registers between slots −13 … 13; register r lies between slots r − 13 and r − 12."""

    def __init__(self) -> None:
        self.data = np.zeros((STREAMS, REGISTERS, 320), np.uint8)
        self.full = np.zeros((STREAMS, REGISTERS), bool)
        self._driven: set[tuple[int, int]] = set()

    def advance(self) -> None:
        """One cycle: east streams go one register up, west streams one down; at the edge values fall off."""
        east, west = slice(0, STREAMS // 2), slice(STREAMS // 2, STREAMS)
        for array in (self.data, self.full):
            array[east, 1:] = array[east, :-1]
            array[west, :-1] = array[west, 1:]
        self.full[east, 0] = False
        self.full[west, -1] = False
        self._driven.clear()

    def drive(self, queue: int, streams: Streams, data: Bytes) -> None:
        """Puts byte planes on streams, downstream of the queue's unit; replaces what passes there."""
        for plane, stream in enumerate(range(streams.first, streams.first + streams.width)):
            register = SLOT_OF_QUEUE[queue] + EDGE_SLOT - (not is_east(stream))
            if not 0 <= register < REGISTERS:
                continue
            if (stream, register) in self._driven:
                raise ExecutionError(f"{streams} is driven twice at slot {SLOT_OF_QUEUE[queue]}")
            self._driven.add((stream, register))
            self.data[stream, register] = data[plane]
            self.full[stream, register] = True

    def sample(self, queue: int, streams: Streams) -> Bytes:
        """The byte planes that arrive at the queue's unit, shape (width, 320)."""
        register = SLOT_OF_QUEUE[queue] + EDGE_SLOT - is_east(streams.first)
        wanted = slice(streams.first, streams.first + streams.width)
        if not 0 <= register < REGISTERS or not self.full[wanted, register].all():
            raise ExecutionError(f"nothing arrives on {streams}")
        return self.data[wanted, register].copy()
