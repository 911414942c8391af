"""The latency budget: allotments that add up, estimates that learn, and a plan with its cause."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_app.core.budget import NATURAL_TOKENS, Budget, Estimates, plan
from voice_app.core.stages import SPANS, TurnTimes

spans = st.floats(0.001, 2)


@given(st.floats(0.05, 10))
def test_a_scaled_budget_keeps_its_proportions(total_s: float) -> None:
    """The allotments add up to the total that was asked for."""
    budget = Budget().scaled(total_s)

    assert Budget().total_s == pytest.approx(0.3)
    assert budget.total_s == pytest.approx(total_s)
    assert budget.stt_s / budget.device_s == pytest.approx(Budget().stt_s / Budget().device_s)


def test_a_late_stage_is_named_with_its_excess() -> None:
    """Stages in time, and stages that never happened, are not."""
    times = TurnTimes(0.03, 0.09, 0.045, None, 0.02, 0.0, 0.01)

    assert Budget().over(times) == {"stt_s": pytest.approx(0.03)}


@given(st.lists(spans, min_size=6, max_size=6), st.integers(1, 30))
def test_estimates_approach_what_is_measured(measured: list[float], tokens: int) -> None:
    """After many equal turns the prediction is their time."""
    endpoint, stt, token, clause, sound, device = measured
    times = TurnTimes(endpoint, stt, token, clause, sound, 0.0, device)
    estimates = Estimates()
    for _ in range(80):
        estimates.learn(times, tokens)

    assert estimates.voice_to_voice_s(tokens) == pytest.approx(sum(measured), rel=0.01, abs=1e-4)


def test_a_turn_without_sound_teaches_only_what_it_had() -> None:
    """Spans that never came change nothing."""
    estimates = Estimates()
    estimates.learn(TurnTimes(*[None] * len(SPANS)), 0)

    assert [getattr(estimates, field.name) for field in fields(estimates)][:-1] == [
        getattr(Estimates(), field.name) for field in fields(estimates)
    ][:-1]


def test_the_plan_shortens_the_first_clause_only_when_it_must_and_says_why() -> None:
    """A quick machine speaks in whole clauses; a slow one starts earlier."""
    quick, slow = Estimates(token_s=0.002), Estimates(token_s=0.03)

    assert not plan(Budget(), quick).short_first_clause
    assert plan(Budget(), quick).cause == ""
    assert plan(Budget(), slow).short_first_clause
    assert plan(Budget(), slow).cause == f"predicted {205 + 30 * NATURAL_TOKENS} ms > 300 ms"
