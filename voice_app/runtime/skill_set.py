"""What the assistant can do beside chatting: the ways to answer, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Callable

from voice_app.core.errors import MemoryFileError
from voice_app.core.turn import Skill
from voice_app.runtime.engine_set import EngineSet
from voice_app.runtime.settings import Settings
from voice_app.skills.calls import tool_skill
from voice_app.skills.memory.database import SESSION_BUSY_S
from voice_app.skills.memory.memory_skill import Pronunciations, admit_skill, memory_skill
from voice_app.skills.memory.store import SHARED, Memory, memory_path
from voice_app.skills.repeat.repeat import again
from voice_app.skills.table.table_skill import table_skill
from voice_app.skills.think.think import effort_of, think_skill
from voice_app.skills.timer.timers import Timers
from voice_app.skills.toolbox import toolbox

Notify = Callable[[str], None]


class SkillSet:
    """The abilities of one session. They belong to a persona: `adopt` that of another assistant.

    `pronounce` is told how the session's voice is to say words.
    """

    def __init__(self, engines: EngineSet, tell: Notify, announce: Notify, pronounce: Pronunciations) -> None:
        self._notify, self._pronounce = tell, pronounce
        self._timers = Timers(announce)
        self._memory: Memory | None = None
        self._persona, self._tables = engines.persona.name, table_skill()
        self.skills: tuple[Skill, ...] = ()
        self.adopt(engines)

    def adopt(self, engines: EngineSet) -> None:
        """Go on with another persona. What the user should know of its memory is told."""
        persona = engines.persona.name
        if persona != self._persona:  # its chat begins anew, and so do its tables
            self._persona, self._tables = persona, table_skill()
        self._close_memory()
        self._memory = self._open_memory(engines.settings, persona)
        memory = (memory_skill(self._memory, self._pronounce),) if self._memory else ()
        tools = tool_skill(toolbox(engines.settings, self._timers))
        thinking = think_skill(effort_of(engines.settings))
        last = admit_skill(has_memory=self._memory is not None)
        self.skills = (again, *memory, thinking, tools, self._tables, last)

    def _open_memory(self, settings: Settings, persona: str) -> Memory | None:
        if settings.memory == "off":
            return None
        try:
            path = memory_path(SHARED if settings.memory == "shared" else persona)
            memory = Memory(path, busy_s=SESSION_BUSY_S)
        except MemoryFileError as error:
            self._notify(f"{error}. Nothing is remembered in this session")
            return None
        if memory.notice:
            self._notify(memory.notice)
        return memory

    def _close_memory(self) -> None:
        if self._memory:
            self._memory.close()

    def close(self) -> None:
        """Close the memory's file, and stop what would ring."""
        self._close_memory()
        self._timers.close()
