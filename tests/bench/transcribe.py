"""Transcription of long files: words, their times, and how fast, against faster-whisper on the same sound.

    python tests/bench/transcribe.py [--corpus ../shared/speech] [--minutes 10] [--json]

Two sounds are made. *Recordings*: the corpus' clips in a row, silence between them; where a clip's speech starts and
ends is in its manifest. *Voice*: text in the packaged voice, which says when each of its words ends. Every engine hears
each sound whole, in turn. Error rates use Whisper's English normaliser; times are differences to the marks, in ms,
medians and 90th percentiles of their size, and the median with its sign (early is negative).
Exit status 1: a requirement is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import jiwer
import numpy as np
from whisper_normalizer.english import EnglishTextNormalizer

from inference.audio import resample, write_audio
from inference.sound_files import read_audio
from inference.stt.batch import RATE_HZ
from inference.types import Audio, HeardWord, Voice
from voice_app.cli.transcription.cues import cues
from voice_app.cli.transcription.timed_stt import Transcriber
from voice_app.runtime.engines import build_tts, find_model
from voice_app.runtime.settings import Settings

MOST_WORSE = 0.02
MOST_START_MS = 200
MOST_END_MS = 250
_GAP_S = 1.5
_TEXT = (
    "The lighthouse stood on a narrow rock, a mile from the shore. "
    "Nobody had lived there for twenty years, but the lamp still turned every night. "
    "Fishermen said that it was a machine, and that a company in the city paid for the oil. "
    "Anna did not believe them. She borrowed a boat, rowed out before sunrise, and knocked at the door. "
    "An old man opened it, looked at her for a long time, and asked whether she had brought any coffee. "
    "When she shook her head, he laughed. Then he showed her the lamp, the books, and a letter with her name on it."
)
_normalise = EnglishTextNormalizer()


@dataclass(frozen=True)
class Mark:
    """What is known of a part of a sound."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class Sound:
    """A sound file with marks."""

    name: str
    path: Path
    seconds: float
    marks: tuple[Mark, ...]
    word_ends: tuple[HeardWord, ...] = ()


Engine = Callable[[Path], tuple[HeardWord, ...]]


def recordings(corpus: Path, folder: Path) -> Sound:
    """Return the corpus' clips in a row."""
    parts, marks, at_s = [], [], 0.0
    for line in (corpus / "manifest.jsonl").read_text().splitlines():
        row = json.loads(line)
        sound = resample(read_audio(corpus / row["file"]), RATE_HZ)
        text = row.get("text") or row.get("text_tiny_en_full_context") or ""
        marks.append(Mark(at_s + row["speech_start_s"], at_s + row["speech_end_s"], text))
        parts += [sound.samples, np.zeros(round(_GAP_S * RATE_HZ), np.float32)]
        at_s += sound.seconds + _GAP_S
    return _written("recordings", np.concatenate(parts), RATE_HZ, tuple(marks), (), folder)


def voice(minutes: float, folder: Path) -> Sound:
    """Return text in the packaged voice, again and again, with the ends of its words."""
    tts = build_tts(Settings())
    parts, marks, ends, at = [], [], [], 0
    while at < minutes * 60 * tts.rate_hz:
        for sentence in _TEXT.replace("? ", ". ").split(". "):
            start, text = at, sentence.rstrip(".") + "."
            last = 0
            for chunk in tts.stream(text, Voice(), Event()):
                parts.append(chunk.samples)
                at += len(chunk.samples)
                for word in chunk.words:
                    end_s = (start + word.end_sample) / tts.rate_hz
                    ends.append(HeardWord(text[last : word.text_end].strip(), end_s, end_s))
                    last = word.text_end
            marks.append(Mark(start / tts.rate_hz, at / tts.rate_hz, text))
            parts.append(np.zeros(tts.rate_hz * 3 // 10, np.float32))
            at += len(parts[-1])
    return _written("voice", np.concatenate(parts), tts.rate_hz, tuple(marks), tuple(ends), folder)


def _written(
    name: str,
    samples: np.ndarray,
    rate_hz: int,
    marks: tuple[Mark, ...],
    ends: tuple[HeardWord, ...],
    folder: Path,
) -> Sound:
    path = folder / f"{name}.wav"
    write_audio(path, Audio(samples, rate_hz))
    return Sound(name, path, len(samples) / rate_hz, marks, ends)


def engines() -> dict[str, Engine]:
    """Return ours and faster-whisper with its own detector of speech and its own times of words, warm."""
    from faster_whisper import WhisperModel

    transcriber = Transcriber.load(Settings())
    library = WhisperModel(
        str(find_model("whisper-tiny.en", "stt").path), device="cpu", compute_type="int8", cpu_threads=2
    )

    def theirs(path: Path) -> tuple[HeardWord, ...]:
        segments, _ = library.transcribe(
            str(path), beam_size=1, language="en", vad_filter=True, word_timestamps=True
        )
        return tuple(
            HeardWord(word.word.strip(), float(word.start), float(word.end))
            for segment in segments
            for word in segment.words or ()
        )

    return {"ours": lambda path: transcriber.transcript(path).words, "faster-whisper": theirs}


def word_error_rate(sound: Sound, words: Sequence[HeardWord]) -> float:
    """Return the rate over the whole sound."""
    reference = _normalise(" ".join(mark.text for mark in sound.marks))
    return float(jiwer.wer(reference, _normalise(" ".join(word.text for word in words))))


def edge_errors_ms(sound: Sound, words: Sequence[HeardWord]) -> tuple[list[float], list[float]]:
    """Return how far the first word of each mark starts from its start, and the last one ends from its end."""
    starts, ends = [], []
    for number, mark in enumerate(sound.marks):
        begin_s = (sound.marks[number - 1].end_s + mark.start_s) / 2 if number else 0.0
        after = sound.marks[number + 1 :]
        finish_s = (mark.end_s + after[0].start_s) / 2 if after else sound.seconds
        inside = [word for word in words if begin_s <= (word.start_s + word.end_s) / 2 < finish_s]
        if inside:
            starts.append((inside[0].start_s - mark.start_s) * 1000)
            ends.append((inside[-1].end_s - mark.end_s) * 1000)
    return starts, ends


def word_end_errors_ms(sound: Sound, words: Sequence[HeardWord]) -> list[float]:
    """Return how far each word that was heard right ends from where the voice ended it."""
    reference = [_bare(word.text) for word in sound.word_ends]
    heard = [_bare(word.text) for word in words]
    found = jiwer.process_words(" ".join(reference), " ".join(heard))
    errors = []
    for part in found.alignments[0]:
        if part.type == "equal":
            for offset in range(part.ref_end_idx - part.ref_start_idx):
                known, word = sound.word_ends[part.ref_start_idx + offset], words[part.hyp_start_idx + offset]
                errors.append((word.end_s - known.end_s) * 1000)
    return errors


def _bare(text: str) -> str:
    return "".join(sign for sign in text.lower() if sign.isalnum()) or "_"


def spread(errors: Sequence[float]) -> dict[str, float] | None:
    """Return the figures of some differences."""
    if not errors:
        return None
    size = np.abs(errors)
    return {
        "p50": round(float(np.median(size)), 1),
        "p90": round(float(np.percentile(size, 90)), 1),
        "signed": round(float(np.median(errors)), 1),
    }


def figures(sound: Sound, words: Sequence[HeardWord], took_s: float) -> dict[str, object]:
    """Return what is measured of one engine on one sound."""
    starts, ends = edge_errors_ms(sound, words)
    shown = cues(words)
    return {
        "wer": round(word_error_rate(sound, words), 4),
        "words": len(words),
        "real_time_factor": round(took_s / sound.seconds, 4),
        "start_ms": spread(starts),
        "end_ms": spread(ends),
        "word_end_ms": spread(word_end_errors_ms(sound, words)) if sound.word_ends else None,
        "cues": len(shown),
        "cues_under_0.8_s": sum(cue.end_ms - cue.start_ms < 800 for cue in shown),
        "cues_over_20_chars_per_s": sum(
            sum(map(len, cue.lines)) > 0.02 * (cue.end_ms - cue.start_ms) for cue in shown
        ),
    }


def missed_requirements(tables: dict[str, dict[str, dict[str, object]]]) -> list[str]:
    """Return a line for every requirement that is missed."""
    missed = []
    for name, table in tables.items():
        ours, theirs = table["ours"], table["faster-whisper"]
        if float(str(ours["wer"])) > float(str(theirs["wer"])) + MOST_WORSE:
            missed.append(f"{name}: word error rate {ours['wer']}, faster-whisper {theirs['wer']}")
        for edge, most in (("start_ms", MOST_START_MS), ("end_ms", MOST_END_MS)):
            found = ours[edge]
            if isinstance(found, dict) and found["p50"] > most:
                missed.append(f"{name}: {edge} {found['p50']}, {most} are allowed")
    return missed


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, default=Path("../shared/speech"))
    parser.add_argument("--minutes", type=float, default=5, help="length of the voice's sound")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        sounds = [voice(options.minutes, Path(folder))]
        if (options.corpus / "manifest.jsonl").is_file():
            sounds.insert(0, recordings(options.corpus, Path(folder)))
        else:
            print(f"no corpus at {options.corpus}: measuring the packaged voice alone", file=sys.stderr)
        runs = engines()
        tables: dict[str, dict[str, dict[str, object]]] = {}
        for sound in sounds:
            for name, run in runs.items():
                started_s = time.perf_counter()
                words = run(sound.path)
                took_s = time.perf_counter() - started_s
                tables.setdefault(sound.name, {})[name] = figures(sound, words, took_s)
    missed = missed_requirements(tables)
    if options.json:
        print(json.dumps({"basis": "measured", "figures": tables, "missed": missed}, indent=1))
        return 1 if missed else 0
    for sound_name, table in tables.items():
        for name, row in table.items():
            print(f"{sound_name} · {name}: {json.dumps(row)}")
    print("\n".join(missed) or "all requirements are met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
