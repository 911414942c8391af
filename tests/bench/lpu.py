"""The emulated LPU against llama.cpp: quality on the same weights, greedy answers, speed of the host.

    python -m tests.bench.lpu [--positions 200] [--parts quality speed answers] [--json]
    python -m tests.bench.lpu --planes

The weights are those of the packaged Q4_1 file, which the chip rounds to INT8 planes. llama.cpp has them twice: as
packaged, where it also rounds every activation to 8 bits, and as F32, where it rounds nothing. Quality: next tokens
of `data/alice.txt` (Lewis Carroll, 1865, public domain) behind the first 32; how often the likeliest token agrees,
perplexity, Kullback-Leibler divergence. The first row says how much of a disagreement is llama.cpp's own.
Speed is the host's, both in one process, taking turns; the chip's own is emulated and stands elsewhere.

`--planes` rounds one kind of matrix at a time to one INT8 plane, the others to two, and says what it costs.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.llm.llamacpp import LlamaCpp
from inference.llm.lpu import Lpu
from inference.models.quantise import Recipe, requantise
from inference.models.store import ModelStore
from inference.protocols import Chat
from lpu_backend.model import shape as shapes
from lpu_backend.model.fast import FastEngine
from lpu_backend.model.gguf_file import open_gguf
from lpu_backend.model.quantise import quantise
from tests.bench.persona import is_right, questions
from tests.bench.quantise import SKIPPED_TOKENS, WINDOW_TOKENS, load, log_probabilities
from voice_app.runtime.persona import load_persona

Logits = npt.NDArray[np.float32]
F32 = Recipe(ftype=0)
PASSAGE = Path(__file__).parent / "data" / "alice.txt"
PREFILL_TOKENS = 100
DECODE_TOKENS = 24
MATRICES = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


def packaged() -> Path:
    return ModelStore().find("smollm2-135m-instruct", "llm").path


def build_engine(path: Path, positions: int = WINDOW_TOKENS) -> FastEngine:
    gguf = open_gguf(path)
    return FastEngine(quantise(gguf, shapes.read_shape(gguf), positions))


def windows(model: Any, positions: int) -> list[list[int]]:
    """Return pieces of the passage with together `positions` tokens after the skipped ones."""
    tokens, pieces = model.tokenize(PASSAGE.read_bytes()), []
    for start in range(0, len(tokens), WINDOW_TOKENS):
        length = min(WINDOW_TOKENS, len(tokens) - start, positions + SKIPPED_TOKENS)
        if length <= SKIPPED_TOKENS:
            break
        pieces.append(tokens[start : start + length])
        positions -= length - SKIPPED_TOKENS
    return pieces


def engine_scores(engine: FastEngine, window: list[int]) -> Logits:
    """Return what `log_probabilities` returns for llama.cpp, token by token."""
    rows = [engine.step([token], place) for place, token in enumerate(window[:-1])]
    logits = np.array(rows[SKIPPED_TOKENS - 1 :], np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def compare(reference: list[Logits], scores: list[Logits], texts: list[list[int]]) -> dict[str, float]:
    """Return how a model's distributions differ from a reference's."""
    p, q = np.concatenate(reference), np.concatenate(scores)
    targets = np.concatenate([window[SKIPPED_TOKENS:] for window in texts])
    perplexities = [float(np.exp(-rows[np.arange(len(targets)), targets].mean())) for rows in (p, q)]
    return {
        "positions": len(targets),
        "agreement": round(float((p.argmax(axis=1) == q.argmax(axis=1)).mean()), 4),
        "perplexity": round(perplexities[1], 3),
        "perplexity_ratio": round(perplexities[1] / perplexities[0], 4),
        "divergence_nat": round(float((np.exp(p) * (p - q)).sum(axis=1).mean()), 5),
    }


def quality(path: Path, positions: int) -> dict[str, dict[str, float]]:
    """Return the comparisons of chip and llama.cpp on the same weights."""
    with tempfile.TemporaryDirectory() as folder:
        floats = Path(folder) / "floats.gguf"
        requantise(path, floats, F32)
        exact_model = load(floats, logits_all=True)
        texts = windows(exact_model, positions)
        exact = [log_probabilities(exact_model, window) for window in texts]
        del exact_model
    rounded_model = load(path, logits_all=True)
    rounded = [log_probabilities(rounded_model, window) for window in texts]
    engine = build_engine(path)
    chip = [engine_scores(engine, window) for window in texts]
    return {
        "llama.cpp as packaged against llama.cpp in F32": compare(exact, rounded, texts),
        "chip against llama.cpp in F32": compare(exact, chip, texts),
        "chip against llama.cpp as packaged": compare(rounded, chip, texts),
    }


def planes(path: Path, positions: int) -> dict[str, dict[str, float]]:
    """Return what one plane instead of two costs, a kind of matrix at a time, and what the chip's choice does."""
    texts = windows(load(path), positions)
    chosen, results = shapes.TWO_PLANES, {}
    exact: list[Logits] = []
    variants: Iterable[tuple[str, tuple[str, ...]]] = [
        ("two planes for all", MATRICES),
        *(
            (f"one plane for {name}", tuple(other for other in MATRICES if other != name))
            for name in MATRICES
        ),
        ("one plane for all", ()),
        (f"as built: two for {', '.join(chosen)}", chosen),
    ]
    try:
        for name, doubled in variants:
            shapes.TWO_PLANES = doubled  # type: ignore[misc, assignment]
            engine = build_engine(path)
            scores = [engine_scores(engine, window) for window in texts]
            exact = exact or scores
            results[name] = compare(exact, scores, texts)
    finally:
        shapes.TWO_PLANES = chosen  # type: ignore[misc]
    return results


def speed(path: Path, rounds: int) -> dict[str, float]:
    """Return the host's speed with the engine, and with llama.cpp beside it; medians."""
    started = time.perf_counter()
    engine = build_engine(path, 1024)
    load_s = time.perf_counter() - started
    tokens = [1000 + 7 * number for number in range(PREFILL_TOKENS)]
    engine.step(tokens, 0)
    engine.step(tokens[:1], PREFILL_TOKENS)
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    model = load(path)

    def llama_prefill() -> None:
        model.reset()
        model.eval(tokens)

    def llama_decode() -> None:
        for token in tokens[:DECODE_TOKENS]:
            model.eval([token])

    def engine_decode() -> None:
        for place, token in enumerate(tokens[:DECODE_TOKENS]):
            engine.step([token], PREFILL_TOKENS + place)

    ways: dict[str, Callable[[], object]] = {
        "prefill_s": lambda: engine.step(tokens, 0),
        "decode_s": engine_decode,
        "llama_prefill_s": llama_prefill,
        "llama_decode_s": llama_decode,
    }
    spans: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            spans[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in spans.items()}
    return {
        "load_s": round(load_s, 2),
        "memory_mb": round(memory_mb),
        f"prefill_of_{PREFILL_TOKENS}_s": round(medians["prefill_s"], 3),
        "decode_tokens_per_s": round(DECODE_TOKENS / medians["decode_s"], 1),
        "prefill_to_llama": round(medians["llama_prefill_s"] / medians["prefill_s"], 3),
        "decode_to_llama": round(medians["llama_decode_s"] / medians["decode_s"], 3),
    }


def answers(path: Path) -> dict[str, float]:
    """Return how many questions chip and llama.cpp answer rightly, and how often both or neither do."""
    persona, asked = load_persona("plain"), questions("report")
    verdicts: list[list[bool]] = []
    for model in (Lpu(path), LlamaCpp(path)):
        chat = model.chat()
        chat.restore(persona.messages())
        verdicts.append(
            [is_right(reply(chat, persona, question.text), question.expected) for question in asked]
        )
        model.close()
    chip, llama = np.array(verdicts)
    return {
        "asked": len(asked),
        "chip_right": int(chip.sum()),
        "llama_right": int(llama.sum()),
        "same_verdict": int((chip == llama).sum()),
    }


def reply(chat: Chat, persona: Any, text: str) -> str:
    from inference.types import ChatRequest, Message, text_of

    request = ChatRequest((*persona.messages(), Message("user", text)), persona.max_tokens, persona.draw())
    return text_of(chat.stream(request))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--positions", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--parts", nargs="+", choices=("speed", "quality", "answers"), default=["speed", "quality", "answers"]
    )
    parser.add_argument("--planes", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    path, report = packaged(), dict[str, Any]()
    if options.planes:
        report["planes"] = planes(path, options.positions)
    else:
        ways = {
            "speed": lambda: {"basis": "measured", **speed(path, options.rounds)},
            "quality": lambda: quality(path, options.positions),
            "answers": lambda: answers(path),
        }
        report = {name: ways[name]() for name in options.parts}
    if options.json:
        print(json.dumps(report))
        return
    for part, rows in report.items():
        print(part)
        for name, row in rows.items():
            values = (
                "  ".join(f"{key} {value}" for key, value in row.items()) if isinstance(row, dict) else row
            )
            print(f"  {name:48} {values}")


if __name__ == "__main__":
    main()
