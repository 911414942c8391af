"""The MXM: which tile each plane holds when, and what its accumulators hold."""

from __future__ import annotations

import numpy as np

from lpu_backend.chip.program import Repeat

SLOTS = 640


class Plane:
    """One MXM plane, as far as it is scheduled."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.tile = 0
        self.installed = -(10**6)
        """Cycle of the last IW."""
        self.last_product = 0
        """Cycle of the last ABC."""
        self.updates = np.zeros(SLOTS, np.int64)
        self.used_until = np.full(SLOTS, -1, np.int64)
        """Last cycle in which ACC took a slot's content out."""
        self._next = 0

    @property
    def is_east(self) -> bool:
        """Return whether it stands at the eastern edge."""
        return self.number >= 2

    @property
    def first_stream(self) -> int:
        """Return the first of the 16 streams, of the 32 that flow its way, on which weights and activations come."""
        return 16 * (self.number % 2)

    def slots(self, count: int) -> int:
        """Return the first of `count` neighbouring accumulators, in turn."""
        first = self._next if self._next + count <= SLOTS else 0
        self._next = first + count
        return first

    def runs(self, slot: int, repeat: Repeat) -> list[tuple[int, Repeat]]:
        """Yield a sweep over slots, cut where their counts of updates differ: index of the first issue, its repeat."""
        counts = self.updates[slot + np.arange(repeat.count) * repeat.stride]
        cuts = [0, *(np.flatnonzero(np.diff(counts)) + 1).tolist(), repeat.count]
        return [
            (a, Repeat(b - a, repeat.interval, repeat.stride)) for a, b in zip(cuts, cuts[1:], strict=False)
        ]
