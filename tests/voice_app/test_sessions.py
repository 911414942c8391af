"""Several sessions over one engine set in one process: none starves, none hears another's words."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from inference.errors import NoFreeChat
from inference.llm.scripted_llm import ScriptedLanguageModel
from inference.stt.scripted_stt import ScriptedSpeechToText
from inference.tts.scripted_tts import ScriptedTextToSpeech
from inference.types import Message
from tests.voice_app.scripted_session import LoudnessVad, tone
from voice_app.bench.virtual_time import Meter, VirtualScheduler, run_virtual
from voice_app.core import events
from voice_app.io.recordings import RecordedTurn, RecordedUser
from voice_app.io.speaker import FileSpeaker
from voice_app.runtime.devices import Devices
from voice_app.runtime.engine_set import EngineSet
from voice_app.runtime.host import hosted
from voice_app.runtime.persona import Persona
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import Settings

SESSIONS = 8
TURNS = 3


@dataclass
class House:
    """Engines for several sessions in virtual time; `logs` has what happened in each."""

    chats: int = SESSIONS
    logs: dict[str, list[events.Event]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        meter, self.settings = Meter(), Settings(memory="off", keep_log=False)
        self.engines = EngineSet(
            self.settings,
            because="scripted",
            persona=Persona(name="", description=""),
            llm=ScriptedLanguageModel(
                echoed, first_token_s=0.05, token_s=0.01, chats=self.chats, spend=meter.spend
            ),
            scheduler=VirtualScheduler(meter, cores=2),
            stt=ScriptedSpeechToText(["hello"] * 1000, seconds=0.05, spend=meter.spend),
            tts=ScriptedTextToSpeech(first_s=0.04, next_s=0.02, spend=meter.spend),
        )

    async def talk(self, name: str) -> None:
        """Hold a session in which a user speaks some turns."""
        log = self.logs.setdefault(name, [])
        user = RecordedUser([RecordedTurn(tone(1.0))] * TURNS)
        plan = SessionPlan(self.settings, listeners=(log.append,), skills=False, name=name)
        devices = Devices(user, FileSpeaker(None), vad=LoudnessVad())
        with hosted(plan, self.engines, lambda *_: devices) as host:
            await host.run()


def echoed(messages: tuple[Message, ...]) -> str:
    """Answer at some length."""
    return f"You said {messages[-1].content}. " + "And more words follow here. " * 3


def statuses(log: list[events.Event]) -> list[str]:
    return [event.status for event in log if isinstance(event, events.ResponseDone)]


def waits_s(log: list[events.Event]) -> list[float]:
    """Return the voice to voice times of a session's turns."""
    ends = [e.speech_end_s for e in log if isinstance(e, events.TurnCommitted) and e.speech_end_s is not None]
    starts = [e.at_s for e in log if isinstance(e, events.PlaybackStarted)]
    return [start - end for start, end in zip(starts, ends, strict=True)]


def test_eight_sessions_on_one_engine_set_are_all_answered() -> None:
    """All speak at the same moment: every turn of every session is answered, none waits twice as long as another."""
    house = House()

    async def all_at_once() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(SESSIONS):
                group.create_task(house.talk(f"s{number}"))

    run_virtual(all_at_once())
    slowest = {name: max(waits_s(log)) for name, log in house.logs.items()}

    assert {name: statuses(log) for name, log in house.logs.items()} == {
        name: ["completed"] * TURNS for name in house.logs
    }
    assert len(house.logs) == SESSIONS
    assert not house.engines.scheduler.known_sessions & set(house.logs)
    assert max(slowest.values()) < 2 * min(slowest.values()), slowest


def test_events_say_whose_they_are() -> None:
    """Every event has the id of its session, and ids of its item and response that no other session has."""
    house = House()

    async def both() -> None:
        await asyncio.gather(house.talk("a"), house.talk("b"))

    run_virtual(both())

    assert all({event.session for event in log} == {name} for name, log in house.logs.items())
    ids = [{event.response_id for event in log if event.revision} for log in house.logs.values()]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_a_session_too_many_is_refused_and_the_others_go_on() -> None:
    """A model that holds two chats: the third session is not opened; when one ends, another finds its place."""
    house = House(chats=2)

    async def three() -> None:
        first, second = (asyncio.create_task(house.talk(name)) for name in "ab")
        await asyncio.sleep(0.1)
        with pytest.raises(NoFreeChat):
            await house.talk("c")
        await asyncio.gather(first, second)
        await house.talk("d")

    run_virtual(three())

    assert [statuses(house.logs[name]) for name in "abd"] == [["completed"] * TURNS] * 3


def test_another_model_is_swapped_in_when_the_reply_is_over() -> None:
    """A switch during a reply: the reply ends in the old model's words and the old voice, the next is the new one's.

    The chat goes on: the new model is asked with what was said before, and told in its own way who it is.
    """
    house, log = House(), list[events.Event]()
    meter = Meter()
    user = RecordedUser([RecordedTurn(tone(1.0))] * 2)
    plan = SessionPlan(house.settings, listeners=(log.append,), skills=False, name="s")
    devices = Devices(user, FileSpeaker(None), vad=LoudnessVad())
    other = ScriptedLanguageModel(["I am the other one."], spend=meter.spend)

    async def talk() -> None:
        with hosted(plan, house.engines, lambda *_: devices) as host:
            speaks = asyncio.Event()
            host.session.bus.subscribe(
                lambda e: speaks.set() if isinstance(e, events.PlaybackStarted) else None
            )

            async def switch() -> None:
                await speaks.wait()
                told = house.engines.persona.model_copy(update={"prompt": "You are the other one."})
                await host.adopt(replace(house.engines, llm=other, persona=told))

            await asyncio.gather(host.run(), switch())

    run_virtual(talk())
    texts = [event.text for event in log if isinstance(event, events.TextDone)]

    assert texts[0].startswith("You said hello.")
    assert texts[1] == "I am the other one."
    assert statuses(log) == ["completed"] * 2
    roles = [message.role for message in other.requests[0].messages]
    assert roles == ["system", "user", "assistant", "user"]
    assert other.requests[0].messages[0].content == "You are the other one."
