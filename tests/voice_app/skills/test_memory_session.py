"""A real session that remembers: killed once it has acknowledged, and another one that knows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from voice_app.core import events
from voice_app.observe.recorder import replay
from voice_app.skills.memory.store import Memory

pytestmark = pytest.mark.model

PATIENCE_S = 60


def session(folder: Path) -> subprocess.Popen[str]:
    """Start a typed session whose sound goes to a file."""
    env = os.environ | {
        "XDG_DATA_HOME": str(folder),
        "XDG_STATE_HOME": str(folder),
        "VOICE_APP_PERSONA": "plain",
    }
    options = ["talk", "--typed", "--out", str(folder / "reply.wav"), "--events", str(folder / "log.jsonl")]
    command = [sys.executable, "-m", "voice_app", *options]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env
    )


def test_real_what_was_acknowledged_aloud_survives_kill_9(tmp_path: Path) -> None:
    """At the first sound of the acknowledgement the entry is on disk; the next session answers by it."""
    log = tmp_path / "log.jsonl"
    with session(tmp_path) as first:
        assert first.stdin
        first.stdin.write("Remember that my dentist is on Tuesday.\n")
        first.stdin.flush()
        started_s = time.monotonic()
        while not (log.exists() and b"output_audio_buffer.started" in log.read_bytes()):
            assert time.monotonic() - started_s < PATIENCE_S
            time.sleep(0.01)
        first.send_signal(signal.SIGKILL)
    (changed,) = [event for event in replay(log) if isinstance(event, events.MemoryChanged)]
    memory = Memory(tmp_path / "voice-app" / "memory" / "plain.sqlite3")
    assert [entry.text for entry in memory.entries()] == [changed.text] == ["my dentist is on Tuesday"]
    memory.close()

    with session(tmp_path) as second:
        shown, _ = second.communicate("When is my dentist appointment?\n", timeout=PATIENCE_S)

    assert second.returncode == 0
    assert "Your dentist is on Tuesday." in shown
    assert sum(isinstance(event, events.SessionCreated) for event in replay(log)) == 2
