"""The tools of a session, in the order in which they are asked whether a turn is theirs."""

from __future__ import annotations

from inference.models.store import cache_folder
from voice_app.config import Settings
from voice_app.tools import calculator, units
from voice_app.tools.note_search import note_tool
from voice_app.tools.timer_calls import timer_tool
from voice_app.tools.timers import Timers
from voice_app.tools.tool import Tool
from voice_app.tools.world_clock import world_clock


def toolbox(settings: Settings, timers: Timers) -> tuple[Tool, ...]:
    """Return all tools. `timers` are the session's."""
    return (
        note_tool(settings.notes.folder, cache_folder() / "notes"),
        timer_tool(timers),
        world_clock(),
        units.TOOL,
        calculator.TOOL,
    )
