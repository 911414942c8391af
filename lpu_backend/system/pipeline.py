"""A model as a pipeline: contiguous layers a chip, the residual stream from chip to chip over one cable.

`pipeline` chooses chips of a system so that each is cabled to the next, and gives every chip its part. `link_up` sets
programs that were compiled one by one into one time: a chip starts so that its first Receive is issued in the cycle
in which the first vector of the chip before arrives. Since both sides move vectors at the same pace, all others meet,
too, and `links.check_links` proves it. A step of the pipeline is thus rigid: it has one length, whenever it starts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from lpu_backend.chip.floorplan import EDGE_SLOT
from lpu_backend.chip.isa import Opcode
from lpu_backend.chip.links import LinkedPrograms, Port, Wire, check_links, passages
from lpu_backend.chip.program import Program
from lpu_backend.chip.timing import timing
from lpu_backend.errors import TopologyError
from lpu_backend.model.part import Part, cut
from lpu_backend.model.shape import ModelShape
from lpu_backend.system.topology import UNWIRED, System, system_of
from lpu_backend.system.wire import WireSpec


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Parts of a model, and the wires from each to the next. Chips are counted along the pipeline, from 0."""

    parts: tuple[Part, ...]
    wires: tuple[Wire, ...]


def pipeline(shape: ModelShape, chips: int, positions: int) -> Pipeline:
    """Return the parts of a model on the smallest system of so many chips.

    Raises TopologyError for a number of chips that no system has, GraphError for one that is larger than the number of
    layers.
    """
    system = system_of(chips)
    parts = list(cut(shape, chips, positions))
    wires = []
    latency = latency_cycles(system.wire)
    for number, (here, there) in enumerate(pairwise(chip_order(system))):
        leaves, arrives = _ports(system, here, there)
        parts[number] = replace(parts[number], sends_on=leaves)
        parts[number + 1] = replace(parts[number + 1], receives_on=arrives)
        wires.append(Wire(Port(number, leaves), Port(number + 1, arrives), latency))
    return Pipeline(tuple(parts), tuple(wires))


def chip_order(system: System) -> tuple[int, ...]:
    """Return all working chips, each cabled to the next: node by node, from the chip at the last node's cable."""
    size = system.wire.node_chips
    nodes: dict[int, list[int]] = {}
    for chip in system.working:
        nodes.setdefault(chip // size, []).append(chip)
    order, entry = list[int](), system.working[0]
    for here, there in pairwise(nodes.values()):
        leaving, arriving = _cable(system, here, there, entry)
        order += [entry, *(chip for chip in here if chip not in (entry, leaving)), leaving]
        entry = arriving
    last = list(nodes.values())[-1]
    return (*order, entry, *(chip for chip in last if chip != entry))


def _cable(system: System, here: list[int], there: list[int], entry: int) -> tuple[int, int]:
    """Return the chips at the ends of a cable between two nodes that does not leave by the chip of `entry`."""
    for chip in here:
        for _, peer in system.links_of(chip):
            if peer in there and chip != entry:
                return chip, peer
    raise TopologyError(
        f"a pipeline wants a cable from chips {here[0]}…{here[-1]} to {there[0]}…{there[-1]}; take fewer chips"
    )


def _ports(system: System, here: int, there: int) -> tuple[int, int]:
    """Return the ports of two chips that a cable joins."""
    ports = system.wire.ports
    link = next(link for link, peer in system.links_of(here) if peer == there)
    assert system.peers[link] != UNWIRED
    return link % ports, int(system.peers[link]) % ports


def latency_cycles(wire: WireSpec) -> int:
    """Return the cycles from a Send to its Receive: a hop of `wire.py`, from SRAM to SRAM, less its ways on chips.

    Those are the longest between a slice beside the VXM and an edge; the other edge is two cycles nearer.
    """
    delay = timing(wire.chip).delay
    launch = delay[Opcode.READ] + EDGE_SLOT
    landing = delay[Opcode.RECEIVE] + EDGE_SLOT + delay[Opcode.WRITE]
    return wire.hop_cycles - launch - landing


def link_up(programs: tuple[Program, ...], wires: tuple[Wire, ...]) -> LinkedPrograms:
    """Return programs of a pipeline in one time. Raises ScheduleError where a Send and its Receive do not meet."""
    apart = LinkedPrograms(programs, (0,) * len(programs), wires)
    sends = {passage.port: passage.cycle for passage in reversed(passages(apart, Opcode.SEND))}
    receives = {passage.port: passage.cycle for passage in reversed(passages(apart, Opcode.RECEIVE))}
    starts = [0]
    for wire in wires:
        starts.append(starts[-1] + sends[wire.source] + wire.latency_cycles - receives[wire.target])
    linked = replace(apart, starts=tuple(starts))
    check_links(linked)
    return linked
