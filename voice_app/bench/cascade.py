"""What the assistant is compared with: a plain cascade of the same models, one stage after the other.

A fixed silence ends the turn; then the whole turn is transcribed by faster-whisper's own `transcribe` with its default
options, the whole reply is written, the whole of it is spoken, and then it is played. Nothing overlaps, nothing is
drafted, and nobody is heard while it works. The language model keeps its cache from turn to turn, as servers do.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from inference.protocols import TextToSpeech
from inference.text import speakable
from inference.types import Cancel, ChatRequest, Samples, Voice, texts
from voice_app.core import clock, events
from voice_app.core.ports import FRAME_S, AudioFrame, Emit, Priority, emitter
from voice_app.core.turn import Assistant
from voice_app.io.recordings import RecordedUser, SpokenTurn
from voice_app.io.speaker import FileSpeaker
from voice_app.runtime.engines import build_vad

END_SILENCE_S = 0.8
"""As long as the longest pause inside a bundled turn: with less, the cascade speaks into such turns."""
VOICED = 0.5
"""Probability from which a frame is speech; the value Silero's authors recommend."""
LEAST_VOICED_S = 0.1
PREROLL_S = 0.3


@dataclass(frozen=True, slots=True)
class Cascade:
    """The models, and the chat so far."""

    whisper: Any
    """A `faster_whisper.WhisperModel`."""
    assistant: Assistant
    tts: TextToSpeech


def load_whisper(model_dir: Path, threads: int) -> Any:
    """Load the speech to text of the cascade: the same model files, int8 as well."""
    from faster_whisper import WhisperModel

    return WhisperModel(str(model_dir), device="cpu", compute_type="int8", cpu_threads=threads)


class FixedSilence:
    """Collects a turn until so much silence has followed it."""

    def __init__(self) -> None:
        self._vad = build_vad()
        self._frames: list[Samples] = []
        self._voiced = 0
        self.speech_end_s = -math.inf

    def push(self, frame: AudioFrame) -> Samples | None:
        """Take a frame; return the sound of the turn, 16 kHz, once it is over."""
        self._frames.append(frame.samples)
        if self._vad.probability(frame.samples) >= VOICED:
            self._voiced += 1
            self.speech_end_s = frame.end_s
        elif self._voiced * FRAME_S < LEAST_VOICED_S:
            self._voiced *= frame.end_s - self.speech_end_s < PREROLL_S
            self._frames = self._frames[-round(PREROLL_S / FRAME_S) :] if not self._voiced else self._frames
        elif frame.end_s - self.speech_end_s >= END_SILENCE_S:
            return np.concatenate(self._frames)
        return None


async def hold_cascade(
    cascade: Cascade,
    user: RecordedUser,
    speaker: FileSpeaker,
    log: list[events.Event],
    play_s: Sequence[float | None],
) -> list[SpokenTurn]:
    """Answer the turns of a recorded user; `log` receives the instants, in the assistant's own events.

    `play_s` is how long each reply is played; None: to its end.
    """
    started_s = clock.now()
    await speaker.start()
    segmenter, number, deaf_until_s = FixedSilence(), 0, 0.0
    async for frame in user.frames():
        if frame.end_s <= deaf_until_s:
            continue
        sound = segmenter.push(frame)
        if sound is not None:
            number += 1
            emit = emitter(log.append, started_s, number, revision=1)
            emit(events.TurnCommitted(speech_end_s=segmenter.speech_end_s - started_s))
            samples = await _prepare(cascade, sound, emit)
            lasts_s = play_s[number - 1] if number <= len(play_s) else None
            await _play(samples, cascade.tts.rate_hz, user, speaker, lasts_s, emit)
            segmenter, deaf_until_s = FixedSilence(), clock.now()
    await speaker.close()
    return user.spoken_since(started_s)


async def _prepare(cascade: Cascade, sound: Samples, emit: Emit) -> Samples:
    """Understand, write and speak, one after the other; return the reply's whole sound."""
    engines, style = cascade.assistant.engines, cascade.assistant.style
    emit(events.DraftCreated())
    heard = await engines.scheduler.call(
        Priority.FINAL_TRANSCRIPT, lambda: _transcribe(cascade.whisper, sound), on="stt"
    )
    emit(events.TranscriptCompleted(text=heard))
    messages = cascade.assistant.history.messages(heard)
    request = ChatRequest(messages, style.max_tokens, style.sampling, style.grammar, Cancel())
    emit(events.ResponseCreated())
    written = ""
    async for token in engines.scheduler.stream(
        lambda: Priority.FIRST_TOKENS, texts(engines.chat.stream(request)), on="llm"
    ):
        written += token.text
        emit(events.ResponseTextDelta(delta=token.text, token_id=token.id))
    cascade.assistant.history.add(heard, written)
    emit(events.ClauseReady(text=speakable(written)))
    samples = await engines.scheduler.call(
        Priority.FIRST_SOUND, lambda: _speak(cascade.tts, style.voice, speakable(written)), on="tts"
    )
    emit(events.AudioDelta(audio_s=len(samples) / cascade.tts.rate_hz))
    return samples


async def _play(
    samples: Samples,
    rate_hz: int,
    user: RecordedUser,
    speaker: FileSpeaker,
    lasts_s: float | None,
    emit: Emit,
) -> None:
    """Play a reply to its end, or for a while."""

    def on_sound() -> None:
        emit(events.PlaybackStarted(), at_s=speaker.first_sound_s)
        user.heard_start()

    speaker.on_started = on_sound
    speaker.begin()
    playing = asyncio.create_task(_play_out(speaker, samples, rate_hz))
    await asyncio.wait([playing], timeout=lasts_s)
    speaker.cut()
    await playing
    user.heard_end()
    emit(events.ResponseDone(status="completed"))


async def _play_out(speaker: FileSpeaker, samples: Samples, rate_hz: int) -> None:
    await speaker.write(samples, rate_hz)
    await speaker.finish()


def _transcribe(whisper: Any, sound: Samples) -> str:
    segments, _ = whisper.transcribe(sound, language="en")
    return " ".join(segment.text.strip() for segment in segments)


def _speak(tts: TextToSpeech, voice: Voice, text: str) -> Samples:
    chunks: Sequence[Samples] = [chunk.samples for chunk in tts.stream(text, voice, Event())]
    return np.concatenate([*chunks, np.zeros(0, np.float32)])
