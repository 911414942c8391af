"""The same work on chips and on GPUs: time a token and a user, tokens a second over all, tokens a joule, many samples.

The chips' side is emulated, programs and all; the GPUs' side is a roofline, which no real system reaches. So the
comparison leans to the GPUs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lpu_backend.chip.spec import ChipSpec
from lpu_backend.estimate.estimate import Estimate
from lpu_backend.estimate.gpu import Gpu, GpuGroup, Launch, gpus, least_gpus
from lpu_backend.estimate.shapes import BYTES_A_WEIGHT, Precision, PublishedModel
from lpu_backend.estimate.speculation import best_draft, pipelined_samples_s

Row = dict[str, Any]
SAMPLES = (1, 4, 16, 64)
SAMPLE_TOKENS = 256
ACCEPTANCES = (0.6, 0.7, 0.8, 0.9)
BATCHES = tuple(1 << n for n in range(11))


@dataclass(frozen=True, slots=True)
class Setting:
    """Settings with which the GPUs are run."""

    precision: Precision = "fp16"
    launch: Launch = "graph"
    batch: int = 1
    count: int | None = None
    """GPUs that share the model; None: the fewest that hold it with the batch's caches."""

    def group(self, gpu: Gpu, model: PublishedModel, positions: int) -> GpuGroup:
        """Return the GPUs that run a model."""
        count = self.count or least_gpus(gpu, model, self.precision, positions, self.batch)
        return GpuGroup(gpu, count, self.precision, self.launch)


def _times(ttft_s: float, tpot_s: float, tokens_per_s: float) -> Row:
    return {
        "ttft_ms": round(ttft_s * 1e3, 3),
        "tpot_ms": round(tpot_s * 1e3, 4),
        "tokens_per_s_per_user": round(1 / tpot_s, 1),
        "tokens_per_s_aggregate": round(tokens_per_s, 1),
    }


def _energy(watts: float, joules_per_token: float) -> Row:
    return {
        "watts": watts,
        "joules_per_token": round(joules_per_token, 4),
        "tokens_per_joule": round(1 / joules_per_token, 3),
    }


def gpu_row(gpu: Gpu, model: PublishedModel, context: int, prompt: int, setting: Setting) -> Row:
    """Return what a GPU's roofline gives for a model, ready for JSON."""
    group = setting.group(gpu, model, context)
    step, first = group.decode(model, context, setting.batch), group.prefill(model, prompt)
    return {
        "basis": "roofline",
        "what": f"{group.count} × {gpu.name.upper()}, {setting.precision}, batch {setting.batch}",
        "devices": group.count,
        **_times(first.seconds, step.seconds, step.tokens_per_s),
        **_energy(step.watts, step.joules_per_token),
        "bound_by": step.bound,
        "ridge_ops_per_byte": round(gpu.ridge(setting.precision), 1),
        "source": gpu.source,
    }


def lpu_row(found: Estimate, spec: ChipSpec) -> Row:
    """Return the chips' side in the same words."""
    return {
        "basis": "emulated",
        "what": f"{found.question.chips} LPU chips, {found.question.precision}, {found.depth} users in flight",
        "devices": found.question.chips,
        **_times(found.ttft_s, found.tpot_s, found.aggregate_tokens_per_s),
        **_energy(found.watts, found.joules_per_token),
        "bound_by": found.bound,
        "ridge_ops_per_byte": round(chip_ridge(spec, found.question.precision), 1),
        "source": "programs of this compiler, exchanges of this network",
    }


def chip_ridge(spec: ChipSpec, precision: Precision) -> float:
    """Return the operations a byte of stream above which a chip's arithmetic is the limit: 40 in INT8, 9 in FP16."""
    rate = spec.int8_ops_per_cycle / (spec.mxm_fp16_share if precision == "fp16" else 1)
    return rate / spec.stream_bytes_per_cycle


def comparison(found: Estimate, setting: Setting, spec: ChipSpec, names: Sequence[str]) -> Row:
    """Return both sides, the ratios to the first GPU, many samples, and guessing ahead."""
    question = found.question
    chosen = [gpus()[name] for name in names]
    sides = [gpu_row(gpu, question.model, question.context, question.prompt, setting) for gpu in chosen]
    own = lpu_row(found, spec)
    return {
        "model": question.model.name,
        "context": question.context,
        "lpu": own,
        "gpus": sides,
        "latency_ratio": {
            gpu.name: round(own["tpot_ms"] / side["tpot_ms"], 4)
            for gpu, side in zip(chosen, sides, strict=True)
        },
        "best_of_n": list(best_of_n(found, chosen, setting)),
        "speculation": [_guess(acceptance) for acceptance in ACCEPTANCES],
    }


def best_of_n(found: Estimate, chosen: Sequence[Gpu], setting: Setting) -> Iterator[Row]:
    """Yield the time for N answers of 256 tokens to one question over the time for one, on each kind of machine."""
    question, room = found.question, found.partition.users_that_fit
    for samples in SAMPLES:
        waves = -(-samples // max(1, room * found.partition.copies))
        each = -(-samples // (waves * found.partition.copies))
        seconds = waves * pipelined_samples_s(each, SAMPLE_TOKENS, found.tpot_s, found.slowest_s)
        row: Row = {"samples": samples, "lpu_s": round(seconds, 4)}
        for gpu in chosen:
            group = setting.group(gpu, question.model, question.context)
            step = group.decode(question.model, question.context, samples)
            row[f"{gpu.name}_s"] = round(SAMPLE_TOKENS * step.seconds, 4)
        yield row


def _guess(acceptance: float) -> Row:
    """Return the best draft where a draft token costs a tenth of a step and checking costs nothing more: declared."""
    found = best_draft(acceptance, 0.1)
    return {
        "acceptance": acceptance,
        "draft_tokens": found.draft_tokens,
        "speedup": round(found.speedup, 2),
        "basis": "declared: a draft token takes 0.1 steps",
    }


def intensities(model: PublishedModel, precision: Precision, context: int) -> list[tuple[int, float]]:
    """Return (batch, operations a byte of weights and caches) of decoding."""
    found = []
    for batch in BATCHES:
        moved = model.read_weights(batch) * BYTES_A_WEIGHT[precision] + batch * model.kv_bytes(context)
        work = model.operations(batch, context) + 2.0 * model.table_weights * (batch - 1)
        found.append((batch, work / moved))
    return found
