"""The benchmark in virtual time: the real conversation, engines of declared durations. Bit-reproducible and quick.

For what does not run here: an LPU in place of the language model, stages measured on another machine. Every figure is
composed of declared times; none is a measurement.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from inference.llm.scripted_llm import ScriptedLanguageModel
from inference.stt.scripted_stt import ScriptedSpeechToText
from inference.tts.scripted_tts import ScriptedTextToSpeech
from inference.turn.scripted_turn import ScriptedTurnDetector
from inference.types import Message, Samples
from voice_app.bench.bench_report import Targets, turn_figures
from voice_app.bench.measured import SpokenSession, measured
from voice_app.bench.scenario import ScenarioTurn, bundled_lines, spoken_turn
from voice_app.bench.virtual_time import Meter, VirtualScheduler, run_virtual
from voice_app.core import events
from voice_app.core.stages import TOKEN, Estimates, Stage
from voice_app.io.recordings import RecordedTurn, RecordedUser, SpokenTurn
from voice_app.io.speaker import FileSpeaker
from voice_app.runtime.devices import Devices
from voice_app.runtime.engine_set import EngineSet
from voice_app.runtime.host import hosted
from voice_app.runtime.persona import Persona
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import Settings, TurnTaking

LOUD = 0.05
"""Amplitude from which this mode's detector counts sound as speech."""
TTS_NEXT_S = 0.035
"""Declared time of a piece of sound after the first."""


class LoudnessVad:
    """Fulfils `VoiceActivityDetector` for tones."""

    def probability(self, frame: Samples) -> float:
        """Return 1 for a loud frame, 0 for a quiet one."""
        return float(np.abs(frame).max() > LOUD)

    def reset(self) -> None:
        """Do nothing: there is no state."""


def measure_composed(turns: int, targets: Targets, declared: Estimates) -> dict[str, object]:
    """Hold a conversation of the bundled questions with engines of declared times; return its figures."""
    lines = [re.sub(r"\s*\{\d+\}\s*", " ", line) for line in bundled_lines()]
    said = [lines[number % len(lines)] for number in range(turns)]
    mute = ScriptedTextToSpeech(spend=lambda _: None)
    with tempfile.TemporaryDirectory() as folder:
        session = converse_in_virtual_time(
            [spoken_turn(line, mute) for line in said],
            declared,
            Path(folder) / "reply.wav",
            targets.budget_ms,
        )
    report = turn_figures(measured(session), targets)
    times_s = {
        str(Stage.STT): declared.spans_s[Stage.STT],
        str(Stage.LLM_FIRST_TOKEN): declared.spans_s[Stage.LLM_FIRST_TOKEN],
        TOKEN: declared.token_s,
        "tts_first": declared.spans_s[Stage.TTS_FIRST_SOUND],
        "tts_next": TTS_NEXT_S,
    }
    declared_ms = {name: round(seconds * 1000, 3) for name, seconds in times_s.items()}
    return {"mode": "composed", **report, "basis": "composed", "declared_ms": declared_ms}


def converse_in_virtual_time(
    turns: Sequence[ScenarioTurn], declared: Estimates, wav: Path, budget_ms: int = 300
) -> SpokenSession:
    """Hold a conversation of these turns; return its log and sound. The reply's sound is written to `wav`."""
    settings = Settings(
        memory="off", keep_log=False, turn=TurnTaking(partial_every_ms=0, budget_ms=budget_ms)
    )
    log: list[events.Event] = []
    heard = run_virtual(_converse(settings, turns, declared, wav, log))
    sound, rate_hz = soundfile.read(wav, dtype="float32")
    return SpokenSession(turns, heard, log, sound, rate_hz)


async def _converse(
    settings: Settings,
    turns: Sequence[ScenarioTurn],
    declared: Estimates,
    wav: Path,
    log: list[events.Event],
) -> list[SpokenTurn]:
    meter, user = Meter(), RecordedUser([RecordedTurn(turn.sound, turn.after) for turn in turns])
    devices = Devices(user, FileSpeaker(wav), vad=LoudnessVad())
    plan = SessionPlan(settings, listeners=(log.append,), skills=False)
    with hosted(plan, _engines(settings, turns, declared, meter), lambda *_: devices) as host:
        await host.run()
    return user.spoken_since(host.session.started_s)


def _engines(
    settings: Settings, turns: Sequence[ScenarioTurn], declared: Estimates, meter: Meter
) -> EngineSet:
    """Return engines that take the declared times, which the session's estimates start from."""
    spans_s, spend = declared.spans_s, meter.spend
    first_token_s, first_sound_s = spans_s[Stage.LLM_FIRST_TOKEN], spans_s[Stage.TTS_FIRST_SOUND]
    return EngineSet(
        settings,
        because="declared",
        persona=Persona(name="", description=""),
        llm=ScriptedLanguageModel(_echo, first_token_s=first_token_s, token_s=declared.token_s, spend=spend),
        scheduler=VirtualScheduler(meter),
        stt=ScriptedSpeechToText([turn.text or "" for turn in turns], spans_s[Stage.STT], spend),
        tts=ScriptedTextToSpeech(first_s=first_sound_s, next_s=TTS_NEXT_S, spend=spend),
        detector=ScriptedTurnDetector(lambda _: 1.0),
        estimates=replace(declared),
    )


def _echo(messages: tuple[Message, ...]) -> str:
    """Answer with the question's own words, so that replies have as many words as people's questions."""
    return messages[-1].content.rstrip(" ?.") + ". That is what you asked."
