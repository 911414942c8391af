"""What goes wrong, and what it costs: bits on a link are put right; a dead cable or chip means doing the work again.

The network never retries. What FEC can't put right, and what a dead link does not bring, is noticed by the Receive; the
host stops the step, gives the work of the node concerned to the idle node of its rack, loads the weights there, aligns
its clocks, and starts the step again from its inputs, which are still in SRAM elsewhere. The new schedule is another
program with the same results. A dead cable can also be avoided without a spare, by ways that do not use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from lpu_backend.errors import NetworkError, TopologyError
from lpu_backend.system.fec import decode, encode
from lpu_backend.system.network import Exchange, Move, Sum, Work, schedule
from lpu_backend.system.run_network import Bytes, Outcome, Place, run_exchange
from lpu_backend.system.topology import UNWIRED, System
from lpu_backend.system.verify_network import verify_network
from lpu_backend.system.wire import START


class NoisyLinks:
    """Links that flip bits at random, and correct them. A channel; counts what it did."""

    def __init__(self, seed: int, bit_error_rate: float) -> None:
        self._draw = np.random.default_rng(seed)
        self._rate = bit_error_rate
        self.flipped_bits = self.corrected_bytes = self.lost_vectors = 0

    def __call__(self, link: int, cycle: int, vector: Bytes) -> Bytes | None:
        """Pass a vector through a link; None when it can't be put right."""
        wire = encode(vector)
        count = int(self._draw.binomial(8 * len(wire), self._rate))
        for bit in self._draw.choice(8 * len(wire), count, replace=False):
            wire[bit // 8] ^= 1 << bit % 8
        found = decode(wire)
        self.flipped_bits += count
        self.corrected_bytes += found.corrected
        self.lost_vectors += found.lost
        return None if found.lost else found.vector


@dataclass(frozen=True, slots=True)
class Failure:
    """A cable or a chip that is dead from a cycle of the exchange on."""

    kind: Literal["link", "chip"]
    number: int
    cycle: int = 0

    def links(self, system: System) -> frozenset[int]:
        """Return the directed links that carry nothing; raises TopologyError where there is no such cable or chip."""
        if self.kind == "chip":
            links = [link for link, _ in system.links_of(*system.check_group([self.number]))]
        elif 0 <= self.number < len(system.peers) and system.peers[self.number] != UNWIRED:
            links = [self.number]
        else:
            raise TopologyError(f"{system.name}: no cable is at link {self.number}")
        return frozenset(links) | {int(system.peers[link]) for link in links}


@dataclass(frozen=True, slots=True)
class Replay:
    """The same work after a failure. Cycles and seconds are emulated; `same` compares every byte."""

    failure: Failure
    how: str
    noticed_cycle: int
    """When a Receive finds nothing; the work up to here is lost."""
    exchange: Exchange = field(repr=False)
    """The work as it is done again."""
    reload_s: float
    """Weights of the spare node over PCIe, all its chips at once."""
    align_s: float
    same: bool

    @property
    def cost_s(self) -> float:
        """Return the seconds from the start of the failed attempt to the result."""
        wire = self.exchange.system.wire
        return wire.chip.seconds(self.noticed_cycle + self.exchange.cycles) + self.reload_s + self.align_s


def play_failing(exchange: Exchange, given: Mapping[Place, Bytes], failure: Failure) -> Outcome:
    """Play the schedule when nothing arrives on the dead links any more; return what comes out."""
    dead = failure.links(exchange.system)

    def carry(link: int, cycle: int, vector: Bytes) -> Bytes | None:
        return None if link in dead and cycle >= failure.cycle else vector

    return run_exchange(exchange, given, carry)


def noticed_cycle(exchange: Exchange, failure: Failure) -> int | None:
    """Return the cycle of the first Receive that finds nothing, or the end, when a dead chip has no result to show.

    None when the work does not need what is dead.
    """
    dead = failure.links(exchange.system)
    hops = [hop for transfer in exchange.transfers for hop in transfer.hops]
    missed = [hop.receive_cycle for hop in hops if hop.link in dead and hop.send_cycle >= failure.cycle]
    targets = [each.move.target for each in exchange.transfers if each.landed_cycle > failure.cycle]
    if not missed and failure.kind == "chip" and failure.number in targets:
        return exchange.cycles
    return min(missed, default=None)


def replay(
    exchange: Exchange, given: Mapping[Place, Bytes], failure: Failure, node_bytes: int | None = None
) -> Replay:
    """Do the work again: on the spare node of the rack, or past a dead cable where no node is idle.

    `node_bytes`: weights to load into each chip of the spare; without it, all of SRAM. Raises NetworkError when the
    work does not notice the failure, TopologyError when a chip is dead and there is no spare.
    """
    system = exchange.system
    noticed = noticed_cycle(exchange, failure)
    if noticed is None:
        raise NetworkError(
            f"{exchange.work.what} does not use {failure.kind} {failure.number}", failure.cycle, "links"
        )
    dead, wire = failure.links(system), system.wire
    spare = spare_node(system, _node_of(system, failure))
    if spare is None and failure.kind == "chip":
        raise TopologyError(
            f"chip {failure.number} is dead and no node of its rack is idle: build it with spares"
        )
    moved = {} if spare is None else _takes_over(system, _node_of(system, failure), spare)
    again = schedule(system, moved_work(exchange.work, moved), sorted(dead))
    verify_network(again)
    reload_bytes = wire.chip.sram_bytes if node_bytes is None else node_bytes
    return Replay(
        failure,
        "ways past the dead cable" if spare is None else f"node {spare} takes over",
        noticed,
        again,
        0.0 if spare is None else START.host_call_s + reload_bytes / START.host_bytes_per_s,
        0.0 if spare is None else align_seconds(system),
        _same(exchange, again, given, moved),
    )


def align_seconds(system: System) -> float:
    """Return the emulated seconds until a node that joins is aligned: its exchanges, and the epoch's end."""
    wire = system.wire
    return wire.chip.seconds(2 * START.align_exchanges * wire.link_cycles + wire.epoch_cycles)


def spare_node(system: System, node: int) -> int | None:
    """Return the first idle node of a node's rack."""
    size, working = system.wire.node_chips, set(system.working)
    rack = node // system.wire.rack_nodes
    for other in range(rack * system.wire.rack_nodes, min((rack + 1) * system.wire.rack_nodes, system.nodes)):
        if other != node and not any(other * size + chip in working for chip in range(size)):
            return other
    return None


def moved_work(work: Work, moved: Mapping[int, int]) -> Work:
    """Return the same work with chips replaced by others."""
    if not moved:
        return work
    return Work(
        work.what,
        tuple((value, moved.get(chip, chip)) for value, chip in work.given),
        tuple(
            Move(m.value, moved.get(m.source, m.source), moved.get(m.target, m.target)) for m in work.moves
        ),
        tuple(replace_chip(each, moved) for each in work.sums),
    )


def replace_chip(each: Sum, moved: Mapping[int, int]) -> Sum:
    """Return a sum on the chip that takes over."""
    return replace(each, chip=moved.get(each.chip, each.chip))


def _node_of(system: System, failure: Failure) -> int:
    chip = failure.number if failure.kind == "chip" else failure.number // system.wire.ports
    return chip // system.wire.node_chips


def _takes_over(system: System, node: int, spare: int) -> dict[int, int]:
    size = system.wire.node_chips
    return {node * size + chip: spare * size + chip for chip in range(size)}


def _same(first: Exchange, again: Exchange, given: Mapping[Place, Bytes], moved: Mapping[int, int]) -> bool:
    """Return whether every chip, or the one that stands for it, has the same bytes as without a failure."""

    def rename(held: Mapping[Place, Bytes]) -> dict[Place, Bytes]:
        return {(value, moved.get(chip, chip)): vector for (value, chip), vector in held.items()}

    wanted = rename(run_exchange(first, given).held)
    found = run_exchange(again, rename(given))
    return found.clean and Outcome(wanted, 0, 0, 0).same(found)
