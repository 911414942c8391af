"""The benchmark in virtual time: the real conversation, engines of declared durations. Bit-reproducible, and soon done.

For what does not run here: an LPU in the language model's seat, another machine's measured stages. Every figure of it
is composed of declared times; none is a measurement.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from inference.llm.scripted_llm import ScriptedLanguageModel
from inference.stt.scripted_stt import ScriptedSpeechToText
from inference.tts.scripted_tts import ScriptedTextToSpeech
from inference.turn.scripted_turn import ScriptedTurnDetector
from inference.types import Message, Samples
from voice_app.bench.bench_report import figures
from voice_app.bench.measured import SpokenSession, measured
from voice_app.bench.scenario import ScenarioTurn, bundled_lines, spoken
from voice_app.bench.virtual_time import Meter, VirtualScheduler, run
from voice_app.core import events
from voice_app.core.budget import Budget, Estimates
from voice_app.core.history import History
from voice_app.core.session import Session, SessionIO, TurnRules
from voice_app.core.turn import Assistant, Engines
from voice_app.io.recordings import RecordedTurn, RecordedUser, SpokenTurn
from voice_app.io.speaker import FileSpeaker

LOUD = 0.05
"""Amplitude from which the detector of this mode takes sound for speech."""


@dataclass(frozen=True, slots=True)
class Durations:
    """Declared times of the stages, in seconds. The defaults are of the two-core machine with llama.cpp."""

    stt_s: float = 0.060
    llm_first_token_s: float = 0.045
    token_s: float = 0.010
    tts_first_s: float = 0.045
    tts_next_s: float = 0.035


class LoudnessVad:
    """Fulfils `VoiceActivityDetector` for tones."""

    def probability(self, frame: Samples) -> float:
        """Return 1 for a loud frame, 0 for a quiet one."""
        return float(np.abs(frame).max() > LOUD)

    def reset(self) -> None:
        """Have nothing to forget."""


def measure_composed(turns: int, budget_ms: int, durations: Durations) -> dict[str, object]:
    """Hold a conversation of the bundled questions in virtual time; return its figures."""
    lines = [re.sub(r"\s*\{\d+\}\s*", " ", line) for line in bundled_lines()]
    said = [lines[number % len(lines)] for number in range(turns)]
    mute = ScriptedTextToSpeech(spend=lambda _: None)
    with tempfile.TemporaryDirectory() as folder:
        session = converse_in_virtual_time(
            [spoken(line, mute) for line in said], durations, Path(folder) / "reply.wav"
        )
    report = figures(measured(session), Budget().scaled(budget_ms / 1000))
    declared = {
        name.removesuffix("_s"): round(getattr(durations, name) * 1000, 3) for name in Durations.__slots__
    }
    return {"mode": "composed", **report, "basis": "composed", "declared_ms": declared}


def converse_in_virtual_time(turns: Sequence[ScenarioTurn], durations: Durations, wav: Path) -> SpokenSession:
    """Hold a conversation of these turns; return what it left behind. The reply's sound is written to `wav`."""
    log: list[events.Event] = []
    heard = run(_converse(turns, durations, wav, log))
    sound, rate_hz = soundfile.read(wav, dtype="float32")
    return SpokenSession(turns, heard, log, sound, rate_hz)


async def _converse(
    turns: Sequence[ScenarioTurn], durations: Durations, wav: Path, log: list[events.Event]
) -> list[SpokenTurn]:
    meter, bus = Meter(), events.Bus()
    user = RecordedUser([RecordedTurn(turn.sound, turn.after) for turn in turns])

    def listen(event: events.Event) -> None:
        log.append(event)
        if isinstance(event, events.PlaybackStarted):
            user.heard_start()
        elif isinstance(event, events.ResponseDone):
            user.heard_end()

    bus.subscribe(listen)
    assistant = Assistant(_engines(turns, durations, meter), History([]))
    session = Session(assistant, TurnRules(partial_every_s=None), bus)
    io = SessionIO(user, LoudnessVad(), FileSpeaker(wav))
    await session.run(io, events.SessionCreated(started="", models={}, persona=""))
    return user.spoken_since(session.started_s)


def _engines(turns: Sequence[ScenarioTurn], durations: Durations, meter: Meter) -> Engines:
    return Engines(
        ScriptedSpeechToText([turn.text or "" for turn in turns], durations.stt_s, meter.spend),
        ScriptedLanguageModel(
            _echo, first_token_s=durations.llm_first_token_s, token_s=durations.token_s, spend=meter.spend
        ),
        ScriptedTextToSpeech(first_s=durations.tts_first_s, next_s=durations.tts_next_s, spend=meter.spend),
        VirtualScheduler(meter).session(""),
        ScriptedTurnDetector(lambda _: 1.0),
        estimates=Estimates(
            stt_s=durations.stt_s,
            llm_first_token_s=durations.llm_first_token_s,
            token_s=durations.token_s,
            tts_first_sound_s=durations.tts_first_s,
        ),
    )


def _echo(messages: tuple[Message, ...]) -> str:
    """Answer with the question's own words, so that replies have as many words as people's questions."""
    return messages[-1].content.rstrip(" ?.") + ". That is what you asked."
