"""A tensor parallel group: chips of a node that share every layer of a model, with one program on all of them."""

from __future__ import annotations

from dataclasses import replace

from lpu_backend.chip.links import Port, Wire
from lpu_backend.errors import TopologyError
from lpu_backend.model.part import Part, whole
from lpu_backend.model.shape import ModelShape
from lpu_backend.model.tensor_parallel import sharded_shape
from lpu_backend.system.pipeline import latency_cycles
from lpu_backend.system.topology import system_of


def tensor_parallel_group(shape: ModelShape, tp_degree: int) -> tuple[Part, tuple[Wire, ...]]:
    """Return what each of `tp_degree` chips computes, and the wires between every two of them.

    Raises TopologyError for a number of chips that no node has, GraphError for one to which heads can't be dealt.
    """
    system = system_of(tp_degree)
    if tp_degree > system.wire.node_chips:
        raise TopologyError(
            f"{tp_degree} chips share a layer: a node has {system.wire.node_chips}, wired to all others"
        )
    latency, ports = latency_cycles(system.wire), system.wire.ports
    part = replace(whole(sharded_shape(shape, tp_degree)), tp_degree=tp_degree, latency_cycles=latency)
    wires = tuple(
        Wire(Port(chip, link % ports), Port(peer, int(system.peers[link]) % ports), latency)
        for chip in system.working
        for link, peer in system.links_of(chip)
    )
    return part, wires
