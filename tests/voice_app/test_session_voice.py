"""What a session speaks and hears in: its voice and its language, over engines that others use as well."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from inference.llm.scripted_llm import ScriptedLanguageModel
from inference.stt import BatchRecognizer
from inference.stt.scripted_stt import ScriptedSpeechToText
from inference.tts.scripted_tts import ScriptedTextToSpeech
from inference.types import Audio, Voice
from voice_app.bench.composed import LoudnessVad
from voice_app.bench.virtual_time import Meter, VirtualScheduler, run
from voice_app.core import events
from voice_app.core.history import History
from voice_app.core.ports import Text
from voice_app.core.session import Session, SessionIO, TurnRules
from voice_app.core.turn import Assistant, Engines, ReplyStyle
from voice_app.io.recordings import RecordedTurn, RecordedUser
from voice_app.io.speaker import FileSpeaker
from voice_app.runtime.engine_set import load, replaced, style_of
from voice_app.runtime.settings import load_settings
from voice_app.skills.memory.memory_skill import memory_skill
from voice_app.skills.memory.store import Memory

RATE_HZ = 16_000


async def talk(session: Session, *sounds: Audio) -> None:
    """Hold a session with a user who makes these sounds."""
    io = SessionIO(RecordedUser([RecordedTurn(sound) for sound in sounds]), LoudnessVad(), FileSpeaker(None))
    await session.run(io, events.SessionCreated(started="", models={}, persona=""))


async def type_to(assistant: Assistant, *said: str) -> None:
    """Hold a session in which a user types something every five seconds."""
    session = Session(assistant, TurnRules(), events.Bus())
    for number, text in enumerate(said):
        asyncio.get_running_loop().call_later(5 * number + 0.1, session.send, Text(text))
    await talk(session, Audio(np.zeros(RATE_HZ * 5 * len(said), np.float32), RATE_HZ))


def test_one_users_pronunciation_never_changes_anothers_speech(tmp_path: Path) -> None:
    """Two sessions at the same time on one engine set: each clause is asked for in the voice of its own session.

    The one that is told how a name is said says it so from the next clause on.
    """
    meter = Meter()
    tts = ScriptedTextToSpeech(spend=meter.spend)

    async def both() -> None:
        llm = ScriptedLanguageModel(["Igor is here. So is Igor."], chats=2, spend=meter.spend)
        stt, scheduler = ScriptedSpeechToText([], spend=meter.spend), VirtualScheduler(meter)
        one, other = (Engines(stt, llm.chat(), tts, scheduler.session(name)) for name in ("slow", "plain"))
        slow = Assistant(one, History([]), ReplyStyle(voice=Voice(0.8)))
        with closing(Memory(tmp_path / "memory.db")) as memory:
            slow.skills = (memory_skill(memory, slow.pronounce),)
            async with asyncio.TaskGroup() as group:
                group.create_task(type_to(slow, "Who is it?", "Igor is pronounced EE-gor."))
                group.create_task(type_to(Assistant(other, History([])), "Who is there?", "Who else?"))

    run(both())
    slow_voices = [voice for _, voice in tts.requests if voice.speed == 0.8]
    plain_voices = [voice for _, voice in tts.requests if voice.speed == 1.0]

    assert slow_voices == [Voice(0.8)] * 2 + [Voice(0.8, {"Igor": "EE-gor"})] * 2
    assert plain_voices == [Voice()] * 4


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
    bus = events.Bus()
    bus.subscribe(log.append)
    assistant = Assistant(Engines(stt, chat, tts, VirtualScheduler(meter).session("")), History([]))

    run(talk(Session(assistant, TurnRules(language="de"), bus), paused, whole))

    assert stt.languages == ["de", "de"]
    assert len([event for event in log if isinstance(event, events.TranscriptCompleted)]) == 3


@pytest.mark.model
def test_another_persona_with_the_same_voice_loads_nothing() -> None:
    """The engines go on; how fast they speak, and what was spoken beforehand, is the persona's."""
    old = load(load_settings(persona="plain", turn={"openers": True}))
    try:
        asked = load_settings(persona="storyteller", turn={"openers": True})
        new = old.scheduler.prepare("llm", lambda: replaced(old, asked)).result()

        assert (new.stt, new.llm, new.tts) == (old.stt, old.llm, old.tts)
        assert [style_of(engines.persona).voice for engines in (old, new)] == [Voice(), Voice(0.95)]
        for slower, quicker in zip(new.openers + new.bridges, old.openers + old.bridges, strict=True):
            assert slower.text == quicker.text
            assert slower.sound is not quicker.sound
    finally:
        old.close()
