"""The benchmark's private PulseAudio, for tests: skipped where it is not installed, failed in CI."""

from __future__ import annotations

import os

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
