"""What the assistant of a session can do beside chatting, made from its settings and persona."""

from __future__ import annotations

from collections.abc import Callable

from inference.models.store import cache_folder
from voice_app.core.errors import MemoryFileError
from voice_app.core.turn import Assistant, Responder
from voice_app.runtime.engine_set import EngineSet
from voice_app.runtime.settings import Settings, data_dir
from voice_app.skills.claims import guarded, known_claims
from voice_app.skills.memory.database import SESSION_BUSY_S
from voice_app.skills.memory.remembering import Pronunciations
from voice_app.skills.memory.reminders import reminders
from voice_app.skills.memory.store import SHARED, Memory, memory_path
from voice_app.skills.registry import SkillValues, session_skills
from voice_app.skills.router import Router
from voice_app.skills.speech.pace import Pace
from voice_app.skills.table.author import knows_places
from voice_app.skills.table.table_skill import Tables
from voice_app.skills.think.think import Effort
from voice_app.skills.timer.timers import Timers
from voice_app.skills.utterance import Utterance

Notify = Callable[[str], None]


class SkillSet:
    """The skills of one session. They belong to a persona: `adopt` that of another assistant.

    `pronounce` is told how the session's voice is to say words, `speak_at` how fast.
    """

    def __init__(
        self,
        engines: EngineSet,
        notify: Notify,
        announce: Notify,
        pronounce: Pronunciations,
        speak_at: Callable[[float], None],
    ) -> None:
        self._notify, self._pronounce, self._pace = notify, pronounce, Pace(speak_at)
        self._timers = Timers(announce)
        self._memory: Memory | None = None
        self._persona, self.tables = engines.persona.name, Tables()
        self.skills: tuple[Responder, ...] = ()
        self.adopt(engines)

    def adopt(self, engines: EngineSet) -> None:
        """Go on with another persona; the user is told what there is to know of its memory."""
        settings, persona = engines.settings, engines.persona.name
        if persona != self._persona:  # its chat begins anew, and so do its tables
            self._persona, self.tables = persona, Tables()
        self.tables.knows_places = knows_places(engines.llm.capabilities)
        self._close_memory()
        self._memory = self._open_memory(settings, persona)
        values = SkillValues(
            timers=self._timers,
            tables=self.tables,
            memory=self._memory,
            pronounce=self._pronounce,
            pace=self._pace,
            effort=Effort(settings.thinking.samples, settings.thinking.budget_ms / 1000),
            notes_folder=settings.notes.folder,
            cache=cache_folder() / "notes",
        )
        router = Router(session_skills(values))
        router.choice.leads(Utterance.of("hello"))  # both are made before the first turn needs them
        known_claims()
        self.skills = (reminders(self._memory), router)

    def join(self, assistant: Assistant) -> None:
        """Give an assistant these skills, and what keeps it from claiming their deeds."""
        assistant.skills, assistant.guard = self.skills, guarded

    @property
    def timers(self) -> Timers:
        """Return the session's timers."""
        return self._timers

    @property
    def memory(self) -> Memory | None:
        """Return what is remembered; None where nothing is."""
        return self._memory

    def _open_memory(self, settings: Settings, persona: str) -> Memory | None:
        if settings.memory == "off":
            return None
        try:
            name = SHARED if settings.memory == "shared" else persona
            memory = Memory(memory_path(name, data_dir() / "memory"), busy_s=SESSION_BUSY_S)
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
        """Close the memory's file, and stop the timers."""
        self._close_memory()
        self._timers.close()
