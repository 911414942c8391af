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
from voice_app.core.errors import SessionError, TerminalError, VoiceAppError
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
    need_terminal()
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
    with libraries_in_a_file(libraries_log()):
        thread.start()
        try:
            status = app.run() or 0
        finally:
            thread.end()
    if failure := thread.failure():
        raise failure
    if app.return_code:
        raise VoiceAppError(f"the screen failed; what it told is in {libraries_log()}")
    return status


def run_replay(path: Path, speed: float) -> int:
    """Show a log; return the exit status. Raises SessionError for one that can't be read."""
    need_terminal()
    log = list(replay(path))
    if not log:
        raise SessionError(path, "holds no events; a session's log has one a line")
    recorded = Replay(log, time.perf_counter, speed)
    with libraries_in_a_file(libraries_log()):
        return ChatApp(Chat(recorded, recorded, log=path, recorded=True)).run() or 0


def need_terminal() -> None:
    """Raise TerminalError where there are no keys or no screen."""
    if _screen() is None or not os.isatty(0):
        raise TerminalError(
            "the chat needs a terminal for its keys and its screen; without one: voice-app talk"
        )


def _screen() -> int | None:
    """Return the descriptor of the terminal to draw on: the standard error, as Textual does, or the output."""
    return next((descriptor for descriptor in (2, 1) if os.isatty(descriptor)), None)


def libraries_log() -> Path:
    """Return where what libraries write to the standard error is kept, of the last chat alone."""
    return state_dir() / "chat-libraries.log"


@contextmanager
def libraries_in_a_file(path: Path) -> Iterator[None]:
    """Keep what libraries in C write to the standard error off the screen, which Textual draws on it, too.

    Textual writes to a copy of the terminal's descriptor; what else is written to it goes to the file. A standard
    error that is no terminal stays what it is.
    """
    draws_on = _screen()
    if draws_on is None:
        yield
        return
    before, kept = sys.__stderr__, os.dup(2)
    encoding = getattr(before, "encoding", None) or "utf-8"
    screen = os.fdopen(os.dup(draws_on), "w", encoding=encoding, errors="replace")
    file = _private_file(path) if draws_on == 2 else os.dup(2)
    try:
        os.dup2(file, 2)
        sys.__stderr__ = screen  # type: ignore[misc]
        yield
    finally:
        screen.flush()
        os.dup2(kept, 2)
        sys.__stderr__ = before  # type: ignore[misc]
        os.close(file)
        os.close(kept)
        screen.close()


def _private_file(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)
