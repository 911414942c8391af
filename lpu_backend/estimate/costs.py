"""What the parts of a model cost on groups of chips: cycles of proven programs and of scheduled exchanges.

The one file that knows the compiler's shards and the network's collectives. Every figure is asked for once; exchanges,
like programs, are kept on disk by the digest of all they depend on.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from lpu_backend.chip.spec import constants
from lpu_backend.compiler.shard import EndsCost, ExchangeNeed, LayerCost, ends_cost, float_vectors, layer_cost
from lpu_backend.errors import EstimateError
from lpu_backend.estimate.partition import Part, PartKind
from lpu_backend.estimate.shapes import Precision, PublishedModel
from lpu_backend.model.compiled import cache_folder
from lpu_backend.model.segments import LAYER, layer_shard
from lpu_backend.model.shape import LANES, TWO_PLANES, ModelShape
from lpu_backend.system.collectives import all_gather, all_reduce, hand_over, in_blocks
from lpu_backend.system.topology import System, system_of
from lpu_backend.system.wire import WireSpec

Kind = Literal["all_reduce", "all_gather", "hand_over"]
VERSION = "3"
"""Of the collectives: changed when the same exchange takes another number of cycles."""


def compiled_shape(model: PublishedModel, precision: Precision) -> tuple[ModelShape, tuple[str, ...]]:
    """Return the shape that is compiled in a model's place, and what differs. Raises EstimateError."""
    if model.style == "bert":
        raise EstimateError(
            f"{model.name} is an encoder, which makes no tokens; `lpu validate` has its schedule by hand"
        )
    if precision == "fp16":
        raise EstimateError(
            "programs have INT8 weights; --precision fp16 is for capacity and for GPUs: take int8 or mixed"
        )
    ffn, notes = model.ffn, list[str]()
    if model.style == "falcon":
        ffn = -(-model.ffn * 2 // 3)
        notes.append(
            f"two matrices of {model.ffn:,} are compiled as three of {ffn:,}: the same bytes, and a gate too many; "
            "attention comes before the feed-forward, not beside it: an exchange too many"
        )
    if model.style == "gemma":
        notes.append("two of the layer's four norms and the caps of scores are not in the programs")
    if model.context > 8192:
        notes.append("rotary tables are the host's: stretched ones cost the same")
    if model.experts > 1:
        notes.append(
            f"{model.experts_used} of {model.experts} experts run one after the other for a token, all for a block "
            "of a prompt; the product that chooses them and the Gather of their weights are not in the programs"
        )
    if model.idle_layers:
        notes.append(
            f"{model.idle_layers} layers of cross-attention lie in SRAM; without an image they are passed over"
        )
    shape = ModelShape(
        architecture=model.style,
        layers=model.layers,
        width=model.width,
        heads=model.heads,
        kv_heads=model.kv_heads,
        head_width=model.head_width,
        ffn=ffn,
        vocabulary=model.vocabulary,
        context=model.context,
        eps=1e-5,
        rope_theta=10_000.0,
        pairs="halves",
        tied=model.tied,
        biases=model.biases,
        two_planes=TWO_PLANES if precision == "mixed" else (),
    )
    return shape, tuple(notes)


@dataclass(frozen=True, slots=True)
class Costs:
    """Cycles and bytes of one shape's parts on groups of a system."""

    shape: ModelShape
    """Of one expert, where there are several."""
    system: System
    folder: Path
    experts: int = 1
    experts_used: int = 1

    @property
    def wire(self) -> WireSpec:
        """Return the system's links and chip."""
        return self.system.wire

    def layer(self, tp_degree: int, rows: int, positions: int) -> LayerCost:
        """Return a layer's programs on `tp_degree` chips; see `compiler/shard.py`."""
        return _layer(self.shape, tp_degree, rows, positions, self.wire, self.folder)

    def ends(self, tp_degree: int, rows: int) -> EndsCost:
        """Return the embedding's and the head's programs."""
        return _ends(self.shape, tp_degree, rows, self.wire, self.folder)

    def part_cycles(
        self, kind: PartKind, group: tuple[int, ...], rows: int, positions: int
    ) -> tuple[int, int]:
        """Return the cycles of a part's programs and of the exchange after it, in a group."""
        tp_degree = len(group)
        if kind == "embedding":
            ends = self.ends(tp_degree, rows)
            return ends.embedding.cycles, self.needed(ends.embedding_exchange, group)
        if kind == "head":
            return self.ends(tp_degree, rows).head.cycles, 0
        cost = self.layer(tp_degree, rows, positions)
        number = LAYER.index(kind)
        runs = 1
        if kind == "feed_forward":
            runs = self.experts_used if rows == 1 else min(self.experts, rows * self.experts_used)
        return runs * cost.segments[number].cycles, self.needed((*cost.exchanges, None, None)[number], group)

    def parts(self, tp_degree: int, positions: int, idle_layers: int) -> tuple[Part, ...]:
        """Return the parts of the model with their bytes on each of `tp_degree` chips.

        A layer's bytes are those of its compiled programs; the feed-forward's share is that of its matrices. Idle
        layers stand evenly between the others.
        """
        layer, ends = self.layer(tp_degree, 1, positions), self.ends(tp_degree, 1)
        kv = self.kv_bytes(tp_degree, positions)
        matrices = layer_shard(self.shape, tp_degree).layer_matrices(0)
        all_bytes = sum(matrix.sram_bytes for matrix in matrices)
        ffn_bytes = sum(matrix.sram_bytes for matrix in matrices if ".ffn_" in matrix.name)
        fixed = max(layer.sram_bytes - kv, all_bytes)
        ffn = fixed * ffn_bytes // all_bytes
        layers, stored = self.shape.layers, self.shape.layers + idle_layers
        parts = [Part("embedding", -1, ends.embedding_bytes)]
        for number in range(stored):
            idle = layers * (number + 1) // stored == layers * number // stored
            parts.append(Part("attention", number, fixed - ffn, 0 if idle else kv, idle))
            parts.append(Part("feed_forward", number, self.experts * ffn, 0, idle))
        return (*parts, Part("head", -1, ends.head_bytes))

    def needed(self, need: ExchangeNeed | None, group: tuple[int, ...]) -> int:
        """Return the cycles of an exchange that a program asks for."""
        return 0 if need is None else self.exchange(need.kind, group, (), need.vectors)

    def kv_bytes(self, tp_degree: int, positions: int) -> int:
        """Return the bytes of a layer's and a user's keys and values on each chip, as in `model/shape.py`."""
        heads = -(-self.shape.kv_heads // tp_degree)
        width = heads * self.shape.head_width
        keys = positions * -(-width // LANES)
        values = width * -(-positions // LANES)
        return 2 * LANES * (keys + values)

    def hand_over(self, source: tuple[int, ...], target: tuple[int, ...], rows: int) -> int:
        """Return cycles that a group's sums take to the next; the residual stream goes ahead while the programs run.

        Arrangements look the same from every node of a rack and from every rack (`system/topology.py`), so the pair is
        moved to the first node or rack, and scheduled once.
        """
        vectors = float_vectors(self.shape.width, rows)
        return self.exchange("hand_over", *self._moved(source, target), vectors)

    def _moved(
        self, source: tuple[int, ...], target: tuple[int, ...]
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the same pair of groups as near the first chip as the arrangement's symmetry allows."""
        if self.system.chips != self.system.installed or self.system is not system_of(
            self.system.chips, self.wire
        ):
            return source, target
        node = self.wire.node_chips
        rack = self.wire.rack_nodes * node
        turn = self.system.installed if self.system.nodes <= self.wire.flat_nodes else rack
        first = source[0] // node * node
        if source[0] // turn == target[0] // turn:
            return _turned(source, first, turn), _turned(target, first, turn)
        low, installed = source[0] // rack * rack, self.system.installed
        return _turned(source, low, installed), _turned(target, low, installed)

    def exchange(self, kind: Kind, group: tuple[int, ...], target: tuple[int, ...], vectors: int) -> int:
        """Return the cycles of an exchange: from the disk where it is known, else scheduled."""
        said = {
            "exchange": [VERSION, kind, group, target, vectors],
            "cables": hashlib.sha256(self.system.peers.tobytes()).hexdigest(),
            "working": [self.system.working[chip] for chip in (*group, *target)],
            "wire": [(c.name, c.value) for c in constants(self.wire)],
            "chip": [(c.name, c.value) for c in constants(self.wire.chip)],
        }
        key = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
        path = self.folder / f"{key}.exchange"
        with suppress(OSError, ValueError):
            known = json.loads(path.read_text())
            if isinstance(known, int):
                return known
        cycles = self._schedule(kind, group, target, vectors)
        with suppress(OSError):
            _write(str(cycles), path)
        return cycles

    def _schedule(self, kind: Kind, group: tuple[int, ...], target: tuple[int, ...], vectors: int) -> int:
        sources, targets = (tuple(self.system.working[chip] for chip in chips) for chips in (group, target))
        if kind == "hand_over":
            return in_blocks(lambda count: hand_over(self.system, sources, targets, count), vectors)
        make = all_reduce if kind == "all_reduce" else all_gather
        return in_blocks(lambda count: make(self.system, sources, count), vectors)


def _turned(group: tuple[int, ...], by: int, turn: int) -> tuple[int, ...]:
    return tuple((chip - by) % turn for chip in group)


def default_folder() -> Path:
    """Return where programs and exchanges are kept."""
    return cache_folder() / "lpu"


@lru_cache(maxsize=512)
def _layer(
    shape: ModelShape, tp_degree: int, rows: int, positions: int, wire: WireSpec, folder: Path
) -> LayerCost:
    return layer_cost(shape, tp_degree, rows, positions, wire.chip, folder=folder)


@lru_cache(maxsize=512)
def _ends(shape: ModelShape, tp_degree: int, rows: int, wire: WireSpec, folder: Path) -> EndsCost:
    return ends_cost(shape, tp_degree, rows, wire.chip, folder=folder)


def _write(text: str, path: Path) -> None:
    """Write beside its place and rename, so that no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".partial")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.replace(name, path)
