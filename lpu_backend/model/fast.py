"""Runs a model graph on whole tensors, as fast as the host can: the values of the chip, none of its cycles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from lpu_backend.errors import ExecutionError
from lpu_backend.model import graph as ops
from lpu_backend.model import kernels
from lpu_backend.model.graph import ModelGraph, Node, build_graph, last_uses
from lpu_backend.model.kernels import F32, I8, I16, I32
from lpu_backend.model.part import Part, whole
from lpu_backend.model.quantise import QuantisedModel
from lpu_backend.model.rope import partners

Array = npt.NDArray[Any]
MOST_ROWS = 128
"""Longer prefills run in parts, to bound memory; rows do not depend on one another, so the bits are the same."""
NOTHING: F32 = np.empty(0, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The tokens of a step, or of a stretch of it, at consecutive positions."""

    tokens: npt.NDArray[np.int64]
    position: int
    end_step: bool = True
    """Whether the step ends here: logits are wanted."""
    received: F32 | None = None
    """The residual stream of the part before, shape (tokens, width)."""

    @property
    def span(self) -> slice:
        return slice(self.position, self.position + len(self.tokens))


class FastEngine:
    """A model, or a part of one, with a KV cache for one sequence. Results do not depend on `threads`.

    Not for two threads at once.
    """

    def __init__(self, model: QuantisedModel, *, threads: int = 2, part: Part | None = None) -> None:
        shape = model.shape
        self.model = model
        self.part = part or whole(shape)
        self.positions = model.positions
        self._threads = min(threads, int(numba.config.NUMBA_NUM_THREADS))
        cache = (len(self.part.layers), 2, self.positions, shape.kv_heads, shape.head_width)
        self._caches: dict[str, I8] = {name: np.zeros(cache, np.int8) for name in ("keys", "values")}
        self._partner = partners(shape.head_width, shape.pairs)
        self._graphs: dict[int, tuple[ModelGraph, tuple[tuple[str, ...], ...]]] = {}
        self._operations: dict[type, Callable[..., Array]] = {
            ops.Embed: self._embed,
            ops.Norm: self._norm,
            ops.Linear: self._linear,
            ops.Rope: self._rope,
            ops.Round: lambda op, rows, x: np.rint(x).astype(np.int16),
            ops.Store: self._store,
            ops.Scores: self._scores,
            ops.Softmax: self._softmax,
            ops.Mix: self._mix,
            ops.Gate: self._gate,
            ops.Add: lambda op, rows, x, y: x + y,
            ops.Last: lambda op, rows, x: x[-1:],
            ops.Receive: lambda op, rows: rows.received,
            ops.Send: lambda op, rows, x: x,
        }

    def step(
        self, tokens: Sequence[int], position: int, stop: Callable[[], bool] = lambda: False
    ) -> F32 | None:
        """Append tokens; see `interface.Engine`. `stop` is asked before every operation. For a whole model."""
        self.check(tokens, position)
        value: F32 | None = None
        for rows in stretches(tokens, position):
            value = self.run(rows, stop)
            if value is None:
                return None
        assert value is not None
        logits: F32 = value[0]
        return logits

    def run(self, rows: Rows, stop: Callable[[], bool]) -> F32 | None:
        """Append the tokens of a stretch; return the graph's output, None once `stop()` is true.

        Where the step goes on after these rows no logits are made, and what is returned is the residual stream.
        """
        graph, dead = self._graph(len(rows.tokens))
        values: dict[str, Array] = {}
        with self._numba_threads():
            for node, finished in zip(graph.nodes, dead, strict=True):
                if stop():
                    return None
                if isinstance(node.op, ops.Last) and not rows.end_step:
                    residual: F32 = values[node.inputs[0]]
                    return residual
                self._run(node, rows, values)
                for name in finished:
                    del values[name]
        output: F32 = values[graph.output]
        return output

    @contextmanager
    def _numba_threads(self) -> Iterator[None]:
        before = numba.get_num_threads()
        numba.set_num_threads(self._threads)
        try:
            yield
        finally:
            numba.set_num_threads(before)

    def values(self, tokens: Sequence[int], position: int) -> dict[str, Array]:
        """Run one step and return the value of every node, for comparison with another engine."""
        self.check(tokens, position)
        values: dict[str, Array] = {}
        for node in self._graph(len(tokens))[0].nodes:
            self._run(node, Rows(np.array(tokens), position), values)
        return values

    def check(self, tokens: Sequence[int], position: int) -> None:
        """Raise ExecutionError for tokens or positions that are impossible."""
        if not tokens or not all(0 <= token < self.model.shape.vocabulary for token in tokens):
            raise ExecutionError("a step takes tokens of the vocabulary, at least one")
        if position < 0 or position + len(tokens) > self.positions:
            held = f"the KV cache holds {self.positions}"
            raise ExecutionError(f"{len(tokens)} tokens at position {position}: {held}")

    def _run(self, node: Node, rows: Rows, values: dict[str, Array]) -> None:
        inputs = (values[name] for name in node.inputs)
        values[node.name] = self._operations[type(node.op)](node.op, rows, *inputs)

    def _graph(self, rows: int) -> tuple[ModelGraph, tuple[tuple[str, ...], ...]]:
        if rows not in self._graphs:
            kind: ops.Kind = "decode" if rows == 1 else "prefill"
            built = build_graph(self.model.shape, kind, rows, self.positions, self.part)
            self._graphs[rows] = (built, last_uses(built))
        return self._graphs[rows]

    def _embed(self, op: ops.Embed, rows: Rows) -> F32:
        found = self.model.matrices[op.table].planes[rows.tokens, 0].astype(np.float32)
        x: F32 = found * self.model.embedding_scale[rows.tokens, None]
        return x

    def _norm(self, op: ops.Norm, rows: Rows, x: F32) -> I16:
        a = np.empty(x.shape, np.int16)
        kernels.norm(x, self.model.gains[op.gain], *norm_constants(op), a)
        return a

    def _linear(self, op: ops.Linear, rows: Rows, a: Array) -> F32:
        weights = self.model.matrices[op.matrix]
        wide = (len(a), op.weight_planes, op.columns)
        main, rest = a.reshape(len(a), 1, op.columns), np.empty((len(a), 0, op.columns), np.int16)
        if op.input_bits == 24:
            main, rest = np.empty(wide, np.int16), np.empty(wide, np.int16)
            kernels.split24(a, main, rest)
        elif op.weight_planes == 2:
            main = np.empty(wide, np.int16)
            kernels.split16(a, main)
        y = np.empty((len(a), op.rows), np.float32)
        bias = NOTHING if weights.bias is None else weights.bias
        kernels.linear(main, rest, weights.planes, weights.scale, bias, y)
        return y

    def _rope(self, op: ops.Rope, rows: Rows, x: F32) -> F32:
        y = np.empty((len(x), op.heads, op.head_width), np.float32)
        kernels.rope(
            x.reshape(y.shape), self.model.cos[rows.span], self.model.sin[rows.span], self._partner, y
        )
        return y.reshape(x.shape)

    def _store(self, op: ops.Store, rows: Rows, a: I16) -> I8:
        cache: I8 = self._caches[op.cache][op.layer - self.part.first]
        kernels.store(a, rows.position, cache.reshape(2, self.positions, -1))
        return cache

    def _scores(self, op: ops.Scores, rows: Rows, q: I16, keys: I8) -> F32:
        t = np.empty((len(q), op.heads, self.positions), np.float32)
        queries = q.reshape(len(q), op.heads, op.head_width)
        kernels.scores(queries, keys, self.model.score_scales[op.layer], rows.position, t)
        return t

    def _softmax(self, op: ops.Softmax, rows: Rows, t: F32) -> I16:
        p = np.empty(t.shape, np.int16)
        kernels.softmax(t, rows.position, p)
        return p

    def _mix(self, op: ops.Mix, rows: Rows, p: I16, values: I8) -> I16:
        o = np.empty((len(p), op.heads, op.head_width), np.int16)
        kernels.mix(p, values, rows.position, o)
        return o.reshape(len(p), -1)

    def _gate(self, op: ops.Gate, rows: Rows, t: F32, u: F32) -> I32:
        h = np.empty(t.shape, np.int32)
        kernels.gate(t, u, h)
        return h


def stretches(tokens: Sequence[int], position: int) -> Iterator[Rows]:
    """Yield a step in stretches of MOST_ROWS tokens."""
    for first in range(0, len(tokens), MOST_ROWS):
        part = np.array(tokens[first : first + MOST_ROWS])
        yield Rows(part, position + first, end_step=first + MOST_ROWS >= len(tokens))


def norm_constants(op: ops.Norm) -> tuple[np.float32, np.float32]:
    """Return c1 and c2 of `graph.Norm`."""
    square = float(ops.A16_LIMIT) ** 2
    return np.float32(1 / square), np.float32(op.eps * op.width / square)
