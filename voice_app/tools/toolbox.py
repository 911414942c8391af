"""The tools of a session, in the order in which they are asked whether a turn is theirs."""

from __future__ import annotations

from voice_app.tools import calculator, units
from voice_app.tools.tool import Tool
from voice_app.tools.world_clock import world_clock


def toolbox() -> tuple[Tool, ...]:
    """Return all tools."""
    return (world_clock(), units.TOOL, calculator.TOOL)
