"""One session: the devices or files of a conversation, its listeners, its beginning and end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from inference.vad.silero import SileroVad
from voice_app import clock, events
from voice_app.audio.device import DeviceSpeaker, Microphone
from voice_app.audio.echo_cancel import EchoCanceller, PlayedSound, echo_canceller
from voice_app.audio.frames import FrameSource
from voice_app.audio.recordings import RecordedTurn, RecordedUser, SpokenTurn
from voice_app.audio.speaker import FileSpeaker, Speaker
from voice_app.budget import Budget
from voice_app.config import Settings, state_dir
from voice_app.console import ConsoleView
from voice_app.conversation import Conversation, Senses
from voice_app.ears import EarSettings
from voice_app.endpointing import EndpointLimits
from voice_app.errors import AudioDeviceError
from voice_app.recorder import Recorder, session_path
from voice_app.typed import TypedUser, read_lines
from voice_app.wiring import Assistant, build_assistant

Listener = Callable[[events.Event], None]


@dataclass(frozen=True, slots=True)
class Session:
    """What a session is to do."""

    settings: Settings
    recordings: tuple[RecordedTurn, ...] = ()
    """The user's turns; empty: the microphone, or typed text alone."""
    typed_only: bool = False
    out: Path | None = None
    """Where the assistant's sound is written; None: the loudspeaker."""
    events_file: Path | None = None
    listeners: Sequence[Listener] = ()


def run_session(session: Session) -> list[SpokenTurn]:
    """Hold a conversation until the recordings end, the typed text ends, or Ctrl-C.

    Return when recordings were spoken, in seconds of the session; its sound file starts with it.
    """
    assistant = build_assistant(session.settings)
    try:
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            return asyncio.run(converse(session, assistant))
    finally:
        assistant.close()
    return []


async def converse(session: Session, assistant: Assistant) -> list[SpokenTurn]:
    """Hold a session with an assistant that is loaded; return what `run_session` does."""
    bus = events.Bus()
    with _log(session) as recorder:
        for listener in (*recorder, *session.listeners):
            bus.subscribe(listener)

        def notice(message: str) -> None:
            conversation.notice(message)

        def submit(text: str) -> None:
            conversation.submit(text)

        played = PlayedSound()
        canceller = _canceller(session, played)
        source = _source(session, submit, notice, canceller)
        if isinstance(source, RecordedUser | TypedUser):
            bus.subscribe(_listening(source))
        mouth = _speaker(session, notice, played)
        engines, history, style = assistant.engines, assistant.history, assistant.style
        senses = _senses(session.settings, source, mouth)
        if canceller:
            senses = replace(senses, hears_itself=canceller.hears_itself, cancel_echo=canceller.engage)
        conversation = Conversation(senses, engines, history, style, bus)
        if sys.stdin.isatty() and isinstance(source, Microphone):
            read_lines(lambda line: submit(line) if line else None)
        with _ended_by_signals():
            await conversation.run(lambda: _created(assistant))
        return source.spoken_since(conversation.started_s) if isinstance(source, RecordedUser) else []


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


@contextlib.contextmanager
def _log(session: Session) -> Iterator[tuple[Listener, ...]]:
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


def _source(
    session: Session,
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


def _canceller(session: Session, played: PlayedSound) -> EchoCanceller | None:
    """Return what keeps the loudspeaker out of the microphone, where a session has both."""
    if session.recordings or session.typed_only or session.out is not None:
        return None
    return echo_canceller(session.settings.audio.echo_cancel, played)


def _speaker(session: Session, notice: Callable[[str], None], played: PlayedSound) -> Speaker:
    """Return the file or loudspeaker. A user who does not use the microphone can do without a loudspeaker."""
    if session.out is not None:
        return FileSpeaker(session.out)
    try:
        return DeviceSpeaker(session.settings.audio.output or None, report=notice, played=played)
    except AudioDeviceError:
        if session.recordings or session.typed_only:
            return FileSpeaker(None)
        raise


def _senses(settings: Settings, source: FrameSource, speaker: Speaker) -> Senses:
    """Return ears and mouth as the settings want them."""
    turn = settings.turn
    return Senses(
        source,
        SileroVad(),
        speaker,
        EarSettings(
            threshold=turn.threshold,
            release=max(turn.threshold - 0.15, 0.01),  # Silero's own iterator uses this distance
            end_silence_s=turn.end_silence_ms / 1000,
        ),
        EndpointLimits(turn.finished_ms / 1000, turn.unsure_ms / 1000, turn.unfinished_ms / 1000),
        Budget().scaled(turn.budget_ms / 1000),
        drafting=turn.drafting,
        barge_in=settings.audio.barge_in,
        partial_every_s=turn.partial_every_ms / 1000 or None,
    )


def _created(assistant: Assistant) -> events.SessionCreated:
    """Return the session's first event."""
    return events.SessionCreated(
        at_s=0.0,
        started=clock.wall().isoformat(timespec="seconds"),
        models=assistant.models,
        persona=assistant.persona.name,
    )


def _listening(user: RecordedUser | TypedUser) -> Listener:
    """Let a recorded or typing user hear when the assistant speaks, as a person would."""

    def listen(event: events.Event) -> None:
        if isinstance(event, events.PlaybackStarted):
            user.heard_start()
        elif isinstance(event, events.ResponseDone):
            user.heard_end()

    return listen


def talk_in_terminal(session: Session) -> int:
    """Hold a session with its lines on the terminal; return 1 when a reply failed, else 0."""
    view = ConsoleView(Console(), session.settings.turn.budget_ms / 1000)
    run_session(replace(session, listeners=(*session.listeners, view)))
    return 1 if view.failed else 0
