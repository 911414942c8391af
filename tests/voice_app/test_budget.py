"""The latency budget: allotments that add up, estimates that learn, and a plan with its cause."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_app.core.stages import DECLARED_S, NATURAL_TOKENS, Budget, Estimates, Stage, TurnTimes, plan

spans = st.floats(0.001, 2)


@given(st.floats(0.05, 10))
def test_a_budget_keeps_its_proportions(total_s: float) -> None:
    """The allotments add up to the total that was asked for; waiting has none."""
    usual, allotted = Budget().allotments_s, Budget(total_s).allotments_s

    assert sum(usual.values()) == pytest.approx(0.3)
    assert sum(allotted.values()) == pytest.approx(total_s)
    assert allotted[Stage.STT] / allotted[Stage.DEVICE] == pytest.approx(
        usual[Stage.STT] / usual[Stage.DEVICE]
    )
    assert set(Stage) - set(allotted) == {Stage.HOLD}


def test_a_late_stage_is_named_with_its_excess() -> None:
    """Stages in time, stages that never happened, and waiting are not."""
    times = TurnTimes({Stage.ENDPOINT: 0.03, Stage.STT: 0.09, Stage.LLM_FIRST_TOKEN: 0.045, Stage.HOLD: 9.0})

    assert Budget().over(times) == {Stage.STT: pytest.approx(0.03)}
    assert Budget().over(TurnTimes({Stage.STT: 1.06 - 1.0})) == {}


@given(st.lists(spans, min_size=7, max_size=7), st.integers(1, 30))
def test_estimates_approach_what_is_measured(measured: list[float], tokens: int) -> None:
    """After many equal turns the prediction is their time, but for what was waiting."""
    times = TurnTimes(dict(zip(Stage, measured, strict=True)))
    estimates = Estimates()
    for _ in range(80):
        estimates.learn(times, tokens)

    work_s = sum(measured) - times.spans_s[Stage.HOLD]
    assert estimates.voice_to_voice_s(tokens) == pytest.approx(work_s, rel=0.01, abs=1e-4)


def test_a_turn_without_sound_teaches_only_what_it_had() -> None:
    """Spans that never came change nothing."""
    estimates = Estimates()
    estimates.learn(TurnTimes({}), 0)

    assert estimates == Estimates(seen=1)


def test_a_copy_of_estimates_learns_alone() -> None:
    """Sessions that start from one calibration have averages of their own."""
    first = Estimates()
    replace(first).learn(TurnTimes(dict.fromkeys(Stage, 1.0)), 5)

    assert first == Estimates()


def test_estimates_have_the_names_of_the_stages() -> None:
    """In their order, a token in place of the first clause; what is not given is declared."""
    estimates = Estimates({Stage.STT: 0.5}, token_s=0.02)

    assert list(estimates.by_name()) == [
        "endpoint",
        "stt",
        "llm_first_token",
        "token",
        "tts_first_sound",
        "device",
    ]
    assert (estimates.by_name()["stt"], estimates.by_name()["token"]) == (0.5, 0.02)
    assert estimates.spans_s[Stage.DEVICE] == DECLARED_S[Stage.DEVICE]


def test_the_plan_shortens_the_first_clause_only_when_it_must_and_says_why() -> None:
    """A quick machine speaks in whole clauses; a slow one starts earlier."""
    quick, slow = Estimates(token_s=0.002), Estimates(token_s=0.03)

    assert not plan(Budget(), quick).short_first_clause
    assert plan(Budget(), quick).cause == ""
    assert plan(Budget(), slow).short_first_clause
    assert plan(Budget(), slow).cause == f"predicted {205 + 30 * NATURAL_TOKENS} ms > 300 ms"
