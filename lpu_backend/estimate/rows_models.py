"""Rows of the validation table that estimates of models answer, with constants that were frozen before."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lpu_backend.chip.spec import PRODUCT
from lpu_backend.errors import LpuError
from lpu_backend.estimate.capacity import capacity
from lpu_backend.estimate.compare import Setting, gpu_row
from lpu_backend.estimate.estimate import CHIP_W, Estimate, Question, estimate
from lpu_backend.estimate.gpu import find_gpu
from lpu_backend.estimate.hand import (
    Lanes,
    Product,
    Reduce,
    Step,
    bert_steps,
    cycles,
    lower_bound,
    pipelined,
    resnet50_steps,
)
from lpu_backend.estimate.rows_chip import Answer
from lpu_backend.estimate.shapes import Precision, find_model
from lpu_backend.estimate.speculation import LONGEST_DRAFT, needed_acceptance
from lpu_backend.system.collectives import hand_over
from lpu_backend.system.topology import system_of

CONTEXT, PROMPT = 4096, 512
LARGE, SMALL = 576, 72
RANKED = (("llama-2-70b", LARGE), ("llama-3-8b", SMALL), ("llama-3.2-3b", SMALL), ("llama-3.2-1b", SMALL))


def resnet(precision: Precision) -> Answer:
    """Answer rows 13 and 14c."""
    return _by_hand(resnet50_steps(), precision)


def bert(name: str, tokens: int, precision: Precision, sequences: int = 1) -> Answer:
    """Answer rows 14a, 14b and 15."""
    return _by_hand(bert_steps(find_model(name), tokens, sequences), precision)


def _by_hand(steps: list[Step], precision: Precision) -> Answer:
    taken, bound = cycles(steps, precision, PRODUCT), lower_bound(steps, precision, PRODUCT)
    other: Precision = "int8" if precision == "fp16" else "fp16"
    remark = (
        f"by hand, not compiled; {taken / bound:.1f} × the bound of its products; in {other.upper()} "
        f"{cycles(steps, other, PRODUCT):,}. {_shares(steps, precision)}"
    )
    return Answer(f"{taken:,} cycles, {taken / PRODUCT.clock_hz * 1e6:.1f} µs", taken, remark=remark)


def _shares(steps: list[Step], precision: Precision) -> str:
    """Return what the cycles are spent on."""
    kinds = {"products": Product, "lane-wise work": Lanes, "sums over lanes": Reduce}
    spent = {
        name: cycles([step for step in steps if isinstance(step, kind)], precision, PRODUCT) - PRODUCT.tiles
        for name, kind in kinds.items()
    }
    total = sum(spent.values())
    return ", ".join(f"{name} {taken / total:.0%}" for name, taken in spent.items())


def bert_large() -> Answer:
    """Answer row 16: four chips one after the other; a hand-over takes a sequence's activations in INT8."""
    tokens, chips = 384, 4
    model = find_model("bert-large")
    steps = bert_steps(model, tokens)
    onward = hand_over(system_of(chips), (0,), (1,), tokens * -(-model.width // 320)).cycles
    taken = sum(cycles(part, "int8", PRODUCT) for part in pipelined(steps, chips)) + (chips - 1) * onward
    remark = (
        f"hand-overs {(chips - 1) * onward:,} of it, over one link each; with 128 tokens the chips' part is "
        f"{cycles(bert_steps(model, 128), 'int8', PRODUCT):,}. {_shares(steps, 'int8')}. Depends on the length, assumed"
    )
    return Answer(f"{taken:,} cycles, {taken / PRODUCT.clock_hz * 1e6:,.0f} µs", taken, remark=remark)


def fits() -> Answer:
    """Answer row 19."""
    big, small = find_model("llama-2-70b"), find_model("llama-2-7b")
    least = -(-big.weight_bytes("int8") // PRODUCT.sram_bytes)
    half = capacity(big, "fp16", LARGE, 1, PRODUCT)
    rack = capacity(small, "fp16", SMALL, CONTEXT, PRODUCT)
    said = f"{least}; {'fits' if half.fits else 'does not fit'}; {'fits' if rack.fits else 'does not fit'}"
    remark = f"keys and values with 16 bits; FP16 takes {half.least_chips} chips"
    return Answer(said, least, not half.fits and rack.fits, remark)


@cache
def asked(name: str, chips: int, folder: Path | None, tp_degree: int | None = None) -> Estimate:
    """Return the estimate of a model on chips, one user with all of the context."""
    model = find_model(name)
    context = min(CONTEXT, model.context)
    return estimate(
        Question(model=model, chips=chips, context=context, prompt=PROMPT, tp_degree=tp_degree), folder=folder
    )


def speed(name: str, chips: int, folder: Path | None) -> Answer:
    """Answer rows 20 to 22: tokens a second and user."""
    found = asked(name, chips, folder)
    parts = found.decode
    total = found.cycles_per_token
    shares = (
        f"programs {sum(p.program_cycles for p in parts) / total:.0%}, "
        f"exchanges {sum(p.exchange_cycles for p in parts) / total:.0%}, "
        f"hand-overs {sum(p.hand_over_cycles for p in parts) / total:.0%} of {total:,} cycles, "
        f"{total / found.clock_hz / found.question.model.layers * 1e6:.1f} µs a layer"
    )
    others = []
    for tp_degree in (1, 2, 4):
        try:
            others.append(f"{tp_degree}: {1 / asked(name, chips, folder, tp_degree).tpot_s:,.0f}")
        except LpuError:
            continue
    narrower = f"; with groups of {', of '.join(others)}" if others else ""
    groups = f"groups of {found.partition.tp_degree} chips{narrower}"
    remark = f"{groups}. {shares}. Depends on hop_ns and the width of groups"
    return Answer(f"{1 / found.tpot_s:,.0f} tokens/s", round(1 / found.tpot_s, 1), remark=remark)


def rank(folder: Path | None) -> Answer:
    """Answer row 21d."""
    speeds = [1 / asked(name, chips, folder).tpot_s for name, chips in RANKED]
    shown = " < ".join(f"{speed:,.0f}" for speed in speeds)
    return Answer(f"{shown} tokens/s", holds=speeds == sorted(speeds))


def guessing(gain: float, folder: Path | None) -> Answer:
    """Answer row 23: drafts by the 1B model on chips of its own; checking costs a step."""
    big, small = asked("llama-2-70b", LARGE, folder), asked("llama-3.2-1b", SMALL, folder)
    cost = small.tpot_s / big.tpot_s
    free, paid = needed_acceptance(gain, 0.0), needed_acceptance(gain, cost)
    said = "no draft length explains it"
    if paid is not None:
        said = f"{paid.draft_tokens} guesses accepted with {paid.acceptance:.1%}"
    assert free is not None
    remark = (
        f"a guess of the 1B model takes {cost:.2f} steps of the 70B; were guesses free, {free.acceptance:.1%} would do "
        f"with up to {LONGEST_DRAFT} of them"
    )
    return Answer(said, paid.speedup if paid else None, paid is not None and paid.acceptance < 1, remark)


def against_h100(folder: Path | None) -> Answer:
    """Answer row 24."""
    found = asked("llama-3-8b", SMALL, folder)
    question = found.question
    side = gpu_row(find_gpu("h100"), question.model, question.context, question.prompt, Setting())
    ratio = found.tpot_s * 1e3 / side["tpot_ms"]
    remark = f"{found.tpot_s * 1e3:.3f} ms against {side['tpot_ms']:.3f} ms. Depends on row 21a"
    return Answer(f"{ratio:.3f}", round(ratio, 4), remark=remark)


def energy(folder: Path | None) -> Answer:
    """Answer row 25."""
    found = asked("llama-2-70b", LARGE, folder)
    full = found.watts / found.aggregate_with_full_caches
    remark = (
        f"{found.depth} users in flight at {CHIP_W:g} W a chip, {found.partition.chips_used} chips busy; only "
        f"{found.users_with_full_caches} have room for {CONTEXT:,} tokens each: {full:,.0f} J with these alone"
    )
    return Answer(f"{found.joules_per_token:.2f} J/token", round(found.joules_per_token, 3), remark=remark)
