"""Stream registers of the functional model: what is on every stream between every two slots."""

from __future__ import annotations

from typing import Any

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
        self.corrected = 0
        """Words that error correction has mended; see `ecc.py`."""
        self._driven: set[tuple[int, int]] = set()

    def advance(self) -> None:
        """Advance one cycle: east streams go one register up, west streams one down; at the edge values fall off."""
        self.move(self.data)
        self.move(self.full)
        self.full[: STREAMS // 2, 0] = False
        self.full[STREAMS // 2 :, -1] = False
        self._driven.clear()

    @staticmethod
    def move(array: npt.NDArray[Any]) -> None:
        """Move an array by stream and register one cycle on."""
        east, west = array[: STREAMS // 2], array[STREAMS // 2 :]
        east[:, 1:] = east[:, :-1]
        west[:, :-1] = west[:, 1:]

    @staticmethod
    def driven_register(queue: int, streams: Streams) -> int | None:
        """Return the register downstream of a queue's unit; None beyond the edge of the chip."""
        register = SLOT_OF_QUEUE[queue] + EDGE_SLOT - (not is_east(streams.first))
        return register if 0 <= register < REGISTERS else None

    @staticmethod
    def sampled_register(queue: int, streams: Streams) -> int | None:
        """Return the register upstream of a queue's unit; None beyond the edge of the chip."""
        register = SLOT_OF_QUEUE[queue] + EDGE_SLOT - is_east(streams.first)
        return register if 0 <= register < REGISTERS else None

    def drive(self, queue: int, streams: Streams, data: Bytes) -> None:
        """Put byte planes on streams; they replace what passes there."""
        register = self.driven_register(queue, streams)
        if register is None:
            return
        group = range(streams.first, streams.first + streams.width)
        if any((stream, register) in self._driven for stream in group):
            raise ExecutionError(f"{streams} is driven twice at slot {SLOT_OF_QUEUE[queue]}")
        self._driven.update((stream, register) for stream in group)
        self.data[group.start : group.stop, register] = data
        self.full[group.start : group.stop, register] = True

    def strike(self) -> None:
        """Apply no faults: these streams are perfect; see `ecc.py`."""

    def sample(self, queue: int, streams: Streams) -> Bytes:
        """Return the byte planes that arrive at the queue's unit, shape (width, 320)."""
        register = self.sampled_register(queue, streams)
        wanted = slice(streams.first, streams.first + streams.width)
        if register is None or not self.full[wanted, register].all():
            raise ExecutionError(f"nothing arrives on {streams}")
        return self.data[wanted, register].copy()
