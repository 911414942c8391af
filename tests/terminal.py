"""A real terminal for tests: tmux on a private socket. Skipped where it is not installed, failed in CI."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import pytest

LIMIT_S = 60.0
POLL_S = 0.05


class Terminal:
    """A terminal of some size with a shell in it, which starts a command and says with which status it ended."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        columns: int = 100,
        rows: int = 30,
        cwd: str = ".",
    ) -> None:
        if shutil.which("tmux") is None:
            reason = "no tmux: apt-get install tmux"
            pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
        self._socket = f"voice-app-test-{os.getpid()}-{time.monotonic_ns()}"
        self._env = {**env, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        self._env.pop("TMUX", None)
        line = f"trap : INT; {shlex.join(command)}; echo status:$?:; stty -a | grep -c -- ' echo '; cat"
        self._tmux("new-session", "-d", "-c", cwd, "-x", str(columns), "-y", str(rows), "sh", "-c", line)

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-L", self._socket, "-f", "/dev/null", *arguments]
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def screen(self, history: int = 0) -> str:
        """Return what stands on the screen, with so many lines above it."""
        return self._tmux("capture-pane", "-p", "-S", str(-history))

    def type(self, text: str) -> None:
        """Type characters as they are."""
        self._tmux("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names, as `Enter`, `Escape`, `C-q`, `F1`."""
        self._tmux("send-keys", *keys)

    def paste(self, text: str) -> None:
        """Paste a text as a terminal does, in brackets."""
        command = ["tmux", "-L", self._socket, "load-buffer", "-"]
        subprocess.run(command, env=self._env, input=text, text=True, check=True, timeout=20)
        self._tmux("paste-buffer", "-p")

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the terminal."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def wait_for(self, holds: Callable[[str], bool] | str, limit_s: float = LIMIT_S) -> str:
        """Return the screen once something holds of it, or stands on it."""
        deadline_s = time.monotonic() + limit_s
        while True:
            screen = self.screen()
            if holds in screen if isinstance(holds, str) else holds(screen):
                return screen
            if time.monotonic() > deadline_s:
                pytest.fail(f"never on the screen: {holds}\n{screen}")
            time.sleep(POLL_S)

    def end_status(self, limit_s: float = LIMIT_S) -> int:
        """Return the status with which the command ended, once it has; the terminal must echo as before it."""
        screen = self.wait_for(lambda screen: re.search(r"status:\d+:\s+\d", screen) is not None, limit_s)
        status, rest = screen.split("status:")[1].split(":", 1)
        assert rest.split()[0] == "1", f"the terminal does not echo any more:\n{screen}"
        return int(status)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tmux("kill-server")
