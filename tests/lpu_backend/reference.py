"""Two oracles in plain numpy: the operations of `graph.py` as its docstrings say them, and a model in float32.

Neither shares code with the engine but the numerics of the chip and the order of rotary pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from lpu_backend import numerics
from lpu_backend.model import graph as ops
from lpu_backend.model.graph import Node
from lpu_backend.model.quantise import QuantisedModel
from lpu_backend.model.rope import partners
from lpu_backend.model.shape import ModelShape

Array = npt.NDArray[Any]
F32 = npt.NDArray[np.float32]
f32 = np.float32


class Reference:
    """Computes graphs token by token, as slowly as it takes to be plain."""

    def __init__(self, model: QuantisedModel) -> None:
        self.model = model
        self._caches: dict[tuple[str, int], list[Array]] = {}

    def step(self, tokens: list[int], position: int) -> dict[str, list[Array]]:
        """Return for every node its value, a row a token. The cache keeps `position` rows of earlier steps."""
        for rows in self._caches.values():
            del rows[position:]
        values: dict[str, list[Array]] = {}
        for offset, token in enumerate(tokens):
            graph = ops.build_graph(self.model.shape, "decode", 1, self.model.positions)
            row: dict[str, Any] = {}
            for node in graph.nodes:
                inputs = [row[name] for name in node.inputs]
                row[node.name] = self.value(node, inputs, token, position + offset)
                values.setdefault(node.name, []).append(row[node.name])
        return values

    def value(  # noqa: C901 - a case an operation
        self, node: Node, inputs: list[Any], token: int, position: int
    ) -> Any:
        model, op = self.model, node.op
        match op:
            case ops.Embed():
                return model.matrices[op.table].planes[token, 0].astype(f32) * model.embedding_scale[token]
            case ops.Norm():
                return norm(op, inputs[0], model.gains[op.gain])
            case ops.Linear():
                return self._linear(op, inputs[0])
            case ops.Rope():
                partner = partners(op.head_width, op.pairs)
                x = inputs[0].reshape(op.heads, op.head_width)
                return (x * model.cos[position] + x[:, partner] * model.sin[position]).ravel()
            case ops.Round():
                return rne(inputs[0])
            case ops.Store():
                rows = self._caches.setdefault((op.cache, op.layer), [])
                rows.append(inputs[0])
                return np.array(rows)
            case ops.Scores():
                return self._scores(op, *inputs)
            case ops.Softmax():
                t = inputs[0]
                return rne(numerics.exp(t - t.max(axis=1, keepdims=True)) * f32(32512))
            case ops.Mix():
                return mix(op, *inputs)
            case ops.Gate():
                t, u = inputs
                return rne((u * t) * (numerics.tanh(t) + f32(1)))
            case ops.Add():
                return inputs[0] + inputs[1]
            case ops.Last():
                return inputs[0]

    def _linear(self, op: ops.Linear, a: Array) -> F32:
        weights = self.model.matrices[op.matrix]
        w = weights.planes.astype(np.int64)
        top, low = (split(a)[0], split(a)[1]) if op.input_bits == 24 else (a, None)
        y = np.zeros(op.rows, f32)
        for first in range(0, op.columns, ops.GROUP_COLUMNS):
            part = slice(first, first + ops.GROUP_COLUMNS)
            high, mid = split(top[part])
            upper = w[:, 0, part] @ top[part]
            if op.weight_planes == 2:
                upper = upper + w[:, 1, part] @ high
            assert np.abs(upper).max() < 2**31
            value = upper.astype(f32)
            if low is not None:
                lower = w[:, 0, part] @ low[part]
                if op.weight_planes == 2:
                    lower = lower + w[:, 1, part] @ mid
                value = value * f32(256) + lower.astype(f32)
            y = value if first == 0 else y + value
        y = y * weights.scale
        return y if weights.bias is None else y + weights.bias

    def _scores(self, op: ops.Scores, q: Array, keys: Array) -> F32:
        group = op.heads // op.kv_heads
        queries = q.reshape(op.heads, op.head_width)
        stored = keys.reshape(-1, op.kv_heads, op.head_width)
        rows = []
        for head in range(op.heads):
            (qh, ql), (kh, kl) = split(queries[head]), split(stored[:, head // group])
            sums = (kh @ qh, kl @ qh + kh @ ql, kl @ ql)
            rows.append(joined(*sums) * self.model.score_scales[op.layer][head])
        return np.array(rows)


def norm(op: ops.Norm, x: F32, gain: F32) -> Array:
    lanes = np.zeros(-(-len(x) // 320) * 320, f32)
    lanes[: len(x)] = x * x
    total = np.zeros(320, f32)
    for chunk in lanes.reshape(-1, 320):
        total = total + chunk
    for step in (160, 80, 40, 20, 10, 5):
        total = total + np.roll(total, -step)
    s = (((total[0] + total[1]) + total[2]) + total[3]) + total[4]
    c1, c2 = f32(1 / 32512**2), f32(op.eps * op.width / 32512**2)
    return rne((x * numerics.rsqrt(s * c1 + c2)) * gain)


def mix(op: ops.Mix, p: Array, values: Array) -> Array:
    group = op.heads // op.kv_heads
    stored = values.reshape(-1, op.kv_heads, op.head_width)
    rows = []
    for head in range(op.heads):
        (ph, pl), (vh, vl) = split(p[head]), split(stored[:, head // group])
        root = numerics.rsqrt(np.array([p[head].sum()]).astype(f32))
        rows.append(rne(joined(ph @ vh, ph @ vl + pl @ vh, pl @ vl) * (root * root)))
    return np.concatenate(rows)


def split(a: Array) -> tuple[Array, Array]:
    """Return (a − lo) / 256 and lo, the low byte of a as a signed number."""
    low = (a & 255) - 256 * ((a & 255) > 127)
    return (a - low) // 256, low


def joined(*sums: Array) -> F32:
    value = sums[0].astype(f32)
    for lower in sums[1:]:
        value = value * f32(256) + lower.astype(f32)
    return value


def rne(x: F32) -> Array:
    return np.rint(x).astype(np.int64)


def float_model(
    shape: ModelShape, tensor: Callable[[str], F32], tokens: list[int], factors: F32 | float = 1.0
) -> tuple[list[F32], F32]:
    """Return the residual stream after every layer and all logits, in float32 as a textbook has them."""
    n, groups = len(tokens), shape.heads // shape.kv_heads
    rates = shape.rope_theta ** (-np.arange(0, shape.head_width, 2) / shape.head_width) / factors
    angles = np.arange(n)[:, None] * rates

    def normed(x: F32, name: str) -> F32:
        return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + f32(shape.eps)) * tensor(f"{name}.weight")

    def linear(x: F32, name: str) -> F32:
        y = x @ tensor(f"{name}.weight").T
        return y + tensor(f"{name}.bias") if shape.biases and name[-1] in "qkv" else y

    def heads(x: F32, count: int) -> F32:
        x = x.reshape(n, count, shape.head_width)
        paired = (
            x.reshape(n, count, -1, 2)
            if shape.pairs == "neighbours"
            else x.reshape(n, count, 2, -1).swapaxes(2, 3)
        )
        turned = (paired[..., 0] + 1j * paired[..., 1]) * np.exp(1j * angles)[:, None]
        both = np.stack([turned.real, turned.imag], axis=3 if shape.pairs == "neighbours" else 2)
        return both.reshape(n, count, shape.head_width).astype(f32)

    x, layers = tensor("token_embd.weight")[tokens], []
    hidden = np.triu(np.full((n, n), -np.inf, f32), 1)
    for layer in range(shape.layers):
        at = f"blk.{layer}."
        a = normed(x, f"{at}attn_norm")
        q = heads(linear(a, f"{at}attn_q"), shape.heads)
        k = heads(linear(a, f"{at}attn_k"), shape.kv_heads).repeat(groups, axis=1)
        v = linear(a, f"{at}attn_v").reshape(n, shape.kv_heads, -1).repeat(groups, axis=1)
        scores = np.einsum("ihd,jhd->hij", q, k) / f32(np.sqrt(shape.head_width)) + hidden
        odds = np.exp(scores - scores.max(axis=2, keepdims=True))
        odds = odds / odds.sum(axis=2, keepdims=True)
        x = x + linear(np.einsum("hij,jhd->ihd", odds, v).reshape(n, -1), f"{at}attn_output")
        a = normed(x, f"{at}ffn_norm")
        g = linear(a, f"{at}ffn_gate")
        x = x + linear(g / (1 + np.exp(-g)) * linear(a, f"{at}ffn_up"), f"{at}ffn_down")
        layers.append(x)
    return layers, linear(normed(x, "output_norm"), shape.head_matrix)
