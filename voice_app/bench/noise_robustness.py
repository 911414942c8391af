"""The assistant among echoes, noises and interruptions: `bench --mode card --noise …`, on a private sound card.

A round: the user asks for a story; two noises occur during it; a question interrupts it, and is answered; two noises
follow in the silence. What the loudspeaker did is read from the recording, what the program heard from its log.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from inference.audio import write_audio
from inference.sound_files import read_audio
from inference.types import Audio, Samples
from voice_app.bench.bench_report import percentiles
from voice_app.bench.card import TIMEOUT_S, locate, wait_ready
from voice_app.bench.pulse import CARD_RATE_HZ, FORGETFUL, PulseServer
from voice_app.bench.scenario import AUDIBLE
from voice_app.core import events
from voice_app.core.errors import ScenarioError, SessionError, VoiceAppError
from voice_app.observe.recorder import replay

RATE_HZ = 16_000
STORY = "Please tell me a long story about {}."
HEROES = (
    "a dog and the sea",
    "a king",
    "the moon",
    "a small boat",
    "two friends",
    "a bird",
    "the wind",
    "a bear",
)
QUESTION = "What is the capital of France?"
APART_S = 1.8
"""Between two noises; a hold that is longer counts as a stop."""
STOPPED_S = 0.6
"""A loudspeaker that is silent for so long has stopped."""


@dataclass(slots=True)
class NoiseRecord:
    """The noises played so far and whether each fell into a reply; the questions and interruptions so far."""

    noises: list[tuple[str, bool]] = field(default_factory=list)
    stopped_by: list[str] = field(default_factory=list)
    asked: int = 0
    interruptions: int = 0


def made_noises(say: Callable[[str], Audio]) -> dict[str, Audio]:
    """Return noises made by formula, and one hum in the voice `say`; no recording is among them."""
    rng = np.random.default_rng(0)

    def burst(seconds: float, decay_s: float, low_hz: float, high_hz: float) -> Samples:
        n = round(seconds * RATE_HZ)
        spectrum = np.fft.rfft(rng.standard_normal(n))
        hz = np.fft.rfftfreq(n, 1 / RATE_HZ)
        spectrum[(hz < low_hz) | (hz > high_hz)] = 0
        sound = np.fft.irfft(spectrum, n) * np.exp(-np.arange(n) / (decay_s * RATE_HZ))
        made: Samples = (0.4 * sound / np.abs(sound).max()).astype(np.float32)
        return made

    gap = np.zeros(round(0.15 * RATE_HZ), np.float32)
    cough = np.concatenate([burst(0.25, 0.06, 300, 4000), gap, burst(0.3, 0.08, 250, 3000)])
    typing = np.concatenate([np.concatenate([burst(0.03, 0.004, 1500, 7000), gap]) for _ in range(6)])
    samples = {
        "cough": cough,
        "clap": burst(0.15, 0.02, 500, 7000),
        "knock": np.concatenate([burst(0.12, 0.02, 80, 700), gap, burst(0.12, 0.02, 80, 700)]),
        "typing": typing,
        "hiss": burst(0.7, 5.0, 100, 7500),
        "scrape": burst(0.5, 0.4, 150, 1200),
    }
    made = {name: Audio(sound, RATE_HZ) for name, sound in samples.items()}
    return made | {"hum": Audio(_hum(), RATE_HZ), "mmm": say("Mmm.")}


def _hum() -> Samples:
    """Return a hum of two swells with a rising pitch, lips closed: no harmonic above 900 Hz."""
    t = np.arange(round(0.6 * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(120 + 40 * t) / RATE_HZ
    harmonics = sum(np.sin(k * phase) / k**2 for k in range(1, 6))
    swell = np.abs(np.sin(2 * np.pi * t / 0.6)) ** 0.5
    hum: Samples = (0.15 * swell * harmonics).astype(np.float32)
    return hum


def recorded_noises(folder: Path) -> dict[str, Audio]:
    """Return the sound files of a folder. Raises ScenarioError, AudioError."""
    files = sorted(path for path in folder.glob("*") if path.suffix in (".wav", ".flac", ".ogg", ".mp3"))
    if not files:
        raise ScenarioError(f"{folder}: there is no sound file in it")
    return {path.stem: read_audio(path) for path in files}


def measure_robustness(
    rounds: int,
    say: Callable[[str], Audio],
    noises: dict[str, Audio],
    echo_db: float | None,
    arguments: Sequence[str],
) -> dict[str, object]:
    """Hold a conversation among noises; return its figures.

    Raises AudioDeviceError without PulseAudio, VoiceAppError.
    """
    with tempfile.TemporaryDirectory() as name, PulseServer(echo_db) as card, card.record() as recording:
        folder = Path(name)
        files = {noise: _file(folder, noise, sound) for noise, sound in noises.items()}
        stories = [_file(folder, f"story {hero}", say(STORY.format(hero))) for hero in HEROES]
        question = _file(folder, "question", say(QUESTION))
        command = [sys.executable, "-m", "voice_app", "talk", "--events", str(folder / "log"), *arguments]
        process = subprocess.Popen(command, env=card.env | FORGETFUL, stdout=subprocess.PIPE, text=True)
        try:
            wait_ready(process)
            run = _Run(card, folder / "log", process, NoiseRecord())
            names = list(files)
            for number in range(rounds):
                four = [names[(4 * number + offset) % len(names)] for offset in range(4)]
                _round(run, stories[number % len(stories)], question, [(one, files[one]) for one in four])
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=TIMEOUT_S)
        finally:
            process.kill()
            process.wait()
        log = list(replay(folder / "log"))
        user, speaker = recording.samples().T
    stops_s = stops(user, speaker, len(say(QUESTION).samples) / say(QUESTION).rate_hz)
    return {
        "mode": "card",
        "basis": "measured",
        "echo_db": echo_db,
        **robustness_figures(run.record, log, stops_s),
    }


@dataclass(frozen=True, slots=True)
class _Run:
    card: PulseServer
    log: Path
    process: subprocess.Popen[str]
    record: NoiseRecord

    def logged(self) -> list[events.Event]:
        try:
            return list(replay(self.log))
        except SessionError:
            return []

    def wait(self, holds: Callable[[list[events.Event]], bool], limit_s: float) -> bool:
        """Wait until a condition holds for the log; return False if it does not within `limit_s`."""
        end_s = time.monotonic() + limit_s
        while not holds(self.logged()):
            if self.process.poll() is not None:
                raise VoiceAppError(f"voice-app talk ended with status {self.process.returncode}")
            if time.monotonic() > end_s:
                return False
            time.sleep(0.05)
        return True


def _round(run: _Run, story: Path, question: Path, noises: Sequence[tuple[str, Path]]) -> None:
    record = run.record
    sounds, done = _count(run.logged(), events.PlaybackStarted), _count(run.logged(), events.ResponseDone)
    run.card.play(story).wait()
    record.asked += 1
    run.wait(lambda log: _count(log, events.PlaybackStarted) > sounds, TIMEOUT_S)
    time.sleep(1.0)
    for name, file in noises[:2]:
        _make_noise(run, name, file, done)
    if _count(run.logged(), events.ResponseDone) == done:
        record.interruptions += 1
    run.card.play(question).wait()
    record.asked += 1
    run.wait(lambda log: _count(log, events.ResponseDone) >= done + 2, TIMEOUT_S)
    time.sleep(APART_S)
    for name, file in noises[2:]:
        _make_noise(run, name, file, None)


def _make_noise(run: _Run, name: str, file: Path, done: int | None) -> None:
    """Play a noise; `done` is how many replies had ended before the one it falls into, None in silence."""
    before = run.logged()
    sounding = done is not None and _count(before, events.ResponseDone) == done
    run.card.play(file).wait()
    time.sleep(APART_S)
    after = run.logged()[len(before) :]
    cut = any(isinstance(event, events.ResponseDone) and event.status == "cancelled" for event in after)
    run.record.noises.append((name, sounding))
    if (sounding and cut) or (not sounding and _count(after, events.PlaybackStarted)):
        run.record.stopped_by.append(name)


def robustness_figures(
    record: NoiseRecord, log: Sequence[events.Event], stops_s: Sequence[float]
) -> dict[str, object]:
    """Return the figures of a conversation among noises."""
    answered = _count(log, events.PlaybackStarted)
    holds_s, started_s = [], 0.0
    for event in log:
        if isinstance(event, events.SpeechStarted):
            started_s = event.at_s
        elif isinstance(event, events.SpeechIgnored):
            holds_s.append(event.at_s - started_s)
    return {
        "questions": record.asked,
        "replies": answered,
        "replies_nobody_asked_for": max(0, answered - record.asked),
        "noises_in_silence": sum(not sounding for _, sounding in record.noises),
        "noises_in_replies": sum(sounding for _, sounding in record.noises),
        "answered_or_stopped_by": record.stopped_by,
        "hold_ms": {"count": len(holds_s), **percentiles(holds_s, 50, 95)},
        "barge_ins": record.interruptions,
        "barge_in_stop_ms": {"count": len(stops_s), **percentiles(stops_s, 50, 95)},
        "heard": [event.text for event in log if isinstance(event, events.TranscriptCompleted)],
    }


def stops(user: Samples, speaker: Samples, question_s: float) -> list[float]:
    """Return how long the loudspeaker went on into each question that was spoken over it."""
    loud = np.flatnonzero(np.abs(speaker) > AUDIBLE) / CARD_RATE_HZ
    found = []
    for turn in locate(user, CARD_RATE_HZ):
        over = loud[(loud > turn.start_s) & (loud < turn.end_s)]
        before = loud[(loud > turn.start_s - STOPPED_S) & (loud <= turn.start_s)]
        if abs(turn.end_s - turn.start_s - question_s) < 0.3 and len(before):
            gaps = np.flatnonzero(np.diff(over, append=np.inf) > STOPPED_S)
            found.append(float(over[gaps[0]] - turn.start_s) if len(over) else 0.0)
    return found


def _count(log: Sequence[events.Event], kind: type[events.Event]) -> int:
    return sum(isinstance(event, kind) for event in log)


def _file(folder: Path, name: str, sound: Audio) -> Path:
    path = folder / f"{name}.wav"
    write_audio(path, sound)
    return path
