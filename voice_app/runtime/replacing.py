"""Other models for a session that goes on: only what the settings change is loaded."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from inference.llm.llamacpp import LlamaCpp
from inference.stt.whisper import WhisperSpeechToText
from inference.tts.piper import PiperTextToSpeech
from inference.turn.smart_turn import SmartTurn
from voice_app.core.history import History
from voice_app.core.pipeline import ReplyStyle
from voice_app.runtime.engines import (
    Assistant,
    build_openers,
    calibrate,
    chosen_llm,
    models_of,
    ready_llm,
    ready_tts,
    touching,
    with_models,
)
from voice_app.runtime.persona import load_persona
from voice_app.runtime.settings import Settings


def replaced(old: Assistant, settings: Settings) -> Assistant:
    """Return an assistant for other settings that shares with `old` what they leave alone; call it in the lane.

    The chat goes on with another model, and begins anew with another persona. The new models are warm; those of `old`
    can still be used until `release_unused`. Raises ModelError, PersonaError.
    """
    choice, persona = chosen_llm(settings), load_persona(settings.persona)
    settings = with_models(settings, llm=choice.name)
    engines, before = old.engines, old.settings
    stt, by_sound = cast(WhisperSpeechToText, engines.stt), cast(SmartTurn | None, engines.by_sound)
    llm, detector = cast(LlamaCpp, engines.llm), engines.detector
    tts, openers = cast(PiperTextToSpeech, engines.tts), engines.openers
    bridges = engines.bridges
    if models_of(settings, persona)["tts"] != old.models["tts"] or persona.speed != old.persona.speed:
        tts = ready_tts(settings, persona)
        openers = build_openers(tts) if settings.turn.openers else ()
    if settings.models != with_models(before, tts=settings.models.tts).models:
        llm, detector = ready_llm(settings, persona)
    return Assistant(
        engines=replace(
            engines,
            llm=llm,
            tts=tts,
            detector=detector,
            estimates=calibrate(stt, llm, tts),
            openers=openers,
            bridges=bridges,
            touch=touching(stt, llm, tts, by_sound),
        ),
        scheduler=old.scheduler,
        history=old.history if persona == old.persona else History(persona.messages()),
        style=ReplyStyle(persona.draw(), persona.max_tokens),
        persona=persona,
        models=models_of(settings, persona),
        because=choice.because,
        settings=settings,
    )


def release_unused(old: Assistant, new: Assistant) -> None:
    """Free the models of `old` that `new` does not use; one that it goes on with reads another persona's messages."""
    llm = cast(LlamaCpp, old.engines.llm)
    if llm is not new.engines.llm:
        llm.close()
    elif old.persona != new.persona:
        llm.restore(new.persona.messages())
