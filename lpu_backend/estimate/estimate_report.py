"""Estimates and comparisons as JSON and as text. Pure: figures in, words out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lpu_backend.estimate.estimate import CHIP_W, Estimate, StageTime
from lpu_backend.estimate.partition import Stage

Row = dict[str, Any]


def as_json(found: Estimate) -> Row:
    """Return an estimate's figures by name. Stages are listed one by one, in cycles."""
    question, parts = found.question, found.partition
    return {
        "basis": {"cycles": "emulated", "link": "declared", "watts": "declared", "usd": "declared"},
        "model": question.model.name,
        "source": question.model.source,
        "precision": question.precision,
        "chips": question.chips,
        "racks": found.system.racks,
        "topology": found.system.name,
        "chips_used": parts.chips_used,
        "ways": parts.tp_degree,
        "pipeline_depth": len(parts.stages),
        "copies": parts.copies,
        "context": question.context,
        "prompt": question.prompt,
        "ttft_ms": round(found.ttft_s * 1e3, 4),
        "tpot_ms": round(found.tpot_s * 1e3, 5),
        "tokens_per_s_per_user": round(1 / found.tpot_s, 2),
        "tokens_per_s_aggregate": round(found.aggregate_tokens_per_s, 1),
        "users_in_flight": found.depth,
        "users_with_full_caches": found.users_with_full_caches,
        "tokens_per_s_aggregate_with_full_caches": round(found.aggregate_with_full_caches, 1),
        "cycles_per_token": found.cycles_per_token,
        "host_link_us": round(found.link_s * 1e6, 3),
        "watts": found.watts,
        "watts_a_chip": CHIP_W,
        "joules_per_token": round(found.joules_per_token, 6),
        "usd_per_chip_hour": question.usd_per_chip_hour,
        "tokens_per_usd": round(found.tokens_per_usd, 1),
        "sram_bytes_needed": found.capacity.need_bytes,
        "sram_bytes": found.capacity.have_bytes,
        "capacity": found.capacity.why,
        "notes": list(found.notes),
        "stages": [_stage(number, each, found.clock_hz) for number, each in enumerate(found.decode)],
    }


def _stage(number: int, each: StageTime, clock_hz: int) -> Row:
    stage = each.stage
    return {
        "stage": number,
        "chips": [stage.chips[0], stage.chips[-1]],
        "holds": holds(stage),
        "sram_bytes_a_chip": stage.bytes,
        "kv_bytes_a_chip_and_user": stage.kv_bytes,
        "program_cycles": each.program_cycles,
        "exchange_cycles": each.exchange_cycles,
        "hand_over_cycles": each.hand_over_cycles,
        "cycles": each.cycles,
        "microseconds": round(each.cycles / clock_hz * 1e6, 3),
    }


SHORT = {"embedding": "embedding", "attention": "A", "feed_forward": "F", "head": "head"}


def holds(stage: Stage) -> str:
    """Return a stage's parts in short: A3 F3 A4 are attention and feed-forward of layer 3 and attention of layer 4."""
    return " ".join(SHORT[part.kind] + (str(part.layer) if part.layer >= 0 else "") for part in stage.parts)


def as_text(found: Row) -> str:
    """Return an estimate as lines: what it comes to, then its stages, equal ones together."""
    shown = {key: value for key, value in found.items() if key not in ("stages", "notes", "basis")}
    lines = [f"{name.replace('_', ' '):24} {_value(value)}" for name, value in shown.items()]
    lines += [f"note: {note}" for note in found["notes"]]
    head = ("stages", "first holds", "program", "exchange", "hand-over", "cycles", "µs")
    return "\n".join([*lines, "", *table([head, *_stages(found["stages"])])])


def _stages(stages: Sequence[Row]) -> Iterable[tuple[str, ...]]:
    """Return rows of a table; neighbours of the same cycles are one."""
    keys = ("program_cycles", "exchange_cycles", "hand_over_cycles", "cycles")
    first = 0
    for number, stage in enumerate(stages):
        following = stages[number + 1] if number + 1 < len(stages) else None
        if following is None or any(stage[key] != following[key] for key in keys):
            many = f"{first}" if first == number else f"{first}–{number}"
            figures = (f"{stage[key]:,}" for key in keys)
            yield (many, stages[first]["holds"], *figures, f"{stage['microseconds']:g}")
            first = number + 1


def _value(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:,g}" if isinstance(value, float) and value < 1e6 else str(value)


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines with aligned columns: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


SIDES = (
    ("ttft_ms", "first token ms"),
    ("tpot_ms", "ms a token"),
    ("tokens_per_s_per_user", "tokens/s a user"),
    ("tokens_per_s_aggregate", "tokens/s in all"),
    ("watts", "watts"),
    ("joules_per_token", "J a token"),
    ("ridge_ops_per_byte", "ridge op/B"),
)


def comparison_text(found: Row) -> str:
    """Return a comparison as tables."""
    sides = [found["lpu"], *found["gpus"]]
    head = ["", *(name for _, name in SIDES), "bound by"]
    rows = [[side["what"], *(f"{side[key]:,g}" for key, _ in SIDES), f"{side['bound_by']}"] for side in sides]
    ratios = ", ".join(f"{name.upper()} {ratio:.2f}" for name, ratio in found["latency_ratio"].items())
    samples = found["best_of_n"]
    columns = list(samples[0])
    guesses = [
        f"acceptance {one['acceptance']:g}: {one['draft_tokens']} guesses, × {one['speedup']:g}"
        for one in found["speculation"]
    ]
    return "\n".join(
        [
            f"{found['model']}, {found['context']:,} tokens of context; chips emulated, GPUs as rooflines",
            *table([head, *rows]),
            f"time a token over a GPU's: {ratios}",
            "",
            "seconds until there are so many answers of 256 tokens:",
            *table([columns, *([f"{row[column]:g}" for column in columns] for row in samples)]),
            "",
            "guessing ahead (declared: a draft token takes a tenth of a step):",
            *guesses,
        ]
    )
