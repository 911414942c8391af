"""The proof that a schedule of transfers does on links and chips, which never wait, what its work says.

It reads the work (what is meant) and the cycles (what happens), and trusts nothing else of the scheduler: ways are
checked against the cables, cycles against the constants. `run_network.py` knows nothing of what is meant and computes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from lpu_backend.errors import NetworkError
from lpu_backend.system.network import SUM_OPERANDS, Exchange, Hop, Transfer, sum_cycles
from lpu_backend.system.topology import UNWIRED

Fault = tuple[int, str, str]
"""Cycle, place, what is wrong."""


def verify_network(exchange: Exchange) -> None:
    """Raise NetworkError, with cycle and link or chip, for the earliest thing that would go wrong."""
    faults = [*_ways(exchange), *_links(exchange), *_operands(exchange), *_vxm(exchange), *_end(exchange)]
    if faults:
        cycle, where, what = min(faults)
        raise NetworkError(what, cycle, where)


def _ways(exchange: Exchange) -> Iterator[Fault]:
    """Check that every transfer leads over cables from source to target, each hop in time for the next."""
    if len(exchange.transfers) != len(exchange.work.moves):
        yield 0, "the network", f"{len(exchange.work.moves)} moves, {len(exchange.transfers)} transfers"
    for transfer, move in zip(exchange.transfers, exchange.work.moves, strict=False):
        if transfer.move != move or not transfer.hops:
            yield 0, f"chip {move.source}", f"value {move.value} is not sent to chip {move.target}"
            continue
        yield from _way(exchange, transfer)


def _way(exchange: Exchange, transfer: Transfer) -> Iterator[Fault]:
    system, wire, at = exchange.system, exchange.system.wire, transfer.move.source
    passed: Hop | None = None
    for hop in transfer.hops:
        if not 0 <= hop.link < len(system.peers) or system.peers[hop.link] == UNWIRED:
            yield hop.send_cycle, f"link {hop.link}", "no cable is there"
            return
        name = system.link_name(hop.link)
        if hop.link // wire.ports != at:
            yield hop.send_cycle, name, f"value {transfer.move.value} is on chip {at}"
        if passed and hop.send_cycle < passed.receive_cycle + wire.forward_cycles:
            yield hop.send_cycle, name, f"value {transfer.move.value} is not there to be passed on"
        if hop.receive_cycle != hop.send_cycle + wire.flight_cycles:
            yield (
                hop.receive_cycle,
                name,
                f"Receive {hop.receive_cycle - hop.send_cycle} cycles after its Send, not {wire.flight_cycles}",
            )
        passed, at = hop, system.target(hop.link)
    if at != transfer.move.target:
        yield transfer.hops[-1].receive_cycle, f"chip {at}", f"value {transfer.move.value} ends here"
    last = transfer.hops[-1].receive_cycle + wire.landing_cycles
    if transfer.landed_cycle < last:
        yield transfer.landed_cycle, f"chip {at}", f"value {transfer.move.value} lands in cycle {last}"


def _links(exchange: Exchange) -> Iterator[Fault]:
    """Check that no two vectors are on a link at once."""
    sends: dict[int, list[int]] = defaultdict(list)
    for transfer in exchange.transfers:
        for hop in transfer.hops:
            sends[hop.link].append(hop.send_cycle)
    width = exchange.system.wire.vector_cycles
    for link, cycles in sends.items():
        cycles.sort()
        for sooner, later in zip(cycles, cycles[1:], strict=False):
            if later - sooner < width:
                yield later, f"link {link}", f"the link carries the vector sent in cycle {sooner}"


def _operands(exchange: Exchange) -> Iterator[Fault]:
    """Check that what is sent and what is added is on the chip by then."""
    wire = exchange.system.wire
    landed = dict.fromkeys(exchange.work.given, 0)
    leaves = dict.fromkeys(exchange.work.given, wire.launch_cycles)
    for each, issued in zip(exchange.work.sums, exchange.sum_cycles, strict=True):
        done = issued + sum_cycles(wire.chip, len(each.operands))
        for value in each.result:
            landed[value, each.chip], leaves[value, each.chip] = done, done + wire.launch_cycles
    for transfer in exchange.transfers:
        if transfer.hops:
            where = transfer.move.value, transfer.move.target
            landed[where] = transfer.landed_cycle
            leaves[where] = transfer.hops[-1].receive_cycle + wire.forward_cycles
    for transfer in exchange.transfers:
        where = transfer.move.value, transfer.move.source
        if transfer.hops and (where not in leaves or transfer.hops[0].send_cycle < leaves[where]):
            yield transfer.hops[0].send_cycle, f"chip {where[1]}", f"value {where[0]} can't be sent yet"
    for each, issued in zip(exchange.work.sums, exchange.sum_cycles, strict=True):
        for value in (value for planes in each.operands for value in planes):
            if (value, each.chip) not in landed or issued < landed[value, each.chip]:
                yield issued, f"chip {each.chip} VXM", f"value {value} is not in SRAM yet"


def _vxm(exchange: Exchange) -> Iterator[Fault]:
    """Check that a chip issues one pass of additions a cycle."""
    issues: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for each, issued in zip(exchange.work.sums, exchange.sum_cycles, strict=True):
        issues[each.chip].append((issued, -(-(len(each.operands) - 1) // (SUM_OPERANDS - 1))))
    for chip, found in issues.items():
        found.sort()
        for (issued, passes), (following, _) in zip(found, found[1:], strict=False):
            if following < issued + passes:
                yield following, f"chip {chip} VXM", "the additions of another sum are issued"


def _end(exchange: Exchange) -> Iterator[Fault]:
    """Check that `cycles` is when the last result is in SRAM."""
    chip = exchange.system.wire.chip
    ends = [transfer.landed_cycle for transfer in exchange.transfers]
    ends += [
        issued + sum_cycles(chip, len(each.operands))
        for each, issued in zip(exchange.work.sums, exchange.sum_cycles, strict=True)
    ]
    if exchange.cycles < max(ends, default=0):
        yield exchange.cycles, "the network", f"said to be over, but the last result comes in {max(ends)}"
