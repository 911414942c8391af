"""Single steps of the pipeline, for scripts: say, devices, trace."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from inference.audio import write_audio
from inference.errors import AudioError
from inference.protocols import TextToSpeech
from inference.tts.batch import synthesize, words
from inference.types import Audio
from voice_app.core.errors import SessionError
from voice_app.observe import waterfall
from voice_app.observe.recorder import replay
from voice_app.runtime.engines import build_tts
from voice_app.runtime.settings import Settings


def say_text(settings: Settings, text: str, out: Path | None) -> None:
    """Speak a text to a file or the loudspeaker. Raises AudioError when there is nothing to say."""
    tts = build_tts(settings)
    if out is None:
        asyncio.run(_say_aloud(settings, tts, text))
        return
    chunks = [chunk.samples for chunk in synthesize(tts, text)]
    if not chunks:
        raise AudioError("there is nothing to say in this text; give words")
    write_audio(out, Audio(np.concatenate(chunks), tts.rate_hz))


def print_words(text: str) -> None:
    """Print what a voice gets of a text, on one line; the line is empty when there is nothing to say."""
    typer.echo(" ".join(words(text)))


async def _say_aloud(settings: Settings, tts: TextToSpeech, text: str) -> None:
    from voice_app.io.device import DeviceSpeaker

    speaker = DeviceSpeaker(settings.audio.output or None)
    await speaker.start()
    try:
        speaker.begin()
        for chunk in synthesize(tts, text):
            await speaker.write(chunk.samples, chunk.rate_hz)
        await speaker.finish()
    finally:
        await speaker.close()


def print_devices(as_json: bool) -> None:
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


def write_trace(log: Path, out: str, kind: str) -> None:
    """Write a session's log as a trace. Raises SessionError, VoiceAppError."""
    if kind == "otel":
        from voice_app.observe.otel import export_spans

        export_spans(list(replay(log)), out)
        return
    rows = waterfall.chrome_trace(replay(log))
    try:
        Path(out).write_text(json.dumps(rows))
    except OSError as error:
        raise SessionError(Path(out), f"can't be written ({error.strerror}); choose another file") from None
