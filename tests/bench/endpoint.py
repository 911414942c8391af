"""Which turns are over? The language model's answer, and Smart Turn's, on whole turns and on beginnings of them.

    python -m tests.bench.endpoint [--corpus DIR]

Whole turns are the bundled questions and the recordings of a corpus. Beginnings are the same cut after a word (known
from the voice), or at a dip of the level (recordings), as if the speaker paused there. Speech to text hears each with
32 ms of silence after it, Smart Turn 200 ms, as it is used; a beginning may well be a sentence of its own. Prints the
area under the ROC curve, and what passes each step of `EndpointLimits`: by the words, with Smart Turn, by it alone.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import numpy as np
import numpy.typing as npt

from inference.audio import resample
from inference.stt import transcribe
from inference.types import Audio, Samples, Voice
from voice_app.bench.scenario import ScenarioTurn, bundled, corpus
from voice_app.core.endpointing import EndpointLimits, endpoint, is_open
from voice_app.runtime.engine_set import EngineSet, load
from voice_app.runtime.settings import load_settings

RATE_HZ = 16_000
DIP_DB, DIP_S = -28.0, 0.3


@dataclass(frozen=True)
class Case:
    sound: Samples
    is_whole: bool


def beginnings_of_text(turn: ScenarioTurn, engines: EngineSet, rng: np.random.Generator) -> list[Samples]:
    """Return two beginnings of a turn that the voice speaks, each of two words or more."""
    assert turn.text
    tts = engines.tts
    chunks = list(tts.stream(turn.text, Voice(), Event()))
    ends = [word.end_sample for chunk in chunks for word in chunk.words][1:-1]
    samples = np.concatenate([chunk.samples for chunk in chunks])
    cuts = rng.choice(ends, min(2, len(ends)), replace=False) if ends else []
    return [resample(Audio(samples[:cut], tts.rate_hz), RATE_HZ).samples for cut in cuts]


def beginnings_at_dips(samples: Samples) -> list[Samples]:
    """Return the first two beginnings of a recording that end where it is quiet."""
    blocks = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    level_db = 10 * np.log10(np.mean(blocks**2, axis=1) + 1e-12)
    level_db -= level_db.max(initial=-120)
    near = round(DIP_S * 50)
    dips = [
        at
        for at in range(2 * near, len(level_db) - 2 * near)
        if level_db[at] < DIP_DB
        and level_db[at] == level_db[at - near : at + near].min()
        and np.sum(level_db[:at] > DIP_DB) > near  # something was said before
    ]
    return [samples[: at * 160] for at in dips[:2]]


def cases(engines: EngineSet, folder: Path | None) -> list[Case]:
    rng, found = np.random.default_rng(1), []
    for turn in bundled(engines.tts):
        if turn.pauses_s:
            continue
        found.append(Case(resample(turn.sound, RATE_HZ).samples, is_whole=True))
        found += [Case(sound, is_whole=False) for sound in beginnings_of_text(turn, engines, rng)]
    for turn in corpus(folder) if folder else []:
        samples = resample(turn.sound, RATE_HZ).samples
        found.append(Case(samples, is_whole=True))
        found += [Case(sound, is_whole=False) for sound in beginnings_at_dips(samples)]
    return found


def roc_area(whole: npt.NDArray[np.float64], cut: npt.NDArray[np.float64]) -> float:
    """Return how probably a whole turn scores higher than a beginning; ties count half."""
    higher = whole[:, None] > cut[None]
    return float(np.mean(higher + 0.5 * (whole[:, None] == cut[None])))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path)
    options = parser.parse_args()
    engines = load(load_settings())
    assistant = engines.assistant()
    chat, history = assistant.chat, assistant.history
    by_sound, limits = engines.by_sound, EndpointLimits()
    whole: list[bool] = []
    by_words: list[float] = []
    smart: list[float] = []
    silences: list[float] = []
    with_sound: list[float] = []
    by_sound_alone: list[float] = []
    for case in cases(engines, options.corpus):
        sound = np.concatenate([case.sound, np.zeros(512, np.float32)])
        words = (
            engines.scheduler.prepare("stt", lambda s=sound: transcribe(engines.stt, Audio(s, RATE_HZ)))
            .result()
            .text
        )
        messages = history.messages(words)
        assert engines.detector
        finished = (
            engines.scheduler.prepare("llm", lambda m=messages: engines.detector.finished(chat, m)).result()
            or 0.0
        )
        whole.append(case.is_whole)
        by_words.append(finished)
        sounds = by_sound.finished(Audio(sound, RATE_HZ)) if by_sound else 0.0
        smart.append(sounds)
        silences.append(endpoint(words, finished, limits).silence_s)
        asked = sounds if words and is_open(words, finished, limits) else None
        with_sound.append(endpoint(words, finished, limits, sounds=asked).silence_s)
        asked = sounds if words and is_open(words, None, limits) else None
        by_sound_alone.append(endpoint(words, None, limits, sounds=asked).silence_s)
    engines.close()
    is_whole = np.array(whole)
    print(f"{is_whole.sum()} whole turns, {(~is_whole).sum()} beginnings; measured")
    for name, scores in (
        ("words", np.array(by_words)),
        *([("smart turn", np.array(smart))] if by_sound else []),
    ):
        print(f"{name:10} area under ROC {roc_area(scores[is_whole], scores[~is_whole]):.3f}")
    sounded = (("and by sound", with_sound), ("by sound alone", by_sound_alone)) if by_sound else ()
    for name, ends in (("by words", silences), *sounded):
        print_policy(name, is_whole, np.array(ends))


def print_policy(name: str, is_whole: npt.NDArray[np.bool_], ends: npt.NDArray[np.float64]) -> None:
    """Print what passes each silence."""
    for silence_s in np.unique(ends):
        passed = [f"{np.mean(ends[group] <= silence_s):.1%}" for group in (is_whole, ~is_whole)]
        print(
            f"{name}, ended by {silence_s:.2f} s of silence: {passed[0]} of whole turns, {passed[1]} of beginnings"
        )


if __name__ == "__main__":
    main()
