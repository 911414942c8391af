"""A session under control: text, keys and switches from another thread, while the conversation goes on.

`LiveSession.run` is for a thread of its own, with an event loop that no screen shares. All other methods may be called
from any thread and return at once; what follows from them is in the events.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from inference.errors import InferenceError
from inference.models.manifest import load_manifest
from inference.models.store import ModelStore
from voice_app.core.errors import AudioDeviceError, SessionError, VoiceAppError
from voice_app.core.ports import Command, EndTurn, Stop, Text
from voice_app.core.session import Session
from voice_app.core.turn_table import State
from voice_app.io.hot_swap import QUIETEST_DB
from voice_app.io.portaudio import list_devices
from voice_app.io.session_sound import SessionSound
from voice_app.runtime.devices import SwappableDevices, open_swappable, reporter
from voice_app.runtime.engine_set import EngineSet, load
from voice_app.runtime.host import Hosted, hosted
from voice_app.runtime.persona import persona_names
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import BACKENDS, Settings
from voice_app.skills.repeat.repeat import REPEAT, RETRY

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
class Running:
    """What there is while the session runs."""

    loop: asyncio.AbstractEventLoop
    task: asyncio.Task[None]
    host: Hosted[SwappableDevices]
    jobs: set[asyncio.Task[None]] = field(default_factory=set)
    switching: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def session(self) -> Session:
        """Return the session."""
        return self.host.session


class LiveSession:
    """A session that another thread controls. Its microphone and loudspeaker may be missing: text is enough."""

    def __init__(self, plan: SessionPlan, *, keep_sound: bool = False) -> None:
        self._plan, self._settings = plan, plan.settings
        self._sound = SessionSound() if keep_sound else None
        self._running: Running | None = None
        self._hands_free, self._muted, self._held = True, False, False
        self.ended = False
        """Whether the session is over, or was asked to end before it began."""

    # In the session's thread.

    def run(self) -> None:
        """Hold the session until `end` or the end of its recordings. Raises ModelError, PersonaError, SessionError."""
        engines = load(self._settings)
        try:
            with contextlib.suppress(asyncio.CancelledError):
                asyncio.run(self._hold(engines))
        finally:
            self.ended, self._running = True, None
            engines.close()

    async def _hold(self, engines: EngineSet) -> None:
        task = asyncio.current_task()
        assert task

        with hosted(self._plan, engines, partial(open_swappable, sound=self._sound)) as host:
            self._running = Running(asyncio.get_running_loop(), task, host)
            self._set_microphone(self._running)  # keys may have been pressed while the models were loaded
            if not self.ended:
                await host.run()

    # From any thread.

    def _post(self, work: Callable[[Running], object]) -> None:
        """Do something in the session's thread, if the session runs."""
        running = self._running
        if running:
            with contextlib.suppress(RuntimeError):  # its loop has ended just now
                running.loop.call_soon_threadsafe(work, running)

    def _send(self, command: Command) -> None:
        self._post(lambda running: running.session.send(command))

    def submit(self, text: str) -> None:
        """Take typed text as a turn; it interrupts a reply."""
        self._send(Text(text))

    def repeat(self) -> None:
        """Have the last answer said again."""
        self.submit(REPEAT)

    def retry(self) -> None:
        """Have the last question answered anew."""
        self.submit(RETRY)

    def interrupt(self) -> None:
        """Drop what is being said, by the user or the assistant."""
        self._send(Stop())

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
        running.host.devices.source.open = not self._muted and (self._hands_free or self._held)

    def _push(self, running: Running) -> None:
        if running.session.state in (State.SPEAKING, State.THINKING):
            running.session.send(Stop())
        self._set_microphone(running)

    def _let_go(self, running: Running) -> None:
        self._set_microphone(running)
        running.session.send(EndTurn())

    def level_db(self) -> float:
        """Return how loud the microphone is now, RMS in dBFS."""
        running = self._running
        return running.host.devices.source.level_db if running else QUIETEST_DB

    def has_microphone(self) -> bool:
        """Return whether the session has a microphone."""
        running = self._running
        return bool(running and not running.host.devices.source.is_missing)

    def write_sound(self, path: Path) -> float:
        """Write the session's sound as a stereo WAV, user left, and return its seconds; blocks. Raises SessionError."""
        if self._sound is None:
            raise SessionError(path, "no sound is kept; start with `voice-app chat --keep-audio`")
        return self._sound.write(path)

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
            host, settings, session = (
                running.host,
                switched_settings(self._settings, changes),
                running.session,
            )
            report = reporter(session.send)
            report(f"Switching to {', '.join(f'{what} {name}' for what, name in changes.items())} …")
            try:
                if {"input", "output"} & set(changes):
                    await host.when_idle(await running.host.devices.exchange(settings, set(changes), report))
                if set(changes) - {"input", "output"}:
                    await host.exchange(settings)
            except Exception as error:  # whatever a model or a driver does, the session goes on
                known = isinstance(error, VoiceAppError | InferenceError)
                report(f"{error if known else repr(error)}; nothing was changed")
                return
            self._settings, engines = settings, host.engines
            if changes.get("voice", engines.models["tts"]) != engines.models["tts"]:
                report(f"The persona {engines.persona.name} has a voice of its own")
            session.updated(engines.models, engines.persona.name)


def switched_settings(settings: Settings, changes: Mapping[str, str]) -> Settings:
    """Return settings with what was switched."""
    for what, name in changes.items():
        section, *key = SWITCHES[what]
        if key:
            value: Any = getattr(settings, section).model_copy(update={key[0]: name})
        else:
            value = name
        settings = settings.model_copy(update={section: value})
    return settings
