"""The proof of a schedule against the play of it: whatever the proof lets pass computes what is meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpu_backend.errors import ExecutionError, NetworkError
from lpu_backend.system.collectives import all_gather, all_reduce, hand_over, reduce_over
from lpu_backend.system.network import Exchange, Hop, Move, Sum, Transfer, Work, schedule
from lpu_backend.system.reductions import by_nodes, direct, scattered, scattered_nodes
from lpu_backend.system.run_network import Bytes, Place, random_vectors, run_exchange
from lpu_backend.system.topology import System, system_of
from lpu_backend.system.topology_file import parse_topology
from lpu_backend.system.verify_network import verify_network

NODE, PAIR, RACK = system_of(8), system_of(16), system_of(72)
SHIFTS = (-700, -20, -1, 1, 7, 20, 300)


def exchanges() -> dict[str, Exchange]:
    """One of every kind, small enough to move every Send of."""
    return {
        "direct": schedule(NODE, direct(range(8), 3)),
        "scattered": schedule(NODE, scattered(range(8), 9)),
        "nodes": schedule(PAIR, by_nodes(PAIR, range(16), 1) or direct([0], 1)),
        "shares": schedule(PAIR, scattered_nodes(PAIR, range(16), 4) or direct([0], 1)),
        "gather": all_gather(RACK, range(4, 12), 9),
        "far": hand_over(RACK, range(8), range(40, 48), 6),
        "over": reduce_over(PAIR, range(8), range(8, 16), 4),
        "detours": hand_over(NODE, [0], [5, 6], 60),
    }


EXCHANGES = exchanges()


def meant(exchange: Exchange, given: dict[Place, Bytes]) -> dict[Place, Bytes]:
    """What has to be where at the end, from the work alone: copies are equal, sums are sums of int32."""
    content = {value: vector for (value, _), vector in given.items()}
    for each in exchange.work.sums:
        numbers = [
            sum(content[value].astype(np.uint32) << (8 * plane) for plane, value in enumerate(planes))
            for planes in each.operands
        ]
        total = np.sum(numbers, axis=0, dtype=np.uint32)
        for plane, value in enumerate(each.result):
            content[value] = (total >> (8 * plane)).astype(np.uint8)
    where = {(move.value, move.target) for move in exchange.work.moves} | set(given)
    where |= {(value, each.chip) for each in exchange.work.sums for value in each.result}
    return {place: content[place[0]] for place in where}


def computes(exchange: Exchange, given: dict[Place, Bytes], wanted: dict[Place, Bytes]) -> bool:
    """Whether playing a schedule leaves the right bytes everywhere, and nothing lost on a link."""
    outcome = run_exchange(exchange, given)
    right = all(np.array_equal(outcome.held.get(place), vector) for place, vector in wanted.items())
    return right and outcome.clean


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_schedule_is_proven_and_computes_what_is_meant(name: str) -> None:
    """Vectors arrive everywhere as they were, sums are the sums of all partial vectors, nothing is lost on the way."""
    exchange = EXCHANGES[name]
    given = random_vectors(exchange.work, 1)

    verify_network(exchange)

    assert computes(exchange, given, meant(exchange, given))


def moved(exchange: Exchange, index: int, hops: list[Hop]) -> Exchange:
    """The same schedule with other cycles or links for one transfer."""
    transfer = exchange.transfers[index]
    landed = hops[-1].receive_cycle + exchange.system.wire.landing_cycles
    changed = Transfer(transfer.move, tuple(hops), landed)
    transfers = [*exchange.transfers[:index], changed, *exchange.transfers[index + 1 :]]
    return replace(exchange, transfers=tuple(transfers), cycles=max(exchange.cycles, landed))


def mutations(exchange: Exchange) -> Iterator[Exchange]:
    """Every Send alone, every hop with its Receive, and every hop with all after it, earlier and later; other links."""
    for index, transfer in enumerate(exchange.transfers):
        hops = list(transfer.hops)
        for at, hop in enumerate(hops):
            for by in SHIFTS:
                alone = replace(hop, send_cycle=hop.send_cycle + by)
                both = replace(alone, receive_cycle=hop.receive_cycle + by)
                rest = [
                    replace(h, send_cycle=h.send_cycle + by, receive_cycle=h.receive_cycle + by)
                    for h in hops[at:]
                ]
                yield moved(exchange, index, [*hops[:at], alone, *hops[at + 1 :]])
                yield moved(exchange, index, [*hops[:at], both, *hops[at + 1 :]])
                yield moved(exchange, index, [*hops[:at], *rest])
            yield moved(exchange, index, [*hops[:at], replace(hop, link=hop.link ^ 1), *hops[at + 1 :]])


def refused(exchange: Exchange) -> bool:
    """Whether the proof fails."""
    try:
        verify_network(exchange)
    except NetworkError:
        return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("name", EXCHANGES)
def test_every_moved_send_that_does_harm_is_caught(name: str) -> None:
    """Every Send of a schedule is moved, alone, with its Receive, with its whole way: what passes computes the same."""
    exchange = EXCHANGES[name]
    given = random_vectors(exchange.work, 2)
    wanted = meant(exchange, given)
    passed = [mutation for mutation in mutations(exchange) if not refused(mutation)]

    assert all(computes(mutation, given, wanted) for mutation in passed)


def test_a_harmless_move_is_not_refused() -> None:
    """The last vector of a hand-over may come later: the proof passes, and the same bytes are there."""
    exchange = hand_over(RACK, range(8), range(40, 48), 6)
    given = random_vectors(exchange.work, 2)
    last = max(range(len(exchange.transfers)), key=lambda index: exchange.transfers[index].landed_cycle)
    hops = [
        replace(hop, send_cycle=hop.send_cycle + 100, receive_cycle=hop.receive_cycle + 100)
        for hop in exchange.transfers[last].hops
    ]

    assert not refused(moved(exchange, last, hops))
    assert computes(moved(exchange, last, hops), given, meant(exchange, given))


def test_a_send_moved_alone_is_always_caught() -> None:
    """One cycle earlier or later, and its Receive finds nothing."""
    exchange = EXCHANGES["scattered"]
    given = random_vectors(exchange.work, 5)
    wanted = meant(exchange, given)
    for index, transfer in enumerate(exchange.transfers):
        for by in (-1, 1):
            hop = replace(transfer.hops[0], send_cycle=transfer.hops[0].send_cycle + by)
            with pytest.raises(NetworkError, match=r"cycle \d+, "):
                verify_network(moved(exchange, index, [hop]))
            assert not computes(moved(exchange, index, [hop]), given, wanted)


def test_a_sum_that_is_issued_too_early_is_caught() -> None:
    """A VXM adds what has landed; and it issues one pass of additions a cycle."""
    exchange = EXCHANGES["scattered"]
    first = min(exchange.sum_cycles)
    early = tuple(cycle - (cycle == first) for cycle in exchange.sum_cycles)
    given = random_vectors(exchange.work, 3)

    with pytest.raises(NetworkError, match="not in SRAM yet"):
        verify_network(replace(exchange, sum_cycles=early))
    assert not computes(replace(exchange, sum_cycles=early), given, meant(exchange, given))


def test_a_schedule_of_other_work_is_refused() -> None:
    """Transfers that are not those of the work, or too few, or an end before the last result."""
    exchange = EXCHANGES["gather"]
    for broken in (
        replace(exchange, transfers=exchange.transfers[1:]),
        replace(exchange, transfers=exchange.transfers[::-1]),
        replace(exchange, cycles=exchange.cycles - 1),
    ):
        with pytest.raises(NetworkError):
            verify_network(broken)


def test_play_needs_every_vector() -> None:
    """A missing or short vector is refused by name."""
    exchange = all_reduce(NODE, range(8), 1)
    given = random_vectors(exchange.work, 4)
    given[exchange.work.given[0]] = np.zeros(16, np.uint8)

    with pytest.raises(ExecutionError, match="320 bytes"):
        run_exchange(exchange, given)


@st.composite
def benches(draw: st.DrawFn) -> System:
    """2 to 7 chips: a tree of cables, and some more."""
    chips = draw(st.integers(2, 7))
    free = {chip: 0 for chip in range(chips)}
    cables = []
    pairs = [(chip, draw(st.integers(0, chip - 1))) for chip in range(1, chips)]
    pairs += draw(st.lists(st.tuples(st.integers(0, chips - 1), st.integers(0, chips - 1)), max_size=4))
    for a, b in pairs:
        if a != b:
            cables.append([a, free[a], b, free[b]])
            free[a], free[b] = free[a] + 1, free[b] + 1
    return parse_topology({"chips": chips, "cables": cables})


@st.composite
def tasks(draw: st.DrawFn) -> tuple[System, Work]:
    """Vectors that go anywhere, from there on to others, and are added with what is there."""
    system = draw(benches())
    chip = st.integers(0, system.chips - 1)
    at = [(value, draw(chip)) for value in range(draw(st.integers(1, 12)))]
    given, moves, sums = list(at), list[Move](), list[Sum]()
    for _ in range(draw(st.integers(1, 15))):
        value, source = draw(st.sampled_from(at))
        target = draw(chip)
        if (value, target) not in at:
            moves.append(Move(value, source, target))
            at.append((value, target))
        beside = sorted({other for other, place in at if place == target})
        if len(beside) > 1 and draw(st.booleans()):
            result = len(at) + len(moves) + 100 + len(sums)
            sums.append(Sum(target, tuple((other,) for other in beside), (result,)))
            at.append((result, target))
    return system, Work("anything", tuple(given), tuple(moves), tuple(sums))


@settings(max_examples=150, deadline=None)
@given(tasks(), st.integers(0, 2**16))
def test_whatever_is_scheduled_is_proven_and_right(task: tuple[System, Work], seed: int) -> None:
    """Any work on any cables: the proof passes, and the play leaves the right bytes everywhere."""
    exchange = schedule(*task)
    vectors = random_vectors(exchange.work, seed)

    verify_network(exchange)

    assert computes(exchange, vectors, meant(exchange, vectors))
