"""What one chip's part of a big model's layer costs: real programs, placed, scheduled and verified, without weights.

A program names weights and does not contain them, so dimensions suffice, and the cycles are exact. Every layer of a
model has the same programs up to addresses: one is compiled, for the chip that has most of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from lpu_backend.chip.spec import ChipSpec
from lpu_backend.compiler.cache import cached_summary
from lpu_backend.compiler.layout import GROUP_ROWS
from lpu_backend.compiler.reservation import Reservation
from lpu_backend.compiler.summary import Summary
from lpu_backend.errors import CapacityError, GraphError
from lpu_backend.model.compiled import cache_folder
from lpu_backend.model.segments import (
    LAYER,
    Segment,
    embedding_shard,
    experts_at_once,
    head_shard,
    layer_shard,
    segment_graph,
)
from lpu_backend.model.shape import LANES, ModelShape

FLOAT_PLANES = 4
ROUTING = (
    "the router's products are in the program, the choice of the largest is not; the chosen experts are read from "
    "fixed words: addresses that come on streams (Gather) have the delay of a Read"
)
ExchangeKind = Literal["all_reduce", "all_gather"]


@dataclass(frozen=True, slots=True)
class SegmentCost:
    """A chip's program between two exchanges."""

    name: Segment
    cycles: int
    """From its first read to its last result in SRAM; emulated."""
    program_digest: str
    utilisation: dict[str, float]
    """Shares of the units' cycles, as the simulator counts them."""
    energy_j: float


@dataclass(frozen=True, slots=True)
class ExchangeNeed:
    """The vectors that the chips of a group have to exchange after a segment."""

    kind: ExchangeKind
    vectors: int
    """Of 320 bytes: all_reduce: each chip's part of the sums; all_gather: what each has in the end."""


@dataclass(frozen=True, slots=True)
class LayerCost:
    """A layer on a group of chips: segment, exchange, segment, exchange."""

    tp_degree: int
    segments: tuple[SegmentCost, ...]
    exchanges: tuple[ExchangeNeed, ...]
    """One after each segment; none where a chip is alone."""
    notes: tuple[str, ...]
    """Work that is not in the programs."""
    sram_bytes: int
    """On each chip: weights, constants, caches, what comes and goes; without what lives between two operations."""

    @property
    def cycles(self) -> int:
        """Return the cycles of all segments, without exchanges."""
        return sum(segment.cycles for segment in self.segments)

    @property
    def busy(self) -> dict[str, float]:
        """Return shares of the units' cycles over all segments."""
        return {
            unit: sum(s.utilisation[unit] * s.cycles for s in self.segments) / self.cycles
            for unit in self.segments[0].utilisation
        }


def layer_cost(
    shape: ModelShape,
    tp_degree: int,
    rows: int,
    positions: int,
    spec: ChipSpec,
    *,
    folder: Path | None = None,
) -> LayerCost:
    """Return what a layer of `shape` costs on `tp_degree` chips for a step of `rows` tokens that sees `positions`.

    One row is a decode step; more are whole blocks of 16 tokens of a prompt. `positions` is rounded up to a block and
    is the capacity of the cache, too. Raises GraphError for what can't be dealt, CapacityError for what has no room.
    """
    shard = layer_shard(shape, tp_degree, rows)
    resting = _resting_bytes(shape, tp_degree, rows)
    if shard.sram_bytes(positions) + resting > spec.sram_bytes:
        have, need = spec.sram_bytes, shard.sram_bytes(positions) + resting
        raise CapacityError(need, have, tp_degree * -(-need // have), "a chip's part of a layer")
    found = [(name, _counted(shard, name, (rows, positions), spec, folder)) for name in LAYER]
    exchange = ExchangeNeed("all_reduce", float_vectors(shape.width, rows))
    return LayerCost(
        tp_degree,
        tuple(_segment(name, counted) for name, counted in found),
        (exchange,) * len(LAYER) if tp_degree > 1 else (),
        (ROUTING,) if shape.experts else (),
        max(int(counted["sram_bytes_used"]) for _, counted in found) + resting,
    )


def _resting_bytes(shape: ModelShape, tp_degree: int, rows: int) -> int:
    """Return the bytes of the experts that a step does not take."""
    if not shape.experts:
        return 0
    taken = experts_at_once(shape, rows)
    matrices = layer_shard(shape, tp_degree, rows).layer_matrices(0)[4:]
    return sum(matrix.sram_bytes for matrix in matrices) * (shape.experts - taken) // taken


@dataclass(frozen=True, slots=True)
class EndsCost:
    """The first and the last step of a model on a group of chips each."""

    embedding: SegmentCost
    """One program a token, one after another."""
    embedding_exchange: ExchangeNeed | None
    """Each chip has columns of the embedding, and all need all of them."""
    embedding_bytes: int
    """Of SRAM on each chip."""
    head: SegmentCost
    """Sum, norm and logits of the last row; each chip has those of its rows, and gives them to its host."""
    head_bytes: int


def ends_cost(
    shape: ModelShape, tp_degree: int, rows: int, spec: ChipSpec, *, folder: Path | None = None
) -> EndsCost:
    """Return what embedding and head of `shape` cost for `rows` tokens, on `tp_degree` chips each with nothing else.

    Raises GraphError, CapacityError.
    """
    if not 1 <= tp_degree <= shape.vocabulary:
        raise GraphError(f"{shape.vocabulary} rows can't be dealt to {tp_degree} chips")
    first = _counted(embedding_shard(shape, tp_degree), "embedding", (1, 1), spec, folder)
    embedding = _segment("embedding", first)
    embedding = replace(embedding, cycles=rows * embedding.cycles, energy_j=rows * embedding.energy_j)
    last = _counted(head_shard(shape, tp_degree), "head", (1, 1), spec, folder)
    return EndsCost(
        embedding,
        ExchangeNeed("all_gather", float_vectors(shape.width, rows)) if tp_degree > 1 else None,
        int(first["sram_bytes_used"]),
        _segment("head", last),
        int(last["sram_bytes_used"]),
    )


def _counted(
    shard: ModelShape, name: Segment, step: tuple[int, int], spec: ChipSpec, folder: Path | None
) -> Summary:
    """Return the cost of a segment for step = (tokens, positions), positions rounded up to a block."""
    rows, capacity = step[0], -(-step[1] // GROUP_ROWS) * GROUP_ROWS
    graph = segment_graph(shard, name, rows, capacity)
    return cached_summary(
        graph, spec, Reservation(capacity, ((rows, capacity),)), folder or cache_folder() / "lpu"
    )


def float_vectors(elements: int, rows: int) -> int:
    """Return the number of vectors of 320 bytes that rows of float32 take."""
    return -(-elements // LANES) * FLOAT_PLANES * rows


def _segment(name: Segment, counted: Summary) -> SegmentCost:
    return SegmentCost(
        name,
        int(counted["cycles"]),
        str(counted["program_digest"]),
        dict(counted["utilisation"]),
        float(counted["energy_mj"]) / 1e3,
    )
