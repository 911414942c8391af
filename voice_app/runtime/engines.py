"""Builds the engines that the settings name: the only file that knows concrete classes."""

from __future__ import annotations

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
    ChoosingChat,
    LanguageModel,
    SpeechToText,
    TextToSpeech,
    TurnDetector,
    VoiceActivityDetector,
)
from inference.stt.whisper import WhisperSpeechToText
from inference.text import speakable
from inference.tts.piper import PiperTextToSpeech
from inference.turn.next_token import NextTokenTurnDetector
from inference.turn.smart_turn import SmartTurn
from inference.types import Audio, ChatRequest, Message, Voice
from inference.vad.silero import SileroVad
from voice_app.core.stages import TOKEN, Estimates, Stage
from voice_app.core.turn import Filler
from voice_app.runtime.model_choice import Choice, Speed, choose
from voice_app.runtime.persona import Persona
from voice_app.runtime.settings import Models, Settings
from voice_app.skills.choice import prefix
from voice_app.skills.registry import SkillValues, session_skills

if TYPE_CHECKING:
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
    return SmartTurn(files.path, threads=settings.models.stt_threads) if files else None


OPENERS = ("Well,", "So,", "Hmm,")
"""What may bridge the wait for a late reply."""


def build_fillers(tts: TextToSpeech, voice: Voice, texts: Sequence[str] = OPENERS) -> tuple[Filler, ...]:
    """Speak fillers beforehand."""
    sounds = [(text, [chunk.samples for chunk in tts.stream(text, voice, Event())]) for text in texts]
    return tuple(Filler(text, Audio(np.concatenate(parts), tts.rate_hz)) for text, parts in sounds if parts)


def chosen_llm(settings: Settings) -> Choice:
    """Return the language model to talk with, and why; measures the installed ones where that is not yet known."""
    return choose(settings, lambda name: measured_speed(build_llm(with_models(settings, llm=name))))


def with_models(settings: Settings, **changes: object) -> Settings:
    """Return the settings with other values in their table of models."""
    return settings.model_copy(update={"models": settings.models.model_copy(update=changes)})


def measured_speed(llm: LanguageModel) -> Speed:
    """Measure a language model after a 200-token prompt, and close it."""
    prompt = (Message("system", "You are a voice assistant. " * 30),)
    asked = (*prompt, Message("user", "How many days are there in a week, and in a year?"))
    chat, first_s = llm.chat(), []
    for _ in range(3):
        chat.prefill(prompt)
        first_s.append(_seconds(lambda: next(chat.stream(ChatRequest(asked, 1)), None), 1))
    speed = Speed(statistics.median(first_s), _seconds(llm.keep_warm, 5))
    llm.close()
    return speed


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


def build_delegated(settings: Settings, path: Path) -> Paced:
    """Load llama.cpp, whose tokens come when an emulated chip with the model of `lpu_shape` would have them."""
    from inference.llm.lpu import bucket, chip_shape, chip_steps

    models = settings.models
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
    """Load the language model: for llama.cpp requantised once if that is faster, for the emulated LPU as it is."""
    if settings.models.llm_backend == "lpu":
        return build_lpu(settings)
    path = prepare_gguf(_llm_path(settings), cache_folder() / "gguf")
    if settings.models.llm_backend == "lpu-delegated":
        return build_delegated(settings, path)
    return LlamaCpp(
        path,
        context_tokens=settings.models.context_tokens,
        chats=2 if _judges(path) else 1,
        threads=settings.models.threads,
        state_dir=cache_folder() / "prefixes",
    )


def calibrate(stt: SpeechToText, llm: LanguageModel, tts: TextToSpeech) -> Estimates:
    """Measure the stages, warm: a quarter of a second that makes the first reply as well planned as the tenth."""
    stt_s, token_s = _seconds(stt.keep_warm, 2), _seconds(llm.keep_warm, 5)
    sound_s = _seconds(lambda: next(tts.stream("The capital of France,", Voice(), Event()), None), 2)
    return Estimates({Stage.STT: stt_s, Stage.TTS_FIRST_SOUND: sound_s}, token_s)


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
