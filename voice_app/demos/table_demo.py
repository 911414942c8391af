"""`voice-app demo itinerary` and `demo table`: requests spoken, answered on the screen and aloud, with figures."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import typer
from rich.console import Console

from inference.audio import write_audio
from inference.protocols import TextToSpeech
from inference.tts.batch import synthesize
from inference.types import Audio, Voice
from voice_app.core import events
from voice_app.core.errors import OutputError
from voice_app.demos import demo_report as report
from voice_app.demos import modelled
from voice_app.demos.demo_screen import TableView
from voice_app.demos.metered import MeteredLlm
from voice_app.demos.scripts import SCRIPTS, SPEED, ScriptLine
from voice_app.demos.turn_records import TurnRecord, TurnRecorder
from voice_app.io.recordings import RecordedTurn
from voice_app.runtime.engine_set import EngineSet, load, load_text_only
from voice_app.runtime.engines import (
    build_tts,
    chosen_llm,
    llm_of_chip,
    lpu_steps,
    with_models,
)
from voice_app.runtime.host import hold, hold_typed
from voice_app.runtime.plan import Listener as EventListener
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class TableDemo:
    """What is asked of a demonstration."""

    script: str
    backends: tuple[str, ...] = ("llama.cpp",)
    audio: bool = True
    mic: bool = False
    out: Path | None = None
    """Folder for the requests' and the replies' sound and the events; None: the loudspeaker."""
    json: bool = False
    estimates: bool = True


def run_tables(settings: Settings, demo: TableDemo) -> int:
    """Hold the script's turns on every backend, and print the figures; return 1 when a table or a reply failed."""
    settings = settings.model_copy(update={"memory": "off"})
    chip = llm_of_chip(settings)
    systems = _systems(with_models(settings, llm=chip)) if demo.estimates else ()
    settings = with_models(settings, llm=chip if "lpu" in demo.backends else chosen_llm(settings).name)
    console = Console(stderr=demo.json)
    outcomes = []
    for backend in demo.backends:
        console.rule(f"{demo.script} on {backend}")
        outcomes.append(_held(with_models(settings, llm_backend=backend), demo, console))
    rows = [report.outcome_as_json(outcome, systems) for outcome in outcomes]
    if demo.json:
        typer.echo(json.dumps(rows if len(rows) > 1 else rows[0], ensure_ascii=False))
    else:
        console.print(report.backend_table(outcomes))
        if systems:
            console.print(report.modelled_table(outcomes, systems))
    wrong = [f"{outcome.backend}: {fault}" for outcome in outcomes for fault in outcome.faults]
    for fault in wrong:
        typer.echo(f"voice-app: {fault}", err=True)
    return 1 if wrong else 0


def _systems(settings: Settings) -> tuple[modelled.System, ...]:
    large = modelled.large()
    return (modelled.chip(lpu_steps(settings), settings.models.llm), *([large] if large else []))


def _held(settings: Settings, demo: TableDemo, console: Console) -> report.DemoOutcome:
    lines, backend = SCRIPTS[demo.script], settings.models.llm_backend
    said = [line.said for line in lines]
    turns, sound = (
        _spoken(settings, demo, lines, console) if demo.audio else (_typed(settings, said, console), None)
    )
    return report.DemoOutcome(
        backend, settings.models.llm, tuple(turns), len(lines), str(sound) if sound else None
    )


def _typed(settings: Settings, said: list[str], console: Console) -> list[TurnRecord]:
    """Hold the turns without sound."""
    engines, llm = _metered(load_text_only(settings))
    recorder = TurnRecorder(said, llm.works)
    plan = SessionPlan(
        settings.model_copy(update={"keep_log": False}), listeners=(recorder, TableView(console))
    )
    try:
        asyncio.run(hold_typed(plan, said, engines))
    finally:
        engines.close()
    return recorder.turns


def _metered(engines: EngineSet) -> tuple[EngineSet, MeteredLlm]:
    llm = MeteredLlm(engines.llm)
    return replace(engines, llm=llm), llm


def _spoken(
    settings: Settings, demo: TableDemo, lines: tuple[ScriptLine, ...], console: Console
) -> tuple[list[TurnRecord], Path | None]:
    """Hold the turns in a conversation, the requests spoken by the bundled voice or by the user."""
    folder, backend = _folder(demo.out), settings.models.llm_backend
    asked = [] if demo.mic else requests(asking_voice(settings), lines, folder)
    engines, llm = _metered(load(settings))
    recorder, view = TurnRecorder([line.said for line in lines], llm.works), TableView(console)
    sound = folder / f"reply-{backend}.wav" if folder else None
    log = folder / f"events-{backend}.jsonl" if folder else None
    if log:
        log.unlink(missing_ok=True)
    prompter: list[EventListener] = [_Prompter(lines, console)] if demo.mic else []
    listeners: tuple[EventListener, ...] = (recorder, view, *prompter)
    session = SessionPlan(
        settings, tuple(map(RecordedTurn, asked)), out=sound, events_file=log, listeners=listeners
    )
    try:
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(hold(session, engines))
    finally:
        engines.close()
    return recorder.turns, sound


class _Prompter:
    """Shows the user what to say next, and ends the session after the last answer."""

    def __init__(self, lines: tuple[ScriptLine, ...], console: Console) -> None:
        self._left, self._console = list(lines), console

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.SessionCreated) or (
            isinstance(event, events.ResponseDone) and event.status == "completed"
        ):
            if not self._left:
                signal.raise_signal(signal.SIGINT)
                return
            self._console.print(f'say: "{self._left.pop(0).said}"', markup=False)


def asking_voice(settings: Settings) -> TextToSpeech:
    """Load the bundled voice."""
    return build_tts(settings)


def requests(tts: TextToSpeech, lines: Sequence[ScriptLine], folder: Path | None) -> list[Audio]:
    """Return the requests as a voice speaks them; kept in `folder`, where there is one."""
    sounds = []
    for number, line in enumerate(lines, start=1):
        chunks = [chunk.samples for chunk in synthesize(tts, line.for_voice, Voice(SPEED))]
        sounds.append(Audio(np.concatenate(chunks), tts.rate_hz))
        if folder:
            write_audio(folder / f"request-{number}.wav", sounds[-1])
    return sounds


def _folder(out: Path | None) -> Path | None:
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(out, f"can't be made a folder ({error.strerror})") from None
    return out
