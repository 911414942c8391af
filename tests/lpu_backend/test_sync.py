"""Clocks that drift: latencies are measured, counters aligned, and programs compute the same in the same cycles."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpu_backend.errors import ClockError, TopologyError
from lpu_backend.system.collectives import all_reduce, hand_over
from lpu_backend.system.network import schedule
from lpu_backend.system.run_network import random_vectors, run_exchange
from lpu_backend.system.sync import (
    JITTER_BOUND_SIGMA,
    Clocks,
    align,
    clocks_of,
    deskewed_cycles,
    late_cycles,
    latencies,
    play,
    readings,
    spanning_tree,
)
from lpu_backend.system.topology import System, system_of
from lpu_backend.system.wire import WIRE

RACK = system_of(72)
REDUCED = all_reduce(RACK, range(72), 4)
Z_99 = 2.576


def test_row_17_the_latency_of_a_link() -> None:
    """Drawn latencies have the mean and sigma of the constants, and readings of them that mean: 99 % intervals."""
    count = 50_000
    drawn = latencies(WIRE, count, np.random.default_rng(17))
    read = readings(WIRE, count, np.random.default_rng(18))
    sigma = WIRE.link_sigma_cycles

    assert abs(drawn.mean() - WIRE.link_cycles) < Z_99 * sigma / count**0.5
    assert abs(drawn.std() - sigma) < Z_99 * sigma / (2 * count) ** 0.5
    assert abs(read.mean() - WIRE.link_cycles) < Z_99 * read.std() / count**0.5


def test_row_17_a_child_is_aligned_within_a_cycle() -> None:
    """In 99 % of 400 alignments a chip's counter is within a cycle of its parent's, rounding included."""
    pair = system_of(2)
    errors = [float(align(pair, seed, spanning_tree(pair))[1]) for seed in range(400)]

    assert np.quantile(np.abs(errors), 0.99) <= 1
    assert abs(np.mean(errors)) < Z_99 * np.std(errors) / len(errors) ** 0.5


def test_neighbours_of_a_large_system_are_aligned_as_the_guard_assumes() -> None:
    """Over up to 14 links of the spanning tree the counters of neighbours stay within 3 cycles."""
    system = system_of(1440)
    clocks = clocks_of(system, 5)
    links = np.flatnonzero(system.peers >= 0)
    apart = clocks.error_cycles[links // 11] - clocks.error_cycles[system.peers[links] // 11]

    assert np.abs(apart).max() <= 3


def test_the_spanning_tree_reaches_every_chip_by_shortest_ways() -> None:
    """Every chip but the root has a parent that a cable leads to; a chip without cables is an error."""
    parents = spanning_tree(RACK)

    assert parents.count(-1) == 1
    for chip, parent in enumerate(parents):
        assert parent == -1 or parent in [other for _, other in RACK.links_of(chip)]
    with pytest.raises(TopologyError, match="aligned"):
        spanning_tree(System("two islands", np.full(22, -1, np.int32), (0, 1)))


@pytest.mark.slow
def test_results_and_cycles_are_the_same_for_20_seeds() -> None:
    """Whatever clocks and jitter are drawn, every byte, every Send's cycle and the length are those of the schedule."""
    vectors = random_vectors(REDUCED.work, 0)
    wanted = run_exchange(REDUCED, vectors)
    waits = []
    for seed in range(20):
        clocks = clocks_of(RACK, seed)
        outcome = play(REDUCED, vectors, clocks)
        waits.append(float(late_cycles(REDUCED, clocks).max()))
        assert outcome.same(wanted)
        assert outcome.clean

    assert len(set(waits)) == 20, "the clocks were different ones"
    assert schedule(RACK, REDUCED.work).digest == REDUCED.digest


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(-1, 1), min_size=16, max_size=16),
    st.lists(st.floats(-1.5, 1.5), min_size=16, max_size=16),
    st.integers(0, 2**32 - 1),
)
def test_clocks_within_their_bounds_never_lose_a_vector(
    rates: list[float], errors: list[float], seed: int
) -> None:
    """Any rates within the bound and any counters within 3 cycles of each other leave every vector in time."""
    system = system_of(16)
    exchange = hand_over(system, range(8), range(8, 16), 9)
    clocks = Clocks(seed, np.array(rates) * WIRE.clock_ppm * 1e-6, np.array(errors), spanning_tree(system))

    assert late_cycles(exchange, clocks).max() <= 0


def test_the_guard_covers_the_sum_of_all_bounds() -> None:
    """Six sigma of jitter, 3 cycles of alignment, drift at twice the bound until a deskew: 23.1 of 24 cycles."""
    drift = 2 * WIRE.clock_ppm * 1e-6 * WIRE.deskew_interval_cycles
    worst = JITTER_BOUND_SIGMA * WIRE.link_sigma_cycles + 3 + drift

    assert WIRE.guard_cycles - 1 < worst <= WIRE.guard_cycles


def test_clocks_beyond_their_bounds_are_an_error_and_change_results() -> None:
    """At ten times the drift a vector misses its Receive: the error names the chip; unchecked, the bytes are wrong."""
    vectors = random_vectors(REDUCED.work, 0)
    clocks = clocks_of(RACK, 3, ppm=10 * WIRE.clock_ppm)
    late = late_cycles(REDUCED, clocks)
    hops = [hop for transfer in REDUCED.transfers for hop in transfer.hops]
    missing = {(hop.link, hop.send_cycle) for hop, by in zip(hops, late, strict=True) if by > 0}

    with pytest.raises(ClockError, match="beyond the guard of 24") as caught:
        play(REDUCED, vectors, clocks)
    assert 0 <= caught.value.chip < 72
    unchecked = run_exchange(
        REDUCED, vectors, lambda link, cycle, vector: None if (link, cycle) in missing else vector
    )
    assert unchecked.missed == len(missing) > 0
    assert not unchecked.same(run_exchange(REDUCED, vectors))


def test_a_long_program_pays_for_its_deskews() -> None:
    """8 cycles in every 16,384: the lengths only grow, by less than a thousandth."""
    lengths = [deskewed_cycles(WIRE, cycles) for cycles in (0, 16_383, 16_384, 64_014)]

    assert lengths == [0, 16_383, 16_392, 64_038]
    assert all(a < b for a, b in pairwise(lengths))
