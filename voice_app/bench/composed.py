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
from voice_app.io.recordings import RecordedTurn, RecordedUser, SpokenTurn
from voice_app.io.speaker import FileSpeaker
from voice_app.runtime.devices import Devices
from voice_app.runtime.engine_set import EngineSet
from voice_app.runtime.host import hosted
from voice_app.runtime.persona import Persona
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import Settings, TurnTaking

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
    meter, user = Meter(), RecordedUser([RecordedTurn(turn.sound, turn.after) for turn in turns])
    devices = Devices(user, FileSpeaker(wav), vad=LoudnessVad())
    settings = Settings(memory="off", keep_log=False, turn=TurnTaking(partial_every_ms=0))
    plan = SessionPlan(settings, listeners=(log.append,), skills=False)
    with hosted(plan, _engines(settings, turns, durations, meter), lambda *_: devices) as host:
        await host.run()
    return user.spoken_since(host.session.started_s)


def _engines(
    settings: Settings, turns: Sequence[ScenarioTurn], durations: Durations, meter: Meter
) -> EngineSet:
    llm = ScriptedLanguageModel(
        _echo, first_token_s=durations.llm_first_token_s, token_s=durations.token_s, spend=meter.spend
    )
    tts = ScriptedTextToSpeech(first_s=durations.tts_first_s, next_s=durations.tts_next_s, spend=meter.spend)
    return EngineSet(
        settings,
        because="declared",
        persona=Persona(name="", description=""),
        llm=llm,
        scheduler=VirtualScheduler(meter),
        stt=ScriptedSpeechToText([turn.text or "" for turn in turns], durations.stt_s, meter.spend),
        tts=tts,
        detector=ScriptedTurnDetector(lambda _: 1.0),
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
