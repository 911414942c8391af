"""Two results of the benchmark side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from voice_app.bench.compare import SavedResult, compare_results, read_result
from voice_app.cli.main import app
from voice_app.core.errors import ResultError

LATENCIES_MS = [280.0, 300.0, 310.0, 320.0, 290.0, 305.0, 295.0, 315.0] * 3


def result(latencies_ms: list[float], cut_ins: int = 0) -> dict[str, Any]:
    """Return what `bench --json` says of turns of these latencies."""
    ordered = sorted(latencies_ms)
    return {
        "basis": "measured",
        "mode": "audio",
        "turns": len(ordered),
        "voice_to_voice_ms": {"p50": ordered[len(ordered) // 2], "p95": ordered[-1]},
        "barge_in_stop_ms": {"p50": 80.0, "p95": 100.0},
        "cut_ins": cut_ins,
        "missed": 0,
        "wer": 0.1,
        "within_budget": 1.0,
        "stages": {"stt": {"p50": 100.0, "p95": 120.0}},
        "each": [{"voice_to_voice_ms": value} for value in latencies_ms],
    }


def saved(folder: Path, name: str, content: object) -> str:
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return str(folder / name)


def loaded(content: dict[str, Any]) -> SavedResult:
    return SavedResult.model_validate(content)


def verdicts(first: dict[str, Any], second: dict[str, Any]) -> dict[str, str]:
    return {row.name: row.verdict for row in compare_results(loaded(first), loaded(second))}


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.0, "same"), (1.01, "same"), (1.5, "worse"), (0.6, "better")]
)
def test_a_latency_is_better_or_worse_only_beyond_chance(factor: float, verdict: str) -> None:
    """One per cent is within what the turns scatter, half as much again is not."""
    found = verdicts(result(LATENCIES_MS), result([value * factor for value in LATENCIES_MS]))

    assert found["voice to voice p50"] == verdict
    assert found["cut_ins"] == found["stage stt p50"] == "same"


def test_shares_within_different_budgets_are_not_compared() -> None:
    """Results of before have the limit of the 95th percentile as their budget."""
    before, now = ({**result(LATENCIES_MS), "budget_ms": budget_ms} for budget_ms in (500.0, 300.0))
    now["within_budget"] = 0.5

    assert verdicts(before, now)["within_budget"] == ""
    assert verdicts(now, {**now, "within_budget": 0.4})["within_budget"] == "worse"


def test_the_interval_holds_the_ratio() -> None:
    """The bootstrap's interval of p50 is around second over first, and narrower than the scatter of the turns."""
    row = compare_results(
        loaded(result(LATENCIES_MS)), loaded(result([value * 2 for value in LATENCIES_MS]))
    )[0]

    assert row.interval is not None
    assert row.interval[0] <= 2.0 <= row.interval[1]
    assert row.interval[1] - row.interval[0] < 0.4


@pytest.mark.parametrize(
    ("second", "status"),
    [
        (result(LATENCIES_MS), 0),
        (result([600.0] * 24), 1),
        (result(LATENCIES_MS, cut_ins=1), 1),
        (result([200.0] * 24), 0),
    ],
)
def test_the_exit_status_tells_whether_the_second_is_worse(
    tmp_path: Path, second: dict[str, Any], status: int
) -> None:
    """1 for later answers and for one more premature endpoint; 0 for the same and for better."""
    paths = [saved(tmp_path, "a.json", result(LATENCIES_MS)), saved(tmp_path, "b.json", second)]

    table = CliRunner().invoke(app, ["bench", "--compare", *paths])
    as_json = CliRunner().invoke(app, ["bench", "--compare", *paths, "--json"])

    assert (table.exit_code, as_json.exit_code) == (status, status)
    assert "voice to voice p95" in table.stdout
    assert bool(json.loads(as_json.stdout)["worse"]) == bool(status)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "Invalid JSON"),
        ("[]", "no result"),
        ("[" * 100_000, "Invalid JSON"),
        ({"basis": "measured"}, "mode: Field required"),
        ({**result(LATENCIES_MS), "stages": {"stt": 3}}, r"stages\.stt"),
        ({**result(LATENCIES_MS), "each": [{"voice_to_voice_ms": "x"}]}, r"each\.0\.voice_to_voice_ms"),
    ],
)
def test_a_file_that_is_no_result_is_one_line(tmp_path: Path, content: object, said: str) -> None:
    """It is named, and what is wrong with it."""
    path = Path(saved(tmp_path, "bad.json", content))
    with pytest.raises(ResultError, match=said) as caught:
        read_result(path)

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(ResultError, match="can't be read"):
        read_result(tmp_path / "none.json")


def test_measured_and_composed_figures_are_not_compared() -> None:
    """Declared times say nothing about a machine's."""
    with pytest.raises(ResultError, match="have no ratio"):
        compare_results(loaded(result(LATENCIES_MS)), loaded({**result(LATENCIES_MS), "basis": "composed"}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(sorted(result(LATENCIES_MS))), JSON)
def test_whatever_stands_in_a_file_is_refused_or_compared(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: object
) -> None:
    """Any JSON in place of any figure: one ResultError, or a table."""
    path = tmp_path_factory.mktemp("fuzz") / "a.json"
    path.write_text(json.dumps({**result(LATENCIES_MS), key: value}))
    try:
        rows = compare_results(read_result(path), loaded(result(LATENCIES_MS)))
    except ResultError:
        return

    assert all(row.verdict in ("", "same", "better", "worse") for row in rows)
