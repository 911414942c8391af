"""No network after installation: the whole conversation with every other machine out of reach."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inference.audio import write_audio
from tests.speech import spoken

pytestmark = pytest.mark.model

REFUSING = """
import ipaddress, sys

def refuse(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    try:
        fine = ipaddress.ip_address(host).is_loopback
    except ValueError:
        fine = host == "localhost"
    if not fine:
        sys.stderr.write(f"REFUSED {event} {host}\\n")
        raise OSError(f"no network in this test: {host}")

sys.addaudithook(refuse)
"""
RUN = REFUSING + "from voice_app.__main__ import main\nmain()\n"


def isolated(command: list[str]) -> list[str]:
    """Return the command in a network namespace without any interface, where the system allows that."""
    can = (
        shutil.which("unshare")
        and not subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode
    )
    return ["unshare", "-rn", *command] if can else command


@pytest.mark.parametrize("blocked_by", ["refused sockets", "no interface"])
def test_a_whole_conversation_needs_no_network(blocked_by: str, tmp_path: Path) -> None:
    """Models are loaded, a question is heard and answered, and nobody has tried to reach another machine."""
    question = tmp_path / "question.wav"
    write_audio(question, spoken("What is the capital of France?"))
    command = [sys.executable, "-c", RUN, "talk", "--out", str(tmp_path / "out.wav"), "--in", str(question)]
    env = os.environ | {"XDG_STATE_HOME": str(tmp_path)}
    result = subprocess.run(
        command if blocked_by == "refused sockets" else isolated(command),
        capture_output=True,
        text=True,
        timeout=120,
        env=env,
    )

    assert result.returncode == 0, result.stderr
    assert "REFUSED" not in result.stderr
    assert "Paris" in result.stdout


def test_the_refusal_refuses() -> None:
    """The hook of the test above would have caught an attempt."""
    attempt = REFUSING + "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=1)\n"
    result = subprocess.run([sys.executable, "-c", attempt], capture_output=True, text=True)

    assert "REFUSED" in result.stderr
