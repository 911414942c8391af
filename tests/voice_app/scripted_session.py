"""A session with scripted engines and a recorded user, held in virtual time: what tests of whole timelines use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from inference.llm.scripted_llm import ScriptedLanguageModel
from inference.protocols import SpeechToText, TurnDetector
from inference.stt.scripted_stt import ScriptedSpeechToText, ScriptedStreamingSpeechToText
from inference.tts.scripted_tts import ScriptedTextToSpeech
from inference.types import Audio, Message, Samples
from voice_app.bench.virtual_time import Meter, VirtualScheduler, run_virtual
from voice_app.core import events
from voice_app.core.history import History
from voice_app.core.session import Session
from voice_app.io.recordings import RecordedTurn, RecordedUser
from voice_app.io.speaker import FileSpeaker
from voice_app.runtime.devices import Devices
from voice_app.runtime.engine_set import EngineSet
from voice_app.runtime.host import hosted
from voice_app.runtime.persona import Persona
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import AudioDevices, Settings, TurnTaking

E = TypeVar("E", bound=events.Fact)

RATE_HZ = 16_000


def tone(seconds: float) -> Audio:
    """Sound that `LoudnessVad` takes for speech."""
    at = np.arange(round(seconds * RATE_HZ))
    return Audio((0.3 * np.sin(at / 10)).astype(np.float32), RATE_HZ)


def pause(*seconds: float) -> Audio:
    """Tones with silences between: tone, silence, tone, …"""
    parts = [
        tone(length).samples if number % 2 == 0 else np.zeros(round(length * RATE_HZ), np.float32)
        for number, length in enumerate(seconds)
    ]
    return Audio(np.concatenate(parts), RATE_HZ)


class LoudnessVad:
    """Takes what is loud for speech."""

    def probability(self, frame: Samples) -> float:
        return float(np.abs(frame).max() > 0.1)

    def reset(self) -> None:
        """Has nothing to forget."""


@dataclass
class ScriptedSession:
    """A session with scripted engines, ready to be run."""

    heard: Sequence[str] = ("hello",)
    replies: Sequence[str] | Callable[[tuple[Message, ...]], str] = ("One two. Three four five.",)
    turns: Sequence[RecordedTurn] = (RecordedTurn(tone(1.024)),)
    barge_in: bool = True
    drafting: bool = True
    first_token_s: float = 0.1
    partial_every_s: float | None = None
    detector: TurnDetector | None = None
    stream_word_s: float | None = None
    """Where speech to text streams: a word every so many seconds of sound."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other engines, by name."""
    context_tokens: int = 100_000
    during: Callable[[Session], None] = lambda session: None
    log: list[events.Event] = field(default_factory=list)

    def run(self) -> ScriptedSession:
        """Hold the session in virtual time; `log`, `llm` and `history` tell about it."""
        run_virtual(self._run())
        return self

    async def _run(self) -> None:
        user, self.speaker = RecordedUser(self.turns), FileSpeaker(None)
        devices = Devices(user, self.speaker, vad=LoudnessVad())
        turn = TurnTaking(partial_every_ms=round((self.partial_every_s or 0) * 1000), drafting=self.drafting)
        audio = AudioDevices(barge_in=self.barge_in)
        settings = Settings(memory="off", keep_log=False, turn=turn, audio=audio)
        plan = SessionPlan(settings, listeners=(self.log.append,), skills=False)
        with hosted(plan, self._engines(settings, Meter()), lambda *_: devices) as host:
            self.session = host.session
            self.during(host.session)
            await host.run()
        assert host.session.bus.failures == []

    def _engines(self, settings: Settings, meter: Meter) -> EngineSet:
        self.stt: SpeechToText
        if self.stream_word_s is None:
            self.stt = ScriptedSpeechToText(self.heard, seconds=0.1, spend=meter.spend)
        else:
            self.stt = ScriptedStreamingSpeechToText(self.heard, self.stream_word_s, spend=meter.spend)
        self.llm = ScriptedLanguageModel(
            self.replies,
            first_token_s=self.first_token_s,
            token_s=0.02,
            context_tokens=self.context_tokens,
            spend=meter.spend,
        )
        self.tts = ScriptedTextToSpeech(first_s=0.05, next_s=0.02, chunk_s=0.5, spend=meter.spend)
        return EngineSet(
            settings,
            because="scripted",
            persona=Persona(name="scripted", description="", prompt="persona"),
            llm=self.llm,
            scheduler=VirtualScheduler(meter),
            stt=self.stt,
            tts=self.tts,
            detector=self.detector,
            **self.more,
        )

    @property
    def history(self) -> History:
        """The chat so far."""
        return self.session.assistant.history

    def of(self, kind: type[E]) -> list[E]:
        """Return the events of a kind."""
        return [event for event in self.log if isinstance(event, kind)]

    def timeline(self) -> list[tuple[str, float]]:
        """Return what happened, and when."""
        return [(type(event).__name__, round(event.at_s, 3)) for event in self.log]
