"""Float weights → INT8 planes with a scale a row, and every static scale of the integers between them.

`graph.py` says how the numbers are used. Bounds: a normed vector x̂ has length at most √width, so the output w·x̂
of a row is at most ‖w‖·√width (Cauchy and Schwarz); a mean of values is within the values; |x·sigmoid(x)| ≤ |x|. Scales
are computed in float64 by operations in a fixed order, so that every machine makes the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lpu_backend.errors import GraphError
from lpu_backend.model.gguf_file import Gguf, read_tensor
from lpu_backend.model.graph import A16_LIMIT, A24_LIMIT
from lpu_backend.model.kernels import F32, F64, I8, quantise_rows, row_bounds
from lpu_backend.model.rope import partners, rope_tables
from lpu_backend.model.shape import Matrix, ModelShape

MOST_BYTES = 8 << 30
"""Weights and cache beyond this are not read: a host that emulates one chip has no use for them."""
LARGEST_RESIDUAL = 1e15
"""No element of the residual stream may be larger: its square stays far inside float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """A matrix as the chip holds it."""

    planes: I8
    """Shape (rows, planes, columns); the high plane first."""
    scale: F32
    """c of `graph.Linear`, shape (rows,); of `graph.Embed` for an embedding that is not tied."""
    bias: F32 | None
    """b, shape (rows,)."""


@dataclass(frozen=True, slots=True, eq=False)
class QuantisedModel:
    """Everything constant that a step of a model reads."""

    shape: ModelShape
    positions: int
    """Rows of the rotary tables."""
    matrices: Mapping[str, Weights]
    embedding_scale: F32
    """c of `graph.Embed`, shape (vocabulary,)."""
    gains: Mapping[str, F32]
    """g of `graph.Norm`, shape (width,)."""
    score_scales: tuple[F32, ...]
    """c of `graph.Scores`, a layer each, shape (heads,)."""
    cos: F32
    sin: F32
    """Tables of `graph.Rope`, shape (positions, head width)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """A quantised matrix before its scales are known."""

    planes: I8
    unit: F64
    """Value of 1 in the high plane, a row."""
    bias: F64 | None
    bound: F64
    """Largest magnitude of a row's output; zeros where the input is no normed vector."""


def quantise(gguf: Gguf, shape: ModelShape, positions: int) -> QuantisedModel:
    """Read and quantise the weights of a model. Raises GgufError, GraphError, and CapacityError before reading."""
    shape.check_fits(positions, MOST_BYTES)
    planes = _planes(shape)
    maker = _Maker(gguf, shape, planes)
    matrices: dict[str, Weights] = {}
    gains: dict[str, F32] = {}
    score_scales: list[F32] = []
    for layer in range(shape.layers):
        score_scales.append(maker.attention(layer, matrices, gains))
        maker.feed_forward(layer, matrices, gains)
    embedding = maker.ends(matrices, gains)
    _check_residual(shape, matrices, embedding)
    factors = read_tensor(gguf, "rope_freqs.weight") if "rope_freqs.weight" in gguf.tensors else None
    if factors is not None and (factors.shape != (shape.head_width // 2,) or not (factors > 0).all()):
        raise GraphError("holds no positive factor for every pair", "rope_freqs.weight")
    cos, sin = rope_tables(positions, shape.head_width, shape.rope_theta, shape.pairs, factors)
    return QuantisedModel(shape, positions, matrices, embedding, gains, tuple(score_scales), cos, sin)


def _planes(shape: ModelShape) -> dict[str, I8]:
    """Return the arrays of all matrices, in one stretch of memory: large pages make reading it faster."""
    matrices = shape.matrices()
    sizes = [matrix.rows * matrix.planes * matrix.columns for matrix in matrices]
    memory = np.empty(sum(sizes), np.int8)
    ends = np.cumsum(sizes)
    return {
        matrix.name: memory[end - size : end].reshape(matrix.rows, matrix.planes, matrix.columns)
        for matrix, size, end in zip(matrices, sizes, ends, strict=True)
    }


class _Maker:
    def __init__(self, gguf: Gguf, shape: ModelShape, planes: dict[str, I8]) -> None:
        self._gguf, self._shape, self._planes = gguf, shape, planes
        self._norm_limit = math.sqrt(shape.width) / A16_LIMIT

    def attention(self, layer: int, matrices: dict[str, Weights], gains: dict[str, F32]) -> F32:
        """Add the matrices of a layer's attention; return the scales of its scores."""
        shape = self._shape
        query, key, value, output = shape.layer_matrices(layer)[:4]
        gain, unit_in = self._gain(f"blk.{layer}.attn_norm", gains)
        q, k, v = (self._rows(matrix, gain, unit_in) for matrix in (query, key, value))
        group = shape.heads // shape.kv_heads
        k_bound = self._turned(k.bound).reshape(shape.kv_heads, shape.head_width)
        k_unit = _units(k_bound, A16_LIMIT)
        for_queries = np.repeat(k_unit, group, axis=0)
        q_bound = self._turned(q.bound).reshape(shape.heads, shape.head_width) * for_queries
        q_unit = _units(q_bound.max(axis=1), A16_LIMIT)
        v_unit = _units(v.bound.max(keepdims=True), A16_LIMIT)[0]
        matrices[query.name] = _weights(q, unit_in, (for_queries / q_unit[:, None]).ravel())
        matrices[key.name] = _weights(k, unit_in, 1 / k_unit.ravel())
        matrices[value.name] = _weights(v, unit_in, np.full(value.rows, 1 / v_unit))
        matrices[output.name] = _weights(self._rows(output), v_unit)
        return _float32(q_unit / math.sqrt(shape.head_width))

    def feed_forward(self, layer: int, matrices: dict[str, Weights], gains: dict[str, F32]) -> None:
        """Add the matrices of a layer's SwiGLU."""
        gate, up, down = self._shape.layer_matrices(layer)[4:]
        gain, unit_in = self._gain(f"blk.{layer}.ffn_norm", gains)
        g, u = self._rows(gate, gain, unit_in), self._rows(up, gain, unit_in)
        unit = _units((g.bound * u.bound).max(keepdims=True), A24_LIMIT)[0]
        matrices[gate.name] = _weights(g, unit_in, np.full(gate.rows, 0.5))
        matrices[up.name] = _weights(u, unit_in, np.full(up.rows, 1 / unit))
        matrices[down.name] = _weights(self._rows(down), unit)

    def ends(self, matrices: dict[str, Weights], gains: dict[str, F32]) -> F32:
        """Add the matrix of the logits, and the embedding where it is another; return the embedding's scales."""
        shape = self._shape
        _, unit_in = self._gain("output_norm", gains)
        embedding = shape.matrices()[0]
        rows = self._rows(embedding)
        matrices[embedding.name] = _weights(rows, unit_in if shape.tied else 1.0)
        if not shape.tied:
            matrices["output"] = _weights(self._rows(shape.matrices()[1]), unit_in)
        return rows.unit.astype(np.float32)

    def _gain(self, name: str, gains: dict[str, F32]) -> tuple[F32, float]:
        """Add a norm's gain divided by its largest magnitude; return it, and what 1 in the norm's output stands for."""
        gain = read_tensor(self._gguf, f"{name}.weight")
        largest = np.abs(gain).max() or np.float32(1)
        gains[name] = gain / largest
        return gains[name], float(largest) * self._norm_limit

    def _rows(self, matrix: Matrix, gain: F32 | None = None, unit_in: float = 0.0) -> _Rows:
        """Quantise a matrix; with a gain, bound its outputs for inputs normed by it."""
        weights = read_tensor(self._gguf, f"{matrix.name}.weight")
        planes = self._planes[matrix.name]
        unit = np.empty(matrix.rows)
        quantise_rows(weights, planes, unit)
        name = f"{matrix.name}.bias"
        bias = read_tensor(self._gguf, name).astype(np.float64) if name in self._gguf.tensors else None
        bound = np.zeros(matrix.rows)
        if gain is not None:
            row_bounds(planes, gain, float(A16_LIMIT), bound)
            bound = bound * unit * unit_in + (0.0 if bias is None else np.abs(bias))
        return _Rows(planes, unit, bias, bound)

    def _turned(self, bound: F64) -> F64:
        """Return the bounds after rotary embedding, which turns pairs: the length of each pair's bounds."""
        heads = bound.reshape(-1, self._shape.head_width)
        other = heads[:, partners(self._shape.head_width, self._shape.pairs)]
        return np.sqrt(heads * heads + other * other).ravel()


def _units(bound: F64, limit: int) -> F64:
    """Return what 1 stands for in integers up to `limit` that reach `bound`; 1 where everything is 0."""
    return np.where(bound > 0, bound / limit, 1.0)


def _weights(rows: _Rows, unit_in: float, fold: F64 | None = None) -> Weights:
    """Return a matrix with the units of its input and output in its scales; `fold` multiplies rows and biases."""
    factor = np.ones_like(rows.unit) if fold is None else fold
    scale = _float32(rows.unit * unit_in * factor)
    bias = None if rows.bias is None else _float32(rows.bias * factor)
    return Weights(rows.planes, scale, bias)


def _float32(values: F64) -> F32:
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = values.astype(np.float32)
    if not np.isfinite(rounded).all():
        raise GraphError("the weights are too large for float32 scales; get the file again")
    return rounded


def _check_residual(shape: ModelShape, matrices: Mapping[str, Weights], embedding: F32) -> None:
    """Raise GraphError where the residual stream could leave float32; only absurd weights make it."""
    largest = 128.0 * float(embedding.max())
    for layer in range(shape.layers):
        output, down = (shape.layer_matrices(layer)[n] for n in (3, 6))
        for matrix, limit in ((output, A16_LIMIT), (down, A24_LIMIT)):
            largest += 128.0 * limit * matrix.columns * float(matrices[matrix.name].scale.max())
    if not largest < LARGEST_RESIDUAL:
        raise GraphError(f"the weights let activations grow to {largest:.0e}; get the file again")
