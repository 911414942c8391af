"""Schedules written by hand, at the level of tiles, for networks that the compiler does not take: BERT and ResNet-50.

Not compiled and not proven: sums over the same delays that the compiler's programs obey. The rules, fixed before any
result was compared with a published figure:

- Operations follow one another; nothing overlaps but the load of the next weights. An operation takes its stream
  cycles and one fill: from the Read of its first operand to the Write of its first result, on the longest way.
- Product of R rows with K × N weights: ⌈K/320⌉ · ⌈N/320⌉ tiles in INT8, ⌈K/160⌉ · ⌈N/320⌉ on pairs of planes in FP16
  (P22). A plane takes a row a cycle, and a tile at most every `mxm_install_interval_cycles`. Rows may be divided over
  planes where tiles are few. Sums over K stay in accumulators; the VXM turns results to the next operand on the way.
- A convolution is a product whose rows are output pixels and whose K is channels × taps, packed by the SXM on the way.
- Weights that are activations (scores, mix) are loaded when they exist: a load and its fill more.
- Lane-wise work: V vectors through a chain of A ALUs, ⌊16/A⌋ chains at once, at most 4.
- A sum or maximum over lanes: 9 steps of shift and operation, two vectors a cycle (one a hemisphere), a fill a step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lpu_backend.chip.spec import ChipSpec
from lpu_backend.estimate.shapes import Precision, PublishedModel

LANE_STEPS = 9
"""⌈log2 320⌉."""
MOST_CHAINS = 4
LAYER_NORM_ALUS = 4
SOFTMAX_ALUS = 4
GELU_ALUS = 8


@dataclass(frozen=True, slots=True)
class Product:
    """`copies` products of `rows` × `inputs` with `inputs` × `outputs`; `made`: the weights are activations."""

    rows: int
    inputs: int
    outputs: int
    copies: int = 1
    made: bool = False


@dataclass(frozen=True, slots=True)
class Lanes:
    """Vectors of 320 numbers through a chain of ALUs."""

    vectors: int
    alus: int


@dataclass(frozen=True, slots=True)
class Reduce:
    """A sum or maximum over the lanes of each vector."""

    vectors: int


Step = Product | Lanes | Reduce


def cycles(steps: Iterable[Step], precision: Precision, spec: ChipSpec) -> int:
    """Return the cycles of steps one after the other, and the 20 tiles' stagger at the end."""
    return sum(_cycles(step, precision, spec) for step in steps) + spec.tiles


def _cycles(step: Step, precision: Precision, spec: ChipSpec) -> int:
    way = spec.mem_read_cycles + spec.hops_per_hemisphere
    back = spec.hops_per_hemisphere + spec.mem_write_cycles
    alu = spec.vxm_alu_cycles
    if isinstance(step, Product):
        to_mxm = way + spec.mxm_entry_cycles + spec.mxm_dot_cycles + spec.mxm_exit_cycles
        to_vxm = spec.hops_per_hemisphere + spec.vxm_entry_cycles + 3 * alu + spec.vxm_exit_cycles
        load = way + spec.mxm_entry_cycles + spec.weight_load_cycles + spec.mxm_install_cycles
        return to_mxm + to_vxm + back + _product(step, precision, spec) + (load if step.made else 0)
    if isinstance(step, Lanes):
        chains = max(1, min(MOST_CHAINS, spec.vxm_alus // step.alus))
        fill = way + spec.vxm_entry_cycles + step.alus * alu + spec.vxm_exit_cycles + back
        return fill + -(-step.vectors // chains)
    shift = spec.sxm_entry_cycles + spec.sxm_shift_cycles + 2 * spec.hops_per_hemisphere
    one = shift + spec.vxm_entry_cycles + alu + spec.vxm_exit_cycles
    return LANE_STEPS * (one + -(-step.vectors // spec.hemispheres))


def _product(step: Product, precision: Precision, spec: ChipSpec) -> int:
    """Return the cycles in which planes take rows: the best division of rows over planes."""
    halves = 2 if precision == "fp16" else 1
    planes = spec.mxm_planes // halves
    tiles = -(-step.inputs * halves // spec.mxm_rows) * -(-step.outputs // spec.mxm_columns) * step.copies
    least = spec.mxm_install_interval_cycles
    return min(-(-tiles * parts // planes) * max(least, -(-step.rows // parts)) for parts in (1, 2, 4))


def bert_steps(model: PublishedModel, tokens: int, sequences: int = 1) -> list[Step]:
    """Return the layers of an encoder over `sequences` of `tokens`."""
    rows, chunks = tokens * sequences, -(-model.width // 320)
    heads = model.heads * sequences
    seen = -(-tokens // 320)
    norm: list[Step] = [
        Reduce(rows * chunks), Reduce(rows * chunks), Lanes(rows * chunks, LAYER_NORM_ALUS),
    ]  # fmt: skip
    layer: list[Step] = [
        Product(rows, model.width, 3 * model.width),
        Product(tokens, model.head_width, tokens, heads, made=True),
        Reduce(heads * tokens * seen),
        Lanes(heads * tokens * seen, SOFTMAX_ALUS),
        Reduce(heads * tokens * seen),
        Product(tokens, tokens, model.head_width, heads, made=True),
        Product(rows, model.width, model.width),
        *norm,
        Product(rows, model.width, model.ffn),
        Lanes(rows * -(-model.ffn // 320), GELU_ALUS),
        Product(rows, model.ffn, model.width),
        *norm,
    ]
    return [*norm, *(step for _ in range(model.layers) for step in layer)]


RESNET_STAGES = ((64, 3, 56), (128, 4, 28), (256, 6, 14), (512, 3, 7))
"""Width, blocks, pixels a side: K. He et al., "Deep Residual Learning", CVPR 2016, table 1; stride 2 in the 3 × 3."""


def resnet50_steps() -> list[Step]:
    """Return ResNet-50 for one image of 224 × 224: the stem, 16 bottlenecks, the classifier."""
    steps: list[Step] = [Product(112 * 112, 7 * 7 * 3, 64), Lanes(56 * 56 * 9, 1)]
    inputs = 64
    for number, (width, blocks, side) in enumerate(RESNET_STAGES):
        for block in range(blocks):
            before = side * side * (4 if block == 0 and number else 1)
            pixels = side * side
            steps += [Product(before, inputs, width), Product(pixels, 9 * width, width)]
            steps.append(Product(pixels, width, 4 * width))
            if block == 0:
                steps.append(Product(pixels, inputs, 4 * width))
            inputs = 4 * width
            steps.append(Lanes(pixels * -(-inputs // 320), 2))
    return [*steps, Lanes(49 * 7, 1), Product(1, inputs, 1000)]


def pipelined(steps: list[Step], chips: int) -> list[list[Step]]:
    """Divide steps over chips, as evenly as their number allows."""
    size = -(-len(steps) // chips)
    return [steps[first : first + size] for first in range(0, len(steps), size)]


def lower_bound(steps: Iterable[Step], precision: Precision, spec: ChipSpec) -> int:
    """Return the cycles of the products alone if every plane took a full tile's row in every cycle."""
    work = 0
    for step in steps:
        if isinstance(step, Product):
            work += step.rows * step.inputs * step.outputs * step.copies
    rate = spec.mxm_planes * spec.mxm_rows * spec.mxm_columns
    return -(-work * (spec.mxm_fp16_share if precision == "fp16" else 1) // rate)
