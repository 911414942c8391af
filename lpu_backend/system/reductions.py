"""The algorithms of reductions over chips, as work for the network: what moves where, and who adds it.

Partial sums are vectors of numbers of `planes` bytes, each byte plane a vector of 320 B; all planes of a vector are
added on one chip. Sums are taken in the order of the group.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lpu_backend.system.network import Move, Planes, Sum, Work
from lpu_backend.system.topology import System

PLANES = 4


class Builder:
    """Work under construction: values are numbered as they come."""

    def __init__(self) -> None:
        self.values = 0
        self.given: list[tuple[int, int]] = []
        self.moves: list[Move] = []
        self.sums: list[Sum] = []

    def fresh(self, count: int) -> Planes:
        """Return so many values that nobody has."""
        self.values += count
        return tuple(range(self.values - count, self.values))

    def have(self, chips: Iterable[int], count: int) -> Planes:
        """Return so many values that some chips have from the start."""
        values = self.fresh(count)
        self.given += [(value, chip) for chip in chips for value in values]
        return values

    def send(self, values: Planes, source: int, targets: Iterable[int]) -> None:
        """Send copies to other chips."""
        self.moves += [
            Move(value, source, target) for target in targets if target != source for value in values
        ]

    def pass_on(self, value: int, pair: tuple[int, int], group: Sequence[int]) -> None:
        """Pass a value from the first of a pair to the second, and from there to the rest of its group."""
        self.send((value,), pair[0], [pair[1]])
        self.send((value,), pair[1], group)

    def add(self, chip: int, operands: Sequence[Planes]) -> Planes:
        """Add values; return their sum. One operand is its own sum."""
        if len(operands) == 1:
            return operands[0]
        result = self.fresh(len(operands[0]))
        self.sums.append(Sum(chip, tuple(operands), result))
        return result

    def work(self, what: str) -> Work:
        """Return what was collected."""
        return Work(what, tuple(self.given), tuple(self.moves), tuple(self.sums))


def plane_groups(vectors: int, planes: int) -> list[int]:
    """Return planes of each vector of numbers: `planes`, and for what is left over 2 and 1."""
    left = vectors % planes
    return [planes] * (vectors // planes) + [2] * (left // 2) + [1] * (left % 2)


def scattered(group: Sequence[int], vectors: int, planes: int = PLANES, last_direct: int = 0) -> Work:
    """Build reduce-scatter and all-gather; the last vectors of numbers go direct, while links wait for first sums."""
    build = Builder()
    groups = plane_groups(vectors, planes)
    _scatter(build, group, groups[: len(groups) - last_direct])
    for count in groups[len(groups) - last_direct :]:
        share_sums(build, group, [build.have([chip], count) for chip in group])
    return build.work("all-reduce, mixed" if last_direct else "all-reduce, scattered")


def _scatter(build: Builder, group: Sequence[int], counts: Sequence[int]) -> None:
    """Let each chip add its share of vectors of numbers, then send it round."""
    for number, count in enumerate(counts):
        owner = group[number % len(group)]
        partials = [build.have([chip], count) for chip in group]
        for chip, values in zip(group, partials, strict=True):
            build.send(values, chip, [owner])
        build.send(build.add(owner, partials), owner, group)


def direct(group: Sequence[int], vectors: int, planes: int = PLANES) -> Work:
    """Build an all-reduce in which every chip sends everything to every other."""
    build = Builder()
    for count in plane_groups(vectors, planes):
        share_sums(build, group, [build.have([chip], count) for chip in group])
    return build.work("all-reduce, direct")


def share_sums(build: Builder, group: Sequence[int], partials: Sequence[Planes]) -> list[Planes]:
    """Let each chip of a group send its partial vector to the others and add all; return the sums in their order."""
    for chip, values in zip(group, partials, strict=True):
        build.send(values, chip, group)
    return [build.add(chip, partials) for chip in group]


def by_nodes(system: System, group: Sequence[int], vectors: int, planes: int = PLANES) -> Work | None:
    """Build an all-reduce inside, between, and inside nodes; None unless the group is whole nodes wired to each other.

    In the second hop a chip sends its node's sum on all its cables to nodes of the group, but once to a node; in the
    third the chips of a node add what arrived at each.
    """
    nodes = whole_nodes(system, group)
    if nodes is None:
        return None
    gates = {(a, b): _gates_between(system, nodes[a], nodes[b]) for a in range(len(nodes)) for b in range(a)}
    if not all(gates.values()):
        return None
    build = Builder()
    for number, count in enumerate(plane_groups(vectors, planes)):
        sums = [
            dict(
                zip(node, share_sums(build, node, [build.have([chip], count) for chip in node]), strict=True)
            )
            for node in nodes
        ]
        arrived: list[dict[int, list[Planes]]] = [{} for _ in nodes]
        for (a, b), cables in gates.items():
            one, other = cables[number % len(cables)]
            build.send(sums[a][one], one, [other])
            build.send(sums[b][other], other, [one])
            arrived[b].setdefault(other, []).append(sums[a][one])
            arrived[a].setdefault(one, []).append(sums[b][other])
        for node, own, foreign in zip(nodes, sums, arrived, strict=True):
            _combine(build, node, own, foreign)
    return build.work("all-reduce, by nodes")


def scattered_nodes(system: System, group: Sequence[int], vectors: int, planes: int = PLANES) -> Work | None:
    """Build an all-reduce: shares are added inside nodes, then between nodes by owners, and sent round inside.

    None unless the group is two or more whole nodes.
    """
    nodes = whole_nodes(system, group)
    if nodes is None:
        return None
    build = Builder()
    for number, count in enumerate(plane_groups(vectors, planes)):
        owners, sums = [node[number % len(node)] for node in nodes], []
        for node, owner in zip(nodes, owners, strict=True):
            partials = [build.have([chip], count) for chip in node]
            for chip, values in zip(node, partials, strict=True):
                build.send(values, chip, [owner])
            sums.append(build.add(owner, partials))
        for node, owner, full in zip(nodes, owners, share_sums(build, owners, sums), strict=True):
            build.send(full, owner, node)
    return build.work("all-reduce, scattered nodes")


def whole_nodes(system: System, group: Sequence[int]) -> list[tuple[int, ...]] | None:
    """Return the nodes of a group of two or more whole nodes, named one after the other."""
    size = system.wire.node_chips
    nodes = [tuple(group[first : first + size]) for first in range(0, len(group), size)]
    whole = all(
        sorted(node) == list(range(min(node), min(node) + size)) and not min(node) % size for node in nodes
    )
    return nodes if whole and len(nodes) > 1 else None


def _combine(
    build: Builder, node: Sequence[int], own: dict[int, Planes], foreign: dict[int, list[Planes]]
) -> None:
    """Add on one chip what came from other nodes; all chips of its node get the sums and add them to their own."""
    received = {chip: build.add(chip, foreign[chip]) for chip in node if chip in foreign}
    for chip, values in received.items():
        build.send(values, chip, node)
    for chip in node:
        build.add(chip, [own[chip], *received.values()])


def _gates_between(system: System, one: Sequence[int], other: Sequence[int]) -> list[tuple[int, int]]:
    """Return cables between two nodes, as pairs of chips."""
    wanted = set(other)
    return [(chip, end) for chip in one for _, end in system.links_of(chip) if end in wanted]
