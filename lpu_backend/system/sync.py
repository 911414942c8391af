"""Clocks that drift, and programs that do not notice.

Every chip has its own oscillator and a counter, the HAC, that wraps after an epoch. Nothing distributes a clock:

  1. Neighbours in a spanning tree bounce their counters off each other and learn the latency of their link: the round
     trip, halved, averaged over many exchanges (`readings`).
  2. A child is told its parent's counter over and over, adds the latency, and sets its own (`align`). What is left is
     an error of the averages, which adds up along the tree, and up to half a cycle of rounding.
  3. DESKEW starts every program when the HAC wraps. From there the SAC counts program time on the chip's own clock, and
     drifts; RUNTIME_DESKEW, every 16,384 cycles, waits a little more or less than its 8 cycles to set it right.
  4. A Receive is `guard` cycles later than a vector arrives on average: early ones stand in the link, and what is late
     within the guard is still in time. So values and cycles do not depend on clocks, as long as these keep to the
     bounds; beyond them it is an error, for the chip would take rubbish.

Times below are cycles of the root's clock. Everything is drawn from a seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lpu_backend.errors import ClockError, NetworkError, TopologyError
from lpu_backend.system.network import Exchange
from lpu_backend.system.run_network import Bytes, Channel, Outcome, Place, run_exchange
from lpu_backend.system.topology import System
from lpu_backend.system.wire import START, WireSpec

Floats = npt.NDArray[np.float64]
JITTER_BOUND_SIGMA = 6
"""Further than this from its mean no vector arrives: the bound that a link is accepted with."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of all chips after alignment."""

    seed: int
    rate: Floats = field(repr=False)
    """Cycles that a chip's clock loses against the root's, a cycle."""
    error_cycles: Floats = field(repr=False)
    """Time after the root's counter at which a chip's counter wraps."""
    parents: tuple[int, ...] = field(repr=False)
    """The spanning tree: a chip's parent; −1: the root."""


def spanning_tree(system: System, root: int = 0) -> tuple[int, ...]:
    """Return parents by breadth-first search, ports in order; raises TopologyError for chips that no cable reaches."""
    parents = [-1] * system.installed
    reached, seen = [root], {root}
    for chip in reached:
        for _, other in system.links_of(chip):
            if other not in seen:
                seen.add(other)
                parents[other] = chip
                reached.append(other)
    if len(reached) < system.installed:
        lost = next(chip for chip in range(system.installed) if chip not in seen)
        raise TopologyError(f"no cable leads from chip {root} to chip {lost}: their clocks can't be aligned")
    return tuple(parents)


def latencies(wire: WireSpec, count: int, draw: np.random.Generator) -> Floats:
    """Return the cycles that vectors are on a link."""
    sigma = wire.link_sigma_cycles
    jitter = np.clip(draw.normal(0, sigma, count), -JITTER_BOUND_SIGMA * sigma, JITTER_BOUND_SIGMA * sigma)
    found: Floats = wire.link_cycles + jitter
    return found


def readings(wire: WireSpec, count: int, draw: np.random.Generator) -> Floats:
    """Return what `count` exchanges say of a link's latency: round trips in whole cycles, halved.

    Both ends see a counter at their next clock edge, half a cycle late on average; that is known and taken off.
    """
    back_at = np.ceil(latencies(wire, count, draw) + draw.random(count))
    round_trips = np.ceil(back_at + latencies(wire, count, draw) + draw.random(count)) - 2
    found: Floats = round_trips / 2
    return found


def align(system: System, seed: int, parents: tuple[int, ...]) -> Floats:
    """Return errors of all counters after the exchanges of steps 1 and 2, cycles."""
    wire, draw = system.wire, np.random.default_rng([seed, 1])
    count = START.align_exchanges
    exact = np.zeros(system.installed)
    for chip in _tree_order(parents):
        latency = readings(wire, count, draw).mean()
        seen_at = np.ceil(latencies(wire, count, draw) + draw.random(count)) - 1
        exact[chip] = exact[parents[chip]] + seen_at.mean() - latency
    rounding = draw.uniform(-0.5, 0.5, system.installed)
    rounding[parents.index(-1)] = 0
    found: Floats = exact + rounding
    return found


def _tree_order(parents: tuple[int, ...]) -> list[int]:
    """Return all chips but the root, parents before their children."""
    children: dict[int, list[int]] = {}
    for chip, parent in enumerate(parents):
        children.setdefault(parent, []).append(chip)
    order = list(children[-1])
    for chip in order:
        order += children.get(chip, [])
    return order[1:]


def clocks_of(system: System, seed: int, ppm: float | None = None) -> Clocks:
    """Return clocks drawn from a seed: rates uniform within ± `ppm` (the bound of the constants), counters aligned."""
    bound = system.wire.clock_ppm if ppm is None else ppm
    parents = spanning_tree(system)
    rate = np.random.default_rng([seed, 0]).uniform(-bound, bound, system.installed) * 1e-6
    return Clocks(seed, rate - rate[0], align(system, seed, parents), parents)


def late_cycles(exchange: Exchange, clocks: Clocks) -> Floats:
    """Return by how much each vector misses its Receive, hop by hop; negative: how long it stands in the link before.

    The exchange ends right before a RUNTIME_DESKEW, where clocks are furthest apart; a longer one starts after it.
    """
    system, wire = exchange.system, exchange.system.wire
    hops = [hop for transfer in exchange.transfers for hop in transfer.hops]
    if not hops:
        return np.zeros(0)
    sender = np.array([hop.link for hop in hops]) // wire.ports
    receiver = system.peers[[hop.link for hop in hops]] // wire.ports
    since_deskew = max(wire.deskew_interval_cycles - exchange.cycles, 0)
    sent = np.array([hop.send_cycle for hop in hops]) + since_deskew
    taken = np.array([hop.receive_cycle for hop in hops]) + since_deskew
    on_link = latencies(wire, len(hops), np.random.default_rng([clocks.seed, 2])) + wire.vector_cycles
    arrived = sent * (1 + clocks.rate[sender]) + clocks.error_cycles[sender] + on_link
    found: Floats = arrived - taken * (1 + clocks.rate[receiver]) - clocks.error_cycles[receiver]
    return found


def play(exchange: Exchange, given: Mapping[Place, Bytes], clocks: Clocks) -> Outcome:
    """Play a schedule on chips with these clocks. The cycles are those of the schedule, whatever the clocks.

    Raises ClockError when a vector is not there for its Receive.
    """
    late = late_cycles(exchange, clocks)
    hops = [hop for transfer in exchange.transfers for hop in transfer.hops]
    missing = {(hop.link, hop.send_cycle): by for hop, by in zip(hops, late, strict=True) if by > 0}
    outcome = run_exchange(exchange, given, _channel(missing))
    if missing:
        (link, cycle), by = max(missing.items(), key=lambda item: item[1])
        raise ClockError(
            f"the vector sent to it in cycle {cycle} is {by:.1f} cycles late for its Receive; {len(missing)} of "
            f"{len(hops)} are late: clocks drift beyond the guard of {exchange.system.wire.guard_cycles} cycles",
            exchange.system.target(link),
        )
    if outcome.missed:
        raise NetworkError("a Receive finds no vector", 0, exchange.work.what)
    return outcome


def _channel(missing: Mapping[tuple[int, int], float]) -> Channel:
    """Return links on which some vectors come too late."""

    def carry(link: int, cycle: int, vector: Bytes) -> Bytes | None:
        return None if (link, cycle) in missing else vector

    return carry


def deskewed_cycles(wire: WireSpec, cycles: int) -> int:
    """Return the cycles of a program with a RUNTIME_DESKEW in every interval."""
    return cycles + cycles // wire.deskew_interval_cycles * wire.deskew_cycles
