"""What the benchmark's user says: the bundled questions in the configured voice, or the recordings of a corpus."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Literal

import numpy as np

from inference.assets import asset
from inference.protocols import TextToSpeech
from inference.sound_files import read_audio
from inference.types import Audio, Samples, Voice, WordEnd
from voice_app.core.errors import ScenarioError

AUDIBLE = 10 ** (-50 / 20)
"""-50 dBFS: quieter sound counts as silence."""
OVER_REPLY_S = 1.2
"""How long a reply has been audible when the user talks over it. Together with the wait for the reply this is more
silence than any pause inside a turn, so that turns can be told apart in a recording."""
_PAUSE = re.compile(r"\s*\{(\d{1,4})\}\s*")


@dataclass(frozen=True, slots=True, eq=False)
class ScenarioTurn:
    """One turn: its sound goes from the first voiced sample to the last."""

    name: str
    sound: Audio
    text: str | None
    """What is said; None where there is no reference transcript."""
    pauses_s: tuple[tuple[float, float], ...] = ()
    """Pauses inside the turn, from and to."""
    after: Literal["reply"] | float = "reply"
    """When it is spoken: after the reply to the previous turn, or over that reply, so many seconds into it."""


def bundled_lines() -> list[str]:
    """Return the questions of `assets/bench/questions.txt`, with the marks that `spoken` reads."""
    lines = asset("bench/questions.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def bundled(tts: TextToSpeech) -> list[ScenarioTurn]:
    """Return the bundled questions, spoken by `tts`."""
    return [spoken_turn(line, tts) for line in bundled_lines()]


def spoken_turn(line: str, tts: TextToSpeech) -> ScenarioTurn:
    """Return a turn made of a line of text: {600} in it is a pause of 600 ms, ! before it says: over the reply."""
    over_reply = line.startswith("!")
    parts = _PAUSE.split(line.removeprefix("!").strip())
    text = " ".join(parts[::2])
    chunks = list(tts.stream(text, Voice(), Event()))
    samples = np.concatenate([chunk.samples for chunk in chunks])
    start, end = audible(samples)
    words = [word for chunk in chunks for word in chunk.words]
    pieces, pauses, at, length = [], [], start, 0
    for number in range(1, len(parts), 2):
        cut = _word_end(words, len(" ".join(parts[:number:2])))
        silence = round(int(parts[number]) / 1000 * tts.rate_hz)
        pieces += [samples[at:cut], np.zeros(silence, np.float32)]
        start_s = (cut - start + length) / tts.rate_hz
        pauses.append((start_s, start_s + silence / tts.rate_hz))
        at, length = cut, length + silence
    sound = Audio(np.concatenate([*pieces, samples[at:end]]), tts.rate_hz)
    return ScenarioTurn(text, sound, text, tuple(pauses), OVER_REPLY_S if over_reply else "reply")


def _word_end(words: list[WordEnd], text_end: int) -> int:
    return max(word.end_sample for word in words if word.text_end <= text_end)


def audible(samples: Samples) -> tuple[int, int]:
    """Return where the first audible sample is, and one after the last; all of it where none is audible."""
    loud = np.flatnonzero(np.abs(samples) > AUDIBLE)
    return (int(loud[0]), int(loud[-1]) + 1) if len(loud) else (0, len(samples))


def corpus(folder: Path) -> list[ScenarioTurn]:
    """Return the recordings that `manifest.jsonl` in a folder lists, cut at the end of speech it marks.

    A line has `file` and `speech_end_s`; it may have `text`, `speech_start_s`, and `over_reply_s`: how many
    seconds into the reply before it is spoken. Raises ScenarioError, AudioError.
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
    name, text, over_s = str(row["file"]), row.get("text"), row.get("over_reply_s")
    start_s, end_s = float(str(row.get("speech_start_s", 0))), float(str(row["speech_end_s"]))
    audio = read_audio(folder / name)
    sound = Audio(audio.samples[round(start_s * audio.rate_hz) : round(end_s * audio.rate_hz)], audio.rate_hz)
    after: float | Literal["reply"] = "reply" if over_s is None else float(str(over_s))
    return ScenarioTurn(name, sound, str(text) if text else None, (), after)
