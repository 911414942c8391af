"""The assistant talking with itself: questions in the bundled voice, heard and answered in real time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from inference.audio import write_audio
from inference.tts.batch import synthesize
from inference.types import Audio
from voice_app.core.errors import SessionError
from voice_app.core.events import Event
from voice_app.core.stages import Stage, turn_times
from voice_app.io.recordings import RecordedTurn
from voice_app.observe.console import ConsoleView
from voice_app.runtime.engines import build_tts
from voice_app.runtime.host import run_session
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import Settings

QUESTIONS = (
    "What is the capital of France?",
    "How many days are there in a week?",
    "Which planet do we live on?",
    "What do bees make?",
)


def run_demo(settings: Settings, out: Path) -> int:
    """Hold the conversation; write questions, the replies' sound and the events to `out`; return 1 when it failed."""
    console, settings = Console(), settings.model_copy(update={"memory": "off"})
    turns = tuple(RecordedTurn(path, "reply") for path in _questions(settings, out))
    view = ConsoleView(console, settings.turn.budget_ms / 1000)
    reply, log = out / "reply.wav", out / "events.jsonl"
    log.unlink(missing_ok=True)
    run_session(SessionPlan(settings, turns, out=reply, events_file=log, listeners=(view,)))
    console.print(_table(view.turns))
    console.print(f"Sound: {reply} (starts at `ready`) · events: {log}", highlight=False)
    answered = [
        turn for turn in view.turns if turn[-1].turn and turn_times(turn, turn[-1].turn).voice_to_voice_s
    ]
    return 0 if len(answered) == len(QUESTIONS) and not view.failed else 1


def _questions(settings: Settings, out: Path) -> list[Path]:
    """Return the questions as WAV files, spoken once and kept in `out`."""
    paths = [out / f"question-{number}.wav" for number in range(1, len(QUESTIONS) + 1)]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SessionError(out, f"can't be made a folder ({error.strerror})") from None
    if not all(path.is_file() for path in paths):
        tts = build_tts(settings)
        for path, text in zip(paths, QUESTIONS, strict=True):
            sound = np.concatenate([chunk.samples for chunk in synthesize(tts, text)])
            write_audio(path, Audio(sound, tts.rate_hz))
    return paths


def _table(turns: list[list[Event]]) -> Table:
    """Return the stages of all turns, in milliseconds as measured on this machine."""
    table = Table(title="milliseconds, measured on this machine")
    for name in ("turn", *(stage.label for stage in Stage), "voice to voice"):
        table.add_column(name, justify="right")
    for turn in turns:
        number = turn[-1].turn
        times = turn_times(turn, number)
        spans = [*(times.spans_s.get(stage) for stage in Stage), times.voice_to_voice_s]
        table.add_row(str(number), *("-" if span is None else f"{span * 1000:.0f}" for span in spans))
    return table
