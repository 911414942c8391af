"""GPUs beside the chips: a roofline with launch overhead for the same work, so an upper bound of what a GPU does.

A step takes max(bytes / bandwidth, operations / peak) + kernels · gap, and two all-reduces a layer where several GPUs
share it: S. Williams et al., "Roofline", CACM 2009. No share of the peak is assumed: real systems are slower.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal

from lpu_backend.errors import EstimateError
from lpu_backend.estimate.assets import asset_folder, read_toml
from lpu_backend.estimate.shapes import BYTES_A_WEIGHT, Precision, PublishedModel

Launch = Literal["graph", "eager"]


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU's published peaks."""

    name: str
    source: str
    memory_bytes: int
    memory_bytes_per_s: float
    fp16_ops_per_s: float
    int8_ops_per_s: float
    """INT8, and FP8 where there is one."""
    watts: float
    link_bytes_per_s: float
    """To the other GPUs, one direction."""

    def ops_per_s(self, precision: Precision) -> float:
        """Return peak operations a second."""
        return self.int8_ops_per_s if precision == "int8" else self.fp16_ops_per_s

    def ridge(self, precision: Precision) -> float:
        """Return the operations a byte above which arithmetic is the limit, not memory."""
        return self.ops_per_s(precision) / self.memory_bytes_per_s


@dataclass(frozen=True, slots=True)
class Overhead:
    """Costs of a step beside its roofline; sources in `assets/lpu/gpus.toml`."""

    kernels_a_layer: float
    graph_gap_s: float
    eager_launch_s: float
    all_reduce_s: float


@dataclass(frozen=True, slots=True)
class GpuStep:
    """One step of a model on a group of GPUs. All figures are of the roofline: bounds, not measurements."""

    seconds: float
    memory_s: float
    compute_s: float
    overhead_s: float
    tokens: int
    """Tokens that the step makes, over all users; a prefill makes one."""
    watts: float

    @property
    def bound(self) -> str:
        """Return what the step waits for most."""
        parts = {"memory": self.memory_s, "arithmetic": self.compute_s, "overhead": self.overhead_s}
        return max(parts, key=lambda name: parts[name])

    @property
    def tokens_per_s(self) -> float:
        """Return the tokens a second over all users."""
        return self.tokens / self.seconds

    @property
    def joules_per_token(self) -> float:
        """Return the energy of a token at the GPUs' full power, J: bound from above."""
        return self.watts / self.tokens_per_s


@dataclass(frozen=True, slots=True)
class GpuGroup:
    """GPUs that share a model by tensor parallelism."""

    gpu: Gpu
    count: int
    precision: Precision
    launch: Launch = "graph"

    def decode(self, model: PublishedModel, positions: int, batch: int = 1) -> GpuStep:
        """Return the step of a token for each of `batch` users who have seen `positions`."""
        kv = batch * model.kv_bytes(positions)
        moved = model.read_weights(batch) * BYTES_A_WEIGHT[self.precision] + kv
        head = 2.0 * model.table_weights * (batch - 1)
        return self._step(model, moved, model.operations(batch, positions) + head, batch, batch)

    def prefill(self, model: PublishedModel, tokens: int) -> GpuStep:
        """Return the step of one user's prompt, at once."""
        moved = model.read_weights(tokens) * BYTES_A_WEIGHT[self.precision] + model.kv_bytes(tokens)
        return self._step(model, moved, model.operations(tokens, (tokens + 1) // 2), tokens, 1)

    def _step(
        self, model: PublishedModel, moved: float, operations: float, rows: int, tokens: int
    ) -> GpuStep:
        gpu, extra = self.gpu, overhead()
        memory_s = moved / (self.count * gpu.memory_bytes_per_s)
        compute_s = operations / (self.count * gpu.ops_per_s(self.precision))
        gap_s = extra.graph_gap_s if self.launch == "graph" else extra.eager_launch_s
        overhead_s = model.layers * extra.kernels_a_layer * gap_s
        if self.count > 1:
            sent = 2 * (self.count - 1) / self.count * 2 * rows * model.width
            overhead_s += 2 * model.layers * (extra.all_reduce_s + sent / gpu.link_bytes_per_s)
        seconds = max(memory_s, compute_s) + overhead_s
        return GpuStep(seconds, memory_s, compute_s, overhead_s, tokens, self.count * gpu.watts)

    def users_that_fit(self, model: PublishedModel, positions: int) -> int:
        """Return the number of users whose KV caches find room beside the weights."""
        room = self.count * self.gpu.memory_bytes - model.weight_bytes(self.precision)
        return max(0, room // model.kv_bytes(positions))


def least_gpus(gpu: Gpu, model: PublishedModel, precision: Precision, positions: int, users: int = 1) -> int:
    """Return the fewest GPUs, a power of two, that hold the model and the KV caches."""
    need = model.weight_bytes(precision) + users * model.kv_bytes(positions)
    return 1 << math.ceil(math.log2(max(1.0, need / gpu.memory_bytes)))


@cache
def gpus() -> dict[str, Gpu]:
    """Return the GPUs of the data, by name."""
    names = [field.name for field in fields(Gpu)]
    entries = read_toml(asset_folder() / "gpus.toml")["gpu"]
    return {entry["name"]: Gpu(**{name: entry[name] for name in names}) for entry in entries}


@cache
def overhead() -> Overhead:
    """Return the default overheads of the data."""
    return Overhead(**{name: entry["value"] for name, entry in overhead_entries().items()})


@cache
def overhead_entries() -> dict[str, Any]:
    """Return the overheads with interval and source."""
    entries: dict[str, Any] = read_toml(asset_folder() / "gpus.toml")["overhead"]
    return entries


def find_gpu(name: str) -> Gpu:
    """Return a GPU by name. Raises EstimateError."""
    found = gpus().get(name.lower())
    if found is None:
        raise EstimateError(f"no figures are known of the GPU {name[:40]!r}; known are {', '.join(gpus())}")
    return found
