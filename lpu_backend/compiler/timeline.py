"""The reservation table: when each stream register, memory bank and instruction queue is taken, as bits a cycle.

A row of the table is a resource, a column a cycle. Streams: a value keeps its diagonal (cycle − place) on its
way, so the column is the diagonal and a bit is a register it passes; two values on one diagonal are compatible where
their registers differ, since a unit may take a value and refill the stream in one cycle. Memory: a bit a bank, a bit
for each half of the queue. Other queues: one bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lpu_backend.chip.floorplan import EDGE_SLOT, QUEUES, STREAMS

Ints = npt.NDArray[np.int64]
Masks = npt.NDArray[np.uint32]

FIRST_QUEUE_ROW = STREAMS
ROWS = STREAMS + QUEUES
DIAGONALS = 2 * EDGE_SLOT + 6
"""Columns before cycle 0: a value driven at place p in cycle 0 has the diagonal −p."""
_WINDOW = 24
_COLUMNS = 1 << 19
"""At first; the system gives memory only for what is touched."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Resources of a chain relative to its base: rows of the table, columns, bits. No cell occurs twice."""

    rows: Ints
    columns: Ints
    masks: Masks


def merged(rows: Ints, columns: Ints, masks: Masks) -> Needs | None:
    """Return needs with equal cells joined; None where a chain would take the same resource twice."""
    low = int(columns.min())
    span = int(columns.max()) - low + 1
    key = rows * span + (columns - low)
    order = np.argsort(key, kind="stable")
    key, masks = key[order], masks[order]
    starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    if len(starts) < len(key):
        joined = np.bitwise_or.reduceat(masks, starts)
        if not np.array_equal(joined, np.add.reduceat(masks, starts)):
            return None
        key, masks = key[starts], joined
    return Needs(key // span, key % span + low, masks)


class Timeline:
    """The table, growing with time."""

    def __init__(self) -> None:
        self._columns = _COLUMNS
        self._table = np.zeros((ROWS, self._columns), np.uint32)

    def place(self, needs: Needs, earliest: int) -> int:
        """Take what a chain needs at the first cycle from `earliest` on at which all of it is free; return it."""
        base = self.find(needs, earliest)
        cells = needs.rows * self._columns + needs.columns + DIAGONALS
        self._table.reshape(-1)[cells + base] |= needs.masks
        return base

    def find(self, needs: Needs, earliest: int) -> int:
        """Return the first cycle from `earliest` on at which all that a chain needs is free."""
        base = earliest
        last = int(needs.columns.max()) + DIAGONALS
        while True:
            self._grow(base + last + _WINDOW + 1)
            cells = needs.rows * self._columns + needs.columns + DIAGONALS
            flat = self._table.reshape(-1)
            if not (flat[cells + base] & needs.masks).any():
                return base
            tried = cells + base + 1 + np.arange(_WINDOW)[:, None]
            free = ~(flat[tried] & needs.masks).any(axis=1)
            if free.any():
                return base + 1 + int(free.argmax())
            base += 1 + _WINDOW

    def _grow(self, columns: int) -> None:
        if columns > self._columns:
            wider = np.zeros((ROWS, max(columns, 2 * self._columns)), np.uint32)
            wider[:, : self._columns] = self._table
            self._columns, self._table = wider.shape[1], wider
