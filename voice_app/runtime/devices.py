"""What a session hears and speaks with: devices or files, as its plan says, and their exchange while it goes on."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from inference.protocols import VoiceActivityDetector
from voice_app.core.errors import AudioDeviceError
from voice_app.core.ports import FrameSource, Notify, Send, SessionIO, Speaker, Text
from voice_app.io.device import DeviceSpeaker, Microphone
from voice_app.io.echo_cancel import EchoCanceller, PlayedSound, echo_canceller
from voice_app.io.hot_swap import UNHEARD, Silence, SwappableSource, SwappableSpeaker
from voice_app.io.recordings import RecordedUser
from voice_app.io.session_sound import SessionSound
from voice_app.io.speaker import FileSpeaker
from voice_app.io.typed import TypedUser
from voice_app.runtime.engines import build_vad
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import Settings

Report = Callable[[str], None]


@dataclass(slots=True)
class Devices:
    """A source of frames, a loudspeaker, and the echo canceller between them."""

    source: FrameSource
    speaker: Speaker
    canceller: EchoCanceller | None = None
    vad: VoiceActivityDetector | None = None
    """None: Silero's."""

    def io(self) -> SessionIO:
        """Return them as a session wants them."""
        return SessionIO(
            self.source, self.vad or build_vad(), self.speaker, self._hears_itself, self._cancel_echo
        )

    def _hears_itself(self) -> bool:
        return bool(self.canceller and self.canceller.hears_itself())

    def _cancel_echo(self) -> bool:
        return bool(self.canceller and self.canceller.activate())


def open_devices(plan: SessionPlan, send: Send) -> Devices:
    """Return what the plan names. Raises AudioDeviceError where it is not there."""
    played, report = PlayedSound(), reporter(send)
    canceller = _open_canceller(plan, played)
    return Devices(_open_source(plan, send, canceller), _open_speaker(plan, report, played), canceller)


@dataclass(slots=True)
class SwappableDevices(Devices):
    """Devices that may be missing, and be exchanged while the session goes on."""

    source: SwappableSource
    speaker: SwappableSpeaker

    async def exchange(
        self, settings: Settings, changes: set[str], report: Report
    ) -> Callable[[], Awaitable[None]]:
        """Open other devices for the `changes` ("input", "output"); return what puts them in place of these.

        The canceller pairs one microphone with one loudspeaker: both are opened anew. Raises AudioDeviceError, and
        then nothing has changed.
        """
        played = PlayedSound()
        canceller = echo_canceller(settings.audio.echo_cancel, played)
        clean = canceller.clean if canceller else None
        speaker = source = None
        try:
            if "output" in changes or canceller:
                speaker = DeviceSpeaker(settings.audio.output or None, report=report, played=played)
                await speaker.start()
            if "input" in changes or (canceller and not self.source.is_missing):
                source = Microphone(settings.audio.input or None, report=report, clean=clean)
                await source.start()
        except AudioDeviceError:
            if speaker:
                await speaker.close()
            raise

        async def plug_in() -> None:
            if speaker:
                await self.speaker.plug_in(speaker)
            if source:
                await self.source.plug_in(source)
            self.canceller = canceller

        return plug_in


def open_swappable(plan: SessionPlan, send: Send, sound: SessionSound | None = None) -> SwappableDevices:
    """Open what the plan names; what is missing is reported, and typing is possible all the same."""
    played, report = PlayedSound(), reporter(send)
    canceller = _open_canceller(plan, played)
    source: FrameSource = Silence()
    with _reported(report, "You can type."):
        source = _open_source(plan, send, canceller)
    speaker: Speaker = FileSpeaker(None)
    with _reported(report, UNHEARD):
        speaker = _open_speaker(plan, report, played)
    return SwappableDevices(
        SwappableSource(source, report, sound), SwappableSpeaker(speaker, report, sound), canceller
    )


def reporter(send: Send) -> Report:
    """Return a function that shows the user of a session a notice."""
    return lambda message: send(Notify(message))


@contextlib.contextmanager
def _reported(report: Report, instead: str) -> Iterator[None]:
    try:
        yield
    except AudioDeviceError as error:
        report(f"{error}. {instead}")


def _open_source(
    plan: SessionPlan, send: Send, canceller: EchoCanceller | None
) -> RecordedUser | TypedUser | Microphone:
    if plan.recordings:
        return RecordedUser(plan.recordings)
    if plan.typed_only:
        return TypedUser(lambda text: send(Text(text)), patient=not sys.stdin.isatty())
    clean = canceller.clean if canceller else None
    return Microphone(plan.settings.audio.input or None, report=reporter(send), clean=clean)


def _open_canceller(plan: SessionPlan, played: PlayedSound) -> EchoCanceller | None:
    """Return the echo canceller, if a session has both a microphone and a loudspeaker."""
    if plan.recordings or plan.typed_only or plan.out is not None:
        return None
    return echo_canceller(plan.settings.audio.echo_cancel, played)


def _open_speaker(plan: SessionPlan, report: Report, played: PlayedSound) -> Speaker:
    """Return the file or loudspeaker. A user who does not use the microphone can do without a loudspeaker."""
    if plan.out is not None:
        return FileSpeaker(plan.out)
    try:
        return DeviceSpeaker(plan.settings.audio.output or None, report=report, played=played)
    except AudioDeviceError:
        if plan.recordings or plan.typed_only:
            return FileSpeaker(None)
        raise
