"""The engines of a program, loaded and warm, and shared by its sessions."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from inference.protocols import (
    Chat,
    ChoosingChat,
    LanguageModel,
    SoundTurnDetector,
    SpeechToText,
    TextToSpeech,
    TurnDetector,
)
from inference.types import Voice
from voice_app.core.history import History
from voice_app.core.ports import EngineName, Priority
from voice_app.core.stages import Estimates
from voice_app.core.turn import Assistant, Engines, Filler, ReplyStyle
from voice_app.runtime.engines import (
    build_fillers,
    build_smart_turn,
    build_stt,
    calibrate,
    chooser_of,
    chosen_llm,
    ready_llm,
    ready_tts,
    with_models,
)
from voice_app.runtime.model_choice import Choice, Use
from voice_app.runtime.persona import Persona, load_persona
from voice_app.runtime.scheduler import Scheduler
from voice_app.runtime.settings import Settings
from voice_app.skills.fillers import FILLERS
from voice_app.skills.units import conversion


@dataclass(frozen=True, slots=True)
class EngineSet:
    """What the settings name, loaded. `replaced` returns another set that shares what the settings leave alone."""

    settings: Settings
    """With the language model's name."""
    because: str
    """Why this language model."""
    persona: Persona
    llm: LanguageModel
    scheduler: Scheduler
    stt: SpeechToText | None = None
    """None, as the next three: for sessions without sound."""
    tts: TextToSpeech | None = None
    detector: TurnDetector | None = None
    by_sound: SoundTurnDetector | None = None
    estimates: Estimates = field(default_factory=Estimates)
    openers: tuple[Filler, ...] = ()
    fillers: tuple[Filler, ...] = ()
    chooser: ChoosingChat | None = None
    """A chat of the language model that tells what words are for, shared by all sessions."""
    choice: Choice | None = None
    """What there was to choose from; None: nobody chose."""
    use: Use = "speech"
    """What the session is for, which the choice depends on."""

    @property
    def models(self) -> dict[str, str]:
        """Names of the models by their role."""
        return models_of(self.settings, self.persona)

    def assistant(
        self, session: str = "", history: History | None = None, chat: Chat | None = None
    ) -> Assistant:
        """Return who answers in a session, without skills. `history` and `chat` are those that go on, else new ones.

        The chat is the caller's to close. Raises NoFreeChat.
        """
        engines = Engines(
            self.stt,
            chat or self.llm.chat(),
            self.tts,
            self.scheduler.session(session),
            self.detector,
            self.by_sound,
            self.estimates,
            self.openers,
            self.fillers,
            self.chooser,
        )
        return Assistant(engines, history or History(self.persona.messages()), style_of(self.persona))

    async def read(self, assistant: Assistant) -> None:
        """Bring the persona and the chat so far into the cache of an assistant's chat."""
        chat, history = assistant.engines.chat, assistant.history

        def read() -> None:
            chat.restore(history.persona)
            chat.prefill(history.messages(""))

        await assistant.engines.scheduler.call(Priority.UPKEEP, read, on="llm")

    async def adapt(self) -> None:
        """Let the scheduler decide how many threads speech to text and the language model have.

        They begin with what is quicker now. A language model of another machine has none.
        """
        if self.stt:
            most = self.stt.capabilities.threads
            self.scheduler.adapt("stt", most, self.stt.use_threads, self.stt.keep_warm)
            await self.scheduler.compare("stt")
        if not self.llm.capabilities.local:
            self.scheduler.set_remote("llm")
            return
        self.scheduler.set_local("llm", self.settings.models.threads)
        most = self.llm.capabilities.threads
        self.scheduler.adapt("llm", most, self.llm.use_threads, self.llm.keep_warm)
        await self.scheduler.compare("llm")

    async def keep_warm(self) -> None:
        """Read the models' weights, so that they stay in memory; compare numbers of threads, which reads them, too."""
        scheduler = self.scheduler.session("keep warm")
        engines: list[tuple[EngineName, Callable[[], object]]]
        engines = [] if await self.scheduler.compare("llm") else [("llm", self.llm.keep_warm)]
        engines += (
            [("stt", self.stt.keep_warm)] if self.stt and not await self.scheduler.compare("stt") else []
        )
        engines += [("stt", self.by_sound.keep_warm)] if self.by_sound else []
        engines += [("tts", self.tts.keep_warm)] if self.tts else []
        for on, warm in engines:
            await scheduler.call(Priority.UPKEEP, warm, on=on)

    def close(self) -> None:
        """End the scheduler's threads."""
        self.scheduler.close()


def load(settings: Settings, use: Use = "speech") -> EngineSet:
    """Load all models at once, and warm them. Raises ModelError, PersonaError."""
    choice = chosen_llm(settings, use)  # measures, where it must, while nothing else loads
    scheduler = Scheduler(needs=cores_of(settings))
    with ThreadPoolExecutor(3) as pool:
        pool.submit(conversion.prepare)
        text_loading = pool.submit(load_text_only, settings, scheduler, choice, use)
        tts_loading = pool.submit(ready_tts, settings, load_persona(settings.persona))
        stt = build_stt(settings)
        stt.keep_warm()
        by_sound = build_smart_turn(settings)
        if by_sound:
            by_sound.keep_warm()
        text, tts = text_loading.result(), tts_loading.result()
    llm = text.llm
    estimates = scheduler.prepare("llm", lambda: calibrate(stt, llm, tts)).result()
    return _with_fillers(replace(text, stt=stt, tts=tts, by_sound=by_sound, estimates=estimates))


def load_text_only(
    settings: Settings, scheduler: Scheduler | None = None, choice: Choice | None = None, use: Use = "text"
) -> EngineSet:
    """Load what sessions without sound need. Raises ModelError, PersonaError."""
    choice = choice or chosen_llm(settings, use)
    persona = load_persona(settings.persona).for_model(choice.name)
    settings = with_models(settings, llm=choice.name)
    scheduler = scheduler or Scheduler(needs=cores_of(settings))
    llm, detector = scheduler.prepare("llm", lambda: ready_llm(settings, persona)).result()
    chooser = scheduler.prepare("llm", lambda: chooser_of(llm)).result()
    return EngineSet(
        settings,
        choice.because,
        persona,
        llm,
        scheduler,
        detector=detector,
        chooser=chooser,
        choice=choice,
        use=use,
    )


def replaced(old: EngineSet, settings: Settings) -> EngineSet:
    """Return a set for other settings that shares with `old` what they leave alone; blocks while models load.

    The new models are warm; those of `old` can still be used. Raises ModelError, PersonaError.
    """
    choice = chosen_llm(settings, old.use)
    persona = load_persona(settings.persona).for_model(choice.name)
    settings = with_models(settings, llm=choice.name)
    new = replace(old, settings=settings, because=choice.because, choice=choice, persona=persona)
    if old.tts and new.models["tts"] != old.models["tts"]:
        new = replace(new, tts=ready_tts(settings, persona))
    if settings.models != with_models(old.settings, tts=settings.models.tts).models:
        llm, detector = ready_llm(settings, persona)
        new = replace(new, llm=llm, detector=detector, chooser=chooser_of(llm))
    if new.tts is not old.tts or persona.speed != old.persona.speed:
        new = _with_fillers(new)
    return new


def cores_of(settings: Settings) -> dict[EngineName, int]:
    """Return with how many cores each engine works."""
    models = settings.models
    return {"stt": models.stt_threads, "llm": models.threads, "tts": models.tts_threads, "skill": 1}


def style_of(persona: Persona) -> ReplyStyle:
    """Return how a persona's replies are written and said."""
    return ReplyStyle(persona.draw(), persona.max_tokens, voice=Voice(persona.speed))


def models_of(settings: Settings, persona: Persona) -> dict[str, str]:
    """Return the models of a session by their role."""
    elsewhere = settings.models.llm_backend == "openai"
    return {
        "stt": settings.models.stt,
        "llm": settings.openai.model if elsewhere else settings.models.llm,
        "llm_backend": settings.models.llm_backend,
        "tts": persona.voice or settings.models.tts,
    }


def _with_fillers(engines: EngineSet) -> EngineSet:
    """Speak the fillers beforehand, where the settings want any."""
    if engines.tts is None or not engines.settings.turn.openers:
        return replace(engines, openers=(), fillers=())
    voice = style_of(engines.persona).voice
    return replace(
        engines,
        openers=build_fillers(engines.tts, voice),
        fillers=build_fillers(engines.tts, voice, FILLERS),
    )
