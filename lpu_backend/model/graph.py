"""A model as tensor operations, each with the exact meaning of its values.

This file is the definition: the fast engine and the instructions of the chip compute the same bits. f32(·) is one
rounding to nearest even; every + and · of float32 values is one rounding, in the order written; rne(·) rounds a float32
to the nearest integer, ties to even; integers are exact. exp, tanh and rsqrt are those of `lpu_backend/numerics.py`.

Three properties make it fit the chip, which has no divide and whose reductions over lanes are slow:

- **Every integer has a static scale that is proven to suffice.** A normed vector has the length √width, so that by
  Cauchy and Schwarz |w·x| ≤ ‖w‖·√width for every row w (`quantise.py` does the sums). No maximum over lanes is taken
  to quantise anything, nothing saturates, and no scale is stored beside keys and values.
- **Sums of products are integers**, so their order, and with it tiling, padding and layout, does not change a bit. The
  exceptions are the two float sums of `Norm`, in the chip's tree. Values of a row never depend on other rows or on
  masked positions: prefill of n tokens equals n decodes, whatever the bucket.
- **Activations are split into INT8 planes**: a = 256·hi + lo, lo in −128…127. lo is the low byte of a, hi the second
  byte of a + 128. A 24-bit one is a = 65536·hi + 256·mid + lo: hi is the third byte of a + 32896, mid the second of
  a + 128. 16-bit activations are in ±32512 = ±127·2⁸ but for rounding, 24-bit ones in ±8323072 = ±127·2¹⁶.

A weight is one INT8 w, or two planes, w + r/256. Row scales c and biases b are float32; `quantise.py` folds the static
scales of inputs and outputs into them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from lpu_backend.errors import GraphError
from lpu_backend.model.part import Part, whole
from lpu_backend.model.shape import Matrix, ModelShape, Pairs

A16_LIMIT = 127 << 8
A24_LIMIT = 127 << 16
GROUP_COLUMNS = 7 * 320
"""Columns whose products are summed in one INT32; `quantise.py` scales rows so that no sum leaves it."""

Kind = Literal["prefill", "decode"]
Dtype = Literal["f32", "i16", "i24"]


@dataclass(frozen=True, slots=True)
class Embed:
    """x_i = f32(w[token, i]) · c[token]. The row is gathered by the token's number; c[token] comes from the host."""

    table: str


@dataclass(frozen=True, slots=True)
class Given:
    """A float32 value that lies on the chip when the step begins: kept from a step before, or come from other chips."""

    kept: bool
    """Whether what takes its place is kept for the next step."""


@dataclass(frozen=True, slots=True)
class Norm:
    """RMSNorm to 16 bits: a_i = rne((x_i · r) · g_i), r = rsqrt(s · c1 + c2), s = lane_sum(x∘x).

    c1 = f32(1 / 32512²), c2 = f32(eps · width / 32512²); g is the gain divided by its largest magnitude.
    lane_sum: squares in lanes of 320, missing ones 0; the chunks of 320 are added lane by lane in ascending order; then
    v_i + v_(i+160), the same with 80, 40, 20, 10, 5 (indices modulo 320: every lane has the sum of its residue modulo
    5, r0…r4); then (((r0 + r1) + r2) + r3) + r4.
    """

    gain: str
    width: int
    eps: float


@dataclass(frozen=True, slots=True)
class Linear:
    """y_n = f32(T_n) · c_n + b_n, without the last addition where there is no bias.

    16-bit input: T_n = Σ_k a_k·w_nk, and with two weight planes + Σ_k hi_k·r_nk, in INT32; on the chip (S0 << 8) + S1
    with S0 = Σ hi·w, S1 = Σ lo·w + Σ hi·r. lo·r, a 65536th, is left out.
    24-bit input: f32(T_n) is replaced by f32(U_n)·256 + f32(L_n), U_n = Σ top_k·w_nk + Σ hi_k·r_nk with top =
    256·hi + mid, L_n = Σ lo_k·w_nk + Σ mid_k·r_nk (the sums with r only where there is a second plane).
    More than GROUP_COLUMNS columns: the float values of the groups are added in ascending order before c_n.
    """

    matrix: str
    rows: int
    columns: int
    weight_planes: int
    input_bits: int
    bias: bool


@dataclass(frozen=True, slots=True)
class TensorParallelLinear(Linear):
    """Linear split by columns over `tp_degree` chips: T, or U and L, are INT32 sums of the parts of all chips.

    Every chip sends its part to all others, whose vectors it receives `latency_cycles` after it sent its own.
    """

    tp_degree: int
    latency_cycles: int


@dataclass(frozen=True, slots=True)
class Rope:
    """y_i = x_i · cos[p, i] + x_partner(i) · sin[p, i], a head at a time, p the row's position.

    partner(i) is i ^ 1 for neighbours, (i + half) mod width for halves. The tables hold the sign: sin is negative
    for the first of a pair.
    """

    heads: int
    head_width: int
    pairs: Pairs


@dataclass(frozen=True, slots=True)
class Round:
    """a_i = rne(x_i), 16 bits."""


@dataclass(frozen=True, slots=True)
class Store:
    """The rows go into the layer's cache, as planes, at their positions, before anything of this step reads it."""

    layer: int
    cache: Literal["keys", "values"]


@dataclass(frozen=True, slots=True)
class Scores:
    """t[h, j] = ((f32(S0)·256 + f32(S1))·256 + f32(S2)) · c_h for every cached position j of the head's keys.

    S0 = Σ hi·k_hi, S1 = Σ hi·k_lo + Σ lo·k_hi, S2 = Σ lo·k_lo over the elements of head h's query and of key
    j of its group, h // (heads / kv_heads). c_h holds 1/√head_width. Positions after the row's own are masked: any
    value that is far below every score will do (Softmax makes them 0).
    """

    layer: int
    heads: int
    kv_heads: int
    head_width: int


@dataclass(frozen=True, slots=True)
class Softmax:
    """p_j = rne(exp(t_j − m) · 32512), m the largest unmasked t of the head; 0 for masked positions. Not normalised."""


@dataclass(frozen=True, slots=True)
class Mix:
    """o_i = rne(((f32(S0)·256 + f32(S1))·256 + f32(S2)) · (r · r)), r = rsqrt(f32(Σ_j p_j)).

    S0 = Σ_j p_hi·v_hi, S1 = Σ p_hi·v_lo + Σ p_lo·v_hi, S2 = Σ p_lo·v_lo over the positions j. The sum of p is an
    integer product with ones, so that on the chip a plane of ones gives it to all lanes at once.
    """

    layer: int
    heads: int
    kv_heads: int
    head_width: int


@dataclass(frozen=True, slots=True)
class Gate:
    """SwiGLU to 24 bits: h_i = rne((u_i · t_i) · (tanh(t_i) + 1)).

    t is half the gate's product x: x·sigmoid(x) = t·(tanh t + 1).
    """


@dataclass(frozen=True, slots=True)
class Add:
    """z_i = x_i + y_i."""


@dataclass(frozen=True, slots=True)
class Last:
    """The last row alone."""


@dataclass(frozen=True, slots=True)
class Receive:
    """The residual stream of the part before, every row of it, as it is."""


@dataclass(frozen=True, slots=True)
class Send:
    """The residual stream to the next part."""


Op = (
    Embed | Given | Norm | Linear | Rope | Round | Store | Scores
    | Softmax | Mix | Gate | Add | Last | Receive | Send
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Node:
    """One operation. Its value has the node's name."""

    name: str
    op: Op
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    """Slowest dimension first."""
    dtype: Dtype


@dataclass(frozen=True, slots=True)
class ModelGraph:
    """One step of a model or of a part of it, in single assignment, in an order in which it can run."""

    model: ModelShape
    kind: Kind
    rows: int
    """Tokens of the step."""
    positions: int
    """Positions of the KV cache the step can see: the bucket."""
    nodes: tuple[Node, ...]
    part: Part
    further: tuple[str, ...] = ()
    """Nodes with further results: a router's products."""

    @property
    def output(self) -> str:
        """Return the node with the result: logits, shape (1, vocabulary), where the step ends with a model's head."""
        return self.nodes[-1].name

    def text(self) -> str:
        """Return one line a node."""
        return "".join(f"{_line(node)}\n" for node in self.nodes)


def build_graph(
    model: ModelShape, kind: Kind, rows: int, positions: int, part: Part | None = None
) -> ModelGraph:
    """Return the graph of a step of a part, by default all: prefill of `rows` tokens, or decode of one.

    Raises GraphError.
    """
    if rows < 1 or (kind == "decode" and rows != 1) or rows > positions:
        raise GraphError(f"a {kind} step of {rows} tokens in a cache of {positions} positions is impossible")
    part = part or whole(model)
    graph = ModelGraph(model, kind, rows, positions, GraphBuilder(model, rows, positions).of(part), part)
    check(graph)
    return graph


class GraphBuilder:
    """Puts the nodes of a step in order."""

    def __init__(self, model: ModelShape, rows: int, positions: int) -> None:
        self._model, self._rows, self._positions = model, rows, positions
        self.nodes: list[Node] = []
        self._tp: tuple[int, int] | None = None
        self.further: tuple[str, ...] = ()

    def of(self, part: Part) -> tuple[Node, ...]:
        """Build all of a model, or of a part of it; return the nodes."""
        self._tp = (part.tp_degree, part.latency_cycles) if part.tp_degree > 1 else None
        width = self._model.width
        x = self.embedding() if part.has_embedding else self._add("x", Receive(), (), width)
        for layer in part.layers:
            x = self._add(f"L{layer}.x1", Add(), (x, self.attention_part(layer, x)), width)
            x = self._add(f"L{layer}.x2", Add(), (x, self.feed_forward_part(layer, x)), width)
        if part.has_head:
            self.head(x)
        else:
            self._add("sent", Send(), (x,), width)
        return tuple(self.nodes)

    def embedding(self) -> str:
        """Add the embedding of the tokens; return the node's name."""
        return self._add("x", Embed("token_embd"), (), self._model.width)

    def given_sum(self, x: str, y: str) -> str:
        """Add the residual stream as the sum of what is kept and what has come; return the node's name."""
        width = self._model.width
        kept, come = self._add(x, Given(True), (), width), self._add(y, Given(False), (), width)
        return self._add(f"{x}{y}", Add(), (kept, come), width)

    def attention_part(self, layer: int, x: str) -> str:
        """Add attention, from the residual stream to what is added to it; return the last node's name."""
        at = f"L{layer}."
        q, k, v, output = self._model.layer_matrices(layer)[:4]
        attended = self._attention(layer, self._norm(f"{at}n1", f"blk.{layer}.attn_norm", x), (q, k, v))
        return self._linear(f"{at}attn", output, attended, dealt=True)

    def feed_forward_part(self, layer: int, x: str) -> str:
        """Add the feed-forward likewise."""
        at = f"L{layer}."
        gate, up, down = self._model.layer_matrices(layer)[4:]
        normed = self._norm(f"{at}n2", f"blk.{layer}.ffn_norm", x)
        if router := self._model.router(layer):
            self.further += (self._linear(f"{at}router", router, normed),)
        products = self._linear(f"{at}t", gate, normed), self._linear(f"{at}u", up, normed)
        hidden = self._add(f"{at}h", Gate(), products, up.rows, dtype="i24")
        return self._linear(f"{at}ffn", down, hidden, dealt=True)

    def head(self, x: str) -> str:
        """Add the logits of the last row; return the node's name."""
        model, self._rows = self._model, 1
        last = self._add("last", Last(), (x,), model.width)
        matrix = Matrix(model.head_matrix, model.vocabulary, model.width, 1)
        return self._linear("logits", matrix, self._norm("norm", "output_norm", last))

    def _attention(self, layer: int, normed: str, matrices: tuple[Matrix, Matrix, Matrix]) -> str:
        at, model = f"L{layer}.", self._model
        groups = model.heads, model.kv_heads, model.head_width
        q, k, v = (
            self._linear(at + name, matrix, normed, bias=model.biases)
            for name, matrix in zip("qkv", matrices, strict=True)
        )
        q = self._round(at + "qa", self._rope(at + "qr", q, model.heads))
        k = self._round(at + "ka", self._rope(at + "kr", k, model.kv_heads))
        stored, seen = model.kv_heads * model.head_width, (model.heads, self._positions)
        keys = self._cache(at + "keys", Store(layer, "keys"), k, stored)
        values = self._cache(at + "values", Store(layer, "values"), self._round(at + "va", v), stored)
        scores = self._add(at + "s", Scores(layer, *groups), (q, keys), *seen)
        odds = self._add(at + "p", Softmax(), (scores,), *seen, dtype="i16")
        return self._add(at + "o", Mix(layer, *groups), (odds, values), matrices[0].rows, dtype="i16")

    def _norm(self, name: str, gain: str, x: str) -> str:
        width = self._model.width
        return self._add(name, Norm(gain, width, self._model.eps), (x,), width, dtype="i16")

    def _linear(self, name: str, matrix: Matrix, a: str, *, bias: bool = False, dealt: bool = False) -> str:
        """Add a product; in tensor parallelism each chip has some of the columns of those that are `dealt`."""
        bits = 24 if self._node(a).dtype == "i24" else 16
        op = Linear(matrix.name, matrix.rows, matrix.columns, matrix.planes, bits, bias)
        if dealt and self._tp:
            op = TensorParallelLinear(op.matrix, op.rows, op.columns, op.weight_planes, bits, bias, *self._tp)
        return self._add(name, op, (a,), matrix.rows)

    def _rope(self, name: str, x: str, heads: int) -> str:
        width = self._model.head_width
        return self._add(name, Rope(heads, width, self._model.pairs), (x,), heads * width)

    def _round(self, name: str, x: str) -> str:
        return self._add(name, Round(), (x,), self._node(x).shape[-1], dtype="i16")

    def _cache(self, name: str, op: Store, rows: str, width: int) -> str:
        self.nodes.append(Node(name, op, (rows,), (self._positions, width), "i16"))
        return name

    def _add(self, name: str, op: Op, inputs: tuple[str, ...], *shape: int, dtype: Dtype = "f32") -> str:
        self.nodes.append(Node(name, op, inputs, (self._rows, *shape), dtype))
        return name

    def _node(self, name: str) -> Node:
        return next(node for node in reversed(self.nodes) if node.name == name)


def check(graph: ModelGraph) -> None:
    """Raise GraphError unless every value is assigned once, before its use, has fitting shapes, and is used."""
    known: dict[str, Node] = {}
    used = {name for node in graph.nodes for name in node.inputs} | {graph.output, *graph.further}
    for node in graph.nodes:
        if node.name in known:
            raise GraphError("is assigned twice", node.name)
        if missing := [name for name in node.inputs if name not in known]:
            raise GraphError(f"uses {missing[0]} before it is assigned", node.name)
        if node.name not in used:
            raise GraphError("is used by nothing", node.name)
        _check_shapes(node, [known[name] for name in node.inputs])
        known[node.name] = node


def _check_shapes(node: Node, inputs: list[Node]) -> None:
    widths = [found.shape[-1] for found in inputs]
    match node.op:
        case Norm(width=width) | Linear(columns=width):
            expected = [width]
        case Rope(heads=heads, head_width=width):
            expected = [heads * width]
        case Scores(heads=heads, kv_heads=kv_heads, head_width=width):
            expected = [heads * width, kv_heads * width]
        case Mix(kv_heads=kv_heads, head_width=width):
            expected = [inputs[-1].shape[0], kv_heads * width]
        case Add() | Gate():
            expected = [node.shape[-1]] * 2
        case _:
            expected = widths
    if widths != expected:
        raise GraphError(f"takes widths {expected}, and is given {widths}", node.name)


def last_uses(graph: ModelGraph) -> tuple[tuple[str, ...], ...]:
    """Return for every node the values that nothing needs after it."""
    seen, dead = set[str](), list[tuple[str, ...]]()
    for node in reversed(graph.nodes):
        dead.append(tuple(sorted({*node.inputs} - seen)))
        seen.update(node.inputs)
    return tuple(reversed(dead))


def _line(node: Node) -> str:
    options = " ".join(f"{field.name}={getattr(node.op, field.name)}" for field in fields(node.op))
    shape, inputs = "×".join(map(str, node.shape)), " ".join(node.inputs)
    kind = type(node.op).__name__.lower()
    return f"{node.name:12} {node.dtype} {shape:14} {kind:8} {inputs:18} {options}".rstrip()
