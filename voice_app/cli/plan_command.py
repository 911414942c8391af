"""`voice-app plan`: what voice-to-voice time to expect, before anybody speaks, and what would meet the budget."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import typer
from rich.console import Console
from rich.table import Table

from inference.errors import ModelError
from lpu_backend.errors import LpuError
from lpu_backend.estimate.estimate import Estimate, Question
from lpu_backend.estimate.estimate_report import as_json
from lpu_backend.estimate.shapes import published_models
from lpu_backend.estimate.smallest import smallest_system
from voice_app.core.endpointing import EndpointLimits
from voice_app.core.ports import FRAME_S
from voice_app.core.stages import NATURAL_TOKENS, SHORT_TOKENS, Estimates, Stage
from voice_app.runtime.engine_set import load
from voice_app.runtime.engines import CALIBRATED, lpu_steps, with_models
from voice_app.runtime.llm_times import CHAT_TOKENS, TURN_TOKENS, UNKNOWN, LlmTimes, emulated_times, estimated
from voice_app.runtime.model_choice import Choice, by_use, pick
from voice_app.runtime.settings import AUTO, PRESETS, Settings

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
    if settings.models.llm_backend == "lpu" and settings.models.llm in published_models():
        return run_system_plan(settings, request)
    emulated = emulated_times(lpu_steps(settings)) if settings.models.llm_backend == "lpu" else LlmTimes()
    engines = load(with_models(settings, llm_backend="llama.cpp"))
    engines.close()
    chosen = {"llm": engines.models["llm"], "because": engines.because}
    report = {
        **chosen,
        **prediction(engines.estimates, request, emulated),
        **alternatives(engines.choice, settings),
    }
    if request.json:
        typer.echo(json.dumps(report))
    else:
        print_plan(report)
    return 0 if report["short_clause_meets_it"] else 1


def alternatives(choice: Choice | None, settings: Settings) -> dict[str, object]:
    """Return what talking with the installed models would be like, and which of them each preset takes."""
    if choice is None or not choice.prospects:
        return {}
    budget_s = settings.turn.budget_ms / 1000
    return {
        "models": [one.as_json() for one in choice.prospects],
        "presets": {preset: pick(choice.prospects, preset, budget_s).name for preset in PRESETS},
        "uses": by_use(settings),
    }


def run_system_plan(settings: Settings, request: PlanRequest) -> int:
    """Find the smallest system of chips with which a model of any size meets the budget on this host's other stages.

    Print it; return 1 where no system does. Raises ModelError.
    """
    engines = load(with_models(settings, llm_backend="llama.cpp", llm=AUTO))
    engines.close()
    estimates = engines.estimates
    question = system_question(settings.models.llm, settings.models.context_tokens)
    with lpu_errors():
        found, meets = smallest_system(
            question,
            lambda one: bool(prediction(estimates, request, system_times(one))["short_clause_meets_it"]),
        )
    times = system_times(found)
    report = {
        "llm": settings.models.llm,
        "because": "the smallest system that meets the budget"
        if meets
        else "no system meets the budget: " + SLOW,
        **prediction(estimates, request, times),
        "system": as_json(found),
    }
    if request.json:
        typer.echo(json.dumps(report))
    else:
        print_plan({key: value for key, value in report.items() if key != "system"})
        typer.echo(describe_system(found))
    return 0 if meets else 1


SLOW = "speech to text, speech and the wait for the turn's end take too long without it"


def system_question(name: str, context_tokens: int) -> Question:
    """Return what is asked of a system for a spoken turn: a few new tokens after a chat in the cache."""
    model = published_models()[name]
    context = min(context_tokens, model.context)
    return Question(model=model, chips=1, context=context, prompt=TURN_TOKENS, cached=CHAT_TOKENS)


def system_times(found: Estimate) -> LlmTimes:
    """Return what a system takes, the hosts' links included."""
    return LlmTimes(found.tpot_s, found.ttft_s)


def describe_system(found: Estimate) -> str:
    """Return a system in a few words."""
    question, per_user = found.question, 1 / found.tpot_s
    return (
        f"{question.chips} chips ({found.system.name}) in groups of {found.partition.tp_degree}, "
        f"{found.watts:,.0f} W: {found.ttft_s * 1e3:.2f} ms to the first token, {per_user:,.0f} tokens/s a user with "
        f"{question.context:,} tokens of context (emulated)"
    )


@contextmanager
def lpu_errors() -> Iterator[None]:
    """Turn errors of the chips into those of a model."""
    try:
        yield
    except LpuError as error:
        raise ModelError(str(error)) from error


def prediction(estimates: Estimates, request: PlanRequest, emulated: LlmTimes = UNKNOWN) -> dict[str, object]:
    """Return the predicted split; every number has its basis. Declared times take precedence over `emulated` ones.

    The work and the wait for the turn's end overlap: however quick the work, no reply sounds before the decision.
    """
    declared = LlmTimes.of_ms(request.token_ms, request.first_token_ms)
    used, bases = estimated(estimates, declared, emulated)
    bases = {**dict.fromkeys(CALIBRATED, "measured"), **bases}
    budget_s = request.budget_ms / 1000
    stages = {
        name: {"ms": round(seconds * 1000, 1), "basis": bases.get(name, "declared")}
        for name, seconds in used.by_name().items()
    }
    decision_s = EndpointLimits().finished_s + FRAME_S / 2
    stages["decision"] = {"ms": round(decision_s * 1000, 1), "basis": "declared"}
    soonest_s = decision_s + used.spans_s[Stage.DEVICE]
    natural_s, short_s = (
        max(used.voice_to_voice_s(tokens), soonest_s) for tokens in (NATURAL_TOKENS, SHORT_TOKENS)
    )
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


def print_plan(report: dict[str, object]) -> None:
    """Print the prediction."""
    table = Table(title="predicted voice to voice, milliseconds")
    for name in ("stage", "ms", "basis"):
        table.add_column(name)
    stages = report["stages"]
    assert isinstance(stages, dict)
    for name, stage in stages.items():
        table.add_row(name, str(stage["ms"]), stage["basis"])
    for name, value in report.items():
        if name not in ("stages", "basis", "engagement", "llm", "because", "models", "presets", "uses"):
            table.add_row(name.replace("_", " "), str(value), "composed")
    console = Console()
    console.print(f"language model {report['llm']}: {report['because']}", highlight=False)
    console.print(table)
    presets = report.get("presets")
    if isinstance(presets, dict):
        console.print(
            "; ".join(f"{preset} takes {name}" for preset, name in presets.items()), highlight=False
        )
    uses = report.get("uses")
    if isinstance(uses, dict) and len(set(uses.values())) > 1:
        console.print("; ".join(f"where {use}: {name}" for use, name in uses.items()), highlight=False)
    console.print(str(report["engagement"]), highlight=False)
