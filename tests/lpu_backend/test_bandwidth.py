"""What the cables carry: counted pair by pair where that is possible, and beside what was published."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from lpu_backend.system.bandwidth import bisection_bytes_per_s, crossings, uniform_bytes_per_s
from lpu_backend.system.topology import diameter, distances, symmetry, system_of
from lpu_backend.system.topology_file import parse_topology


def test_a_node_has_the_published_bisection() -> None:
    """16 cables between four chips and four: 240 GB/s."""
    assert bisection_bytes_per_s(system_of(8)) == 240_000_000_000


@pytest.mark.parametrize("chips", [8, 24, 72, 272])
def test_every_pair_crosses_as_many_links_as_it_is_far_apart(chips: int) -> None:
    """The parts of all ways from a chip add up to the sum of its distances."""
    system = system_of(chips)
    for source in (0, 5, system.installed - 1):
        assert crossings(system, source).sum() == pytest.approx(distances(system, source).sum())


def test_a_line_of_chips_is_counted_by_hand() -> None:
    """0 – 1 – 2 – 3: 0 and 1 reach 2 and 3 over the middle cable, four pairs a direction; three over the outer ones."""
    line = parse_topology({"chips": 4, "cables": [[0, 0, 1, 1], [1, 0, 2, 1], [2, 0, 3, 1]]})
    crossed: Counter[tuple[int, int]] = Counter()
    for source in range(4):
        for link, count in enumerate(crossings(line, source).tolist()):
            if count:
                crossed[link // 11, line.target(link)] += round(count)

    assert crossed == {(0, 1): 3, (1, 2): 4, (2, 3): 3, (1, 0): 3, (2, 1): 4, (3, 2): 3}
    assert uniform_bytes_per_s(line) == 15e9 * 3 / 4


def test_the_first_node_stands_for_all() -> None:
    """A rack looks the same from every node: counting from all chips gives what counting from one node gives."""
    rack = system_of(72)
    load = sum(crossings(rack, source) for source in range(72))

    assert symmetry(rack) == 8
    assert uniform_bytes_per_s(rack) == pytest.approx(15e9 * 71 / float(np.max(load)))
    assert diameter(parse_topology({"like": 72, "without": [[0, 0]]})).links == 3
    assert symmetry(parse_topology({"like": 72, "without": [[0, 0]]})) == 72


def test_larger_systems_have_less_for_each_chip() -> None:
    """Where racks share cables a chip has less than half; in the largest system near the published 14 GB/s."""
    flat, largest = uniform_bytes_per_s(system_of(264)), uniform_bytes_per_s(system_of(10_440))

    assert largest < flat / 2
    assert largest == pytest.approx(14e9, rel=0.1)
    assert uniform_bytes_per_s(system_of(1)) == 0
