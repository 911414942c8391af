"""What re-quantising a model costs in quality and brings in speed.

Run from the repository root: `python -m tests.bench.quantise [GGUF] [--rounds N] [--variants ...]`.
Quality on `data/alice.txt` (Lewis Carroll, 1865, public domain) in windows of 512 tokens: perplexity; against
the source's own distribution the mean Kullback-Leibler divergence and how often the likeliest token agrees;
and greedy answers to short questions. Speed: a long and a short prefill (a cold persona, the last words of a
turn) and a decode of 32 tokens after them, the variants taking turns in one process; medians, tokens a second.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.models.quantise import EVEN, FAST, Recipe, requantise
from inference.models.store import ModelStore

Logits = npt.NDArray[np.float32]

VARIANTS = {
    "Q4_0": Recipe(ftype=2),
    "Q4_0 pure": Recipe(ftype=2, pure=True),
    "Q4_0 attn8": Recipe(ftype=2, kept=("attn_",)),
    "Q4_0 down8": Recipe(ftype=2, kept=("ffn_down",)),
    "chosen": FAST,
    "Q4_K": EVEN,
    "Q5_0": Recipe(ftype=8),
    "Q8_0": Recipe(ftype=7),
    "Q4_0 mix": Recipe(ftype=2, kept=("attn_", "ffn_down")),
    "IQ4_NL": Recipe(ftype=25),
}
WINDOW_TOKENS = 512
SKIPPED_TOKENS = 32
LONG_TOKENS = 256
SHORT_TOKENS = 16
DECODE_TOKENS = 32
QUESTIONS = {
    "What is the capital of France?": "paris",
    "What is the capital of Germany?": "berlin",
    "What is the capital of Japan?": "tokyo",
    "What color is the sky on a clear day?": "blue",
    "How many days are in a week?": "seven|7",
    "How many months are in a year?": "twelve|12",
    "What is two plus two?": "four|4",
    "What do bees make?": "honey",
    "Who wrote Romeo and Juliet?": "shakespeare",
    "What is the largest ocean on Earth?": "pacific",
    "Which planet do we live on?": "earth",
    "What is frozen water called?": "ice",
    "What is the opposite of hot?": "cold",
    "What gas do plants take in from the air?": "carbon",
    "What is the first month of the year?": "january",
    "Which animal says meow?": "cat",
}


@dataclass(frozen=True)
class Quality:
    """How a variant predicts the passage, and how many questions it answers."""

    perplexity: float
    divergence: float
    agreement: float
    answered: int


def main() -> None:
    """Print one row a variant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--variants", nargs="*", choices=VARIANTS, default=["Q4_0", "Q4_0 mix", "chosen", "Q8_0"]
    )
    options = parser.parse_args()
    source = options.source or ModelStore().find("smollm2-135m-instruct", "llm").path
    with tempfile.TemporaryDirectory() as folder:
        files = {"source": source}
        for name in options.variants:
            files[name] = Path(folder) / f"{name}.gguf"
            started = time.perf_counter()
            requantise(source, files[name], VARIANTS[name])
            size_mb = files[name].stat().st_size / 1e6
            print(f"{name}: {size_mb:.0f} MB, made in {time.perf_counter() - started:.1f} s")
        qualities = measure_quality(files)
        speeds = measure_speed(files, options.rounds)
    print_table(qualities, speeds)


def print_table(qualities: dict[str, Quality], speeds: dict[str, tuple[float, float, float]]) -> None:
    """Print quality and speed side by side."""
    print("variant        ppl  KL nat  top-1  answers   long  short  decode")
    for name, quality in qualities.items():
        long, short, decode = speeds[name]
        print(
            f"{name:10} {quality.perplexity:7.2f} {quality.divergence:7.4f} {quality.agreement:6.1%} "
            f"{quality.answered:>5}/{len(QUESTIONS)} {long:6.0f} {short:6.0f} {decode:7.1f}"
        )


def measure_quality(files: dict[str, Path]) -> dict[str, Quality]:
    """Return the quality of every variant; the first one is what the others are compared with."""
    passage = (Path(__file__).parent / "data" / "alice.txt").read_text("utf-8").encode()
    results: dict[str, Quality] = {}
    reference: list[Logits] = []
    for name, path in files.items():
        model = load(path, logits_all=True)
        tokens = model.tokenize(passage)
        windows = [tokens[i : i + WINDOW_TOKENS] for i in range(0, len(tokens), WINDOW_TOKENS)]
        windows = [window for window in windows if len(window) > 2 * SKIPPED_TOKENS]
        scores = [log_probabilities(model, window) for window in windows]
        reference = reference or scores
        targets = [np.array(window[SKIPPED_TOKENS:]) for window in windows]
        losses = [-rows[np.arange(len(rows)), ids] for rows, ids in zip(scores, targets, strict=True)]
        pairs = list(zip(reference, scores, strict=True))
        divergences = [(np.exp(p) * (p - q)).sum(axis=1) for p, q in pairs]
        agreements = [p.argmax(axis=1) == q.argmax(axis=1) for p, q in pairs]
        results[name] = Quality(
            perplexity=float(np.exp(np.concatenate(losses).mean())),
            divergence=float(np.concatenate(divergences).mean()),
            agreement=float(np.concatenate(agreements).mean()),
            answered=count_answers(load(path)),
        )
    return results


def log_probabilities(model: Any, window: list[int]) -> Logits:
    """Return the log-probabilities of each token of `window` after the skipped ones: (tokens, vocabulary)."""
    model.reset()
    model.eval(window)
    logits: Logits = model.scores[SKIPPED_TOKENS - 1 : len(window) - 1].copy()
    logits -= logits.max(axis=1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return logits


def count_answers(model: Any) -> int:
    """Return how many greedy answers hold an expected word."""
    count = 0
    for question, expected in QUESTIONS.items():
        messages = [{"role": "user", "content": question}]
        reply = model.create_chat_completion(messages, max_tokens=40, temperature=0.0)
        text = reply["choices"][0]["message"]["content"].lower()
        count += any(word in text for word in expected.split("|"))
    return count


def measure_speed(files: dict[str, Path], rounds: int) -> dict[str, tuple[float, float, float]]:
    """Return the median speed of every variant in tokens a second: long prefill, short prefill, decode."""
    models = {name: load(path) for name, path in files.items()}
    timings: dict[str, list[tuple[float, float, float]]] = {name: [] for name in files}
    for _ in range(rounds):
        for name, model in models.items():
            model.reset()
            long = tokens_a_second(model, LONG_TOKENS, LONG_TOKENS)
            short = tokens_a_second(model, SHORT_TOKENS, SHORT_TOKENS)
            timings[name].append((long, short, tokens_a_second(model, DECODE_TOKENS, 1)))
    medians: dict[str, tuple[float, float, float]] = {}
    for name, rows in timings.items():
        long, short, decode = (statistics.median(column) for column in zip(*rows, strict=True))
        medians[name] = (long, short, decode)
    return medians


def tokens_a_second(model: Any, count: int, batch: int) -> float:
    """Return the speed of evaluating `count` tokens, `batch` at a time."""
    tokens = list(range(1000, 1000 + count))
    started = time.perf_counter()
    for position in range(0, count, batch):
        model.eval(tokens[position : position + batch])
    return count / (time.perf_counter() - started)


def load(path: Path, logits_all: bool = False) -> Any:
    """Return a loaded model with two threads and no memory map."""
    from llama_cpp import Llama

    threads = {"n_threads": 2, "n_threads_batch": 2}
    sizes = {"n_ctx": WINDOW_TOKENS, "n_batch": WINDOW_TOKENS}
    return Llama(str(path), **threads, **sizes, logits_all=logits_all, use_mmap=False, verbose=False)


if __name__ == "__main__":
    main()
