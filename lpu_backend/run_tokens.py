"""`lpu run`: tokens after tokens, numbers in, numbers out, on one chip or a pipeline of several."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lpu_backend.chip.spec import PRODUCT
from lpu_backend.errors import ExecutionError
from lpu_backend.interface import Engine
from lpu_backend.model.gguf_file import Gguf, open_gguf
from lpu_backend.model.shape import ModelShape, read_shape


@dataclass(frozen=True, slots=True)
class Written:
    """Tokens, and what the logits they were taken from are, to the bit."""

    tokens: list[int]
    logits_sha256: str


def run_tokens(path: Path, words: str, count: int, positions: int, chips: int | None) -> dict[str, Any]:
    """Continue a prompt of token numbers, `words`, greedily; with `chips`, return the emulated times, too.

    Raises LpuError for a file, tokens or a number of chips that can't be.
    """
    try:
        said = [int(word) for word in words.split(",")]
    except ValueError:
        raise ExecutionError(f"{words[:40]!r} are no numbers of tokens; write 1,2,3") from None
    gguf = open_gguf(path)
    shape = read_shape(gguf)
    times = {} if chips is None else _times(shape, positions, chips, (len(said), count))
    written = greedy(_engine(gguf, shape, positions, chips or 1), said, count)
    return {"tokens": written.tokens, "logits_sha256": written.logits_sha256, **times}


def _engine(gguf: Gguf, shape: ModelShape, positions: int, chips: int) -> Engine:
    from lpu_backend.model.quantise import quantise
    from lpu_backend.system.pipeline import pipeline
    from lpu_backend.system.pipeline_engine import PipelineEngine

    return PipelineEngine(quantise(gguf, shape, positions), pipeline(shape, chips, positions).parts)


def greedy(engine: Engine, said: Sequence[int], count: int) -> Written:
    """Return the most probable token, again and again, up to `count` or the end of the context."""
    logits, written, digest = engine.step(said, 0), list[int](), hashlib.sha256()
    for position in range(len(said), min(len(said) + count, engine.positions)):
        assert logits is not None
        digest.update(logits.astype("<f4").tobytes())
        written.append(int(np.argmax(logits)))
        logits = engine.step(written[-1:], position)
    return Written(written, digest.hexdigest())


def _times(shape: ModelShape, positions: int, chips: int, counts: tuple[int, int]) -> dict[str, Any]:
    """Return the cycles of the prompt and of the tokens after it; the first of these is a result of the prompt."""
    from lpu_backend.system.pipeline_steps import steps_on

    steps = steps_on(shape, PRODUCT, positions, chips)
    prompt, count = counts
    first = min(prompt, positions - 1)
    later = range(first, max(min(prompt + count, positions) - 1, first + 1))
    decodes = [steps.decode_cycles(position) for position in later]
    used = steps.summary(*next(steps.cut(1, first)))
    kept = ("chips", "hand_over_cycles", "stages", "program_digest", "sram_bytes_used", "power_w")
    return {
        "basis": {"tokens": "computed", "cycles": "emulated"},
        "cycles_prefill": steps.prefill_cycles(prompt, 0),
        "cycles_per_token": round(sum(decodes) / len(decodes), 1),
        "tokens_per_s": round(steps.clock_hz * len(decodes) / sum(decodes), 1),
        **{key: used[key] for key in kept if key in used},
    }


def told(report: dict[str, Any]) -> str:
    """Return a report as text: the tokens, and stage by stage where a time comes from."""
    lines = [",".join(map(str, report["tokens"]))]
    if "chips" in report:
        lines.append(
            f"emulated: chips {report['chips']}, {report['cycles_prefill']:,} cycles for the prompt, "
            f"{report['cycles_per_token']:,} a token, {report['tokens_per_s']:,} tokens/s"
        )
        lines += stage_lines(report)
    return "\n".join(lines)


def stage_lines(report: dict[str, Any]) -> list[str]:
    """Return a line a chip of a pipeline, and one with what a token takes between chips."""
    stages, hand_overs = report.get("stages", []), report.get("hand_over_cycles", [])
    lines = [
        f"  chip {stage['chip']}: layers {stage['first_layer']}…{stage['last_layer']}, "
        f"{stage['compute_cycles']:,} cycles from cycle {stage['start_cycle']:,} on, "
        f"{stage['sram_bytes_used'] / 1e6:,.1f} MB"
        for stage in stages
    ]
    if hand_overs:
        computed, handed = sum(stage["compute_cycles"] for stage in stages), sum(hand_overs)
        lines.append(
            f"  a token: {computed:,} cycles on chips + {handed:,} between them ({len(hand_overs)} hand-overs)"
            f" = {computed + handed:,}"
        )
    return lines
