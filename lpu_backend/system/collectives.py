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
  reduce-over  an all-reduce whose sums only another group needs
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial

from lpu_backend.errors import TopologyError
from lpu_backend.system.network import Exchange, Work, deal, schedule
from lpu_backend.system.reductions import (
    PLANES,
    Builder,
    by_nodes,
    direct,
    plane_groups,
    scattered,
    scattered_nodes,
    share_sums,
    whole_nodes,
)
from lpu_backend.system.topology import System, distances
from lpu_backend.system.verify_network import verify_network

MOST_MOVES = 200_000
"""Moves above which an exchange is not scheduled: it would take the host too long."""
MOST_COMPARED = 20_000
"""Moves above which an algorithm is not considered when there is a cheaper one."""
BLOCK_VECTORS = 1024
"""Vectors of one exchange of many in a row (`in_blocks`)."""


def all_reduce(system: System, group: Sequence[int], vectors: int, planes: int = PLANES) -> Exchange:
    """Return the quickest all-reduce: each chip of a group has `vectors` of partial sums, and in the end the sums.

    Raises TopologyError for a group that is none, no vectors, or more than can be scheduled at once (`in_blocks`).
    """
    return _all_reduce(system, system.check_group(group), _check_vectors(vectors), _check_planes(planes))


@lru_cache(maxsize=256)
def _all_reduce(system: System, group: tuple[int, ...], vectors: int, planes: int) -> Exchange:
    found = _candidates(system, group, vectors, planes)
    least = _check_moves(min(moves for moves, _ in found))
    works = [make() for moves, make in found if moves <= max(least, MOST_COMPARED)]
    return _quickest(system, [work for work in works if work is not None])


def _quickest(system: System, works: Iterable[Work]) -> Exchange:
    """Return the one of several that is over first, proven."""
    exchange = min((schedule(system, work) for work in works), key=lambda exchange: exchange.cycles)
    verify_network(exchange)
    return exchange


def _candidates(
    system: System, group: tuple[int, ...], vectors: int, planes: int
) -> list[tuple[int, Callable[[], Work | None]]]:
    """Yield algorithms of all-reduce for a group, with the vectors each moves. Many nodes have only those by nodes."""
    size, nodes, node_chips = len(group), whole_nodes(system, group), system.wire.node_chips
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
    """Yield even shares for all chips, the rest direct; and one vector of numbers a chip less, the rest direct."""
    size = len(group)
    shares, rest = divmod(len(plane_groups(vectors, planes)), size)
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
    """Return cycles of an exchange of any number of vectors: as one, or from 2,048 on as one of 1,024 after the other.

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
    """Return an all-gather: a group's chips have `vectors` in shares, equal but for one; in the end each has all."""
    return _all_gather(system, system.check_group(group), _check_vectors(vectors))


@lru_cache(maxsize=256)
def _all_gather(system: System, group: tuple[int, ...], vectors: int) -> Exchange:
    _check_moves((len(group) - 1) * vectors)
    build = Builder()
    for vector in range(vectors):
        owner = group[vector % len(group)]
        build.send(build.have([owner], 1), owner, group)
    return _quickest(system, [build.work("all-gather")])


def hand_over(system: System, source: Sequence[int], target: Sequence[int], vectors: int) -> Exchange:
    """Return a hand-over: all chips of `source` have the same `vectors`; in the end all of `target` have them.

    Raises TopologyError for groups that share chips.
    """
    return _hand_over(system, *_disjoint(system, source, target), _check_vectors(vectors))


@lru_cache(maxsize=256)
def _hand_over(system: System, source: tuple[int, ...], target: tuple[int, ...], vectors: int) -> Exchange:
    _check_moves(len(target) * vectors)
    gates = [*_gates(system, source, target), deal(system, [source] * vectors, target)]
    return _quickest(system, [_through(each, target, vectors) for each in gates])


def reduce_over(
    system: System, source: Sequence[int], target: Sequence[int], vectors: int, planes: int = PLANES
) -> Exchange:
    """Return a reduction: all of `source` have `vectors` of partial sums; in the end all of `target` have the sums.

    What an all-reduce and a hand-over do, less the hop in which the sources get what only the targets need: the end of
    a stage of a pipeline. Raises TopologyError for groups that share chips.
    """
    groups = _disjoint(system, source, target)
    return _reduce_over(system, *groups, _check_vectors(vectors), _check_planes(planes))


@lru_cache(maxsize=256)
def _reduce_over(
    system: System, source: tuple[int, ...], target: tuple[int, ...], vectors: int, planes: int
) -> Exchange:
    _check_moves((len(source) + len(target)) * vectors)
    works = [_owners_send(system, source, target, plane_groups(vectors, planes))]
    if len(source) * (len(source) - 1) * vectors <= MOST_COMPARED:
        works.append(_anyone_sends(system, source, target, plane_groups(vectors, planes)))
    return _quickest(system, works)


def _owners_send(system: System, source: Sequence[int], target: Sequence[int], groups: Sequence[int]) -> Work:
    """Build a reduce-scatter; the owner of a sum sends it to where it arrives first."""
    owners = [source[number % len(source)] for number in range(len(groups))]
    senders = [[owner] for owner, count in zip(owners, groups, strict=True) for _ in range(count)]
    receivers = iter(deal(system, senders, target))
    build = Builder()
    for owner, count in zip(owners, groups, strict=True):
        partials = [build.have([chip], count) for chip in source]
        for chip, values in zip(source, partials, strict=True):
            build.send(values, chip, [owner])
        for value in build.add(owner, partials):
            build.pass_on(value, next(receivers), target)
    return build.work("reduce-over, scattered")


def _anyone_sends(
    system: System, source: Sequence[int], target: Sequence[int], groups: Sequence[int]
) -> Work:
    """Build work in which all sources get all sums at once, and any of them sends one on."""
    pairs = iter(deal(system, [source] * sum(groups), target))
    build = Builder()
    for count in groups:
        sums = share_sums(build, source, [build.have([chip], count) for chip in source])
        for plane in range(count):
            pair = next(pairs)
            build.pass_on(sums[source.index(pair[0])][plane], pair, target)
    return build.work("reduce-over, direct")


def _disjoint(
    system: System, source: Sequence[int], target: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    groups = system.check_group(source), system.check_group(target)
    if set(groups[0]) & set(groups[1]):
        raise TopologyError("the two groups of a hand-over share chips; take disjoint ones")
    return groups


def _through(gates: Sequence[tuple[int, int]], target: Sequence[int], vectors: int) -> Work:
    """Build transfers from group to group by pairs of chips in turn, and from where they arrive to the rest."""
    build = Builder()
    for vector in range(vectors):
        pair = gates[vector % len(gates)]
        build.pass_on(build.have([pair[0]], 1)[0], pair, target)
    return build.work("hand-over")


def _gates(system: System, source: Sequence[int], target: Sequence[int]) -> Iterator[list[tuple[int, int]]]:
    """Yield pairs of a source and a target that may pass vectors on: the nearest; each source with its nearest."""
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


def _check_vectors(vectors: int) -> int:
    if vectors < 1:
        raise TopologyError(f"{vectors} vectors: an exchange moves at least one")
    return vectors


def _check_planes(planes: int) -> int:
    if planes not in (1, 2, 4):
        raise TopologyError(f"numbers of {planes} bytes are not added; they have 1, 2 or 4")
    return planes
