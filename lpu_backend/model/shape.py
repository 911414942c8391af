"""What a model is, read from its metadata: dimensions, matrices, and the SRAM they take.

Architectures: those whose layer is RMSNorm, rotary grouped-query attention, RMSNorm, SwiGLU. Nothing here knows a
model by name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from lpu_backend.errors import CapacityError, GraphError
from lpu_backend.model.gguf_file import Gguf

Pairs = Literal["neighbours", "halves"]
"""Which two elements of a head rotary embedding turns together: 2i and 2i + 1, or i and i + half."""
ROPE_PAIRS: dict[str, Pairs] = {"llama": "neighbours", "qwen2": "halves"}
"""Supported architectures: `llama` (also Mistral, SmolLM2, TinyLlama) and `qwen2` (`llama_rope_type` of llama.cpp)."""
TWO_PLANES = ("attn_v", "ffn_down")
"""Matrices with 16-bit weights: of all seven, rounding these to 8 bits moves the model's distribution most
(`python -m tests.bench.lpu --planes`)."""
LANES = 320
TILE_SLICES = 16
KV_PLANES = 2
MOST = 1 << 20
"""No dimension of a model is larger; keeps absurd files from taking time or memory."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """A weight matrix: `rows` outputs of `columns` inputs each."""

    name: str
    """As in the file, without `.weight`."""
    rows: int
    columns: int
    planes: int
    """INT8 planes a weight: 1, or 2 for 16 bits."""

    @property
    def sram_bytes(self) -> int:
        """Return stored vectors of 320 bytes: one a row, plane and 320 columns; and the rows' scales, float32."""
        weights = self.rows * self.planes * _chunks(self.columns) * LANES
        return weights + _chunks(self.rows) * LANES * 4


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The dimensions of a model."""

    architecture: str
    layers: int
    width: int
    """Elements of the residual stream."""
    heads: int
    kv_heads: int
    head_width: int
    ffn: int
    """Elements of the feed-forward, or of one expert's."""
    vocabulary: int
    context: int
    """Tokens the model was trained for."""
    eps: float
    rope_theta: float
    pairs: Pairs
    tied: bool
    """Whether the output matrix is the embedding."""
    biases: bool
    """Whether queries, keys and values have biases."""
    two_planes: tuple[str, ...] = TWO_PLANES
    """Matrices of a layer with 16-bit weights."""
    experts: int = 0
    """Feed-forward parts of a layer that a router chooses from; 0: one, and no router."""
    experts_used: int = 0
    """Number of them that a token takes."""

    @property
    def head_matrix(self) -> str:
        """Return the matrix that makes the logits."""
        return "token_embd" if self.tied else "output"

    def layer_matrices(self, layer: int) -> tuple[Matrix, ...]:
        """Return the seven matrices of a layer."""
        queries, keys = self.heads * self.head_width, self.kv_heads * self.head_width
        sizes = {
            "attn_q": (queries, self.width),
            "attn_k": (keys, self.width),
            "attn_v": (keys, self.width),
            "attn_output": (self.width, queries),
            "ffn_gate": (self.ffn, self.width),
            "ffn_up": (self.ffn, self.width),
            "ffn_down": (self.width, self.ffn),
        }
        return tuple(
            Matrix(f"blk.{layer}.{name}", rows, columns, 2 if name in self.two_planes else 1)
            for name, (rows, columns) in sizes.items()
        )

    def router(self, layer: int) -> Matrix | None:
        """Return the matrix whose products choose among a layer's experts."""
        return Matrix(f"blk.{layer}.ffn_router", self.experts, self.width, 1) if self.experts else None

    def matrices(self) -> tuple[Matrix, ...]:
        """Return every matrix, the embedding first."""
        ends = [Matrix("token_embd", self.vocabulary, self.width, 1)]
        if not self.tied:
            ends.append(Matrix("output", self.vocabulary, self.width, 1))
        routers = [router for layer in range(self.layers) if (router := self.router(layer))]
        layers = (matrix for layer in range(self.layers) for matrix in self.layer_matrices(layer))
        return (*ends, *layers, *routers)

    @property
    def weight_words(self) -> int:
        """Return the words of 16 slices each that the matrices take, in whole tiles of 320 columns."""
        rows = sum(matrix.rows * matrix.planes * _chunks(matrix.columns) for matrix in self.matrices())
        return rows // TILE_SLICES

    def sram_bytes(self, positions: int) -> int:
        """Return the SRAM that weights, scales, gains and a KV cache of `positions` take; instructions come on top."""
        keys = self.kv_heads * self.head_width
        stored_keys = positions * _chunks(keys) * KV_PLANES * LANES
        stored_values = keys * _chunks(positions) * KV_PLANES * LANES
        gains = (2 * self.layers + 1) * _chunks(self.width) * LANES * 4
        weights = sum(matrix.sram_bytes for matrix in self.matrices())
        return weights + gains + self.layers * (stored_keys + stored_values)

    def check_fits(self, positions: int, have_bytes: int) -> None:
        """Raise CapacityError where one chip does not hold the model with a KV cache of `positions`.

        Its count of chips is by bytes alone: each holds `have_bytes` of weights and cache.
        """
        need = self.sram_bytes(positions)
        if need > have_bytes:
            what = f"a model of {self.layers} layers with a context of {positions}"
            raise CapacityError(need, have_bytes, math.ceil(need / have_bytes), what)


def read_shape(gguf: Gguf) -> ModelShape:
    """Return the shape a file's metadata give, checked against its tensors. Raises GraphError."""
    architecture = gguf.architecture
    if architecture not in ROPE_PAIRS:
        supported = ", ".join(ROPE_PAIRS)
        raise GraphError(
            f"{gguf.path}: the architecture {architecture[:40]!r} is not supported; these are: {supported}"
        )
    _refuse_extras(gguf)
    width, heads = _count(gguf, "embedding_length"), _count(gguf, "attention.head_count")
    embedding = gguf.tensors.get("token_embd.weight")
    vocabulary = embedding.shape[-1] if embedding and len(embedding.shape) == 2 else 0
    shape = ModelShape(
        architecture=architecture,
        layers=_count(gguf, "block_count"),
        width=width,
        heads=heads,
        kv_heads=_count(gguf, "attention.head_count_kv", heads),
        head_width=_count(gguf, "attention.key_length", width // heads),
        ffn=_count(gguf, "feed_forward_length"),
        vocabulary=vocabulary,
        context=_count(gguf, "context_length"),
        eps=_number(gguf, "attention.layer_norm_rms_epsilon"),
        rope_theta=_number(gguf, "rope.freq_base", 10_000.0),
        pairs=ROPE_PAIRS[architecture],
        tied="output.weight" not in gguf.tensors,
        biases="blk.0.attn_q.bias" in gguf.tensors,
    )
    _check(gguf, shape)
    return shape


def _refuse_extras(gguf: Gguf) -> None:
    """Raise GraphError for what changes the computation and is not built: experts, stretched rotary embeddings."""
    if _count(gguf, "expert_count", 0, least=0):
        raise GraphError(f"{gguf.path}: mixtures of experts are not supported; use a dense model")
    if _count(gguf, "attention.sliding_window", 0, least=0):
        raise GraphError(f"{gguf.path}: attention in a sliding window is not supported; use another model")
    stretch = gguf.metadata.get(f"{gguf.architecture}.rope.scaling.type")
    if stretch not in (None, "none"):
        raise GraphError(
            f"{gguf.path}: rotary embeddings stretched by {stretch!r} are not supported; use another model"
        )


def _check(gguf: Gguf, shape: ModelShape) -> None:
    """Raise GraphError where dimensions contradict one another or a tensor is absent or of another shape."""
    if shape.layers > len(gguf.tensors):
        raise GraphError(f"{gguf.path}: {shape.layers} layers, and only {len(gguf.tensors)} tensors")
    if shape.heads % shape.kv_heads or shape.head_width % 2:
        heads = f"{shape.heads} heads of {shape.head_width} on {shape.kv_heads}"
        raise GraphError(f"{gguf.path}: {heads} key and value heads make no attention")
    turned = _count(gguf, "rope.dimension_count", shape.head_width)
    if turned != shape.head_width:
        raise GraphError(f"{gguf.path}: {turned} of {shape.head_width} elements are turned; all must be")
    expected = {f"{m.name}.weight": (m.columns, m.rows) for m in shape.matrices()}
    gains = [
        "output_norm",
        *(f"blk.{n}.{gain}" for n in range(shape.layers) for gain in ("attn_norm", "ffn_norm")),
    ]
    vectors = {f"{name}.weight": (shape.width,) for name in gains}
    biased = {
        f"{m.name}.bias": (m.rows,)
        for n in range(shape.layers if shape.biases else 0)
        for m in shape.layer_matrices(n)[:3]
    }
    for name, size in {**expected, **vectors, **biased}.items():
        tensor = gguf.tensors.get(name)
        if tensor is None or tensor.shape != size:
            found = tensor.shape if tensor else "absent"
            raise GraphError(f"{gguf.path}: the tensor is {found}, and must have the shape {size}", name)
    _refuse_surplus(gguf, {*expected, *vectors, *biased, "rope_freqs.weight"})


def _refuse_surplus(gguf: Gguf, known: set[str]) -> None:
    """Raise GraphError for a tensor that nothing would use: the model computes something else."""
    surplus = next((name for name in gguf.tensors if name not in known), None)
    if surplus is not None:
        raise GraphError(
            f"{gguf.path}: a {gguf.architecture} model with this tensor is not supported", surplus
        )


def _count(gguf: Gguf, key: str, default: int | None = None, *, least: int = 1) -> int:
    value = gguf.metadata.get(f"{gguf.architecture}.{key}", default)
    if not isinstance(value, int) or not least <= value <= MOST:
        raise GraphError(f"{gguf.path}: {key} is {value!r}, and must be a number from {least} to {MOST}")
    return value


def _number(gguf: Gguf, key: str, default: float | None = None) -> float:
    value = gguf.metadata.get(f"{gguf.architecture}.{key}", default)
    if not isinstance(value, int | float) or not 1e-12 <= value <= 1e12:
        raise GraphError(f"{gguf.path}: {key} is {value!r}, and must be a number from 1e-12 to 1e12")
    return float(value)


def _chunks(elements: int) -> int:
    return -(-elements // LANES)
