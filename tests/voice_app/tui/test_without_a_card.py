"""The chat in a real terminal without a sound card: replayed logs, wrong files, typed turns of the real models."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminal import Terminal
from tests.voice_app.tui.shown import DATA

pytestmark = pytest.mark.terminal

CHAT = (sys.executable, "-m", "voice_app", "chat")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A home of its own for what the chat remembers; the models' cache stays where it is."""
    return {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}


def test_a_recorded_session_is_watched_and_left(env: dict[str, str]) -> None:
    """Its words appear, it can't be talked to, a resize redraws it, and leaving restores the terminal."""
    with Terminal([*CHAT, "--replay", str(DATA / "session.jsonl"), "--speed", "20"], env) as terminal:
        terminal.wait_for("Bees make honey.")
        terminal.type("hello")
        terminal.press("Enter")
        terminal.wait_for("This is a recording")
        for columns, rows in ((20, 5), (4, 24), (1, 1), (140, 50), (80, 24)):
            terminal.resize(columns, rows)
        terminal.wait_for("voice-app  plain")
        terminal.press("C-q")
        assert terminal.end_status() == 0
        assert "Traceback" not in terminal.screen(history=200)


def test_a_standard_error_in_a_file_leaves_the_screen_where_it_is(
    env: dict[str, str], tmp_path: Path
) -> None:
    """It is drawn on the standard output then, and the file stays empty."""
    told = tmp_path / "told"
    command = shlex.join([*CHAT, "--replay", str(DATA / "session.jsonl"), "--speed", "20"])
    with Terminal(["sh", "-c", f"exec {command} 2>{told}"], env) as terminal:
        terminal.wait_for("Bees make honey.")
        terminal.press("C-q")
        assert terminal.end_status() == 0
    assert told.read_text() == ""


@pytest.mark.parametrize("arguments", [(), ("--replay", str(DATA / "session.jsonl"))])
def test_without_a_terminal_it_is_one_line_and_a_status(
    arguments: tuple[str, ...], env: dict[str, str]
) -> None:
    """It says what to use instead, and does not wait for keys that can't come."""
    told = subprocess.run(
        [*CHAT, *arguments], env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )

    assert told.returncode == 2
    assert told.stderr.decode().count("\n") == 1
    assert "needs a terminal" in told.stderr.decode()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\x00\xff garbage\n", "line 1 is not an event"), (b"", "holds no events"), (None, "can't be read")],
)
def test_a_log_that_is_none_is_one_line_and_a_status(
    content: bytes | None, message: str, tmp_path: Path, env: dict[str, str]
) -> None:
    """No screen is opened for a file that can't be replayed."""
    log = tmp_path / "log.jsonl"
    if content is not None:
        log.write_bytes(content)
    with Terminal([*CHAT, "--replay", str(log)], env, columns=200) as terminal:
        assert terminal.end_status() == 7
        assert message in terminal.screen()


@pytest.mark.model
def test_a_session_with_the_real_models_is_greeted_typed_interrupted_switched_exported_and_left(
    env: dict[str, str], tmp_path: Path
) -> None:
    """Without a sound card: text in, text out, another persona, a paste too long, a file of it all."""
    env |= {"VOICE_APP_AUDIO__INPUT": "missing card", "VOICE_APP_AUDIO__OUTPUT": "missing card"}
    command = ["sh", "-c", f"cd {tmp_path} && exec {' '.join(CHAT)} --events events.jsonl"]
    env["PYTHONPATH"] = str(Path(__file__).parents[3])
    with Terminal(command, env, columns=120, rows=36) as terminal:
        terminal.wait_for("Welcome.")
        terminal.wait_for("measured here")
        terminal.press("Enter")
        terminal.wait_for(lambda screen: "Welcome." not in screen)
        terminal.type("What is the capital of France?")
        terminal.press("Enter")
        terminal.wait_for("Paris")
        terminal.wait_for("1 turn, 0 cut off")
        terminal.type("Tell me a long story about bees.")
        terminal.press("Enter")
        terminal.wait_for("speaking")
        terminal.press("Escape")
        terminal.wait_for("cut off")
        terminal.paste("z" * 100_000)
        terminal.wait_for("pasted characters")
        terminal.press("C-p")
        terminal.wait_for("Search")
        terminal.type("Export as Markdown")
        terminal.wait_for(lambda screen: "to read" in screen and "to go on with" not in screen)
        terminal.press("Enter")
        terminal.wait_for("Written:")
        terminal.press("C-q")
        assert terminal.end_status() == 0
        assert "Traceback" not in terminal.screen(history=400)
    exported = next(tmp_path.glob("voice-app-*.md")).read_text()
    assert "What is the capital of France?" in exported
    assert "Paris" in exported
    assert "Welcome" not in exported
    log = (tmp_path / "events.jsonl").read_text().splitlines()
    assert "session.closed" in log[-1]
