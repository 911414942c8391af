"""The voice of a session: its speed and its pronunciations, over an engine that others use as well."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from inference.llm.scripted_llm import ScriptedLanguageModel
from inference.tts.scripted_tts import ScriptedTextToSpeech
from inference.types import Voice
from voice_app.bench.virtual_time import Meter, VirtualScheduler, run_virtual
from voice_app.core.ports import Send, Text
from voice_app.io.speaker import FileSpeaker
from voice_app.io.typed import TypedTurns
from voice_app.runtime.devices import Devices
from voice_app.runtime.engine_set import EngineSet
from voice_app.runtime.host import hosted
from voice_app.runtime.persona import Persona
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import Settings
from voice_app.skills.memory.memory_skill import memory_skill
from voice_app.skills.memory.store import Memory
from voice_app.skills.router import Router


def test_one_users_pronunciation_never_changes_anothers_speech(tmp_path: Path) -> None:
    """Two sessions at the same time on one engine set: each clause is asked for in the voice of its own session.

    The one that learns how a name is said says it so from the next clause on.
    """
    meter = Meter()
    tts = ScriptedTextToSpeech(spend=meter.spend)
    settings = Settings(memory="off", keep_log=False)
    llm = ScriptedLanguageModel(["Igor is here. So is Igor."], spend=meter.spend, chats=2)
    plain = EngineSet(settings, "", Persona(name="", description=""), llm, VirtualScheduler(meter), tts=tts)
    slow = replace(plain, persona=Persona(name="slow", description="", speed=0.8))
    plan = SessionPlan(settings, skills=False)

    async def hold(engines: EngineSet, *texts: str) -> None:
        def opened(_: SessionPlan, send: Send) -> Devices:
            return Devices(TypedTurns(texts, lambda text: send(Text(text))), FileSpeaker(None))

        with hosted(plan, engines, opened) as host:
            assistant = host.session.assistant
            if engines is slow:
                memory = memory_skill(Memory(tmp_path / "memory.db"), assistant.pronounce)
                assistant.skills = (Router((memory,)),)
            await host.run()

    async def both() -> None:
        await asyncio.gather(
            hold(slow, "Who is it?", "Igor is pronounced EE-gor."), hold(plain, "Who is there?", "Who else?")
        )

    run_virtual(both())
    slow_voices = [voice for _, voice in tts.requests if voice.speed == 0.8]
    plain_voices = [voice for _, voice in tts.requests if voice.speed == 1.0]

    assert slow_voices == [Voice(0.8)] * 2 + [Voice(0.8, {"Igor": "EE-gor"})] * 2
    assert plain_voices == [Voice()] * 4
