"""What the benchmark's user says: the bundled questions in the configured voice, or the recordings of a corpus."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import numpy as np

from inference.assets import asset
from inference.audio import read_audio
from inference.protocols import TextToSpeech
from inference.types import Audio, Samples, WordEnd
from voice_app.errors import ScenarioError

AUDIBLE = 10 ** (-50 / 20)
"""-50 dBFS: quieter sound counts as silence."""
_PAUSE = re.compile(r"\s*\{(\d{1,4})\}\s*")


@dataclass(frozen=True, slots=True, eq=False)
class ScenarioTurn:
    """One turn: its sound ends with the last voiced sample."""

    name: str
    sound: Audio
    text: str | None
    """What is said; None where nobody has written it down."""
    pauses_s: tuple[tuple[float, float], ...] = ()
    """Pauses inside the turn, from and to."""


def bundled_lines() -> list[str]:
    """Return the questions of `assets/bench/questions.txt`, with their pauses."""
    lines = asset("bench/questions.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def bundled(tts: TextToSpeech) -> list[ScenarioTurn]:
    """Return the bundled questions, spoken by `tts`."""
    return [spoken(line, tts) for line in bundled_lines()]


def spoken(line: str, tts: TextToSpeech) -> ScenarioTurn:
    """Return a turn made of a line of text with pauses in it."""
    parts = _PAUSE.split(line)
    text = " ".join(parts[::2])
    chunks = list(tts.stream(text, Event()))
    samples = np.concatenate([chunk.samples for chunk in chunks])
    samples = samples[: last_audible(samples)]
    words = [word for chunk in chunks for word in chunk.words]
    pieces, pauses, at, length = [], [], 0, 0
    for number in range(1, len(parts), 2):
        cut = _word_end(words, len(" ".join(parts[:number:2])))
        silence = round(int(parts[number]) / 1000 * tts.rate_hz)
        pieces += [samples[at:cut], np.zeros(silence, np.float32)]
        start_s = (cut + length) / tts.rate_hz
        pauses.append((start_s, start_s + silence / tts.rate_hz))
        at, length = cut, length + silence
    sound = Audio(np.concatenate([*pieces, samples[at:]]), tts.rate_hz)
    return ScenarioTurn(text, sound, text, tuple(pauses))


def _word_end(words: list[WordEnd], text_end: int) -> int:
    return max(word.end_sample for word in words if word.text_end <= text_end)


def last_audible(samples: Samples) -> int:
    """Return how many samples lead up to the last audible one."""
    loud = np.flatnonzero(np.abs(samples) > AUDIBLE)
    return int(loud[-1]) + 1 if len(loud) else len(samples)


def corpus(folder: Path) -> list[ScenarioTurn]:
    """Return the recordings that `manifest.jsonl` in a folder lists, cut at the end of speech it marks.

    A line has `file`, `speech_end_s`, and may have `text`. Raises ScenarioError, AudioError.
    """
    manifest = folder / "manifest.jsonl"
    try:
        lines = manifest.read_text("utf-8").splitlines()
        rows = [json.loads(line) for line in lines if line.strip()]
        return [_recorded(folder, row) for row in rows]
    except OSError as error:
        raise ScenarioError(f"{manifest}: can't be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ScenarioError(f"{manifest}: a line lacks something ({error!r})") from None


def _recorded(folder: Path, row: dict[str, object]) -> ScenarioTurn:
    name, end_s, text = str(row["file"]), float(str(row["speech_end_s"])), row.get("text")
    audio = read_audio(folder / name)
    sound = Audio(audio.samples[: round(end_s * audio.rate_hz)], audio.rate_hz)
    return ScenarioTurn(name, sound, str(text) if text else None)
