"""`voice-app plan`: what voice-to-voice time to expect, before anybody speaks, and what would meet the budget."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import typer
from rich.console import Console
from rich.table import Table

from voice_app.budget import NATURAL_TOKENS, SHORT_TOKENS, Budget, Estimates
from voice_app.config import Settings
from voice_app.wiring import build_assistant

CLAIM = (
    "claim, not measured: each 100 ms costs 8 % of engagement on desktops and 34 % on mobiles "
    "(as quoted in talks on Groq's chip)"
)


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What is asked: the budget, and declared times of a language model that does not run here."""

    budget_ms: int
    token_ms: float | None = None
    first_token_ms: float | None = None
    json: bool = False


def run_plan(settings: Settings, request: PlanRequest) -> int:
    """Calibrate this machine, print the prediction, and return 1 when it misses the budget."""
    assistant = build_assistant(settings)
    assistant.close()
    chosen = {"llm": assistant.models["llm"], "because": assistant.because}
    report = {**chosen, **prediction(assistant.engines.estimates, request)}
    if request.json:
        typer.echo(json.dumps(report))
    else:
        show(report)
    return 0 if report["short_clause_meets_it"] else 1


def prediction(estimates: Estimates, request: PlanRequest) -> dict[str, object]:
    """Return the predicted split; every number has its basis."""
    declared = {
        name: value / 1000
        for name, value in (("token_s", request.token_ms), ("llm_first_token_s", request.first_token_ms))
        if value is not None
    }
    used = replace(estimates, **declared)  # type: ignore[arg-type]
    budget_s = Budget().scaled(request.budget_ms / 1000).total_s
    calibrated = ("stt_s", "token_s", "tts_first_sound_s")
    stages = {
        name.removesuffix("_s"): {
            "ms": round(getattr(used, name) * 1000, 1),
            "basis": "declared" if name in declared or name not in calibrated else "measured",
        }
        for name in ("endpoint_s", "stt_s", "llm_first_token_s", "token_s", "tts_first_sound_s", "device_s")
    }
    natural_s, short_s = used.voice_to_voice_s(NATURAL_TOKENS), used.voice_to_voice_s(SHORT_TOKENS)
    token_s = used.token_s - max(0.0, natural_s - budget_s) / NATURAL_TOKENS
    return {
        "basis": "composed",
        "budget_ms": request.budget_ms,
        "stages": stages,
        "voice_to_voice_ms": round(natural_s * 1000, 1),
        "voice_to_voice_with_a_short_first_clause_ms": round(short_s * 1000, 1),
        "meets_it": natural_s <= budget_s,
        "short_clause_meets_it": short_s <= budget_s,
        "token_ms_that_would_meet_it": round(token_s * 1000, 2) if token_s > 0 else None,
        "engagement": CLAIM,
    }


def show(report: dict[str, object]) -> None:
    """Print the prediction."""
    table = Table(title="predicted voice to voice, milliseconds")
    for name in ("stage", "ms", "basis"):
        table.add_column(name)
    stages = report["stages"]
    assert isinstance(stages, dict)
    for name, stage in stages.items():
        table.add_row(name, str(stage["ms"]), stage["basis"])
    for name, value in report.items():
        if name not in ("stages", "basis", "engagement", "llm", "because"):
            table.add_row(name.replace("_", " "), str(value), "composed")
    console = Console()
    console.print(f"language model {report['llm']}: {report['because']}", highlight=False)
    console.print(table)
    console.print(str(report["engagement"]), highlight=False)
