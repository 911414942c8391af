"""The voice of a session: its speed and its pronunciations, over an engine that others use as well."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np

from inference.llm.scripted_llm import ScriptedLanguageModel
from inference.stt.scripted_stt import ScriptedSpeechToText
from inference.tts.scripted_tts import ScriptedTextToSpeech
from inference.types import Audio, Voice
from tests.voice_app.test_conversation import LoudnessVad
from voice_app.bench.virtual_time import Meter, VirtualScheduler, run
from voice_app.core import events
from voice_app.core.history import History
from voice_app.core.pipeline import Engines, ReplyStyle
from voice_app.core.session import Session, SessionIO
from voice_app.io.recordings import RecordedTurn, RecordedUser
from voice_app.io.speaker import FileSpeaker
from voice_app.skills.memory.memory_skill import memory_skill
from voice_app.skills.memory.store import Memory


def session(engines: Engines, style: ReplyStyle, *said: str) -> Session:
    """Return a session in which a user types something every five seconds."""
    quiet = Audio(np.zeros(16_000 * 5 * len(said), np.float32), 16_000)
    user = RecordedUser([RecordedTurn(quiet)])
    io = SessionIO(user, LoudnessVad(), FileSpeaker(None))
    made = Session(io, engines, History([]), style, events.Bus())
    for number, text in enumerate(said):
        asyncio.get_running_loop().call_later(5 * number + 0.1, made.submit, text)
    return made


def test_one_users_pronunciation_never_changes_anothers_speech(tmp_path: Path) -> None:
    """Two sessions at the same time on one engine set: each clause is asked for in the voice of its own session.

    The one that is told how a name is said says it so from the next clause on.
    """
    meter = Meter()
    tts = ScriptedTextToSpeech(spend=meter.spend)

    async def both() -> None:
        llm = ScriptedLanguageModel(["Igor is here. So is Igor."], spend=meter.spend)
        engines = Engines(ScriptedSpeechToText([], spend=meter.spend), llm, tts, VirtualScheduler(meter))
        slow = session(engines, ReplyStyle(voice=Voice(0.8)), "Who is it?", "Igor is pronounced EE-gor.")
        plain = session(engines, ReplyStyle(), "Who is there?", "Who else?")
        slow.drafter.skills = (memory_skill(Memory(tmp_path / "memory.db"), slow.drafter.pronounce),)
        async with asyncio.TaskGroup() as group:
            for one in (slow, plain):
                group.create_task(
                    one.run(lambda: events.SessionCreated(at_s=0, started="", models={}, persona=""))
                )

    run(both())
    slow_voices = [voice for _, voice in tts.requests if voice.speed == 0.8]
    plain_voices = [voice for _, voice in tts.requests if voice.speed == 1.0]

    assert slow_voices == [Voice(0.8)] * 2 + [Voice(0.8, {"Igor": "EE-gor"})] * 2
    assert plain_voices == [Voice()] * 4
