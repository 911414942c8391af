"""The language of a session: what its user speaks."""

from __future__ import annotations

import numpy as np

from inference.llm.scripted_llm import ScriptedLanguageModel
from inference.stt import BatchRecognizer
from inference.stt.scripted_stt import ScriptedSpeechToText
from inference.tts.scripted_tts import ScriptedTextToSpeech
from inference.types import Audio
from voice_app.bench.composed import LoudnessVad
from voice_app.bench.virtual_time import Meter, VirtualScheduler, run_virtual
from voice_app.core import events
from voice_app.core.history import History
from voice_app.core.ports import Bus, SessionIO
from voice_app.core.session import Session, TurnRules
from voice_app.core.turn import Assistant, Engines
from voice_app.io.recordings import RecordedTurn, RecordedUser
from voice_app.io.speaker import FileSpeaker

RATE_HZ = 16_000


class Polyglot(ScriptedSpeechToText):
    """Remembers the languages that it was asked for."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(["hallo"], spend=meter.spend)
        self.languages: list[str] = []

    def recognizer(self, language: str = "en") -> BatchRecognizer:
        self.languages.append(language)
        return super().recognizer(language)


def test_every_turn_is_heard_in_the_sessions_language() -> None:
    """One recognizer a turn, however many drafts of it there were."""
    meter = Meter()
    stt, chat = Polyglot(meter), ScriptedLanguageModel(["Ja."], spend=meter.spend).chat()
    tts = ScriptedTextToSpeech(spend=meter.spend)
    tone, silence = np.full(RATE_HZ, 0.3, np.float32), np.zeros(RATE_HZ // 5, np.float32)
    paused, whole = (
        Audio(np.concatenate(parts), RATE_HZ) for parts in ((tone, silence, tone), (tone, silence))
    )
    log: list[events.Event] = []
    bus = Bus()
    bus.subscribe(log.append)
    assistant = Assistant(Engines(stt, chat, tts, VirtualScheduler(meter).session("")), History([]))

    user = RecordedUser([RecordedTurn(paused), RecordedTurn(whole)])
    io = SessionIO(user, LoudnessVad(), FileSpeaker(None))
    created = events.SessionCreated(started="", models={}, persona="")
    run_virtual(Session(assistant, TurnRules(language="de"), bus).run(io, created))

    assert stt.languages == ["de", "de"]
    assert len([event for event in log if isinstance(event, events.TranscriptCompleted)]) == 3
