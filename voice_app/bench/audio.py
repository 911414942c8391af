"""The benchmark in real time: recorded turns through whole conversations with the real models, on files.

With baselines the same turns are held by several contenders, a few turns each in rotation, so that a machine whose
speed drifts drifts for all of them. They share the loaded models; each has its own chat and its own estimates.
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import soundfile

from voice_app.bench import cascade
from voice_app.bench.bench_report import Targets, turn_figures
from voice_app.bench.measured import MeasuredTurn, SpokenSession, measured
from voice_app.bench.scenario import ScenarioTurn
from voice_app.bench.soak import SoakGauge, soak
from voice_app.core import events
from voice_app.core.errors import VoiceAppError
from voice_app.core.history import History
from voice_app.core.ports import Priority
from voice_app.io.recordings import RecordedTurn, RecordedUser, SpokenTurn
from voice_app.io.speaker import FileSpeaker
from voice_app.observe.recorder import replay
from voice_app.runtime.engine_set import EngineSet, load
from voice_app.runtime.engines import find_model
from voice_app.runtime.host import hold
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import Settings

ROUND_TURNS = 4
"""Turns that a contender holds before the next one has its turn."""


class Contender(Protocol):
    """Something that answers recorded turns."""

    engines: EngineSet
    history: History
    """Of its chat."""

    async def hold(self, turns: Sequence[ScenarioTurn], folder: Path) -> list[MeasuredTurn]:
        """Hold a session of these turns, with its files in a folder; return the measured turns."""
        ...


@dataclass(slots=True)
class Product:
    """The assistant, with these settings."""

    engines: EngineSet
    history: History
    settings: Settings
    gauge: SoakGauge = field(default_factory=SoakGauge)

    async def hold(self, turns: Sequence[ScenarioTurn], folder: Path) -> list[MeasuredTurn]:
        """Hold a session as `talk` would."""
        wav, log = folder / "reply.wav", folder / "events.jsonl"
        recordings = tuple(RecordedTurn(turn.sound, turn.after) for turn in turns)
        session = SessionPlan(
            self.settings,
            recordings,
            out=wav,
            events_file=log,
            listeners=(self.gauge,),
        )
        spoken = await hold(session, self.engines, self.history)
        return _measured(turns, spoken, list(replay(log)), wav)


@dataclass(slots=True)
class SerialCascade:
    """The same models, one after the other. It can't be interrupted: where a turn is said over its reply, the reply is
    switched off instead, and the turn said then."""

    engines: EngineSet
    history: History
    settings: Settings
    whisper: object = None

    async def hold(self, turns: Sequence[ScenarioTurn], folder: Path) -> list[MeasuredTurn]:
        """Hold a session of the cascade."""
        if self.whisper is None:
            models = self.settings.models
            path = find_model(models.stt, "stt").path
            self.whisper = await self.engines.scheduler.session("").call(
                Priority.UPKEEP, lambda: cascade.load_whisper(path, models.threads), on="stt"
            )
        tts, wav, log = self.engines.tts, folder / "reply.wav", list[events.Event]()
        assert tts
        recordings = [RecordedTurn(turn.sound, "reply") for turn in turns]
        user, speaker = RecordedUser(recordings), FileSpeaker(wav)
        parts = cascade.Cascade(self.whisper, self.engines.assistant(history=self.history), tts)
        play_s = [None if turn.after == "reply" else turn.after for turn in [*turns[1:], turns[0]]]
        spoken = await cascade.hold_cascade(parts, user, speaker, log, play_s)
        return _measured(turns, spoken, log, wav)


def _measured(
    turns: Sequence[ScenarioTurn], spoken: Sequence[SpokenTurn], log: Sequence[events.Event], wav: Path
) -> list[MeasuredTurn]:
    sound, rate_hz = soundfile.read(wav, dtype="float32")
    return measured(SpokenSession(turns, spoken, log, sound, rate_hz))


@dataclass(slots=True)
class ContenderResult:
    """What a contender has done so far."""

    turns: list[MeasuredTurn] = field(default_factory=list)
    cpu_s: float = 0.0
    session_s: float = 0.0

    def report(self, targets: Targets) -> dict[str, object]:
        """Return its figures."""
        return {
            **turn_figures(self.turns, targets),
            "cpu_s": round(self.cpu_s, 1),
            "session_s": round(self.session_s, 1),
        }


def measure_audio(
    settings: Settings, turns: Sequence[ScenarioTurn], targets: Targets, baselines: bool
) -> dict[str, object]:
    """Hold these turns; return the figures, with those of the baselines if `baselines` is set."""
    quiet = settings.model_copy(update={"keep_log": False})
    start_s = time.perf_counter()
    engines = load(quiet)
    ready_s = time.perf_counter() - start_s
    product = Product(engines, _new_chat(engines), quiet)
    contenders: dict[str, Contender] = {"product": product}
    if baselines:
        serial = quiet.model_copy(update={"turn": quiet.turn.model_copy(update={"drafting": False})})
        contenders["without_drafting"] = Product(_fresh(engines), _new_chat(engines), serial)
        contenders["serial_cascade"] = SerialCascade(_fresh(engines), _new_chat(engines), quiet)
    try:
        results = asyncio.run(_all(contenders, turns))
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise VoiceAppError("interrupted; no figures of a part of the turns are given") from None
    finally:
        engines.close()
    reports = {name: result.report(targets) for name, result in results.items()}
    report = {"mode": "audio", **reports.pop("product")}
    latencies_ms = [
        turn.answer.latency_s and turn.answer.latency_s * 1000 for turn in results["product"].turns
    ]
    return {
        **report,
        "ready_s": round(ready_s, 2),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "soak": None if baselines else soak(product.gauge.seen, latencies_ms),
        "models": engines.models,
        **({"baselines": compared(report, reports)} if baselines else {}),
    }


def _fresh(engines: EngineSet) -> EngineSet:
    """Return the same models with estimates of their own."""
    return replace(engines, estimates=replace(engines.estimates))


def _new_chat(engines: EngineSet) -> History:
    return History(engines.persona.messages())


def compared(
    product: dict[str, object], baselines: dict[str, dict[str, object]]
) -> dict[str, dict[str, object]]:
    """Return the baselines' figures with how many times as fast the product was, at the median."""
    found = {}
    for name, report in baselines.items():
        theirs_ms, ours_ms = _p50(report), _p50(product)
        times = round(theirs_ms / ours_ms, 2) if theirs_ms and ours_ms else None
        found[name] = {"product_is_faster_by": times, **report}
    return found


def _p50(report: dict[str, object]) -> float | None:
    latency = report["voice_to_voice_ms"]
    assert isinstance(latency, dict)
    return float(latency["p50"]) if latency["p50"] else None


async def _all(contenders: dict[str, Contender], turns: Sequence[ScenarioTurn]) -> dict[str, ContenderResult]:
    """Hold the turns: in one session where there is one contender, else in rounds, each led by another one."""
    results = {name: ContenderResult() for name in contenders}
    names = list(contenders)
    for number, part in enumerate(rounds(turns) if len(names) > 1 else [turns]):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            one, result = contenders[name], results[name]
            cpu_s, start_s = time.process_time(), time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                result.turns += await one.hold(part, Path(folder))
            result.cpu_s += time.process_time() - cpu_s
            result.session_s += time.perf_counter() - start_s
    return results


def rounds(turns: Sequence[ScenarioTurn]) -> Iterator[list[ScenarioTurn]]:
    """Yield the turns a few at a time; one that is said over a reply stays with the turn before it."""
    part: list[ScenarioTurn] = []
    for turn in turns:
        if len(part) >= ROUND_TURNS and turn.after == "reply":
            yield part
            part = []
        part.append(turn)
    if part:
        yield part
