"""Routes from chip to chip, shortest first, then the detours that balance the load."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lpu_backend.errors import TopologyError
from lpu_backend.system.topology import System, distances

Route = tuple[int, ...]
"""Directed links, one after the other."""
DETOUR = 2
"""A detour is at most so many links longer than the shortest way."""
WIDEST = 48
"""Ways of one length that are considered between two chips."""


class Routes:
    """Ways between the chips of a system, found when asked for and kept."""

    def __init__(self, system: System, broken: frozenset[int] = frozenset()) -> None:
        self._system = system
        self._broken = broken
        self._ways: dict[tuple[int, int, int], tuple[Route, ...]] = {}
        self._links: dict[int, list[tuple[int, int]]] = {}
        self._far: dict[int, np.ndarray] = {}

    def lengths(self, source: int, target: int) -> Iterator[tuple[int, tuple[Route, ...]]]:
        """Yield (links, routes of so many links), shortest first. Raises TopologyError when no cable leads there."""
        shortest = self.shortest(source, target)
        for length in range(shortest, shortest + DETOUR + 1):
            key = (source, target, length)
            if key not in self._ways:
                found = self._search(source, target, length)
                self._ways[key] = tuple(way for way, _ in zip(found, range(WIDEST), strict=False))
            yield length, self._ways[key]

    def shortest(self, source: int, target: int) -> int:
        """Return the links of the shortest route; raises TopologyError when no cable leads there."""
        found = int(self._distances(target)[source])
        if found < 0:
            raise TopologyError(f"no cable leads from chip {source} to chip {target}")
        return found

    def _distances(self, target: int) -> np.ndarray:
        if target not in self._far:
            self._far[target] = distances(self._system, target, self._broken)
        return self._far[target]

    def _neighbours(self, chip: int) -> list[tuple[int, int]]:
        if chip not in self._links:
            links = self._system.links_of(chip)
            self._links[chip] = [(link, other) for link, other in links if link not in self._broken]
        return self._links[chip]

    def _search(self, source: int, target: int, length: int) -> Iterator[Route]:
        """Yield simple routes of exactly `length` links, in the order of their ports."""
        far = self._distances(target)
        stack: list[tuple[int, Route, tuple[int, ...]]] = [(source, (), (source,))]
        while stack:
            chip, way, seen = stack.pop()
            left = length - len(way) - 1
            for link, other in reversed(self._neighbours(chip)):
                if other == target:
                    if left == 0:
                        yield (*way, link)
                elif 0 < far[other] <= left and other not in seen:
                    stack.append((other, (*way, link), (*seen, other)))
