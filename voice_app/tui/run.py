"""Runs the chat: with a session in a thread of its own, or with a recorded one."""

from __future__ import annotations

import time
from pathlib import Path

from voice_app.errors import SessionError
from voice_app.recorder import replay
from voice_app.tui.app import Chat, ChatApp
from voice_app.tui.replayed import Replay


def run_replay(path: Path, speed: float) -> int:
    """Show a log; return the exit status. Raises SessionError for one that can't be read."""
    log = list(replay(path))
    if not log:
        raise SessionError(path, "holds no events; a session's log has one a line")
    recorded = Replay(log, time.perf_counter, speed)
    return ChatApp(Chat(recorded, recorded, log=path, recorded=True)).run() or 0
