"""Which chip is wired to which: a node, nodes wired to all others, racks wired to all others.

Three arrangements, the smallest that holds the chips:

  part     1, 2, 4 or 8 chips of one node, all-to-all on 7 local links
  flat     up to 33 nodes (264 chips): a node's 8 × 4 global links form one router of 32 ports, which are divided
           evenly among the other nodes
  racks    up to 145 racks of 9 nodes (10,440 chips): 16 ports of a node go to the 8 others of its rack, two each; the
           other 16 × 9 = 144 of the rack are divided evenly among the other racks

Which port of which chip takes which cable is not published. Ours: the link to the group d places on (mod the number of
groups) leaves by port d − 1, and parallel links leave by different chips. So every arrangement looks the same from
every node (flat) or rack.

A chip is a number, node-major: chip // 8 is its node, node // 9 its rack. Port 0…6 of a chip are local, 7…10 global.
A directed link is `chip * 11 + port`, named after its sender.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from lpu_backend.errors import TopologyError
from lpu_backend.system.wire import WIRE, WireSpec

UNWIRED = -1


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """Chips and cables. `peers[link]` is the link of the other direction, −1 where the port is not wired.

    `working` are the chips that programs may use, in order; the others of the installed ones are idle: spares.
    """

    name: str
    peers: np.ndarray = field(repr=False)
    working: tuple[int, ...] = field(repr=False)
    wire: WireSpec = field(default=WIRE, repr=False)

    @property
    def chips(self) -> int:
        """Return the number of chips that programs may use."""
        return len(self.working)

    @property
    def installed(self) -> int:
        """Return the number of chips that are there, spares included."""
        return len(self.peers) // self.wire.ports

    @property
    def nodes(self) -> int:
        """Return the number of nodes that are there."""
        return -(-self.installed // self.wire.node_chips)

    @property
    def racks(self) -> int:
        """Return the number of racks that are there."""
        return -(-self.nodes // self.wire.rack_nodes)

    @property
    def links(self) -> int:
        """Return the number of cables: pairs of directed links."""
        return int((self.peers != UNWIRED).sum()) // 2

    def target(self, link: int) -> int:
        """Return the chip at the far end of a directed link."""
        return int(self.peers[link]) // self.wire.ports

    def links_of(self, chip: int) -> list[tuple[int, int]]:
        """Return (link, chip at its far end) for every wired port of a chip, in the order of its ports."""
        first = chip * self.wire.ports
        peers = self.peers[first : first + self.wire.ports].tolist()
        return [(first + port, peer // self.wire.ports) for port, peer in enumerate(peers) if peer != UNWIRED]

    def link_name(self, link: int) -> str:
        """Return a link as people read it."""
        chip, port = divmod(link, self.wire.ports)
        return f"chip {chip} port {port} → chip {self.target(link)}"

    def check_group(self, group: Sequence[int]) -> tuple[int, ...]:
        """Return a group of chips; raises TopologyError for strangers, repetitions, or nobody."""
        if not group or len(set(group)) != len(group):
            raise TopologyError(f"{list(group)[:8]} is no group: name at least one chip, and each once")
        for chip in group:
            if not 0 <= chip < self.installed:
                raise TopologyError(f"there is no chip {chip}: {self.name} has 0…{self.installed - 1}")
        return tuple(group)


@lru_cache(maxsize=32)
def system_of(chips: int, wire: WireSpec = WIRE, spares: bool = False) -> System:
    """Return the smallest published arrangement with so many working chips.

    `spares`: the last node of every rack stays idle, to take over. Raises TopologyError for a number of chips that no
    arrangement has: allowed are 1, 2, 4 and multiples of 8 up to 10,440.
    """
    _check_count(chips, wire)
    if chips <= wire.node_chips and not spares:
        return System(f"{chips} of a node", _wired([], chips, wire), tuple(range(chips)), wire)
    nodes = -(-chips // wire.node_chips)
    each = wire.rack_nodes - int(spares)
    racks = -(-nodes // each)
    installed = nodes + racks * int(spares) if spares else nodes
    if installed > wire.flat_nodes or racks > 1 and spares:
        installed = racks * wire.rack_nodes
    if racks > wire.max_racks:
        raise TopologyError(
            f"{chips} chips with spares take {racks} racks; there are at most {wire.max_racks}"
        )
    cables = _flat(installed, wire) if installed <= wire.flat_nodes else _racks(racks, wire)
    kind = "flat" if installed <= wire.flat_nodes else "racks"
    usable = [node for node in range(installed) if not spares or node % wire.rack_nodes < each]
    working = [node * wire.node_chips + chip for node in usable for chip in range(wire.node_chips)][:chips]
    name = f"{installed} nodes, {kind}"
    return System(name, _wired(cables, installed * wire.node_chips, wire), tuple(working), wire)


def _check_count(chips: int, wire: WireSpec) -> None:
    if not 1 <= chips <= wire.max_chips:
        raise TopologyError(f"{chips:,} chips: a system has 1 to {wire.max_chips:,}")
    if chips not in (1, 2, 4) and chips % wire.node_chips:
        near = max(chips // wire.node_chips, 1) * wire.node_chips
        raise TopologyError(
            f"{chips} chips: take 1, 2, 4 or whole nodes of {wire.node_chips}, such as {near}"
        )


def _spread(ports: int, wire: WireSpec) -> list[int]:
    """Return the chip (of a node) with a node's port q: neighbouring ports, and ports 8 apart, on different chips."""
    return [(q + q // wire.node_chips) % wire.node_chips for q in range(ports)]


def _flat(nodes: int, wire: WireSpec) -> list[tuple[int, int, int, int]]:
    """Return cables (chip, port, chip, port) between all nodes."""
    return _between_nodes(range(nodes), wire.node_chips * wire.global_links, wire)


def _between_nodes(nodes: Sequence[int], ports: int, wire: WireSpec) -> list[tuple[int, int, int, int]]:
    """Return cables between every two of some nodes; each node spends up to `ports` of its ports on them."""
    others = len(nodes) - 1
    if not others:
        return []
    chip_of, cables = _spread(ports, wire), []
    for low in range(len(nodes)):
        for high in range(low + 1, len(nodes)):
            distance = high - low
            for parallel in range(ports // others):
                q = distance - 1 + parallel * others
                r = others - distance + parallel * others
                cables.append(
                    (
                        nodes[low] * wire.node_chips + chip_of[q],
                        wire.local_links + q // wire.node_chips,
                        nodes[high] * wire.node_chips + chip_of[r],
                        wire.local_links + r // wire.node_chips,
                    )
                )
    return cables


def _racks(racks: int, wire: WireSpec) -> list[tuple[int, int, int, int]]:
    """Return cables inside racks, and between all racks."""
    cables = []
    for rack in range(racks):
        nodes = range(rack * wire.rack_nodes, (rack + 1) * wire.rack_nodes)
        cables += _between_nodes(nodes, wire.rack_ports, wire)
    ports = wire.node_chips * wire.global_links - wire.rack_ports
    chip_of, others = _spread(ports, wire), racks - 1
    first_port = wire.local_links + wire.rack_ports // wire.node_chips
    for low in range(racks):
        for high in range(low + 1, racks):
            for parallel in range(ports * wire.rack_nodes // others):
                ends = []
                for rack, offset in ((low, high - low - 1), (high, others - (high - low))):
                    q, node = divmod(offset + parallel * others, wire.rack_nodes)
                    chip = (rack * wire.rack_nodes + node) * wire.node_chips + chip_of[q]
                    ends += [chip, first_port + q // wire.node_chips]
                cables.append((ends[0], ends[1], ends[2], ends[3]))
    return cables


def _wired(cables: Sequence[tuple[int, int, int, int]], chips: int, wire: WireSpec) -> np.ndarray:
    """Return peers of all links: the cables, and the local ones of every node."""
    peers = np.full(chips * wire.ports, UNWIRED, np.int32)
    for a, port_a, b, port_b in [*cables, *_local(chips, wire)]:
        one, other = a * wire.ports + port_a, b * wire.ports + port_b
        if peers[one] != UNWIRED or peers[other] != UNWIRED:
            raise TopologyError(f"chip {a} port {port_a} – chip {b} port {port_b}: a port takes one cable")
        peers[one], peers[other] = other, one
    peers.setflags(write=False)
    return peers


def _local(chips: int, wire: WireSpec) -> list[tuple[int, int, int, int]]:
    """Return the links of every two chips of a node: chip a reaches chip b by port b, less one where b > a."""
    cables = []
    for node in range(0, chips, wire.node_chips):
        size = min(wire.node_chips, chips - node)
        for a in range(size):
            cables += [(node + a, b - 1, node + b, a) for b in range(a + 1, size)]
    return cables


def distances(system: System, source: int, broken: frozenset[int] = frozenset()) -> np.ndarray:
    """Return the links on a shortest route from a chip to each, by search; −1: none. Links are in pairs."""
    ports = system.wire.ports
    neighbours = np.where(system.peers == UNWIRED, -1, system.peers // ports)
    neighbours[sorted(broken)] = -1
    neighbours = neighbours.reshape(-1, ports)
    found = np.full(system.installed, -1, np.int32)
    found[source], frontier, far = 0, np.array([source]), 0
    while len(frontier):
        far += 1
        reached = np.unique(neighbours[frontier])
        frontier = reached[(reached >= 0) & (found[reached] < 0)]
        found[frontier] = far
    return found


def node_distances(system: System, source: int) -> np.ndarray:
    """Return links between nodes on a shortest way from a node to every node, where a node is one router; −1: none."""
    size = system.wire.node_chips
    links = np.flatnonzero(system.peers != UNWIRED)
    ends = np.stack([links, system.peers[links]]) // (system.wire.ports * size)
    reach = np.zeros((system.nodes, system.nodes), bool)
    reach[ends[0], ends[1]] = True
    found = np.full(system.nodes, -1, np.int32)
    found[source], frontier, far = 0, np.array([source]), 0
    while len(frontier):
        far += 1
        frontier = np.flatnonzero(reach[frontier].any(axis=0) & (found < 0))
        found[frontier] = far
    return found


def symmetry(system: System) -> int:
    """Return after how many chips the arrangement looks the same; all chips, where nothing is known of it."""
    for chips in (system.wire.node_chips, system.wire.node_chips * system.wire.rack_nodes):
        turned = np.roll(system.peers, chips * system.wire.ports)
        shifted = np.where(
            turned == UNWIRED, UNWIRED, (turned + chips * system.wire.ports) % len(system.peers)
        )
        if system.installed % chips == 0 and np.array_equal(shifted, system.peers):
            return chips
    return system.installed


@dataclass(frozen=True, slots=True)
class Diameter:
    """The longest of all shortest ways, counted twice.

    `links`: every link from chip to chip. `router_hops`: as published, where a node is one router: the links between
    nodes, one local link before the first and one after the last.
    """

    links: int
    router_hops: int


def diameter(system: System) -> Diameter:
    """Return the diameter, searched from all chips and nodes of the first part that the rest looks like, else all."""
    part = symmetry(system)
    links = max(int(distances(system, source).max()) for source in range(part))
    nodes = range(-(-part // system.wire.node_chips))
    between = max(int(node_distances(system, node).max()) for node in nodes)
    inside = int(system.installed > 1)
    return Diameter(links, between + 2 * inside if between else inside)
