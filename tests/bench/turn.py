"""How long a spoken turn takes: recorded questions through the whole conversation, in real time, real models.

    python -m tests.bench.turn [--turns 20] [--corpus DIR] [--model NAME] [--json] [--out DIR]

Prints p50 and p95 of every stage from the session's events, and the time from the true end of the user's speech to
the first audible sample as read from the sound that was written. All times are measured on this machine. The
questions are synthesised by the default voice, or the recordings of a corpus with a manifest.jsonl.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import resource
import tempfile
import time
from pathlib import Path
from threading import Event

import numpy as np
import soundfile

from inference.audio import read_audio
from inference.types import Audio
from tests.bench.persona import questions
from voice_app import events
from voice_app.audio.recordings import RecordedTurn
from voice_app.config import load_settings
from voice_app.stages import SPANS, TurnTimes, turn_times
from voice_app.talk import Session, run_session
from voice_app.wiring import build_tts

AUDIBLE = 10 ** (-50 / 20)


def synthesised(count: int) -> list[Audio]:
    """Return the first questions of the set `report`, each cut at its last audible sample."""
    tts = build_tts(load_settings())
    sounds = []
    for question in questions("report")[:count]:
        samples = np.concatenate([chunk.samples for chunk in tts.stream(question.text, Event())])
        sounds.append(Audio(samples[: np.flatnonzero(np.abs(samples) > AUDIBLE)[-1] + 1], tts.rate_hz))
    return sounds


def recorded(corpus: Path, count: int) -> list[Audio]:
    """Return recordings of a corpus, cut at the end of speech that its manifest marks."""
    rows = [json.loads(line) for line in (corpus / "manifest.jsonl").read_text().splitlines()]
    sounds = []
    for row in rows[:count]:
        audio = read_audio(corpus / row["file"])
        sounds.append(Audio(audio.samples[: round(row["speech_end_s"] * audio.rate_hz)], audio.rate_hz))
    return sounds


def percentiles(values: list[float]) -> dict[str, float]:
    """Return p50 and p95 in milliseconds."""
    low, high = np.percentile(np.array(values) * 1000, [50, 95]) if values else (np.nan, np.nan)
    return {"p50": round(float(low), 1), "p95": round(float(high), 1)}


def onsets(wav: Path) -> list[float]:
    """Return when each reply starts in the sound written: audible after at least a second of silence."""
    samples, rate_hz = soundfile.read(wav, dtype="float32")
    loud = np.flatnonzero(np.abs(samples) > AUDIBLE)
    first = np.flatnonzero(np.diff(loud, prepend=-rate_hz * 2) > rate_hz)
    return [float(loud[index] / rate_hz) for index in first]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--model", default=None)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sounds = recorded(options.corpus, options.turns) if options.corpus else synthesised(options.turns)
    log: list[events.Event] = []
    ready: list[float] = []

    def listen(event: events.Event) -> None:
        log.append(event)
        if isinstance(event, events.SessionCreated):
            ready.append(time.perf_counter())

    folder = options.out or Path(tempfile.mkdtemp())
    wav = folder / "reply.wav"
    settings = load_settings(keep_log=False, **({"models": {"llm": options.model}} if options.model else {}))
    turns = tuple(RecordedTurn(sound, "reply") for sound in sounds)
    start_s = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        run_session(Session(settings, turns, out=wav, listeners=(listen,)))
    report = summary(log, onsets(wav), len(sounds))
    report["ready_s"] = round(ready[0] - start_s, 2)
    report["peak_rss_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    report["cpu_s"] = round(time.process_time(), 1)
    show(report, as_json=options.json)


def summary(log: list[events.Event], sounds_s: list[float], asked: int) -> dict[str, object]:
    """Return the figures of a session's log and of the onsets in its sound."""
    numbers = sorted({event.turn for event in log if event.turn})
    times = [turn_times(log, number) for number in numbers]
    ends_s = {event.turn: event.speech_end_s for event in log if isinstance(event, events.TurnCommitted)}
    heard = [min((s - end for s in sounds_s if s > end), default=np.nan) for end in ends_s.values() if end]
    early = [number for number in numbers if _sound_before_text_end(log, number)]
    return {
        "basis": "measured",
        "turns": asked,
        "answered": sum(one.voice_to_voice_s is not None for one in times),
        "stages_ms": {
            name.removesuffix("_s"): percentiles(_known(times, name)) for name in (*SPANS, "decision_s")
        },
        "decision_to_sound_ms": percentiles(_known(times, "decision_to_sound_s")),
        "voice_to_voice_ms": percentiles(_known(times, "voice_to_voice_s")),
        "voice_to_voice_in_the_sound_ms": percentiles([float(v) for v in heard if v < 10]),
        "sound_before_the_reply_was_written": len(early),
    }


def _known(times: list[TurnTimes], name: str) -> list[float]:
    return [value for one in times if (value := getattr(one, name)) is not None]


def _sound_before_text_end(log: list[events.Event], number: int) -> bool:
    at = {type(event): event.at_s for event in reversed(log) if event.turn == number}
    return at.get(events.PlaybackStarted, np.inf) < at.get(events.TextDone, -np.inf)


def show(report: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report))
        return
    for key, value in report.items():
        print(f"{key:36}", value)


if __name__ == "__main__":
    main()
