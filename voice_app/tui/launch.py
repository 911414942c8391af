"""Runs the chat: with a session in a thread of its own, or with a recorded one."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from inference.errors import InferenceError
from voice_app.core.errors import SessionError, VoiceAppError
from voice_app.observe.recorder import replay
from voice_app.runtime.live import LiveSession
from voice_app.runtime.plan import SessionPlan
from voice_app.runtime.settings import Settings, state_dir
from voice_app.tui.app import Chat, ChatApp
from voice_app.tui.feed import Feed
from voice_app.tui.replayed import Replay

END_LIMIT_S = 10.0
"""How long a session may take to end in order."""


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """What a chat is to be, beside its settings."""

    events_file: Path | None = None
    keep_audio: bool = False
    welcome: bool = False


class SessionThread:
    """A live session in a thread of its own, with an event loop of its own."""

    def __init__(self, session: LiveSession) -> None:
        self._session = session
        self._failure: Exception | None = None
        # A daemon: a model or a driver that hangs must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name="session", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _run(self) -> None:
        try:
            self._session.run()
        except (VoiceAppError, InferenceError) as error:
            self._failure = error
        except Exception as error:  # reported when the terminal is a terminal again
            self._failure = VoiceAppError(f"the session failed: {type(error).__name__}: {error}")

    def failure(self) -> Exception | None:
        """Return what the session ended with; None while it runs, and when it ended in order."""
        return self._failure

    def end(self) -> None:
        """End the session and wait for it."""
        self._session.end()
        self._thread.join(END_LIMIT_S)


def run_chat(settings: Settings, request: ChatOptions) -> int:
    """Hold a session; return the exit status. Raises what ended the session, unless the user ended it."""
    feed = Feed()
    plan = SessionPlan(settings, events_file=request.events_file, listeners=(feed,))
    live = LiveSession(plan, keep_sound=request.keep_audio)
    thread = SessionThread(live)
    app = ChatApp(
        Chat(
            live,
            feed,
            settings.turn.budget_ms / 1000,
            plan.log,
            thread.failure,
            preferences=state_dir() / "chat.json",
            welcome=request.welcome,
        )
    )
    with libraries_in_a_file(state_dir() / "chat-libraries.log"):
        thread.start()
        try:
            status = app.run() or 0
        finally:
            thread.end()
    if failure := thread.failure():
        raise failure
    return status


def run_replay(path: Path, speed: float) -> int:
    """Show a log; return the exit status. Raises SessionError for one that can't be read."""
    log = list(replay(path))
    if not log:
        raise SessionError(path, "holds no events; a session's log has one a line")
    recorded = Replay(log, time.perf_counter, speed)
    return ChatApp(Chat(recorded, recorded, log=path, recorded=True)).run() or 0


@contextmanager
def libraries_in_a_file(path: Path) -> Iterator[None]:
    """Keep what libraries in C write to the standard error off the screen, which Textual draws on it, too.

    Textual writes to a copy of the terminal's descriptor; what else is written to it goes to the file.
    """
    terminal, before = os.dup(2), sys.__stderr__
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError:
        file = os.open(os.devnull, os.O_WRONLY)
    encoding = getattr(before, "encoding", None) or "utf-8"
    screen = os.fdopen(terminal, "w", encoding=encoding, errors="replace")
    try:
        os.dup2(file, 2)
        sys.__stderr__ = screen  # type: ignore[misc]
        yield
    finally:
        screen.flush()
        os.dup2(terminal, 2)
        sys.__stderr__ = before  # type: ignore[misc]
        os.close(file)
        screen.close()
