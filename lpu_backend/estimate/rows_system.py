"""Rows of the validation table that the network answers."""

from __future__ import annotations

import numpy as np

from lpu_backend.estimate.rows_chip import Answer, identities
from lpu_backend.system.network_report import published_latencies
from lpu_backend.system.sync import align, readings, spanning_tree
from lpu_backend.system.topology import diameter, system_of
from lpu_backend.system.wire import WIRE

EXCHANGES = 50_000
ALIGNMENTS = 400
Z_99 = 2.576


def largest_system() -> Answer:
    """Answer row 5: by search."""
    chip = WIRE.chip
    system = system_of(WIRE.max_chips)
    terabits = chip.c2c_links * 2 * chip.c2c_link_bytes_per_s * 8 / 1e12
    found = diameter(system)
    answer = identities((terabits, system.chips, system.racks, found.router_hops), (3.84, 10_440, 145, 5))
    remark = f"a node counts as one router, as published; chip by chip it is {found.links} links"
    return Answer(answer.ours, holds=answer.holds, remark=remark)


def link_latency() -> Answer:
    """Answer row 17."""
    read = readings(WIRE, EXCHANGES, np.random.default_rng(18))
    within = Z_99 * read.std() / EXCHANGES**0.5
    pair = system_of(2)
    tree = spanning_tree(pair)
    errors = [abs(float(align(pair, seed, tree)[1])) for seed in range(ALIGNMENTS)]
    left = float(np.quantile(errors, 0.99))
    holds = abs(read.mean() - WIRE.link_cycles) < within and left <= 1
    ours = f"{read.mean():.2f} ± {within:.2f}; 99 % within {left:.2f} cycle"
    return Answer(ours, float(read.mean()), holds)


def hop() -> Answer:
    """Answer row 18a."""
    return _latency("hop", "an input")


def all_reduce_of_a_node() -> Answer:
    """Answer row 18b: in two steps, the next to the three that are published."""
    direct = _latency("all-reduce of 8 chips, direct")
    far = _latency("all-reduce of 264 chips")
    two = _latency("all-reduce of 8 chips, reduce-scatter")
    remark = (
        f"two steps of 32 vectors; the published payload is not known. One step of 4 takes {direct.ours}, three over "
        f"264 chips {far.ours}. Depends on hop_ns and forward_cycles"
    )
    return Answer(two.ours, two.value, remark=remark)


def any_to_any() -> Answer:
    """Answer row 18c."""
    return _latency("any to any of 10,440")


def _latency(what: str, remark: str = "") -> Answer:
    row = next(row for row in published_latencies() if row["what"].startswith(what))
    nanoseconds = round(row["ours_us"] * 1000)
    return Answer(f"{nanoseconds:,} ns", nanoseconds, remark=remark)
