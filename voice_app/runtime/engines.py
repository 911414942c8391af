"""Builds the engines that the settings name: the only file that knows concrete classes."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import numpy as np

from inference.errors import ModelMissing
from inference.llm.llamacpp import LlamaCpp
from inference.llm.pace import Pace, Paced
from inference.models.manifest import Role
from inference.models.quantise import prepare_gguf
from inference.models.store import ModelFiles, ModelStore, cache_folder
from inference.protocols import (
    Chat,
    ChoosingChat,
    LanguageModel,
    SpeechToText,
    TextToSpeech,
    TurnDetector,
    VoiceActivityDetector,
)
from inference.stt.whisper import WhisperSpeechToText
from inference.text import ClauseSplitter, speakable
from inference.tts.piper import PiperTextToSpeech
from inference.turn.next_token import NextTokenTurnDetector
from inference.turn.smart_turn import SmartTurn
from inference.types import Audio, ChatRequest, Message, Voice, texts
from inference.vad.silero import SileroVad
from voice_app.core.errors import ConfigError
from voice_app.core.stages import TOKEN, Budget, Estimates, Stage
from voice_app.core.turn import Filler
from voice_app.runtime.calibration import Calibration, Speed
from voice_app.runtime.model_choice import Choice, Use, choose
from voice_app.runtime.persona import Persona, load_persona
from voice_app.runtime.settings import Models, OpenAi, Settings
from voice_app.skills.choice import prefix
from voice_app.skills.registry import SkillValues, session_skills

if TYPE_CHECKING:
    from inference.llm.openai_chat import Endpoint
    from lpu_backend.system.pipeline_steps import Steps


def build_stt(settings: Settings) -> WhisperSpeechToText:
    """Load speech to text."""
    return WhisperSpeechToText(
        find_model(settings.models.stt, "stt").path, threads=settings.models.stt_threads
    )


def build_vad() -> VoiceActivityDetector:
    """Load the voice activity detector, for one stream of frames."""
    return SileroVad()


def build_tts(settings: Settings, persona: Persona | None = None) -> PiperTextToSpeech:
    """Load the engine of the voice: the one configured, unless the persona has one of its own."""
    name = (persona.voice if persona else None) or settings.models.tts
    return PiperTextToSpeech(
        find_model(name, "tts").path,
        cache_folder() / "voices",
        threads=settings.models.tts_threads,
    )


def build_smart_turn(settings: Settings) -> SmartTurn | None:
    """Load the end-of-turn detector by sound; None where none is wanted, or the default one is missing."""
    name = settings.models.turn
    try:
        files = find_model(name, "turn") if name else None
    except ModelMissing:
        if name != Models().turn:
            raise
        return None
    return SmartTurn(files.path, threads=1) if files else None  # two take as long (measured)


OPENERS = ("Well,", "So,", "Hmm,")
"""What may bridge the wait for a late reply."""


def build_fillers(tts: TextToSpeech, voice: Voice, texts: Sequence[str] = OPENERS) -> tuple[Filler, ...]:
    """Speak fillers beforehand."""
    sounds = [(text, [chunk.samples for chunk in tts.stream(text, voice, Event())]) for text in texts]
    return tuple(Filler(text, Audio(np.concatenate(parts), tts.rate_hz)) for text, parts in sounds if parts)


def chosen_llm(settings: Settings, use: Use = "speech") -> Choice:
    """Return the language model to talk with, and why; measures the installed ones where that is not yet known."""
    return choose(settings, lambda names: calibrated(settings, names), use=use)


def llm_of_chip(settings: Settings) -> str:
    """Return the language model that an emulated chip runs, for those that compare it with this machine."""
    return chosen_llm(with_models(settings, llm_backend="lpu")).name


def calibrated(settings: Settings, names: Sequence[str]) -> Calibration:
    """Measure the language models of these names and the engines around them, each alone and at its quickest."""
    persona, stt, tts = load_persona(settings.persona), build_stt(settings), build_tts(settings)
    around: dict[str, float] = {
        Stage.STT: min(_seconds(stt.keep_warm, 1) for _ in range(5)),
        Stage.TTS_FIRST_SOUND: min(_first_sound_s(tts, 1) for _ in range(5)),
    }
    speeds = {}
    for name in names:
        llm = _measurable(with_models(settings, llm=name))
        speeds[name] = measured_speed(llm, persona.for_model(name).messages())
    return Calibration(speeds, around)


def _measurable(settings: Settings) -> LanguageModel:
    """Load a language model to be measured: beside an endpoint it is the local one that is chosen."""
    return build_llamacpp(settings) if settings.models.llm_backend == "openai" else build_llm(settings)


def with_models(settings: Settings, **changes: object) -> Settings:
    """Return the settings with other values in their table of models."""
    return settings.model_copy(update={"models": settings.models.model_copy(update=changes)})


SAMPLES = (
    "How many days are there in a week?",
    "What is the capital of Italy?",
    "Who wrote the play Romeo and Juliet?",
    "What do bees make?",
    "How long do I boil an egg?",
)
"""Questions that a language model is measured with."""
UNREAD_WORDS = 2
"""Words at the end of a question that were not read while the user spoke."""


LONGEST_CLAUSE_TOKENS = 32
"""At so many tokens a first clause counts as ended."""
TRIES = 3
"""How often each is asked."""


def measured_speed(llm: LanguageModel, persona: tuple[Message, ...]) -> Speed:
    """Measure a language model as a turn uses it: read along, asked whether the words are complete, answering.

    Each question counts with the quickest of its tries, so that what other programs do meanwhile counts little; of the
    questions counts the one of the median sum. The model is closed afterwards.
    """
    chat = llm.chat()
    chat.restore(persona)
    asked_s = [
        min((_answer_s(chat, persona, question) for _ in range(TRIES)), key=sum) for question in SAMPLES
    ]
    llm.close()
    return Speed(*sorted(asked_s, key=sum)[len(asked_s) // 2])


def _answer_s(chat: Chat, persona: tuple[Message, ...], question: str) -> tuple[float, float]:
    """Return what a reply's first token takes, and what its first clause takes after it, cut as short as it may be."""
    messages = (*persona, Message("user", question))
    chat.prefill((*persona, Message("user", " ".join(question.split()[:-UNREAD_WORDS]))))
    at_s, splitter = [time.perf_counter()], ClauseSplitter(short_first=True)
    NextTokenTurnDetector().finished(chat, messages)
    for text in texts(chat.stream(ChatRequest(messages, LONGEST_CLAUSE_TOKENS))):
        at_s.append(time.perf_counter())
        if splitter.push(text.text):
            break
    return at_s[:2][-1] - at_s[0], at_s[-1] - at_s[:2][-1]


def _llm_path(settings: Settings) -> Path:
    return find_model(chosen_llm(settings).name, "llm").path


def build_lpu(settings: Settings) -> Paced:
    """Load the language model onto emulated chips, and compile its programs, which say when its tokens are due."""
    from inference.llm.lpu import Lpu, chip_steps

    models = settings.models
    chips = models.lpu_chips
    path = _llm_path(settings)
    llm = Lpu(path, context_tokens=models.context_tokens, threads=models.threads, chips=chips)
    steps = chip_steps(llm.shape, llm.capabilities.context_tokens, chips)
    steps.prepare()
    return Paced(llm, Pace(steps, paced=models.paced))


def lpu_steps(settings: Settings) -> Steps:
    """Return when the emulated chips' steps of the language model end, without loading the model."""
    from inference.llm.lpu import bucket, chip_shape, chip_steps

    shape, chips = chip_shape(_llm_path(settings)), settings.models.lpu_chips
    return chip_steps(shape, bucket(shape, settings.models.context_tokens, chips), chips)


def build_delegated(settings: Settings) -> Paced:
    """Load llama.cpp, whose tokens come when an emulated chip with the model of `lpu_shape` would have them."""
    from inference.llm.lpu import bucket, chip_shape, chip_steps

    models, path = settings.models, _quick_path(settings)
    shape = chip_shape(find_model(models.lpu_shape, "llm").path if models.lpu_shape else path)
    positions = bucket(shape, models.context_tokens, models.lpu_chips)
    steps = chip_steps(shape, positions, models.lpu_chips)
    steps.prepare()
    llm = LlamaCpp(path, context_tokens=positions, threads=models.threads)
    return Paced(llm, Pace(steps, paced=models.paced))


JUDGES_FROM_BYTES = 700_000_000
"""A language model of this size tells which skill words are for, in a second chat (measured: one of 1.1 GB finds 36 of
43 sayings and takes 2 of 23 look-alikes; one of 0.5 GB 54 of 81 and 15 of 35; one of 0.1 GB none)."""
LONGEST_ASKED_TOKENS = 150
"""What the words may take that are asked about."""


def chooser_of(llm: LanguageModel) -> ChoosingChat | None:
    """Return a chat that tells what words are for, its examples read; None where the model is no judge of that.

    Their state is kept in a file: the first time takes some seconds.
    """
    if llm.capabilities.chats < 2 or not llm.capabilities.token_probabilities:
        return None
    chat = llm.chat()
    examples = prefix(session_skills(SkillValues()))
    if isinstance(chat, ChoosingChat) and chat.remaining_tokens(examples) >= LONGEST_ASKED_TOKENS:
        chat.restore(examples)
        return chat
    chat.close()
    return None


def judges(settings: Settings) -> bool:
    """Return whether the language model of the settings is large enough to tell what words are for."""
    return settings.models.llm_backend == "llama.cpp" and _judges(_llm_path(settings))


def _judges(path: Path) -> bool:
    return path.stat().st_size >= JUDGES_FROM_BYTES


def build_llm(settings: Settings) -> LanguageModel:
    """Load the language model, for the backend of the settings."""
    match settings.models.llm_backend:
        case "lpu":
            return build_lpu(settings)
        case "lpu-delegated":
            return build_delegated(settings)
        case "openai":
            return build_openai(settings)
        case _:
            return build_llamacpp(settings)


def build_llamacpp(settings: Settings) -> LlamaCpp:
    """Load a model for llama.cpp, requantised once if that is faster."""
    path = _quick_path(settings)
    return LlamaCpp(
        path,
        context_tokens=settings.models.context_tokens,
        chats=2 if _judges(path) else 1,
        threads=settings.models.threads,
        state_dir=cache_folder() / "prefixes",
        thinks=settings.models.thinking,
    )


def _quick_path(settings: Settings) -> Path:
    return prepare_gguf(_llm_path(settings), cache_folder() / "gguf")


def build_openai(settings: Settings) -> LanguageModel:
    """Return the endpoint's language model, with the local one beside it where that is wanted. Nothing is sent yet.

    Raises ConfigError.
    """
    from inference.llm.first_token import FirstToken
    from inference.llm.openai_chat import OpenAiModel

    given = settings.openai
    remote = OpenAiModel(endpoint_of(given))
    if not given.local_model:
        return remote
    allotted_s = Budget(settings.turn.budget_ms / 1000).allotments_s[Stage.LLM_FIRST_TOKEN]
    return FirstToken(remote, lambda: build_llamacpp(settings), given.local_after_ms / 1000 or allotted_s)


def endpoint_of(given: OpenAi) -> Endpoint:
    """Return the endpoint of the settings, with its key from the environment. Raises ConfigError."""
    from inference.llm.openai_chat import Endpoint

    key = os.environ.get(given.key_variable, "").strip()
    limits = (given.connect_ms / 1000, given.first_token_ms / 1000, given.token_ms / 1000)
    try:
        return Endpoint(given.base_url, given.model, key, *limits, given.context_tokens)
    except ValueError as error:
        raise ConfigError(f"the settings of openai can't be used: {error}") from None


def who_reads(settings: Settings) -> str:
    """Return one line that says which other machine reads what the user says; empty where none does."""
    if settings.models.llm_backend != "openai" or (endpoint := endpoint_of(settings.openai)).is_here:
        return ""
    how = "" if endpoint.base_url.startswith("https:") else ", not encrypted"
    return (
        f"what you say goes as text to {endpoint.place}{how}, whose language model {endpoint.model} answers"
    )


def calibrate(stt: SpeechToText, llm: LanguageModel, tts: TextToSpeech) -> Estimates:
    """Measure the stages, warm: a quarter of a second that makes the first reply as well planned as the tenth."""
    stt_s, token_s = _seconds(stt.keep_warm, 2), _seconds(llm.keep_warm, 5)
    return Estimates({Stage.STT: stt_s, Stage.TTS_FIRST_SOUND: _first_sound_s(tts, 2)}, token_s)


def _first_sound_s(tts: TextToSpeech, times: int) -> float:
    """Return the median of how long the first piece of a short clause's sound takes."""
    return _seconds(lambda: next(tts.stream("The capital of France,", Voice(), Event()), None), times)


CALIBRATED = (Stage.STT, TOKEN, Stage.TTS_FIRST_SOUND)
"""The names of the estimates that a calibration measures."""


def _seconds(work: Callable[[], object], times: int) -> float:
    """Return the median of how long something takes."""
    spans_s = []
    for _ in range(times):
        started_s = time.perf_counter()
        work()
        spans_s.append(time.perf_counter() - started_s)
    return statistics.median(spans_s)


def ready_llm(settings: Settings, persona: Persona) -> tuple[LanguageModel, TurnDetector]:
    """Load the language model, with the prefix of a persona ready for its chats; and the detector that asks them."""
    llm, detector = build_llm(settings), NextTokenTurnDetector()
    if isinstance(llm, Paced):
        llm.pace.prepare(llm.capabilities.context_tokens)
    chat = llm.chat()
    detector.finished(chat, (Message("user", "Hello"),))  # looks up which tokens end a sentence
    chat.restore(persona.messages())
    chat.close()
    return llm, detector


def ready_tts(settings: Settings, persona: Persona) -> PiperTextToSpeech:
    tts = build_tts(settings, persona)
    tts.keep_warm()
    speakable("It is *$5*.")  # loads what spells numbers and reads Markdown
    return tts


def find_model(name: str, role: Role) -> ModelFiles:
    """Return the files of a model by its name or path. Raises ModelMissing."""
    return ModelStore().find(name, role)
