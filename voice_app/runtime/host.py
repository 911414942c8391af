"""One session: the devices or files of a conversation, its listeners, its beginning and end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace

from rich.console import Console

from voice_app.core import events
from voice_app.core.session import Session
from voice_app.io.device import Microphone
from voice_app.io.echo_cancel import PlayedSound
from voice_app.io.recordings import RecordedUser, SpokenTurn
from voice_app.io.typed import TypedUser, read_lines
from voice_app.observe.console import ConsoleView
from voice_app.runtime.engines import Assistant, build_assistant
from voice_app.runtime.session_parts import (
    Listener,
    Notices,
    SessionPlan,
    created,
    open_canceller,
    open_log,
    open_source,
    open_speaker,
    session_io,
)
from voice_app.runtime.skill_set import SkillSet


def run_session(session: SessionPlan) -> list[SpokenTurn]:
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


async def converse(session: SessionPlan, assistant: Assistant) -> list[SpokenTurn]:
    """Hold a session with an assistant that is loaded; return what `run_session` does."""
    bus = events.Bus()
    with open_log(session) as recorder:
        for listener in (*recorder, *session.listeners):
            bus.subscribe(listener)

        notice = Notices()

        def submit(text: str) -> None:
            conversation.submit(text)

        played = PlayedSound()
        canceller = open_canceller(session, played)
        source = open_source(session, submit, notice, canceller)
        if isinstance(source, RecordedUser | TypedUser):
            bus.subscribe(_listening(source))
        mouth = open_speaker(session, notice, played)
        engines, history, style = assistant.engines, assistant.history, assistant.style
        io = session_io(session.settings, source, mouth)
        if canceller:
            io = replace(io, hears_itself=canceller.hears_itself, cancel_echo=canceller.engage)
        conversation = Session(io, engines, history, style, bus)
        skills = SkillSet(assistant, notice, conversation.announce)
        conversation.drafter.skills = skills.skills
        if sys.stdin.isatty() and isinstance(source, Microphone):
            read_lines(lambda line: submit(line) if line else None)

        def listens() -> events.Event:
            notice.begin(conversation)
            return created(assistant)

        with _ended_by_signals(), contextlib.closing(skills):
            await conversation.run(listens)
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


def _listening(user: RecordedUser | TypedUser) -> Listener:
    """Let a recorded or typing user hear when the assistant speaks, as a person would."""

    by_voice = isinstance(
        user, RecordedUser
    )  # who types has cancelled an answer by the next line, which is open

    def listen(event: events.Event) -> None:
        if isinstance(event, events.PlaybackStarted):
            user.heard_start()
        elif isinstance(event, events.ResponseDone) and (event.status != "cancelled" or by_voice):
            user.heard_end()

    return listen


def talk_in_terminal(session: SessionPlan) -> int:
    """Hold a session with its lines on the terminal; return 1 when a reply failed, else 0."""
    view = ConsoleView(Console(), session.settings.turn.budget_ms / 1000)
    run_session(replace(session, listeners=(*session.listeners, view)))
    return 1 if view.failed else 0
