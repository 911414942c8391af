"""`voice-app bench`: turns through whole conversations, the figures printed, the limits enforced."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import typer

from inference.types import Audio
from voice_app.bench.answers.figures import by_model
from voice_app.bench.answers.verdicts import read_verdicts
from voice_app.bench.audio import measure_audio
from voice_app.bench.bench_page import write_bench_page
from voice_app.bench.bench_report import Targets, meets_limits
from voice_app.bench.card import measure_card
from voice_app.bench.composed import measure_composed
from voice_app.bench.machine import busy, machine
from voice_app.bench.noise_robustness import made_noises, measure_robustness, recorded_noises
from voice_app.bench.result_table import print_result
from voice_app.bench.scenario import bundled, corpus, spoken_turn
from voice_app.core.stages import Estimates
from voice_app.runtime.engines import build_tts, chosen_llm, lpu_steps, with_models
from voice_app.runtime.llm_times import LlmTimes, emulated_times, estimated
from voice_app.runtime.model_choice import Choice
from voice_app.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """What is to be measured."""

    turns: int
    p95_limit_ms: int
    """What the benchmark fails on; the budget is the settings'."""
    mode: str = "audio"
    """`audio`: files in real time, real models; `card`: the same on a private sound card, in a process of its own;
    `composed`: virtual time, declared durations."""
    token_ms: float | None = None
    """Declared time of a token in composed mode."""
    first_token_ms: float | None = None
    corpus: Path | None = None
    baselines: bool = False
    """Whether to measure the same turns without drafting and with a serial cascade, too (audio mode)."""
    both: bool = False
    """Whether to measure llama.cpp and the emulated chip, one after the other."""
    json: bool = False
    html: Path | None = None
    """Where to write the result as a page."""
    verdicts: Path | None = None
    """Verdicts of judged answers, to stand beside the latency on the page."""
    talk_options: tuple[str, ...] = ()
    """Options of `talk` in card mode."""
    echo_db: float | None = None
    """Card mode: how loud the microphone hears the loudspeaker; None: not at all."""
    noise: str = ""
    """Card mode: `made`, or a folder of recordings, played into the conversation; empty: none."""
    busy: int = 0
    """How many busy processes run beside it; in composed mode they would change nothing."""


def run_bench(settings: Settings, request: BenchRequest) -> int:
    """Measure and print; return 1 when the 95th percentile or the premature endpoints exceed their limit."""
    settings = settings.model_copy(update={"memory": "off"})
    choice = None
    if request.mode != "composed":
        choice = chosen_llm(with_models(settings, llm_backend="lpu") if request.both else settings)
        settings = with_models(settings, llm=choice.name)
    with busy(request.busy):
        return _run(settings, request, choice)


def _run(settings: Settings, request: BenchRequest, choice: Choice | None) -> int:
    if request.mode == "card" and request.noise:
        report = _measure_robustness(settings, request)
        _print(report, request)
        return int(bool(report["answered_or_stopped_by"] or report["replies_nobody_asked_for"]))
    if request.both:
        return _measure_both(settings, request)
    report = _measure(settings, request)
    if choice:
        report = {**report, "busy": request.busy, "llm": choice.name, "because": choice.because}
        report["choices"] = [one.as_json() for one in choice.prospects]
    if request.html:
        answers = by_model(read_verdicts(request.verdicts)) if request.verdicts else {}
        write_bench_page({**report, "answers": answers}, request.html)
    _print(report, request)
    return 0 if meets_limits(report) else 1


def _measure_both(settings: Settings, request: BenchRequest) -> int:
    """Measure the same turns with llama.cpp and with the emulated chip; JSON has a report of each."""
    reports = {
        name: _measure(with_models(settings, llm_backend=name), request) for name in ("llama.cpp", "lpu")
    }
    if request.json:
        typer.echo(json.dumps(reports))
    else:
        for name, report in reports.items():
            typer.echo(name)
            print_result(report)
    return 0 if all(map(meets_limits, reports.values())) else 1


def _print(report: dict[str, object], request: BenchRequest) -> None:
    if request.json:
        typer.echo(json.dumps(report))
    else:
        print_result(report)


def _measure_robustness(settings: Settings, request: BenchRequest) -> dict[str, object]:
    """Hold a conversation of `turns` rounds among noises."""
    tts = build_tts(settings)

    def say(text: str) -> Audio:
        return spoken_turn(text, tts).sound

    noises = made_noises(say) if request.noise == "made" else recorded_noises(Path(request.noise))
    report = measure_robustness(request.turns, say, noises, request.echo_db, request.talk_options)
    return {**report, "machine": machine(), "models": settings.models.model_dump()}


def _measure(settings: Settings, request: BenchRequest) -> dict[str, object]:
    targets = Targets(settings.turn.budget_ms, request.p95_limit_ms)
    if request.mode == "composed":
        declared, basis = _declared(settings, request)
        report = measure_composed(request.turns, targets, declared)
        return {**report, "emulated": basis} if basis else report
    said = corpus(request.corpus) if request.corpus else bundled(build_tts(settings))
    turns = [said[number % len(said)] for number in range(request.turns)]
    if request.mode == "card":
        report = measure_card(turns, targets, request.talk_options, request.echo_db)
        return {**report, "machine": machine(), "models": settings.models.model_dump()}
    report = measure_audio(settings, turns, targets, request.baselines)
    return {**report, "machine": machine()}


def _declared(settings: Settings, request: BenchRequest) -> tuple[Estimates, dict[str, str]]:
    """Return the times of the stages, and the basis of those that are not just declared."""
    lpu = settings.models.llm_backend == "lpu"
    emulated = emulated_times(lpu_steps(settings)) if lpu else LlmTimes()
    declared, bases = estimated(
        Estimates(), LlmTimes.of_ms(request.token_ms, request.first_token_ms), emulated
    )
    return declared, {name: basis for name, basis in bases.items() if basis == "emulated"}
