"""A session under control: text, keys and switches from another thread, while the conversation goes on.

`LiveSession.run` is for a thread of its own, with an event loop that no screen shares. All other methods may be called
from any thread and return at once; what they bring about is told by events.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from inference.errors import InferenceError
from inference.models.manifest import load_manifest
from inference.models.store import ModelStore
from voice_app.core import events
from voice_app.core.errors import AudioDeviceError, SessionError, VoiceAppError
from voice_app.core.ports import FrameSource, Priority, Speaker
from voice_app.core.session import Session
from voice_app.core.turn_table import State
from voice_app.io.device import DeviceSpeaker, Microphone
from voice_app.io.echo_cancel import EchoCanceller, PlayedSound
from voice_app.io.hot_swap import QUIETEST_DB, UNHEARD, Silence, SwitchedSource, SwitchedSpeaker
from voice_app.io.kept_sound import KeptSound
from voice_app.io.portaudio import list_devices
from voice_app.io.speaker import FileSpeaker
from voice_app.runtime.engines import Assistant, build_assistant
from voice_app.runtime.persona import persona_names
from voice_app.runtime.replacing import release_unused, replaced
from voice_app.runtime.session_parts import (
    Notices,
    SessionPlan,
    created,
    open_canceller,
    open_log,
    open_source,
    open_speaker,
    session_io,
)
from voice_app.runtime.settings import Settings
from voice_app.runtime.skill_set import SkillSet
from voice_app.skills.repeat.repeat import REPEAT, RETRY

BACKENDS = ("llama.cpp", "lpu", "lpu-delegated")
SWITCHES = {
    "model": ("models", "llm"),
    "backend": ("models", "llm_backend"),
    "voice": ("models", "tts"),
    "persona": ("persona",),
    "input": ("audio", "input"),
    "output": ("audio", "output"),
}
"""What can be switched, and the setting it is."""


@dataclass(slots=True)
class SwappableIO:
    """What a conversation hears and speaks with; everything in it can be exchanged."""

    source: SwitchedSource
    speaker: SwitchedSpeaker
    canceller: EchoCanceller | None

    def hears_itself(self) -> bool:
        """Tell by the sound whether the microphone hears the loudspeaker."""
        return bool(self.canceller and self.canceller.hears_itself())

    def cancel_echo(self) -> bool:
        """Take the loudspeaker's sound out of the microphone's from now on; return whether that can be done."""
        return bool(self.canceller and self.canceller.engage())


@dataclass(slots=True)
class Running:
    """What there is while the session runs."""

    loop: asyncio.AbstractEventLoop
    task: asyncio.Task[None]
    assistant: Assistant
    conversation: Session
    devices: SwappableIO
    skills: SkillSet
    jobs: set[asyncio.Task[None]] = field(default_factory=set)
    switching: asyncio.Lock = field(default_factory=asyncio.Lock)


class LiveSession:
    """A session that another thread controls. Its microphone and loudspeaker may be missing: then text does."""

    def __init__(self, session: SessionPlan, *, keep_sound: bool = False) -> None:
        self._session, self._settings = session, session.settings
        self._kept = KeptSound() if keep_sound else None
        self._notice = Notices()
        self._running: Running | None = None
        self._hands_free, self._muted, self._held = True, False, False
        self.ended = False
        """Whether the session is over, or was asked to end before it began."""

    # In the session's thread.

    def run(self) -> None:
        """Hold the session until `end` or the end of its recordings. Raises ModelError, PersonaError, SessionError."""
        assistant = build_assistant(self._settings)
        try:
            with contextlib.suppress(asyncio.CancelledError):
                asyncio.run(self._converse(assistant))
        finally:
            self.ended, self._running = True, None
            assistant.close()

    async def _converse(self, assistant: Assistant) -> None:
        bus = events.Bus()
        task = asyncio.current_task()
        assert task
        with open_log(self._session) as recorder:
            for listener in (*recorder, *self._session.listeners):
                bus.subscribe(listener)
            devices = self._plugs()
            io = replace(
                session_io(self._settings, devices.source, devices.speaker),
                hears_itself=devices.hears_itself,
                cancel_echo=devices.cancel_echo,
            )
            conversation = Session(io, assistant.engines, assistant.history, assistant.style, bus)
            skills = SkillSet(assistant, self._notice, conversation.announce)
            conversation.drafter.skills = skills.skills
            loop = asyncio.get_running_loop()
            self._running = Running(loop, task, assistant, conversation, devices, skills)
            self._set_microphone(self._running)  # keys may have been pressed while the models were loaded

            def listens() -> events.Event:
                self._notice.begin(conversation)
                return created(assistant)

            with contextlib.closing(skills):
                if not self.ended:
                    await conversation.run(listens)

    def _plugs(self) -> SwappableIO:
        """Open what the settings name; what is missing is told, and does not stop anybody from typing."""
        played = PlayedSound()
        canceller = open_canceller(self._session, played)
        source: FrameSource
        try:
            source = open_source(self._session, self.submit, self._notice, canceller)
        except AudioDeviceError as error:
            self._notice(f"{error}. You can type.")
            source = Silence()
        speaker: Speaker
        try:
            speaker = open_speaker(self._session, self._notice, played)
        except AudioDeviceError as error:
            self._notice(f"{error}. {UNHEARD}")
            speaker = FileSpeaker(None)
        switched = SwitchedSource(source, self._notice, self._kept)
        return SwappableIO(switched, SwitchedSpeaker(speaker, self._notice, self._kept), canceller)

    # From any thread.

    def _post(self, work: Callable[[Running], object]) -> None:
        """Do something in the session's thread, if the session runs."""
        running = self._running
        if running:
            with contextlib.suppress(RuntimeError):  # its loop has ended just now
                running.loop.call_soon_threadsafe(work, running)

    def submit(self, text: str) -> None:
        """Take typed text as a turn; it interrupts a reply."""
        self._post(lambda running: running.conversation.submit(text))

    def repeat(self) -> None:
        """Have the last answer said again."""
        self.submit(REPEAT)

    def retry(self) -> None:
        """Have the last question answered anew."""
        self.submit(RETRY)

    def interrupt(self) -> None:
        """Drop what is being said, by the user or the assistant."""
        self._post(lambda running: running.conversation.stop())

    def set_muted(self, muted: bool) -> None:
        """Close or open the microphone."""
        self._muted = muted
        self._post(self._set_microphone)

    def hands_free(self, on: bool) -> None:
        """Listen all the time, or only while the user holds the key of push-to-talk."""
        self._hands_free, self._held = on, False
        self._post(self._set_microphone)

    def push_to_talk(self, down: bool) -> None:
        """Open the microphone, silencing a reply; or close it, which ends the turn."""
        self._held = down
        self._post(self._push if down else self._let_go)

    def _set_microphone(self, running: Running) -> None:
        running.devices.source.open = not self._muted and (self._hands_free or self._held)

    def _push(self, running: Running) -> None:
        if running.conversation.state in (State.SPEAKING, State.THINKING):
            running.conversation.stop()
        self._set_microphone(running)

    def _let_go(self, running: Running) -> None:
        self._set_microphone(running)
        running.conversation.end_turn()

    def level_db(self) -> float:
        """Return how loud the microphone is now, RMS in dBFS."""
        running = self._running
        return running.devices.source.level_db if running else QUIETEST_DB

    def has_microphone(self) -> bool:
        """Tell whether somebody can speak to the session."""
        running = self._running
        return bool(running and not running.devices.source.deaf)

    def write_sound(self, path: Path) -> float:
        """Write the session's sound as a stereo WAV, user left, and return its seconds; blocks. Raises SessionError."""
        if self._kept is None:
            raise SessionError(path, "no sound is kept; start with `voice-app chat --keep-audio`")
        return self._kept.write(path)

    def end(self) -> None:
        """End the session in order."""
        self.ended = True
        self._post(lambda running: running.task.cancel())

    def choices(self) -> dict[str, tuple[str, ...]]:
        """Return what `switch` may be given; lists the sound devices, so it may take a moment."""
        store = ModelStore()
        installed = [model for model in load_manifest().values() if store.installed(model.name)]
        try:
            devices = list_devices()
        except AudioDeviceError:
            devices = []
        return {
            "model": tuple(model.name for model in installed if model.role == "llm"),
            "backend": BACKENDS,
            "voice": tuple(model.name for model in installed if model.role == "tts"),
            "persona": tuple(persona_names()),
            "input": tuple(device.name for device in devices if device.inputs),
            "output": tuple(device.name for device in devices if device.outputs),
        }

    def switch(self, **changes: str) -> None:
        """Exchange `model`, `backend`, `voice`, `persona`, `input` or `output`, while the session goes on."""
        self._post(partial(self._start, changes))

    def _start(self, changes: Mapping[str, str], running: Running) -> None:
        job = asyncio.create_task(self._switch(changes, running))
        running.jobs.add(job)
        job.add_done_callback(running.jobs.discard)

    async def _switch(self, changes: Mapping[str, str], running: Running) -> None:
        """Make one exchange after the other; what fails leaves everything as it was."""
        async with running.switching:
            settings = changed(self._settings, changes)
            names = ", ".join(f"{what} {name}" for what, name in changes.items())
            self._notice(f"Switching to {names} …")
            try:
                if {"input", "output"} & set(changes):
                    await self._plug_in(running, settings, set(changes))
                if set(changes) - {"input", "output"}:
                    await self._rewire(running, settings)
            except Exception as error:  # whatever a model or a driver does, the session goes on
                known = isinstance(error, VoiceAppError | InferenceError)
                self._notice(f"{error if known else repr(error)}; nothing was changed")
                return
            self._settings, assistant = settings, running.assistant
            if changes.get("voice", assistant.models["tts"]) != assistant.models["tts"]:
                self._notice(f"The persona {assistant.persona.name} has a voice of its own")
            running.conversation.updated(assistant.models, assistant.persona.name)

    async def _plug_in(self, running: Running, settings: Settings, changes: set[str]) -> None:
        """Exchange the devices. The canceller pairs one microphone with one loudspeaker: both are opened anew."""
        devices = running.devices
        session = replace(self._session, settings=settings, recordings=(), typed_only=False, out=None)
        played = PlayedSound()
        canceller = open_canceller(session, played)
        speaker = source = None
        try:
            if "output" in changes or canceller:
                speaker = DeviceSpeaker(settings.audio.output or None, report=self._notice, played=played)
                await speaker.start()
            if "input" in changes or (canceller and not devices.source.deaf):
                clean = canceller.clean if canceller else None
                source = Microphone(settings.audio.input or None, report=self._notice, clean=clean)
                await source.start()
        except AudioDeviceError:
            if speaker:
                await speaker.close()
            raise
        await running.conversation.rest()
        if speaker:
            await devices.speaker.plug_in(speaker)
        if source:
            await devices.source.plug_in(source)
        devices.canceller = canceller

    async def _rewire(self, running: Running, settings: Settings) -> None:
        """Load what is other, and go on with it as soon as nobody speaks."""
        old, conversation = running.assistant, running.conversation
        new = await old.engines.scheduler.call(Priority.UPKEEP, lambda: replaced(old, settings), on="llm")
        await conversation.rest()
        conversation.engage(new.engines, new.style, new.history)
        running.skills.adopt(new)
        conversation.drafter.skills = running.skills.skills
        running.assistant = new
        await old.engines.scheduler.call(Priority.UPKEEP, lambda: release_unused(old, new), on="llm")


def changed(settings: Settings, changes: Mapping[str, str]) -> Settings:
    """Return settings with what was switched."""
    for what, name in changes.items():
        section, *key = SWITCHES[what]
        if key:
            value: Any = getattr(settings, section).model_copy(update={key[0]: name})
        else:
            value = name
        settings = settings.model_copy(update={section: value})
    return settings
