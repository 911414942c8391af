"""The scheduled network: its constants' hop, links that carry one vector at a time, collectives that deliver."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpu_backend.errors import TopologyError
from lpu_backend.system.collectives import all_gather, all_reduce, hand_over, in_blocks, reduce_over
from lpu_backend.system.network import Exchange, Work, schedule
from lpu_backend.system.reductions import by_nodes, direct, scattered, scattered_nodes
from lpu_backend.system.topology import System, system_of
from lpu_backend.system.wire import WIRE
from tests.lpu_backend.hash_seeds import printed_under_two_seeds

NODE = system_of(8)
ROOT = Path(__file__).parents[2]


def sends_by_link(exchange: Exchange) -> dict[int, list[int]]:
    """Cycles of the Sends of every link, in order."""
    found: dict[int, list[int]] = {}
    for transfer in exchange.transfers:
        for hop in transfer.hops:
            found.setdefault(hop.link, []).append(hop.send_cycle)
    return {link: sorted(cycles) for link, cycles in found.items()}


def test_one_hop_follows_from_the_constants() -> None:
    """A vector from SRAM to a neighbour's SRAM takes the hop of the constants, 650 cycles; 20 more a further vector."""
    assert hand_over(NODE, [0], [1], 1).cycles == WIRE.hop_cycles == 650
    assert hand_over(NODE, [0], [1], 2).cycles == 650 + WIRE.vector_cycles == 670


def test_detours_are_taken_when_they_arrive_earlier() -> None:
    """A hundred vectors to one neighbour: some go by other chips, and all arrive earlier than on the cable alone."""
    exchange = hand_over(NODE, [0], [1], 100)

    assert 0 < exchange.detours < 100
    assert exchange.cycles < 650 + 99 * WIRE.vector_cycles
    assert hand_over(NODE, [0], [1], 10).detours == 0


def test_a_hand_over_uses_the_cables_of_other_nodes() -> None:
    """Two cables join neighbours in a rack; of 104 vectors some go by other nodes, and all are there earlier."""
    system = system_of(576)
    exchange = hand_over(system, range(8), range(8, 16), 104)
    between = {hop.link for transfer in exchange.transfers for hop in transfer.hops}
    nodes = {link // 88 for link in between} | {system.target(link) // 88 for link in between}
    over_two_cables = (
        WIRE.launch_cycles + 51 * WIRE.vector_cycles + 2 * WIRE.flight_cycles + WIRE.landing_cycles
    )

    assert exchange.detours > 0
    assert len(nodes) > 2
    assert exchange.cycles < over_two_cables + WIRE.forward_cycles


@pytest.mark.parametrize("vectors", [1, 7, 40])
def test_no_two_vectors_are_on_a_link_at_once(vectors: int) -> None:
    """Sends of a link are at least a vector apart."""
    system = system_of(24)
    for exchange in (
        all_reduce(system, range(24), vectors),
        hand_over(system, range(8), range(8, 24), vectors),
    ):
        for cycles in sends_by_link(exchange).values():
            gaps = [later - sooner for sooner, later in zip(cycles, cycles[1:], strict=False)]
            assert min(gaps, default=WIRE.vector_cycles) >= WIRE.vector_cycles


def contributions(exchange: Exchange) -> dict[tuple[int, int], frozenset[int]]:
    """(value, chip) → the chips whose partial vectors are in it, from what moved and what was added alone."""
    inside: dict[int, frozenset[int]] = {value: frozenset([chip]) for value, chip in exchange.work.given}
    for each in exchange.work.sums:
        parts = [inside[planes[0]] for planes in each.operands]
        assert sum(map(len, parts)) == len(frozenset().union(*parts)), "nothing is added twice"
        inside.update(dict.fromkeys(each.result, frozenset().union(*parts)))
    where = set(exchange.work.given) | {(move.value, move.target) for move in exchange.work.moves}
    where |= {(value, each.chip) for each in exchange.work.sums for value in each.result}
    return {(value, chip): inside[value] for value, chip in where}


def works(system: System, vectors: int) -> list[Work]:
    """Every algorithm of all-reduce on all chips of a system."""
    group = range(system.chips)
    found = [scattered(group, vectors), direct(group, vectors), by_nodes(system, group, vectors)]
    found += [scattered_nodes(system, group, vectors), scattered(group, vectors, last_direct=1)]
    return [work for work in found if work is not None]


@pytest.mark.parametrize(("chips", "vectors"), [(2, 3), (8, 4), (8, 33), (16, 9), (40, 5)])
def test_after_an_all_reduce_every_chip_has_every_sum(chips: int, vectors: int) -> None:
    """On every chip as many vectors as went in hold the partial sums of all chips, each once."""
    system = system_of(chips)
    for work in works(system, vectors):
        found = contributions(schedule(system, work))
        full = [chip for (_, chip), inside in found.items() if len(inside) == chips]
        assert {chip: full.count(chip) for chip in range(chips)} == dict.fromkeys(range(chips), vectors), (
            work.what
        )


def test_after_a_gathering_or_a_hand_over_every_chip_has_every_vector() -> None:
    """All chips of the group, or of the target, hold all vectors."""
    for exchange, target in (
        (all_gather(NODE, range(8), 13), range(8)),
        (hand_over(system_of(72), range(8), range(40, 48), 13), range(40, 48)),
    ):
        held = set(exchange.work.given) | {(move.value, move.target) for move in exchange.work.moves}
        assert all(sum(chip == each for _, each in held) == 13 for chip in target)


@pytest.mark.parametrize("vectors", [4, 26, 104])
def test_sums_that_another_group_needs_go_there_at_once(vectors: int) -> None:
    """Every chip of the target gets all sums over the source, sooner than by an all-reduce and a hand-over."""
    system, source, target = system_of(72), range(8), range(16, 24)
    exchange = reduce_over(system, source, target, vectors)
    full = [chip for (_, chip), inside in contributions(exchange).items() if inside == frozenset(source)]
    apart = all_reduce(system, source, vectors).cycles + hand_over(system, source, target, vectors).cycles

    assert {chip: full.count(chip) for chip in target} == dict.fromkeys(target, vectors)
    assert exchange.cycles <= apart


def test_a_system_has_a_possible_number_of_chips() -> None:
    """0, 7, 12 and 10,448 chips are refused with what to take instead; groups name chips that are there, once."""
    for chips in (0, -8, 7, 12, 10_448):
        with pytest.raises(TopologyError, match="chips"):
            system_of(chips)
    for group in ([], [0, 0], [8], [-1]):
        with pytest.raises(TopologyError):
            all_reduce(NODE, group, 1)
    with pytest.raises(TopologyError, match="at least one"):
        all_reduce(NODE, range(8), 0)
    with pytest.raises(TopologyError, match="share"):
        hand_over(NODE, [0, 1], [1, 2], 1)


def test_the_quickest_all_reduce_is_chosen() -> None:
    """Few vectors go to everyone at once, many are scattered, with a rest that goes to everyone between the hops."""
    chosen = {vectors: all_reduce(NODE, range(8), vectors) for vectors in (4, 104)}

    assert [exchange.work.what for exchange in chosen.values()] == ["all-reduce, direct", "all-reduce, mixed"]
    for vectors, exchange in chosen.items():
        assert exchange.cycles <= min(schedule(NODE, work).cycles for work in works(NODE, vectors))


@pytest.mark.slow
def test_many_vectors_follow_each_other_in_blocks() -> None:
    """Blocks in a row are what one schedule takes, within 2 %; few vectors are one schedule."""

    def reduce(vectors: int) -> Exchange:
        return all_reduce(NODE, range(8), vectors)

    assert in_blocks(reduce, 104) == reduce(104).cycles
    assert reduce(2400).cycles <= in_blocks(reduce, 2400) * 1.02
    assert in_blocks(reduce, 2400) <= reduce(2400).cycles * 1.02


def test_work_without_end_is_refused() -> None:
    """What would take the host minutes to schedule is refused before it starts."""
    with pytest.raises(TopologyError, match="too many"):
        all_reduce(NODE, range(8), 100_000)
    with pytest.raises(TopologyError, match="too many"):
        all_reduce(system_of(10_440), range(10_440), 4)
    with pytest.raises(TopologyError, match="1, 2 or 4"):
        all_reduce(NODE, range(8), 3, planes=3)


def test_schedules_do_not_depend_on_the_hash_seed() -> None:
    """The digest over every Send is the same in processes with different seeds of hashes."""
    code = (
        "from lpu_backend.system.collectives import all_reduce, hand_over\n"
        "from lpu_backend.system.topology import system_of\n"
        "rack = system_of(72)\n"
        "print(all_reduce(rack, range(72), 4).digest, hand_over(rack, range(8), range(30, 40), 50).digest)"
    )
    assert len(printed_under_two_seeds(code)) == 1
