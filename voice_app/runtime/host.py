"""The host of sessions: composes each over a set of engines, holds it from its beginning to its end, exchanges models.

`hosted` is the one place where a session is put together.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from voice_app.core import clock, events
from voice_app.core.history import History
from voice_app.core.ports import Announce, Bus, Notify, Priority, Send, Swap, Text
from voice_app.core.session import Session
from voice_app.core.turn import Responder
from voice_app.core.turn_table import State
from voice_app.io.device import Microphone
from voice_app.io.recordings import RecordedUser, SpokenTurn
from voice_app.io.speaker import FileSpeaker
from voice_app.io.typed import TypedTurns, TypedUser, read_lines
from voice_app.runtime.devices import Devices, open_devices, reporter
from voice_app.runtime.engine_set import EngineSet, load, replaced
from voice_app.runtime.engines import who_reads
from voice_app.runtime.plan import Listener, SessionPlan, created, open_log, rules_of
from voice_app.runtime.settings import Settings
from voice_app.runtime.skill_set import SkillSet

KEEP_WARM_EVERY_S = 5.0
"""Some virtual machines take idle pages back after 10-15 s; a model that is read more often stays in memory."""
MOMENT_S = 0.25
"""How often to look whether nobody speaks: pauses between two turns are short."""

D = TypeVar("D", bound=Devices)


@dataclass(slots=True)
class Hosted(Generic[D]):
    """A session over a set of engines, with its skills and its devices."""

    session: Session
    engines: EngineSet
    skills: SkillSet | None
    devices: D

    async def run(self) -> None:
        """Hold the session to its end; the models are kept warm while nobody speaks."""
        await self.engines.adapt()
        await self.engines.read(self.session.assistant)
        warming = asyncio.create_task(self._keep_warm())
        try:
            await self.session.run(self.devices.io(), created(self.engines))
        finally:
            warming.cancel()

    async def _keep_warm(self) -> None:
        """Keep the models warm while nobody speaks, be it a moment between two turns."""
        warm_s = clock.now()
        while True:
            await asyncio.sleep(MOMENT_S)
            if self.session.state is State.LISTENING and clock.now() >= warm_s + KEEP_WARM_EVERY_S:
                await self.engines.keep_warm()
                warm_s = clock.now()

    async def exchange(self, settings: Settings) -> None:
        """Load the changed models beside the session; swap them in when idle. Raises ModelError, PersonaError."""
        old = self.engines
        await self.adopt(await _aside(lambda: replaced(old, settings)))

    async def adopt(self, new: EngineSet) -> None:
        """Go on with other engines as soon as nobody speaks; those that are no longer used are closed.

        The chat goes on with another model, and begins anew with another persona.
        """
        old, session = self.engines, self.session

        async def swap() -> None:
            same_llm, same_persona = new.llm is old.llm, new.persona.name == old.persona.name
            history = session.assistant.history if same_persona else None
            if history:
                history.persona = new.persona.messages()  # another model may be told otherwise who it is
            chat = session.assistant.engines.chat if same_llm else None
            session.assistant.adopt(new.assistant(session.name, history, chat))
            if self.skills:
                self.skills.adopt(new)
                self.skills.join(session.assistant)
            self.engines = new
            if (told := who_reads(new.settings)) != who_reads(old.settings) and told:
                session.send(Notify(told))
            if not same_llm:
                await new.adapt()
                await session.assistant.engines.scheduler.call(Priority.UPKEEP, old.llm.close, on="llm")
            if not (same_llm and same_persona):
                await new.read(session.assistant)

        await self.when_idle(swap)

    async def when_idle(self, exchange: Callable[[], Awaitable[None]]) -> None:
        """Have the session do an exchange as soon as nobody speaks, and wait for it; raises what it raises."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def perform() -> None:
            try:
                await exchange()
            except Exception as error:
                done.set_exception(error)
            else:
                done.set_result(None)

        self.session.send(Swap(perform))
        await done


@contextlib.contextmanager
def hosted(
    plan: SessionPlan,
    engines: EngineSet,
    opened: Callable[[SessionPlan, Send], D],
    history: History | None = None,
) -> Iterator[Hosted[D]]:
    """Put a session together, with its log, until the block ends; with a chat that goes on, or a new one."""
    bus = Bus()
    with open_log(plan) as recorder:
        for listener in (*recorder, *plan.listeners):
            bus.subscribe(listener)
        assistant = engines.assistant(plan.name, history)
        session = Session(assistant, rules_of(plan.settings), bus, plan.name)
        devices = opened(plan, session.send)
        if told := who_reads(engines.settings):
            session.send(Notify(told))
        if isinstance(devices.source, RecordedUser | TypedUser | TypedTurns):
            bus.subscribe(_listening(devices.source))

        def announce(text: str) -> None:
            session.send(Announce(text))

        with contextlib.ExitStack() as closing:
            closing.callback(engines.scheduler.forget, plan.name)
            closing.callback(lambda: assistant.engines.chat.close())  # of the chat that it has then
            skills = None
            if plan.skills:
                voice = assistant.pronounce, assistant.speak_at
                skills = SkillSet(engines, reporter(session.send), announce, *voice)
                closing.callback(skills.close)
                skills.join(assistant)
            yield Hosted(session, engines, skills, devices)


def run_session(plan: SessionPlan) -> list[SpokenTurn]:
    """Hold a session until the recordings end, the typed text ends, or Ctrl-C.

    Return when recordings were spoken, in seconds of the session; its sound file starts with it.
    """
    engines = load(plan.settings, "typed" if plan.typed_only else "speech")
    try:
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            return asyncio.run(hold(plan, engines))
    finally:
        engines.close()
    return []


async def hold(plan: SessionPlan, engines: EngineSet, history: History | None = None) -> list[SpokenTurn]:
    """Hold a session with engines that are loaded; return what `run_session` does."""
    with hosted(plan, engines, open_devices, history) as host, _ended_by_signals():
        source, session = host.devices.source, host.session
        if sys.stdin.isatty() and isinstance(source, Microphone):
            read_lines(lambda line: session.send(Text(line)) if line else None)
        await host.run()
    return source.spoken_since(session.started_s) if isinstance(source, RecordedUser) else []


async def hold_typed(
    plan: SessionPlan, texts: Sequence[str], engines: EngineSet, skills: Sequence[Responder] = ()
) -> None:
    """Hold a session of these typed texts, without sound; with `skills` before those of the plan."""

    def opened(_: SessionPlan, send: Send) -> Devices:
        return Devices(TypedTurns(texts, lambda text: send(Text(text))), FileSpeaker(None))

    with hosted(plan, engines, opened) as host:
        host.session.assistant.skills = (*skills, *host.session.assistant.skills)
        await host.run()


async def _aside(load_: Callable[[], EngineSet]) -> EngineSet:
    """Load in a thread that ends then: its OpenMP team must not outlive it beside that of the scheduler's thread."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="loading")
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, load_)
    finally:
        thread.shutdown(wait=False)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """End the session in order on SIGINT and SIGTERM, also where a shell started the program with SIGINT ignored."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _listening(user: RecordedUser | TypedUser | TypedTurns) -> Listener:
    """Let a recorded or typing user hear when the assistant speaks, as a person would."""
    # A typed line that cancels an answer is a turn of its own, whose answer is still to come.
    by_voice = isinstance(user, RecordedUser)

    def listen(event: events.Event) -> None:
        if isinstance(event, events.PlaybackStarted):
            user.heard_start()
        elif isinstance(event, events.ResponseDone) and (event.status != "cancelled" or by_voice):
            user.heard_end()

    return listen
