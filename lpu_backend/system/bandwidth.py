"""What the cables carry when every chip sends to every other alike, and across the middle.

Every pair of chips exchanges as much as any other, on all shortest ways in equal parts. The busiest link then says how
much a chip can send: its rate, times the number of pairs a chip has, over the pairs that cross the link (Brandes'
dependencies, U. Brandes, "A faster algorithm for betweenness centrality", 2001).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lpu_backend.system.topology import UNWIRED, System, symmetry

Floats = npt.NDArray[np.float64]


def uniform_bytes_per_s(system: System) -> float:
    """Return the bytes that each chip can send a second, spread evenly over all others; 0 for a single chip.

    The arrangements of `system_of` look the same from every rack (or node, where all are wired to each other), so the
    first stands for all; a system from a file is counted from every chip.
    """
    if system.installed == 1:
        return 0.0
    wire, period = system.wire, symmetry(system)
    load: Floats = np.zeros(len(system.peers))
    for source in range(period):
        load += crossings(system, source)
    folded = load.reshape(-1, period * wire.ports).sum(axis=0)
    pairs = system.installed - 1
    return wire.chip.c2c_link_bytes_per_s * pairs / float(folded.max())


def crossings(system: System, source: int) -> Floats:
    """Return pairs with a source whose shortest ways cross each link, in parts where there are several ways."""
    ports = system.wire.ports
    links = np.flatnonzero(system.peers != UNWIRED)
    start, end = links // ports, system.peers[links] // ports
    far = np.full(system.installed, -1)
    ways: Floats = np.zeros(system.installed)
    levels: list[npt.NDArray[np.int64]] = []
    far[source], ways[source] = 0, 1.0
    while True:
        on = np.flatnonzero((far[start] == len(levels)) & (far[end] < 0))
        if not len(on):
            break
        far[end[on]] = len(levels) + 1
        np.add.at(ways, end[on], ways[start[on]])
        levels.append(on)
    load: Floats = np.zeros(len(system.peers))
    through: Floats = np.zeros(system.installed)
    for on in reversed(levels):
        share = ways[start[on]] / ways[end[on]] * (1 + through[end[on]])
        load[links[on]] = share
        np.add.at(through, start[on], share)
    return load


def bisection_bytes_per_s(system: System) -> int:
    """Return the bytes a second in one direction between the lower and the upper half of the chips."""
    links = np.flatnonzero(system.peers != UNWIRED)
    half = system.installed // 2
    ports = system.wire.ports
    crossing = (links // ports < half) & (system.peers[links] // ports >= half)
    return int(crossing.sum()) * system.wire.chip.c2c_link_bytes_per_s
