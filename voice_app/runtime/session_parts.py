"""What a session is made of: its settings, its devices or files, its log."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.vad.silero import SileroVad
from voice_app.core import clock, events
from voice_app.core.endpointing import EndpointLimits
from voice_app.core.errors import AudioDeviceError, SessionError
from voice_app.core.ports import FrameSource, Speaker
from voice_app.core.segmenter import SegmenterSettings
from voice_app.core.session import Session, SessionIO
from voice_app.core.stages import Budget
from voice_app.io.device import DeviceSpeaker, Microphone
from voice_app.io.echo_cancel import EchoCanceller, PlayedSound, echo_canceller
from voice_app.io.recordings import RecordedTurn, RecordedUser
from voice_app.io.speaker import FileSpeaker
from voice_app.io.typed import TypedUser
from voice_app.observe.recorder import Recorder, session_path
from voice_app.runtime.engines import CALIBRATED, Assistant
from voice_app.runtime.settings import Settings, state_dir

Listener = Callable[[events.Event], None]


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """What a session is to do."""

    settings: Settings
    recordings: tuple[RecordedTurn, ...] = ()
    """The user's turns; empty: the microphone, or typed text alone."""
    typed_only: bool = False
    out: Path | None = None
    """Where the assistant's sound is written; None: the loudspeaker."""
    events_file: Path | None = None
    listeners: Sequence[Listener] = ()


class Notices:
    """What the user is told while the session goes on. What comes up before it listens is told then."""

    def __init__(self) -> None:
        self._early: list[str] = []
        self._conversation: Session | None = None

    def __call__(self, message: str) -> None:
        """Tell it now, or as soon as can be."""
        if self._conversation:
            self._conversation.notice(message)
        else:
            self._early.append(message)

    def begin(self, conversation: Session) -> None:
        """The session listens: tell through its conversation, behind its first event."""
        self._conversation = conversation
        for message in self._early:
            asyncio.get_running_loop().call_soon(conversation.notice, message)


@contextlib.contextmanager
def open_log(session: SessionPlan) -> Iterator[tuple[Listener, ...]]:
    """Open the session's log where one is wanted."""
    path = session.events_file
    if path is None and session.settings.keep_log:
        path = session_path(state_dir() / "sessions")
    if path is None:
        yield ()
        return
    recorder = Recorder(path)
    try:
        yield (recorder,)
    finally:
        recorder.close()
    if recorder.lost:
        raise SessionError(
            path, f"{recorder.lost} events of the session could not be written; is the disk full?"
        )


def open_source(
    session: SessionPlan,
    submit: Callable[[str], None],
    notice: Callable[[str], None],
    canceller: EchoCanceller | None,
) -> RecordedUser | TypedUser | Microphone:
    if session.recordings:
        return RecordedUser(session.recordings)
    if session.typed_only:
        return TypedUser(submit, patient=not sys.stdin.isatty())
    clean = canceller.clean if canceller else None
    return Microphone(session.settings.audio.input or None, report=notice, clean=clean)


def open_canceller(session: SessionPlan, played: PlayedSound) -> EchoCanceller | None:
    """Return what keeps the loudspeaker out of the microphone, where a session has both."""
    if session.recordings or session.typed_only or session.out is not None:
        return None
    return echo_canceller(session.settings.audio.echo_cancel, played)


def open_speaker(session: SessionPlan, notice: Callable[[str], None], played: PlayedSound) -> Speaker:
    """Return the file or loudspeaker. A user who does not use the microphone can do without a loudspeaker."""
    if session.out is not None:
        return FileSpeaker(session.out)
    try:
        return DeviceSpeaker(session.settings.audio.output or None, report=notice, played=played)
    except AudioDeviceError:
        if session.recordings or session.typed_only:
            return FileSpeaker(None)
        raise


def session_io(settings: Settings, source: FrameSource, speaker: Speaker) -> SessionIO:
    """Return ears and mouth as the settings want them."""
    turn = settings.turn
    return SessionIO(
        source,
        SileroVad(),
        speaker,
        SegmenterSettings(
            threshold=turn.threshold,
            release=max(turn.threshold - 0.15, 0.01),  # Silero's own iterator uses this distance
        ),
        EndpointLimits(
            turn.finished_ms / 1000,
            turn.unsure_ms / 1000,
            turn.unfinished_ms / 1000,
            turn.end_silence_ms / 1000,
        ),
        Budget(turn.budget_ms / 1000),
        drafting=turn.drafting,
        barge_in=settings.audio.barge_in,
        partial_every_s=turn.partial_every_ms / 1000 or None,
    )


def created(assistant: Assistant) -> events.SessionCreated:
    """Return the session's first event."""
    estimates = assistant.engines.estimates.by_name()
    return events.SessionCreated(
        at_s=0.0,
        started=clock.wall().isoformat(timespec="seconds"),
        models=assistant.models,
        persona=assistant.persona.name,
        because=assistant.because,
        calibrated_ms={str(name): round(estimates[name] * 1000, 1) for name in CALIBRATED},
    )
