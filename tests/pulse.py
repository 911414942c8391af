"""The benchmark's private PulseAudio, for tests: skipped where it is not installed, failed in CI."""

from __future__ import annotations

import os
import signal

import pytest

from voice_app.bench import pulse
from voice_app.bench.pulse import CARD_RATE_HZ

__all__ = ["CARD_RATE_HZ", "PulseServer", "require_pulse"]


def require_pulse() -> None:
    """Skip the calling test where there can be no server; fail it in CI."""
    if missing := pulse.missing_programs():
        reason = f"no {', '.join(missing)}: {pulse.INSTALL}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


class PulseServer(pulse.PulseServer):
    """The server, where there can be one."""

    def __init__(self, echo_db: float | None = None) -> None:
        require_pulse()
        super().__init__(echo_db)

    def freeze(self) -> None:
        """Stop the daemon without ending it: PortAudio's calls hang until `thaw`."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the daemon go on."""
        self._send(signal.SIGCONT)

    def close(self) -> None:
        """Do what every server does; one that is frozen could not end in order."""
        self.thaw()
        super().close()

    def _send(self, what: signal.Signals) -> None:
        if self._daemon is not None and self._daemon.poll() is None:
            self._daemon.send_signal(what)
