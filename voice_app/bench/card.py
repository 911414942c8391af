"""The benchmark on a sound card: `talk` as a process of its own, both sides recorded on one clock."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inference.audio import write_audio
from inference.types import Samples
from voice_app.bench.bench_report import Targets, turn_figures
from voice_app.bench.measured import SpokenSession, measured
from voice_app.bench.pulse import CARD_RATE_HZ, FORGETFUL, PulseServer
from voice_app.bench.scenario import AUDIBLE, ScenarioTurn
from voice_app.core import events
from voice_app.core.errors import VoiceAppError
from voice_app.io.recordings import SpokenTurn
from voice_app.observe.recorder import replay

TIMEOUT_S = 12.0
"""How long to wait for a reply that does not come."""
REPLY_LIMIT_S = 60.0
GAP_S = 0.7
"""Between the end of a reply and the next turn."""
TURN_GAP_S = 1.2
"""Silence of the user that parts two turns; pauses inside a turn are shorter."""


def measure_card(
    turns: Sequence[ScenarioTurn],
    targets: Targets,
    arguments: Sequence[str],
    echo_db: float | None = None,
) -> dict[str, object]:
    """Speak the turns to `voice-app talk` on a private PulseAudio; return the figures of what was recorded there.

    Raises AudioDeviceError where there is no PulseAudio, VoiceAppError when the program ends early.
    """
    with tempfile.TemporaryDirectory() as folder, PulseServer(echo_db) as card, card.record() as recording:
        log = Path(folder) / "events.jsonl"
        command = [sys.executable, "-m", "voice_app", "talk", "--events", str(log), *arguments]
        process = subprocess.Popen(command, env=card.env | FORGETFUL, stdout=subprocess.PIPE, text=True)
        try:
            wait_ready(process)
            for number, turn in enumerate(turns):
                wav = Path(folder) / f"turn-{number}.wav"
                write_audio(wav, turn.sound)
                answered = log.read_bytes().count(b"response.done")
                card.play(wav).wait()
                over_s = turns[number + 1].after if number + 1 < len(turns) else "reply"
                if over_s == "reply" or not _sounds_for(over_s, log, process, answered):
                    _wait_for_reply(log, process, answered)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=TIMEOUT_S)
        finally:
            process.kill()
            process.wait()
        user, speaker = recording.samples().T
        logged = list(replay(log))
    spoken = locate(user, CARD_RATE_HZ)
    session = SpokenSession(turns, spoken, _on_the_recording(logged, spoken), speaker, CARD_RATE_HZ)
    report = turn_figures(measured(session), targets)
    sounded = sum(isinstance(event, events.PlaybackStarted) for event in logged)
    unasked = max(0, sounded - len(turns))
    return {
        **report,
        "mode": "card",
        "echo_db": echo_db,
        "turns_found": len(spoken),
        "replies_nobody_asked_for": unasked,
    }


def locate(user: Samples, rate_hz: int) -> list[SpokenTurn]:
    """Return where the turns are on the user's side of a recording, which is silent between them."""
    loud = np.flatnonzero(np.abs(user) > AUDIBLE)
    if not len(loud):
        return []
    first = np.flatnonzero(np.diff(loud, prepend=-2 * TURN_GAP_S * rate_hz) > TURN_GAP_S * rate_hz)
    last = np.append(first[1:], len(loud)) - 1
    ends = [(float(loud[a] / rate_hz), float(loud[b] / rate_hz)) for a, b in zip(first, last, strict=True)]
    return [SpokenTurn(start_s, end_s, end_s) for start_s, end_s in ends]


def _on_the_recording(log: Sequence[events.Event], spoken: Sequence[SpokenTurn]) -> list[events.Event]:
    """Return the log on the recording's time: its first start of speech is the recording's."""
    started = [event for event in log if isinstance(event, events.SpeechStarted)]
    if not started or not spoken:
        return list(log)
    late_s = spoken[0].start_s - started[0].speech_start_s
    moved: list[events.Event] = []
    for event in log:
        times = {name: getattr(event, name, None) for name in ("at_s", "speech_start_s", "speech_end_s")}
        moved.append(
            event.model_copy(update={name: at_s + late_s for name, at_s in times.items() if at_s is not None})
        )
    return moved


def wait_ready(process: subprocess.Popen[str]) -> None:
    """Wait until `voice-app talk` listens. Raises VoiceAppError."""
    assert process.stdout
    for line in process.stdout:
        if line.strip() == "ready":
            return
    raise VoiceAppError(f"voice-app talk ended with status {process.wait()} before it was ready")


def _sounds_for(over_s: float, log: Path, process: subprocess.Popen[str], answered: int) -> bool:
    """Wait until a reply has been audible for so long; return False if it ends before that, or never comes."""
    deadline = time.monotonic() + TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        log_bytes = log.read_bytes()
        if log_bytes.count(b"response.done") > answered:
            return False
        if log_bytes.rfind(b"output_audio_buffer.started") > log_bytes.rfind(
            b"input_audio_buffer.speech_stopped"
        ):
            time.sleep(over_s)
            return log.read_bytes().count(b"response.done") == answered
        time.sleep(0.02)
    return False


def _wait_for_reply(log: Path, process: subprocess.Popen[str], answered: int) -> None:
    """Wait until one more reply has ended and nothing follows it; give up after a while."""
    spoke_s = time.monotonic()
    while process.poll() is None:
        time.sleep(0.1)
        log_bytes = log.read_bytes()
        waited_s = time.monotonic() - spoke_s
        sounding = log_bytes.rfind(b"output_audio_buffer.started") > log_bytes.rfind(b"response.done")
        if log_bytes.count(b"response.done") > answered and _has_ended(log_bytes):
            time.sleep(GAP_S)
            if _has_ended(log.read_bytes()):
                return
        if waited_s > (REPLY_LIMIT_S if sounding else TIMEOUT_S):
            return
    raise VoiceAppError(
        f"voice-app talk ended with status {process.returncode} in the middle of the benchmark"
    )


def _has_ended(log_bytes: bytes) -> bool:
    """Return whether nothing is in progress at the end of a log."""
    return log_bytes.rfind(b"response.done") > max(
        log_bytes.rfind(mark)
        for mark in (b"input_audio_buffer.speech_started", b"input_audio_buffer.committed")
    )
