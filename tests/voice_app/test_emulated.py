"""Emulated time is shown beside measured time, labelled, and only where there is one."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
from rich.console import Console

from voice_app.core import events
from voice_app.observe.console import ConsoleView
from voice_app.observe.statistics import emulated


def test_figures_of_the_chip_come_from_its_tokens() -> None:
    """First token and rate are those of the emulated times; without them, or with one token, there are none."""
    assert emulated([0.002, 0.003, 0.004]) == {
        "emulated_ttft_ms": 2.0,
        "emulated_tokens_per_s": 1000.0,
        "emulated_basis": "emulated",
    }
    assert emulated([None, None]) == emulated([0.002]) == emulated([]) == {}


@pytest.mark.parametrize("timed", [True, False])
def test_a_turn_shows_emulated_figures_of_the_spoken_draft(timed: bool) -> None:
    """The line of the chip has the times of the last draft's tokens; a model without programs has no such line."""
    view = ConsoleView(Console(file=io.StringIO(), width=120))
    models = {"llm": "tiny", "llm_backend": "lpu"}
    view(events.SessionCreated(at_s=0.0, started="now", models=models, persona="plain"))
    for revision, step_s in ((1, 1.0), (2, 0.001)):
        for number in range(3):
            at_s = (number + 2) * step_s if timed else None
            view(delta(revision, at_s))
    view(events.TextDone(at_s=1.5, turn=1, revision=2, text="aaa", tokens=3, late_tokens=2 * timed))
    view(events.ResponseDone(at_s=2.0, turn=1, revision=2, status="completed"))
    shown = view.console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.splitlines()[0] == "ready"
    assert "the emulated LPU computes the tokens" in shown
    line = "2.0 ms to the first token, 1000.0 tokens/s (emulated); 2 of 3 came later here"
    assert (line in shown) == timed


def delta(revision: int, emulated_s: float | None) -> events.ResponseTextDelta:
    return events.ResponseTextDelta(
        at_s=1.0, turn=1, revision=revision, delta="a", token_id=1, emulated_s=emulated_s
    )


@pytest.mark.model
def test_a_question_is_answered_by_the_emulated_chip() -> None:
    """`ask --llm lpu` answers sensibly; its times are labelled as measured, and none is invented for the chip."""
    command = [
        sys.executable,
        "-m",
        "voice_app",
        "ask",
        "--llm",
        "lpu",
        "--json",
        "What is the capital of France?",
    ]
    row = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert "Paris" in row["text"]
    assert (row["llm"], row["basis"]) == ("lpu", "measured")
    assert ("emulated_ttft_ms" in row) == (row.get("emulated_basis") == "emulated")


def test_an_unknown_backend_is_refused() -> None:
    """`--llm` takes llama.cpp or lpu; anything else is a setting that can't be used."""
    command = [sys.executable, "-m", "voice_app", "ask", "--llm", "gpu", "Hello?"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 3
    assert "llm_backend" in result.stderr
    assert "Traceback" not in result.stderr
