"""What a system of chips is and does, as numbers for people and for JSON. All times are emulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lpu_backend.errors import TopologyError
from lpu_backend.system.bandwidth import bisection_bytes_per_s, uniform_bytes_per_s
from lpu_backend.system.collectives import all_gather, all_reduce, hand_over, reduce_over
from lpu_backend.system.faults import Failure, NoisyLinks, replay
from lpu_backend.system.network import Exchange, Work, schedule
from lpu_backend.system.reductions import by_nodes, direct, scattered
from lpu_backend.system.run_network import Bytes, Place, random_vectors, run_exchange
from lpu_backend.system.sync import clocks_of, late_cycles, play
from lpu_backend.system.topology import System, diameter, distances, symmetry, system_of
from lpu_backend.system.verify_network import verify_network
from lpu_backend.system.wire import WIRE, WireSpec

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """Conditions under which an exchange is tried."""

    seeds: int = 0
    """So many draws of clocks and jitter."""
    bit_error_rate: float = 0.0
    failure: Failure | None = None


def system_report(system: System) -> Row:
    """Return what is there, and how far apart."""
    far = diameter(system)
    return {
        "system": system.name,
        "chips": system.chips,
        "spare_chips": system.installed - system.chips,
        "nodes": system.nodes,
        "racks": system.racks,
        "cables": system.links,
        "longest_way_links": far.links,
        "longest_way_router_hops": far.router_hops,
        "any_to_any_us": microseconds(any_to_any(system)),
        "uniform_gb_per_s_a_chip": round(uniform_bytes_per_s(system) / 1e9, 1),
        "bisection_gb_per_s": bisection_bytes_per_s(system) / 1e9,
        "sram_bytes": system.chips * system.wire.chip.sram_bytes,
        "basis": "emulated",
    }


def any_to_any(system: System) -> Exchange:
    """Return one vector between two chips that are as far apart as any (or to the chip itself, where there is one)."""
    sources = range(symmetry(system))
    if system.installed == 1:
        return schedule(system, Work("nothing", ((0, 0),), ()))
    far = {source: distances(system, source) for source in sources}
    source = max(sources, key=lambda chip: (int(far[chip].max()), -chip))
    return hand_over(system, [source], [int(far[source].argmax())], 1)


def published_latencies(wire: WireSpec = WIRE) -> list[Row]:
    """Answer row 18 of the validation table: what was published of latencies, and what the constants give.

    `input`: the figure is one of the constants, so that its agreement says nothing.
    """
    node, rack, flat, largest = (system_of(chips, wire) for chips in (8, 72, 264, wire.max_chips))
    over_264 = by_nodes(flat, range(264), 4)
    assert over_264 is not None
    found: list[tuple[str, float, Exchange]] = [
        ("hop, SRAM to SRAM", 0.722, hand_over(node, [0], [1], 1)),
        ("all-reduce of 8 chips, direct: 1 hop", 2.1, schedule(node, direct(range(8), 4))),
        (
            "all-reduce of 8 chips, reduce-scatter and all-gather: 2 hops",
            2.1,
            schedule(node, scattered(range(8), 32)),
        ),
        ("all-reduce of 264 chips: 3 hops", 2.1, schedule(flat, over_264)),
        ("any to any in a rack", 1.6, any_to_any(rack)),
        ("any to any of 10,440 chips, below", 3.0, any_to_any(largest)),
    ]
    return [
        {
            "what": what,
            "published_us": published,
            "ours_us": microseconds(exchange),
            "cycles": exchange.cycles,
            "vectors": len({value for value, _ in exchange.work.given}),
            "input": what.startswith("hop"),
        }
        for what, published, exchange in found
    ]


def microseconds(exchange: Exchange) -> float:
    """Return the emulated microseconds, to the nanosecond."""
    return round(exchange.seconds * 1e6, 3)


def exchange_of(
    system: System, what: str, group: Sequence[int], target: Sequence[int], vectors: int
) -> Exchange:
    """Return an exchange by its name; raises TopologyError."""
    if what == "all-reduce":
        return all_reduce(system, group, vectors)
    if what == "all-gather":
        return all_gather(system, group, vectors)
    if not target:
        raise TopologyError(f"a {what} needs chips to go to: --to 8-15")
    make = reduce_over if what == "reduce-over" else hand_over
    return make(system, group, target, vectors)


def exchange_report(exchange: Exchange, trial: Trial) -> Row:
    """Return what an exchange takes; raises NetworkError, or ClockError for clocks that drift too far."""
    verify_network(exchange)
    given = random_vectors(exchange.work, 0)
    links = [hop.link for transfer in exchange.transfers for hop in transfer.hops]
    busiest = max(np.bincount(links).tolist()) if links else 0
    found: Row = {
        "exchange": exchange.work.what,
        "cycles": exchange.cycles,
        "us": microseconds(exchange),
        "transfers": len(exchange.transfers),
        "vector_hops": exchange.vector_hops,
        "detours": exchange.detours,
        "sums": len(exchange.work.sums),
        "busiest_link": round(busiest * exchange.system.wire.vector_cycles / max(exchange.cycles, 1), 3),
        "digest": exchange.digest,
        "basis": "emulated",
    }
    if trial.seeds:
        found["clocks"] = clocks_report(exchange, given, trial.seeds)
    if trial.bit_error_rate:
        found["noise"] = _noise_report(exchange, given, trial.bit_error_rate)
    if trial.failure is not None:
        found["failure"] = _failure_report(exchange, given, trial.failure)
    return found


def clocks_report(exchange: Exchange, given: Mapping[Place, Bytes], seeds: int) -> Row:
    """Return the exchange under so many draws of clocks: whether anything differs, and what was left of the guard."""
    wanted = run_exchange(exchange, given)
    same, slack = True, float(exchange.system.wire.guard_cycles)
    for seed in range(seeds):
        clocks = clocks_of(exchange.system, seed)
        same = same and play(exchange, given, clocks).same(wanted)
        slack = min(slack, -float(late_cycles(exchange, clocks).max(initial=-slack)))
    return {"seeds": seeds, "same_bytes_and_cycles": same, "least_slack_cycles": round(slack, 1)}


def _noise_report(exchange: Exchange, given: Mapping[Place, Bytes], rate: float) -> Row:
    noise = NoisyLinks(0, rate)
    outcome = run_exchange(exchange, given, noise)
    return {
        "bit_error_rate": rate,
        "flipped_bits": noise.flipped_bits,
        "corrected_bytes": noise.corrected_bytes,
        "vectors_lost_and_noticed": noise.lost_vectors,
        "same_bytes": outcome.same(run_exchange(exchange, given)),
    }


def _failure_report(exchange: Exchange, given: Mapping[Place, Bytes], failure: Failure) -> Row:
    found = replay(exchange, given, failure)
    return {
        "dead": f"{failure.kind} {failure.number} from cycle {failure.cycle} on",
        "noticed_cycle": found.noticed_cycle,
        "how": found.how,
        "cycles_again": found.exchange.cycles,
        "reload_ms": round(found.reload_s * 1e3, 3),
        "align_ms": round(found.align_s * 1e3, 3),
        "cost_ms": round(found.cost_s * 1e3, 4),
        "same_bytes": found.same,
    }
