"""The tools of a session, in the order in which they are asked whether a turn is theirs."""

from __future__ import annotations

from inference.models.store import cache_folder
from voice_app.runtime.settings import Settings
from voice_app.skills.calculator import calculator
from voice_app.skills.clock.world_clock import world_clock
from voice_app.skills.notes.note_search import note_tool
from voice_app.skills.timer.timer_calls import timer_tool
from voice_app.skills.timer.timers import Timers
from voice_app.skills.tool import Tool
from voice_app.skills.units import units


def toolbox(settings: Settings, timers: Timers) -> tuple[Tool, ...]:
    """Return all tools. `timers` are the session's."""
    return (
        note_tool(settings.notes.folder, cache_folder() / "notes"),
        timer_tool(timers),
        world_clock(),
        units.TOOL,
        calculator.TOOL,
    )
