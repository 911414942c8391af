"""Killed at any moment, nothing that was acknowledged is lost: neither in the memory nor in the log."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from voice_app.core.events import MemoryChanged
from voice_app.observe.recorder import replay
from voice_app.skills.memory.store import Memory

KILLS = 50
SEED = 20
WRITER = """
import sys
from pathlib import Path
from voice_app.core.events import MemoryChanged
from voice_app.skills.memory.entries import Note
from voice_app.skills.memory.store import Memory
from voice_app.observe.recorder import Recorder

memory = Memory(Path(sys.argv[1]))
print("notice", memory.notice, flush=True)
recorder = Recorder(Path(sys.argv[2]))
for number in range(10**9):
    text = f"{sys.argv[3]} {number}"
    memory.remember(Note("fact", text))
    print("kept", text, flush=True)
    recorder(MemoryChanged(at_s=number, change="added", text=text))
    print("logged", text, flush=True)
    if len(memory.facts()) > 100:
        old = memory.facts()[0]
        print("forgets", old.text, flush=True)
        memory.delete([old.id])
        print("forgotten", old.text, flush=True)
"""


def lines_until_killed(arguments: list[object], delay_s: float) -> list[str]:
    """Run the writer for `delay_s` from its first line on; return the lines it wrote, whole ones alone."""
    command = [sys.executable, "-c", WRITER, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        killer = threading.Timer(delay_s, lambda: writer.send_signal(signal.SIGKILL))
        first = writer.stdout.readline()
        killer.start()
        rest = writer.stdout.readlines()
        killer.join()
    assert writer.returncode == -signal.SIGKILL
    return [line.rstrip("\n") for line in (first, *rest) if line.endswith("\n")]


@pytest.mark.slow
def test_killed_50_times_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """Every entry and log line that a writer reported is there; none that it forgot; every start is clean."""
    chance = random.Random(SEED)
    path, log = tmp_path / "memory" / "plain.sqlite3", tmp_path / "log.jsonl"
    reported: dict[str, list[str]] = {"notice": [], "kept": [], "logged": [], "forgets": [], "forgotten": []}
    for kill in range(KILLS):
        for line in lines_until_killed([path, log, kill], chance.uniform(0, 0.05)):
            what, _, text = line.partition(" ")
            reported[what].append(text)

    memory = Memory(path)
    there = {entry.text for entry in memory.entries()}
    in_log = [event.text for event in replay(log) if isinstance(event, MemoryChanged)]
    unlogged = set(in_log) - set(reported["logged"])

    assert set(reported["notice"]) == {""}
    assert memory.notice == ""
    assert set(reported["kept"]) - set(reported["forgets"]) <= there
    assert not there & set(reported["forgotten"])
    assert [text for text in in_log if text not in unlogged] == reported["logged"]
    assert len(unlogged) <= KILLS
    assert len(reported["kept"]) > KILLS
