"""Single steps of the pipeline, for scripts: ask, say, devices, trace."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from threading import Event

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from inference.audio import write_audio
from inference.errors import AudioError
from inference.protocols import Chat
from inference.text import ClauseSplitter
from inference.tts.piper import PiperTextToSpeech
from inference.types import Audio, ChatRequest, Done, Message, SpeechChunk, Text, Voice, text_of
from voice_app.core.errors import SessionError
from voice_app.core.stages import emulated
from voice_app.observe import waterfall
from voice_app.observe.recorder import replay
from voice_app.runtime.engines import build_llm, build_tts
from voice_app.runtime.persona import load_persona
from voice_app.runtime.settings import Settings
from voice_app.skills.think.think import Considering, Effort


def ask(settings: Settings, text: str, as_json: bool, think: int = 1) -> None:
    """Print the answer to a question as it is written, or as JSON with its times (measured on this machine).

    With `think` it is answered so often, and what most answers agree on is printed at the end.
    """
    persona = load_persona(settings.persona)
    chat = build_llm(settings).chat()
    chat.restore(persona.messages())
    request = ChatRequest((*persona.messages(), Message("user", text)), persona.max_tokens, persona.draw())
    if think > 1:
        _ask_considered(chat, request, Effort(think, settings.thinking.budget_ms / 1000), as_json)
        return
    start_s, stamps, answer = time.perf_counter(), [], ""
    emulated_s, late_tokens = list[float | None](), 0
    for delta in chat.stream(request):
        if isinstance(delta, Done):
            late_tokens = delta.usage.late_tokens
        elif isinstance(delta, Text):
            stamps.append(time.perf_counter())
            emulated_s.append(delta.emulated_s)
            answer += delta.text
            if not as_json:
                typer.echo(delta.text, nl=False)
    if as_json:
        rate = (len(stamps) - 1) / (stamps[-1] - stamps[0]) if len(stamps) > 1 else None
        row = {
            "text": answer.strip(),
            "tokens": len(stamps),
            "ttft_ms": round((stamps[0] - start_s) * 1000, 1) if stamps else None,
            "tokens_per_s": round(rate, 1) if rate else None,
            "basis": "measured",
            "llm": settings.models.llm_backend,
            **emulated(emulated_s),
            "late_tokens": late_tokens,
        }
        typer.echo(json.dumps(row, ensure_ascii=False))
    else:
        typer.echo()


def _ask_considered(chat: Chat, request: ChatRequest, effort: Effort, as_json: bool) -> None:
    """Print what most of several answers agree on, and on the standard error how many do and what they took."""
    start_s, thought = time.perf_counter(), Considering(request.messages[-1].content, effort)
    while not thought.enough(time.perf_counter() - start_s):
        sample = replace(request, sampling=thought.sampling(request.sampling))
        thought.add(text_of(chat.stream(sample)))
    answer, agreed = thought.chosen()
    spent_s, samples = time.perf_counter() - start_s, len(thought.answers)
    if as_json:
        row = {"text": answer, "samples": samples, "agreed": agreed, "spent_s": round(spent_s, 3)}
        typer.echo(json.dumps({**row, "budget_s": effort.budget_s, "basis": "measured"}, ensure_ascii=False))
    else:
        typer.echo(answer)
        used = f"{spent_s:.1f} s of {effort.budget_s:.1f} s"
        typer.echo(f"{agreed} of {samples} answers agree; {used}, measured", err=True)


def clauses_to_sound(tts: PiperTextToSpeech, text: str, speed: float = 1.0) -> Iterator[SpeechChunk]:
    """Yield the sound of a text of any length, clause by clause."""
    splitter, voice = ClauseSplitter(), Voice(speed)
    for clause in chain(splitter.push(text), splitter.flush()):
        if clause.text:
            yield from tts.stream(clause.text, voice, Event())


def say(settings: Settings, text: str, out: Path | None) -> None:
    """Speak a text to a file or the loudspeaker. Raises AudioError when there is nothing to say."""
    tts = build_tts(settings)
    if out is None:
        asyncio.run(_say_aloud(settings, tts, text))
        return
    chunks = [chunk.samples for chunk in clauses_to_sound(tts, text)]
    if not chunks:
        raise AudioError("there is nothing to say in this text; give words")
    write_audio(out, Audio(np.concatenate(chunks), tts.rate_hz))


async def _say_aloud(settings: Settings, tts: PiperTextToSpeech, text: str) -> None:
    from voice_app.io.device import DeviceSpeaker

    speaker = DeviceSpeaker(settings.audio.output or None)
    await speaker.start()
    try:
        speaker.begin()
        for chunk in clauses_to_sound(tts, text):
            await speaker.write(chunk.samples, chunk.rate_hz)
        await speaker.finish()
    finally:
        await speaker.close()


def devices(as_json: bool) -> None:
    """List the sound devices."""
    from dataclasses import asdict

    from voice_app.io.portaudio import list_devices

    found = list_devices()
    if as_json:
        typer.echo(json.dumps([asdict(device) for device in found]))
        return
    table = Table("index", "name", "in", "out", "Hz", "default")
    for device in found:
        default = " ".join(["mic"] * device.default_in + ["speaker"] * device.default_out)
        table.add_row(
            str(device.index),
            device.name,
            str(device.inputs),
            str(device.outputs),
            f"{device.default_rate_hz:.0f}",
            default,
        )
    Console().print(table)


def trace(log: Path, out: str, kind: str) -> None:
    """Write a session's log as a trace. Raises SessionError, VoiceAppError."""
    if kind == "otel":
        from voice_app.observe.otel import export

        export(list(replay(log)), out)
        return
    rows = waterfall.trace(replay(log))
    try:
        Path(out).write_text(json.dumps(rows))
    except OSError as error:
        raise SessionError(Path(out), f"can't be written ({error.strerror}); choose another file") from None
