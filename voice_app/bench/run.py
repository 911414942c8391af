"""`voice-app bench`: recorded turns through whole conversations, in real time, with the real models."""

from __future__ import annotations

import json
import os
import platform
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile
import typer
from rich.console import Console
from rich.table import Table

from inference.types import Audio
from voice_app import events
from voice_app.audio.recordings import RecordedTurn
from voice_app.bench.card import measure_card
from voice_app.bench.composed import Durations, measure_composed
from voice_app.bench.disturb import made_noises, measure_disturbed, recorded_noises
from voice_app.bench.report import Session, figures
from voice_app.bench.scenario import ScenarioTurn, bundled, corpus, spoken
from voice_app.budget import Budget
from voice_app.config import Settings
from voice_app.talk import Session as TalkSession
from voice_app.talk import run_session
from voice_app.wiring import build_tts

CUT_IN_LIMIT = 0.02
"""Share of the turns in which the assistant may speak into the user's speech."""


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """What is to be measured."""

    turns: int
    budget_ms: int
    mode: str = "audio"
    """`audio`: files in real time, real models; `card`: the same on a private sound card, in a process of its own;
    `composed`: virtual time, declared durations."""
    token_ms: float | None = None
    """Declared time of a token in composed mode."""
    first_token_ms: float | None = None
    corpus: Path | None = None
    compare: bool = False
    """Whether to measure the same turns with drafting off, too."""
    json: bool = False
    talk_options: tuple[str, ...] = ()
    """Options of `talk` in card mode."""
    echo_db: float | None = None
    """Card mode: how loud the microphone hears the loudspeaker; None: not at all."""
    noise: str = ""
    """Card mode: `made`, or a folder of recordings, with which the conversation is disturbed; empty: none."""


def run_bench(settings: Settings, request: BenchRequest) -> int:
    """Measure and print; return 1 when the 95th percentile misses the budget or cut-ins exceed their limit."""
    if request.mode == "composed":
        return _finish(measure_composed(request.turns, request.budget_ms, _durations(request)), request)
    if request.mode == "card" and request.noise:
        return _finish_disturbed(settings, request)
    said = corpus(request.corpus) if request.corpus else bundled(build_tts(settings))
    turns = [said[number % len(said)] for number in range(request.turns)]
    if request.mode == "card":
        report = measure_card(turns, request.budget_ms, request.talk_options, request.echo_db)
        return _finish({**report, "machine": machine(), "models": settings.models.model_dump()}, request)
    report = measure(settings, turns, request.budget_ms)
    if request.compare:
        serial = settings.model_copy(update={"turn": settings.turn.model_copy(update={"drafting": False})})
        report["without_drafting"] = measure(serial, turns, request.budget_ms)
    return _finish(report, request)


def _finish_disturbed(settings: Settings, request: BenchRequest) -> int:
    """Measure and print a disturbed conversation of `turns` rounds; return 1 when something fooled the assistant."""
    tts = build_tts(settings)

    def say(text: str) -> Audio:
        return spoken(text, tts).sound

    noises = made_noises(say) if request.noise == "made" else recorded_noises(Path(request.noise))
    report = measure_disturbed(request.turns, say, noises, request.echo_db, request.talk_options)
    report |= {"machine": machine(), "models": settings.models.model_dump()}
    if request.json:
        typer.echo(json.dumps(report))
    else:
        show(report)
    return int(bool(report["answered_or_stopped_by"] or report["replies_nobody_asked_for"]))


def _durations(request: BenchRequest) -> Durations:
    given = {"token_s": request.token_ms, "llm_first_token_s": request.first_token_ms}
    return Durations(**{name: value / 1000 for name, value in given.items() if value is not None})


def _finish(report: dict[str, object], request: BenchRequest) -> int:
    if request.json:
        typer.echo(json.dumps(report))
    else:
        show(report)
    return 0 if is_good(report) else 1


def measure(settings: Settings, turns: Sequence[ScenarioTurn], budget_ms: int) -> dict[str, object]:
    """Hold one conversation of these turns; return its figures."""
    log: list[events.Event] = []
    quiet = settings.model_copy(update={"keep_log": False})
    recordings = tuple(RecordedTurn(turn.sound, "reply") for turn in turns)
    start_s, cpu_s = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "reply.wav"
        said = run_session(TalkSession(quiet, recordings, out=wav, listeners=(log.append,)))
        sound, rate_hz = soundfile.read(wav, dtype="float32")
    created = next(event for event in log if isinstance(event, events.SessionCreated))
    lasted_s = log[-1].at_s
    return {
        "mode": "audio",
        **figures(Session(turns, said, log, sound, rate_hz), Budget().scaled(budget_ms / 1000)),
        "ready_s": round(time.perf_counter() - start_s - lasted_s, 2),
        "cpu_s": round(time.process_time() - cpu_s, 1),
        "session_s": round(lasted_s, 1),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "machine": machine(),
        "models": created.models,
    }


def machine() -> dict[str, object]:
    """Return what the figures depend on."""
    names = [line.split(":")[1].strip() for line in _cpu_lines() if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def _cpu_lines() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []


def is_good(report: dict[str, object]) -> bool:
    """Tell whether the 95th percentile keeps within the budget, no turn was missed, and cut-ins are rare."""
    latency, budget_ms, turns = report["voice_to_voice_ms"], report["budget_ms"], report["turns"]
    assert isinstance(latency, dict)
    assert isinstance(budget_ms, float)
    assert isinstance(turns, int)
    late = latency["p95"] is None or latency["p95"] > budget_ms
    return not late and report["missed"] == 0 and int(str(report["cut_ins"])) <= CUT_IN_LIMIT * turns


def show(report: dict[str, object]) -> None:
    """Print the figures as a table, without the machine's details."""
    table = Table(title=f"milliseconds and counts, {report['basis']}, read from the sound", show_header=False)
    for key, value in report.items():
        if key == "stages":
            for name, spans in dict(value).items():  # type: ignore[call-overload]
                table.add_row(f"stage {name}", _plain(spans))
        elif key == "without_drafting":
            table.add_row("without drafting", _plain(dict(value)["voice_to_voice_ms"]))  # type: ignore[call-overload]
        elif key not in ("machine", "models"):
            table.add_row(key, _plain(value))
    Console().print(table)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return " · ".join(f"{name} {number}" for name, number in value.items())
    return str(value)
