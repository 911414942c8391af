"""Where the choice of the language model is told: doctor, plan and bench; and how a preset is asked for."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from voice_app.bench import run as bench_run
from voice_app.cli import doctor
from voice_app.cli.main import app
from voice_app.cli.plan_command import alternatives
from voice_app.runtime.model_choice import Choice, Prospect, pick
from voice_app.runtime.settings import Settings, load_settings

FOUND = (Prospect("good", 28, 0.42), Prospect("quick", 18, 0.28), Prospect("huge", 29, None))
CHOICE = pick(FOUND, "balanced", 0.3)


def test_plan_says_what_each_preset_would_take() -> None:
    """The models with their predictions and answers, and the model of every preset."""
    told = alternatives(CHOICE, Settings())

    assert told["presets"] == {"fast": "quick", "balanced": "good", "smart": "good"}
    assert told["models"] == [
        {"name": "good", "predicted_ms": 420.0, "right_of_30": 28},
        {"name": "quick", "predicted_ms": 280.0, "right_of_30": 18},
        {"name": "huge", "predicted_ms": None, "right_of_30": 29},
    ]


@pytest.mark.parametrize("choice", [None, Choice("named", "named in the settings")])
def test_plan_says_nothing_where_nothing_was_compared(choice: Choice | None) -> None:
    """A model that was named has no alternatives."""
    assert alternatives(choice, Settings()) == {}


def test_doctor_says_which_model_talks_and_measures_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered is told with its reason; where nothing is, what to do."""
    monkeypatch.setattr(doctor, "remembered", lambda settings: CHOICE)
    known = doctor.choice()
    monkeypatch.setattr(doctor, "remembered", lambda settings: None)
    unknown = doctor.choice()

    assert (known.verdict, unknown.verdict) == ("ok", "note")
    assert CHOICE.because in known.found
    assert "voice-app plan" in unknown.todo


def test_bench_reports_the_choice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The JSON has the model, the reason, and what the others would be like; the turns are held with that model."""
    held: list[str] = []

    def measure(settings: Settings, request: bench_run.BenchRequest) -> dict[str, object]:
        held.append(settings.models.llm)
        return {"voice_to_voice_ms": {"p95": 1.0}, "cut_ins": 0, "budget_ms": 300, "missed": 0, "turns": 1}

    monkeypatch.setattr(bench_run, "_measure", measure)
    monkeypatch.setattr(bench_run, "chosen_llm", lambda settings: CHOICE)
    bench_run.run_bench(load_settings(models={"llm": "auto"}), bench_run.BenchRequest(1, 500, json=True))
    report = json.loads(capsys.readouterr().out)

    assert held == ["good"]
    assert (report["llm"], report["because"]) == ("good", CHOICE.because)
    assert [one["name"] for one in report["choices"]] == ["good", "quick", "huge"]


def test_an_unknown_preset_is_refused() -> None:
    """A misspelt preset is an error of the settings."""
    result = CliRunner().invoke(app, ["ask", "Hi", "--preset", "clever"])

    assert "models.preset" in str(result.exception)
