"""What many chips do together, as work for the network: all-reduce, all-gather, hand-over.

A *vector* is 320 B, one byte plane of 320 numbers. Partial sums of numbers of `planes` bytes (4: int32, float32) are
added in the VXM, all planes together. Chips of a group are named in an order; sums are taken in it, so the result has
the same bits on every chip.

  all-reduce   every chip has a partial vector and gets the sum. The quickest of:
                 direct           everyone sends everything to all others and adds: one hop; for few vectors
                 scattered        reduce-scatter, all-gather: each chip adds its share, then sends it round: two hops
                 mixed            scattered, and what would make shares uneven, or more, direct
                 by nodes         for whole nodes wired to each other: direct inside each node, between nodes on every
                                  cable, direct inside each node: three hops
                 scattered nodes  reduce-scatter inside nodes, direct between the owners of a share, all-gather inside
  all-gather   every chip has a share and gets all
  hand-over    all chips of a group have the same vectors; all chips of another group get them: any source sends each
               vector to any target, over the cables between them and round about, and that one sends it to the rest
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial

from lpu_backend.errors import TopologyError
from lpu_backend.system.network import Exchange, Move, Planes, Sum, Work, deal, schedule
from lpu_backend.system.topology import System, distances
from lpu_backend.system.verify_network import verify_network

PLANES = 4
MOST_MOVES = 200_000
"""Moves above which an exchange is not scheduled: it would take the host too long."""
MOST_COMPARED = 20_000
"""Moves above which an algorithm is not considered when there is a cheaper one."""
BLOCK_VECTORS = 1024
"""Vectors of one exchange of many in a row (`in_blocks`)."""


class _Builder:
    """Work under construction: values are numbered as they come."""

    def __init__(self) -> None:
        self.values = 0
        self.given: list[tuple[int, int]] = []
        self.moves: list[Move] = []
        self.sums: list[Sum] = []

    def fresh(self, count: int) -> Planes:
        """So many values that nobody has."""
        self.values += count
        return tuple(range(self.values - count, self.values))

    def have(self, chips: Iterable[int], count: int) -> Planes:
        """So many values that some chips have from the start."""
        values = self.fresh(count)
        self.given += [(value, chip) for chip in chips for value in values]
        return values

    def send(self, values: Planes, source: int, targets: Iterable[int]) -> None:
        """Copies for other chips."""
        self.moves += [
            Move(value, source, target) for target in targets if target != source for value in values
        ]

    def add(self, chip: int, operands: Sequence[Planes]) -> Planes:
        """Their sum; one operand is its own sum."""
        if len(operands) == 1:
            return operands[0]
        result = self.fresh(len(operands[0]))
        self.sums.append(Sum(chip, tuple(operands), result))
        return result

    def work(self, what: str) -> Work:
        """What was collected."""
        return Work(what, tuple(self.given), tuple(self.moves), tuple(self.sums))


def all_reduce(system: System, group: Sequence[int], vectors: int, planes: int = PLANES) -> Exchange:
    """Every chip of a group has `vectors` of partial sums; at the end each has the sums. The quickest way there is.

    Raises TopologyError for a group that is none, no vectors, or more than can be scheduled at once (`in_blocks`).
    """
    if planes not in (1, 2, 4):
        raise TopologyError(f"numbers of {planes} bytes are not added; they have 1, 2 or 4")
    return _all_reduce(system, system.check_group(group), _check_vectors(vectors), planes)


@lru_cache(maxsize=256)
def _all_reduce(system: System, group: tuple[int, ...], vectors: int, planes: int) -> Exchange:
    found = _candidates(system, group, vectors, planes)
    least = _check_moves(min(moves for moves, _ in found))
    works = [make() for moves, make in found if moves <= max(least, MOST_COMPARED)]
    return _quickest(system, [work for work in works if work is not None])


def _quickest(system: System, works: Iterable[Work]) -> Exchange:
    """The one of several that is over first, proven."""
    exchange = min((schedule(system, work) for work in works), key=lambda exchange: exchange.cycles)
    verify_network(exchange)
    return exchange


def _candidates(
    system: System, group: tuple[int, ...], vectors: int, planes: int
) -> list[tuple[int, Callable[[], Work | None]]]:
    """Algorithms of all-reduce for a group, each with the vectors it moves. Many nodes have only those by nodes."""
    size, nodes, node_chips = len(group), _whole_nodes(system, group), system.wire.node_chips
    found: list[tuple[int, Callable[[], Work | None]]] = []
    if nodes is None or len(nodes) == 2:
        found.append((2 * (size - 1) * vectors, lambda: scattered(group, vectors, planes)))
        found.append((size * (size - 1) * vectors, lambda: direct(group, vectors, planes)))
    if size <= node_chips:
        found += _mixed(group, vectors, planes)
    if nodes is not None:
        inside, between = 2 * len(nodes) * (node_chips - 1) * vectors, len(nodes) * (len(nodes) - 1) * vectors
        found.append((inside + between, lambda: scattered_nodes(system, group, vectors, planes)))
        if len(nodes) <= system.wire.flat_nodes:
            found.append((node_chips * inside + between, lambda: by_nodes(system, group, vectors, planes)))
    return found


def _mixed(group: tuple[int, ...], vectors: int, planes: int) -> list[tuple[int, Callable[[], Work | None]]]:
    """Even shares for all chips, and the rest direct; and one vector of numbers a chip less, and the rest direct."""
    size = len(group)
    shares, rest = divmod(len(_groups(vectors, planes)), size)
    found: list[tuple[int, Callable[[], Work | None]]] = []
    for last in (rest, rest + size):
        if shares > last // size and last:
            moves = (size - 1) * (2 * vectors + (size - 2) * last * planes)
            found.append((moves, partial(scattered, group, vectors, planes, last)))
    return found


def _check_moves(moves: int) -> int:
    if moves > MOST_MOVES:
        raise TopologyError(
            f"{moves:,} transfers are too many to schedule at once; take fewer vectors or chips"
        )
    return moves


def in_blocks(exchange_of: Callable[[int], Exchange], vectors: int) -> int:
    """Cycles of an exchange of any number of vectors: as one, or from 2,048 on as one of 1,024 after the other.

    A block begins when the last Send of the one before has left its link, so the links are never taken twice.
    """
    if vectors < 2 * BLOCK_VECTORS:
        return exchange_of(vectors).cycles
    block, left = exchange_of(BLOCK_VECTORS), vectors % BLOCK_VECTORS
    sends = [hop.send_cycle for transfer in block.transfers for hop in transfer.hops]
    pace = max(sends, default=0) - min(sends, default=0) + block.system.wire.vector_cycles
    blocks = vectors // BLOCK_VECTORS
    whole = (blocks - 1) * pace + block.cycles
    return max(whole, blocks * pace + exchange_of(left).cycles) if left else whole


def all_gather(system: System, group: Sequence[int], vectors: int) -> Exchange:
    """The chips of a group have `vectors` in shares (equal but for one vector); at the end each has all."""
    return _all_gather(system, system.check_group(group), _check_vectors(vectors))


@lru_cache(maxsize=256)
def _all_gather(system: System, group: tuple[int, ...], vectors: int) -> Exchange:
    _check_moves((len(group) - 1) * vectors)
    build = _Builder()
    for vector in range(vectors):
        owner = group[vector % len(group)]
        build.send(build.have([owner], 1), owner, group)
    return _quickest(system, [build.work("all-gather")])


def hand_over(system: System, source: Sequence[int], target: Sequence[int], vectors: int) -> Exchange:
    """All chips of `source` have the same `vectors`; at the end all chips of `target` have them.

    Raises TopologyError for groups that share chips.
    """
    groups = system.check_group(source), system.check_group(target)
    if set(groups[0]) & set(groups[1]):
        raise TopologyError("the two groups of a hand-over share chips; take disjoint ones")
    return _hand_over(system, *groups, _check_vectors(vectors))


@lru_cache(maxsize=256)
def _hand_over(system: System, source: tuple[int, ...], target: tuple[int, ...], vectors: int) -> Exchange:
    _check_moves(len(target) * vectors)
    gates = [*_gates(system, source, target), deal(system, source, target, vectors)]
    return _quickest(system, [_through(each, target, vectors) for each in gates])


def _through(gates: Sequence[tuple[int, int]], target: Sequence[int], vectors: int) -> Work:
    """Vectors go from group to group by pairs of chips in turn, and from where they arrive to the rest."""
    build = _Builder()
    for vector in range(vectors):
        sender, receiver = gates[vector % len(gates)]
        value = build.have([sender], 1)
        build.send(value, sender, [receiver])
        build.send(value, receiver, target)
    return build.work("hand-over")


def _gates(system: System, source: Sequence[int], target: Sequence[int]) -> Iterator[list[tuple[int, int]]]:
    """Pairs of a source and a target that may pass vectors on: the nearest ones; each source with its nearest."""
    far = {chip: distances(system, chip)[list(target)] for chip in source}
    least = min(int(each.min()) for each in far.values())
    yield [
        (chip, end) for chip in source for end, links in zip(target, far[chip], strict=True) if links == least
    ]
    nearest = []
    for number, chip in enumerate(source):
        turn = [(number + step) % len(target) for step in range(len(target))]
        nearest.append((chip, target[min(turn, key=far[chip].__getitem__)]))
    yield nearest


def _groups(vectors: int, planes: int) -> list[int]:
    """Planes of each vector of numbers: `planes`, and for what is left over 2 and 1."""
    left = vectors % planes
    return [planes] * (vectors // planes) + [2] * (left // 2) + [1] * (left % 2)


def scattered(group: Sequence[int], vectors: int, planes: int = PLANES, last_direct: int = 0) -> Work:
    """Reduce-scatter, all-gather; the last so many vectors of numbers direct, while links wait for the first sums."""
    build = _Builder()
    groups = _groups(vectors, planes)
    _scatter(build, group, groups[: len(groups) - last_direct])
    for count in groups[len(groups) - last_direct :]:
        _share(build, group, [build.have([chip], count) for chip in group])
    return build.work("all-reduce, mixed" if last_direct else "all-reduce, scattered")


def _scatter(build: _Builder, group: Sequence[int], counts: Sequence[int]) -> None:
    """Each chip adds its share of vectors of numbers, then sends it round."""
    for number, count in enumerate(counts):
        owner = group[number % len(group)]
        partials = [build.have([chip], count) for chip in group]
        for chip, values in zip(group, partials, strict=True):
            build.send(values, chip, [owner])
        build.send(build.add(owner, partials), owner, group)


def direct(group: Sequence[int], vectors: int, planes: int = PLANES) -> Work:
    """Everyone sends everything to everyone."""
    build = _Builder()
    for count in _groups(vectors, planes):
        _share(build, group, [build.have([chip], count) for chip in group])
    return build.work("all-reduce, direct")


def _share(build: _Builder, group: Sequence[int], partials: Sequence[Planes]) -> list[Planes]:
    """Each chip of a group sends its partial vector to the others and adds all; the sums in the order of the group."""
    for chip, values in zip(group, partials, strict=True):
        build.send(values, chip, group)
    return [build.add(chip, partials) for chip in group]


def by_nodes(system: System, group: Sequence[int], vectors: int, planes: int = PLANES) -> Work | None:
    """Inside nodes, between nodes, inside nodes; None unless the group is whole nodes that are all wired to each other.

    In the second hop a chip sends its node's sum on all its cables to nodes of the group, but once to a node; in the
    third the chips of a node add what arrived at each.
    """
    nodes = _whole_nodes(system, group)
    if nodes is None:
        return None
    gates = {(a, b): _gates_between(system, nodes[a], nodes[b]) for a in range(len(nodes)) for b in range(a)}
    if not all(gates.values()):
        return None
    build = _Builder()
    for number, count in enumerate(_groups(vectors, planes)):
        sums = [
            dict(zip(node, _share(build, node, [build.have([chip], count) for chip in node]), strict=True))
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
    """Shares are added inside nodes, then between nodes by their owners, and sent round inside nodes.

    None unless the group is two or more whole nodes.
    """
    nodes = _whole_nodes(system, group)
    if nodes is None:
        return None
    build = _Builder()
    for number, count in enumerate(_groups(vectors, planes)):
        owners, sums = [node[number % len(node)] for node in nodes], []
        for node, owner in zip(nodes, owners, strict=True):
            partials = [build.have([chip], count) for chip in node]
            for chip, values in zip(node, partials, strict=True):
                build.send(values, chip, [owner])
            sums.append(build.add(owner, partials))
        for node, owner, full in zip(nodes, owners, _share(build, owners, sums), strict=True):
            build.send(full, owner, node)
    return build.work("all-reduce, scattered nodes")


def _whole_nodes(system: System, group: Sequence[int]) -> list[tuple[int, ...]] | None:
    """The nodes of a group of two or more whole nodes, named one after the other."""
    size = system.wire.node_chips
    nodes = [tuple(group[first : first + size]) for first in range(0, len(group), size)]
    whole = all(
        sorted(node) == list(range(min(node), min(node) + size)) and not min(node) % size for node in nodes
    )
    return nodes if whole and len(nodes) > 1 else None


def _combine(
    build: _Builder, node: Sequence[int], own: dict[int, Planes], foreign: dict[int, list[Planes]]
) -> None:
    """A chip adds what came from other nodes; all chips of the node get these sums and add them to the node's own."""
    received = {chip: build.add(chip, foreign[chip]) for chip in node if chip in foreign}
    for chip, values in received.items():
        build.send(values, chip, node)
    for chip in node:
        build.add(chip, [own[chip], *received.values()])


def _gates_between(system: System, one: Sequence[int], other: Sequence[int]) -> list[tuple[int, int]]:
    """Cables between two nodes, as pairs of chips."""
    wanted = set(other)
    return [(chip, end) for chip in one for _, end in system.links_of(chip) if end in wanted]


def _check_vectors(vectors: int) -> int:
    if vectors < 1:
        raise TopologyError(f"{vectors} vectors: an exchange moves at least one")
    return vectors
