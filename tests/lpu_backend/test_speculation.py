"""Guessing ahead and many samples: the laws of the models."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpu_backend.errors import EstimateError
from lpu_backend.estimate.speculation import (
    best_draft,
    needed_acceptance,
    pipelined_samples_s,
    speculate,
)

SHARE = st.floats(0, 1)
COST = st.floats(0.001, 2)


@given(st.integers(0, 64), SHARE, COST)
def test_a_round_makes_one_to_all_tokens(guesses: int, acceptance: float, cost: float) -> None:
    """At least the large model's own, at most every guess and that one."""
    found = speculate(guesses, acceptance, cost)

    assert 1 <= found.tokens_a_round <= guesses + 1 + 1e-9


def test_expected_tokens_are_those_of_a_simulation() -> None:
    """Guesses are accepted one after the other, up to the first that is not."""
    rng, rounds = random.Random(5), 40_000
    made = 0
    for _ in range(rounds):
        accepted = 0
        while accepted < 4 and rng.random() < 0.7:
            accepted += 1
        made += accepted + 1

    assert made / rounds == pytest.approx(speculate(4, 0.7, 0.1).tokens_a_round, rel=0.01)


@given(SHARE, COST)
def test_guessing_is_never_worse_than_not_guessing(acceptance: float, cost: float) -> None:
    """No draft is a draft of length 0; hopeless ones are not made."""
    assert best_draft(acceptance, cost).speedup >= 1
    assert best_draft(0.0, cost).draft_tokens == 0


@given(st.floats(1.1, 8), st.floats(0, 0.3))
def test_the_acceptance_that_is_needed_is_the_least(speedup: float, cost: float) -> None:
    """With it the gain is there, with a ten-thousandth less it is not; None where nothing gains so much."""
    found = needed_acceptance(speedup, cost)
    if found is None:
        assert best_draft(1.0, cost).speedup < speedup
        return
    assert found.speedup >= speedup
    assert found.acceptance == 0 or best_draft(found.acceptance - 1e-4, cost).speedup < speedup


def test_samples_are_free_until_the_pipeline_is_full() -> None:
    """Ten stages of a millisecond: ten answers take the time of one, twenty that of two."""
    one, ten, twenty = (pipelined_samples_s(samples, 100, 0.01, 0.001) for samples in (1, 10, 20))

    assert one == ten == 1.0
    assert twenty == 2.0


def test_what_is_no_probability_is_refused() -> None:
    """In one line."""
    with pytest.raises(EstimateError, match="probability"):
        speculate(4, 1.5, 0.1)
    with pytest.raises(EstimateError, match="guesses"):
        speculate(-1, 0.5, 0.1)
