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
from inference.llm.pace import Pace
from inference.models.manifest import Role
from inference.models.quantise import prepare_gguf
from inference.models.store import ModelFiles, ModelStore, cache_folder
from inference.stt.whisper import WhisperSpeechToText
from inference.text import speakable
from inference.tts.piper import PiperTextToSpeech
from inference.turn.next_token import NextTokenTurnDetector
from inference.turn.smart_turn import SmartTurn
from inference.types import Audio, ChatRequest, Message, Voice
from voice_app.core.budget import Estimates
from voice_app.core.turn import Filler
from voice_app.runtime.model_choice import Choice, Speed, choose
from voice_app.runtime.persona import Persona
from voice_app.runtime.settings import Models, Settings

if TYPE_CHECKING:
    from inference.llm.lpu import Lpu
    from lpu_backend.system.pipeline_steps import Steps


def build_stt(settings: Settings) -> WhisperSpeechToText:
    """Load speech to text."""
    return WhisperSpeechToText(
        find_model(settings.models.stt, "stt").path, threads=settings.models.stt_threads
    )


def build_tts(settings: Settings, persona: Persona | None = None) -> PiperTextToSpeech:
    """Load the engine of the voice: the one configured, unless the persona has one of its own."""
    name = (persona.voice if persona else None) or settings.models.tts
    return PiperTextToSpeech(
        find_model(name, "tts").path,
        cache_folder() / "voices",
        threads=settings.models.threads,
    )


def build_smart_turn(settings: Settings) -> SmartTurn | None:
    """Load what judges by the sound whether a turn is over; None where none is wanted, or the default is missing."""
    name = settings.models.turn
    try:
        files = find_model(name, "turn") if name else None
    except ModelMissing:
        if name != Models().turn:
            raise
        return None
    return SmartTurn(files.path, threads=settings.models.threads) if files else None


OPENERS = ("Well,", "So,", "Hmm,")
"""What may bridge the wait for a late reply."""


def build_openers(tts: PiperTextToSpeech, voice: Voice, texts: Sequence[str] = OPENERS) -> tuple[Filler, ...]:
    """Speak openers beforehand."""
    sounds = [(text, [chunk.samples for chunk in tts.stream(text, voice, Event())]) for text in texts]
    return tuple(Filler(text, Audio(np.concatenate(parts), tts.rate_hz)) for text, parts in sounds if parts)


def chosen_llm(settings: Settings) -> Choice:
    """Return the language model to talk with, and why; measures the installed ones where that is not yet known."""
    return choose(settings, lambda name: measured_speed(build_llm(with_models(settings, llm=name))))


def with_models(settings: Settings, **changes: object) -> Settings:
    """Return the settings with other values in their table of models."""
    return settings.model_copy(update={"models": settings.models.model_copy(update=changes)})


def measured_speed(llm: LlamaCpp) -> Speed:
    """Measure a language model behind a prompt of two hundred tokens, and close it."""
    behind = (Message("system", "You are a voice assistant. " * 30),)
    asked = (*behind, Message("user", "How many days are there in a week, and in a year?"))
    first_s = []
    for _ in range(3):
        llm.prefill(behind)
        first_s.append(_seconds(lambda: next(llm.stream(ChatRequest(asked, 1)), None), 1))
    speed = Speed(statistics.median(first_s), _seconds(llm.touch, 5))
    llm.close()
    return speed


def _llm_path(settings: Settings) -> Path:
    return find_model(chosen_llm(settings).name, "llm").path


def build_lpu(settings: Settings) -> Lpu:
    """Load the language model onto emulated chips, and compile its programs, which say when its tokens are due."""
    from inference.llm.lpu import Lpu, chip_steps

    models = settings.models
    chips = models.lpu_chips
    path = _llm_path(settings)
    llm = Lpu(path, context_tokens=models.context_tokens, threads=models.threads, chips=chips)
    steps = chip_steps(llm.shape, llm.context.size, chips)
    steps.prepare()
    llm.pace = Pace(steps, paced=models.paced)
    return llm


def lpu_steps(settings: Settings) -> Steps:
    """Return when the emulated chips' steps of the language model end, without loading the model."""
    from inference.llm.lpu import bucket, chip_shape, chip_steps

    shape, chips = chip_shape(_llm_path(settings)), settings.models.lpu_chips
    return chip_steps(shape, bucket(shape, settings.models.context_tokens, chips), chips)


def build_delegated(settings: Settings, path: Path) -> LlamaCpp:
    """Load llama.cpp, whose tokens come when an emulated chip with the model of `lpu_shape` would have them."""
    from inference.llm.lpu import DelegatedLpu, bucket, chip_shape, chip_steps

    models = settings.models
    shape = chip_shape(find_model(models.lpu_shape, "llm").path if models.lpu_shape else path)
    positions = bucket(shape, models.context_tokens, models.lpu_chips)
    steps = chip_steps(shape, positions, models.lpu_chips)
    steps.prepare()
    pace = Pace(steps, paced=models.paced)
    return DelegatedLpu(path, pace, context_tokens=positions, threads=models.threads)


def build_llm(settings: Settings) -> LlamaCpp:
    """Load the language model: for llama.cpp made quick once where that pays, for the emulated LPU as it is."""
    if settings.models.llm_backend == "lpu":
        return build_lpu(settings)
    path = prepare_gguf(_llm_path(settings), cache_folder() / "gguf")
    if settings.models.llm_backend == "lpu-delegated":
        return build_delegated(settings, path)
    return LlamaCpp(
        path,
        context_tokens=settings.models.context_tokens,
        threads=settings.models.threads,
        state_dir=cache_folder() / "prefixes",
    )


def calibrate(stt: WhisperSpeechToText, llm: LlamaCpp, tts: PiperTextToSpeech) -> Estimates:
    """Measure the stages, warm: a quarter of a second that makes the first reply as well planned as the tenth."""
    return Estimates(
        stt_s=_seconds(stt.warm, 2),
        token_s=_seconds(llm.touch, 5),
        tts_first_sound_s=_seconds(
            lambda: next(tts.stream("The capital of France,", Voice(), Event()), None), 2
        ),
    )


def _seconds(work: Callable[[], object], times: int) -> float:
    """Return the median of how long something takes."""
    spans_s = []
    for _ in range(times):
        started_s = time.perf_counter()
        work()
        spans_s.append(time.perf_counter() - started_s)
    return statistics.median(spans_s)


def ready_llm(settings: Settings, persona: Persona) -> tuple[LlamaCpp, NextTokenTurnDetector]:
    llm = build_llm(settings)
    if isinstance(pace := getattr(llm, "pace", None), Pace):
        pace.prepare(llm.context.size)
    llm.restore(persona.messages())
    return llm, NextTokenTurnDetector(llm)


def ready_tts(settings: Settings, persona: Persona) -> PiperTextToSpeech:
    tts = build_tts(settings, persona)
    tts.warm()
    speakable("It is *$5*.")  # loads what spells numbers and reads Markdown
    return tts


def find_model(name: str, role: Role) -> ModelFiles:
    """Return the files of a model by its name or path. Raises ModelMissing."""
    return ModelStore().find(name, role)
