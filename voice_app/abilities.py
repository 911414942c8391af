"""What the assistant can do beside chatting: the ways to answer, in the order in which they are asked."""

from __future__ import annotations

from voice_app.again import again
from voice_app.answers import Way
from voice_app.tables.way import table_way


def abilities() -> tuple[Way, ...]:
    """Return the ways of a session."""
    return (again, table_way())
