"""Bits that flip on links are put right; a dead cable or chip costs a replay and changes no byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpu_backend.errors import NetworkError, TopologyError
from lpu_backend.system.collectives import all_reduce, hand_over
from lpu_backend.system.faults import Failure, NoisyLinks, noticed_cycle, play_failing, replay, spare_node
from lpu_backend.system.fec import LENGTH, decode, encode
from lpu_backend.system.run_network import random_vectors, run_exchange
from lpu_backend.system.topology import system_of
from lpu_backend.system.verify_network import verify_network
from lpu_backend.system.wire import START, WIRE

RACK = system_of(64, spares=True)
REDUCED = all_reduce(RACK, range(8), 9)
GIVEN = random_vectors(REDUCED.work, 6)
VECTOR = np.random.default_rng(1).integers(0, 256, 320, np.uint8)


def test_a_vector_takes_the_bytes_of_the_constants_on_the_wire() -> None:
    """320 bytes become the 328 of the chip's constants, and come back as they were."""
    assert len(encode(VECTOR)) == WIRE.chip.c2c_vector_bytes == 2 * LENGTH
    assert np.array_equal(decode(encode(VECTOR)).vector, VECTOR)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(min_size=320, max_size=320),
    st.tuples(st.integers(0, 163), st.integers(0, 255)),
    st.tuples(st.integers(0, 163), st.integers(0, 255)),
)
def test_a_wrong_byte_in_each_word_is_put_right(
    data: bytes, even: tuple[int, int], odd: tuple[int, int]
) -> None:
    """Anywhere in the 328 bytes, check bytes included."""
    vector = np.frombuffer(data, np.uint8)
    wire = encode(vector)
    wire[2 * even[0]] ^= even[1]
    wire[2 * odd[0] + 1] ^= odd[1]
    found = decode(wire)

    assert np.array_equal(found.vector, vector)
    assert (found.corrected, found.lost) == ((even[1] > 0) + (odd[1] > 0), False)


@settings(max_examples=300, deadline=None)
@given(
    st.sets(st.integers(0, 163), min_size=2, max_size=3),
    st.lists(st.integers(1, 255), min_size=3, max_size=3),
)
def test_two_or_three_wrong_bytes_of_a_word_are_noticed(places: set[int], flips: list[int]) -> None:
    """They are never taken for a right vector."""
    wire = encode(VECTOR)
    for place, flip in zip(sorted(places), flips, strict=False):
        wire[2 * place] ^= flip

    assert decode(wire).lost


def test_every_burst_of_nine_bits_is_put_right() -> None:
    """Nine neighbouring bits touch two neighbouring bytes, which are of different words."""
    for first in range(0, 8 * 328 - 9, 5):
        wire = encode(VECTOR)
        for bit in range(first, first + 9):
            wire[bit // 8] ^= 1 << bit % 8
        assert np.array_equal(decode(wire).vector, VECTOR)


def test_noise_that_is_corrected_changes_no_byte() -> None:
    """Hundreds of flipped bits in an all-reduce, all put right."""
    noise = NoisyLinks(seed=2, bit_error_rate=2e-5)
    found = run_exchange(REDUCED, GIVEN, noise)

    assert noise.corrected_bytes > 10
    assert noise.lost_vectors == 0
    assert found.same(run_exchange(REDUCED, GIVEN))


def test_noise_that_is_too_much_is_noticed() -> None:
    """A vector that can't be put right is missed by its Receive: nothing goes on with wrong bytes unnoticed."""
    noise = NoisyLinks(seed=2, bit_error_rate=2e-3)
    found = run_exchange(REDUCED, GIVEN, noise)

    assert noise.lost_vectors > 0
    assert found.missed == noise.lost_vectors


@pytest.mark.parametrize("failure", [Failure("link", 2, 20), Failure("chip", 5, 60)])
def test_a_failure_is_noticed_and_replayed_on_the_spare_node(failure: Failure) -> None:
    """Receives find nothing; the idle node gives the same bytes; the cost is reload, alignment and replay."""
    broken = play_failing(REDUCED, GIVEN, failure)
    found = replay(REDUCED, GIVEN, failure)
    used = {hop.link // 11 for transfer in found.exchange.transfers for hop in transfer.hops}

    assert broken.missed > 0
    assert not broken.same(run_exchange(REDUCED, GIVEN))
    assert found.same
    assert found.noticed_cycle == noticed_cycle(REDUCED, failure)
    assert used == set(range(64, 72)), "the work of node 0 is done by node 8"
    assert found.reload_s == pytest.approx(START.host_call_s + WIRE.chip.sram_bytes / START.host_bytes_per_s)
    assert found.cost_s > found.reload_s + found.align_s
    verify_network(found.exchange)


def test_a_chip_that_dies_after_its_last_send_is_noticed_at_the_end() -> None:
    """Nobody waits for it, but its own result is missing."""
    assert noticed_cycle(REDUCED, Failure("chip", 5, 400)) == REDUCED.cycles
    assert noticed_cycle(REDUCED, Failure("chip", 5, REDUCED.cycles)) is None


def test_work_between_nodes_is_replayed_with_one_of_them_on_the_spare() -> None:
    """A hand-over whose target node fails goes to the spare node instead; the other node stays."""
    exchange = hand_over(RACK, range(8), range(16, 24), 12)
    given = random_vectors(exchange.work, 7)
    found = replay(exchange, given, Failure("chip", 17))
    ends = {transfer.move.target // 8 for transfer in found.exchange.transfers}

    assert found.same
    assert ends == {8}
    assert {transfer.move.source // 8 for transfer in found.exchange.transfers} == {0, 8}


def test_without_a_spare_a_dead_cable_is_avoided() -> None:
    """Other ways lead there, later; nothing has to be loaded. A dead chip without a spare is an error."""
    node = system_of(8)
    exchange = all_reduce(node, range(8), 9)
    given = random_vectors(exchange.work, 8)
    failure = Failure("link", 2)
    found = replay(exchange, given, failure)
    dead = failure.links(node)

    assert found.same
    assert found.reload_s == 0
    assert found.exchange.cycles > exchange.cycles
    assert not dead & {hop.link for transfer in found.exchange.transfers for hop in transfer.hops}
    with pytest.raises(TopologyError, match="build it with spares"):
        replay(exchange, given, Failure("chip", 2))


def test_failures_name_what_is_there() -> None:
    """No such cable, no such chip, a cable that the work does not use; and which node is idle."""
    with pytest.raises(TopologyError, match="no cable"):
        replay(REDUCED, GIVEN, Failure("link", 10**6))
    with pytest.raises(TopologyError, match="no chip"):
        replay(REDUCED, GIVEN, Failure("chip", 4000))
    with pytest.raises(NetworkError, match="does not use"):
        replay(REDUCED, GIVEN, Failure("chip", 60))
    assert spare_node(RACK, 0) == 8
    assert spare_node(system_of(72), 0) is None
