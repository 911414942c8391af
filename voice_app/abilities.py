"""What the assistant can do beside chatting: the ways to answer, in the order in which they are asked."""

from __future__ import annotations

from voice_app.again import again
from voice_app.answers import Way


def abilities() -> tuple[Way, ...]:
    """Return the ways of a session."""
    return (again,)
