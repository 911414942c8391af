"""Bars, traces and predictions from given times."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from voice_app.cli.main import app
from voice_app.cli.plan_command import PlanRequest, prediction
from voice_app.core import events
from voice_app.core.stages import DECLARED_S, Estimates, Stage, TurnTimes
from voice_app.observe.waterfall import LONGEST_BAR, chrome_trace, waterfall


def test_the_bars_are_as_long_as_the_stages() -> None:
    """A cell is 10 ms; the mark stands where the budget ends."""
    line = waterfall(
        TurnTimes(dict(zip(Stage, (0.03, 0.06, 0.05, 0.07, 0.04, 0.0, 0.01), strict=True))), 0.3
    ).plain

    assert line == (
        "█" * 26 + "    │ endpoint 30 stt 60 token 50 clause 70 sound 40 hold 0 device 10 = 260 ms"
    )


@given(st.dictionaries(st.sampled_from(Stage), st.floats(0, 60)))
def test_any_turn_fits_on_the_line(spans_s: dict[Stage, float]) -> None:
    """Long turns are drawn to a coarser scale; stages that never happened are left out."""
    line = waterfall(TurnTimes(spans_s), 0.3).plain

    assert line.count("█") <= LONGEST_BAR
    assert line.endswith(f"= {sum(spans_s.values()) * 1000:.0f} ms")


def log() -> list[events.Event]:
    return [
        events.SessionCreated(at_s=0, started="", models={}, persona=""),
        events.DraftCreated(at_s=1, turn=1, revision=1),
        events.TranscriptCompleted(at_s=1.5, turn=1, revision=1, text="x"),
        events.DraftDiscarded(at_s=1.6, turn=1, revision=1),
    ]


def test_a_trace_has_what_a_draft_reached() -> None:
    """Every event is an instant; a stage whose end never came is left out."""
    rows = chrome_trace(log())["traceEvents"]

    (stage,) = [row for row in rows if row["ph"] == "X"]
    assert (stage["name"], stage["ts"], stage["dur"]) == ("stt (turn 1, draft 1)", 1e6, 0.5e6)
    assert len(rows) == 5


def test_the_trace_command_reads_a_log_and_refuses_another_file(tmp_path: Path) -> None:
    """It writes JSON, or one line and exit status 7."""
    source, out = tmp_path / "log.jsonl", tmp_path / "trace.json"
    source.write_text("".join(event.model_dump_json() + "\n" for event in log()))

    assert CliRunner().invoke(app, ["trace", str(source), str(out)]).exit_code == 0
    assert len(json.loads(out.read_text())["traceEvents"]) == 5


def test_a_plan_says_what_is_measured_and_what_is_declared() -> None:
    """Declared tokens replace measured ones; the sum is composed, and no less than the wait for the turn's end."""
    spans_s = (0.05, 0.06, 0.05, 0.05, 0.01)
    estimates = Estimates(dict(zip(DECLARED_S, spans_s, strict=True)), token_s=0.02)
    here = prediction(estimates, PlanRequest(300))
    chip = prediction(estimates, PlanRequest(300, token_ms=1, first_token_ms=5))

    assert here["voice_to_voice_ms"] == pytest.approx(220 + 9 * 20)
    assert (here["meets_it"], here["short_clause_meets_it"]) == (False, False)
    assert here["token_ms_that_would_meet_it"] == pytest.approx(80 / 9, abs=0.01)
    assert here["stages"]["token"] == {"ms": 20.0, "basis": "measured"}  # type: ignore[index]
    assert chip["voice_to_voice_ms"] == pytest.approx(216 + 10)
    assert chip["stages"]["token"] == {"ms": 1.0, "basis": "declared"}  # type: ignore[index]
    assert chip["basis"] == "composed"
