"""Every operation of a graph to its lowering; those that end in the next one's expression are joined with it."""

from __future__ import annotations

from lpu_backend.chip.isa import Opcode
from lpu_backend.chip.program import Kind
from lpu_backend.compiler.lanes import Alu, Read, Store
from lpu_backend.compiler.layout import standard
from lpu_backend.compiler.lower_attention import lower_mix, lower_rope, lower_scores, lower_softmax
from lpu_backend.compiler.lower_cache import lower_cache, superlane_turns
from lpu_backend.compiler.lower_embed import lower_embed
from lpu_backend.compiler.lower_gate import lower_gate
from lpu_backend.compiler.lower_linear import Finish, added, lower_linear, rounded, stored
from lpu_backend.compiler.lower_link import lower_receive, lower_send
from lpu_backend.compiler.lower_norm import lower_norm
from lpu_backend.compiler.lower_tensor_parallel import lower_tensor_parallel_linear
from lpu_backend.compiler.lowering import Floats, Lowering, Planes
from lpu_backend.compiler.place import PLACES
from lpu_backend.compiler.sram import Source, Words
from lpu_backend.errors import GraphError
from lpu_backend.model import graph as ops
from lpu_backend.model.graph import Node, last_uses

_JOINED = (ops.Add, ops.Round)
"""What takes a matrix product in before it is stored."""


def lower_graph(lower: Lowering) -> None:
    """Add the instructions of all operations to the schedule."""
    superlane_turns(lower)
    walk = _Walk(lower)
    for node, finished in zip(lower.graph.nodes, last_uses(lower.graph), strict=True):
        with lower.schedule.builder.op(node.name):
            walk.lower(node)
        walk.finish(node, finished)


class _Walk:
    def __init__(self, lower: Lowering) -> None:
        self._lower = lower
        self._nodes = {node.name: node for node in lower.graph.nodes}
        self._users: dict[str, list[Node]] = {node.name: [] for node in lower.graph.nodes}
        for node in lower.graph.nodes:
            for name in node.inputs:
                self._users[name].append(node)
        self._waiting = {name for name, node in self._nodes.items() if self._waits(node)}
        self._pending: dict[str, tuple[str, ...]] = {}
        self._kept: set[str] = set()
        self._residual = 0

    def _waits(self, node: Node) -> bool:
        """Return whether it is lowered with its only user."""
        users = self._users[node.name]
        joined = len(users) == 1 and isinstance(users[0].op, _JOINED)
        return isinstance(node.op, ops.Rope) or (isinstance(node.op, ops.Linear) and joined)

    def lower(self, node: Node) -> None:
        """Lower one operation; those that wait are lowered with what follows."""
        if node.name in self._waiting:
            return
        lower, value = self._lower, self._value(node)
        if value is not None:
            lower.values[node.name] = value

    def finish(self, node: Node, names: tuple[str, ...]) -> None:
        """Release values that nothing needs after this node; those of a waiting one are needed until it is lowered."""
        if node.name in self._waiting:
            self._pending[node.name] = names
            return
        for name in names:
            for given in self._pending.pop(name, (name,)):
                if given not in self._kept:
                    self._lower.release(given)

    def _value(self, node: Node) -> Floats | Planes | None:
        lower = self._lower
        match node.op:
            case ops.Embed():
                return lower_embed(lower, node.op, self._embedded(node))
            case ops.Given():
                return self._given(node, node.op)
            case ops.Norm():
                return lower_norm(lower, node.op, lower.values[node.inputs[0]])
            case ops.Linear():
                return self._linear(node, node.op)
            case ops.Round():
                return self._round(node)
            case ops.Add():
                return self._add(node)
            case ops.Gate():
                return lower_gate(lower, *(lower.values[name] for name in node.inputs))
            case ops.Last():
                return self._last(node)
            case ops.Receive() | ops.Send():
                return self._link(node)
            case _:
                return self._attention(node)

    def _link(self, node: Node) -> Floats | None:
        if isinstance(node.op, ops.Receive):
            return lower_receive(self._lower)
        lower_send(self._lower, self._lower.values[node.inputs[0]])
        return None

    def _attention(self, node: Node) -> Floats | Planes | None:
        lower, inputs = self._lower, [self._lower.values.get(name, []) for name in node.inputs]
        match node.op:
            case ops.Store():
                lower_cache(lower, node.op, inputs[0])
                return None
            case ops.Scores():
                return lower_scores(lower, node.op, inputs[0])
            case ops.Softmax():
                return lower_softmax(lower, inputs[0])
            case ops.Mix():
                return lower_mix(lower, node.op, inputs[0])
        raise GraphError(f"{type(node.op).__name__} has no lowering here", node.name)

    def _linear(self, node: Node, op: ops.Linear) -> Floats | None:
        lower = self._lower
        blocks = lower.placement.blocks[op.matrix]
        if node.name not in (lower.graph.output, *lower.graph.further):
            role = "u" if node.name.endswith(".u") else "y"
            to = lower.floats(role, len(blocks))
            self._product(node, stored(to))
            return to
        rows = lower.rows
        role = "logits" if op.matrix in lower.placement.head else "y"
        result = lower.schedule.sram.hold_planes(
            Kind.OUTPUT, PLACES[role], 4, len(blocks) * rows, Source(node.name, writes=1)
        )
        self._product(node, lambda chunk, value: [Store(value, result, chunk * rows)])
        return None

    def _product(self, node: Node, finish: Finish) -> None:
        assert isinstance(node.op, ops.Linear)
        inputs = self._lower.values[node.inputs[0]]
        if isinstance(node.op, ops.TensorParallelLinear):
            lower_tensor_parallel_linear(self._lower, node.op, inputs, finish)
        else:
            lower_linear(self._lower, node.op, inputs, finish)

    def _round(self, node: Node) -> Planes:
        lower, before = self._lower, self._nodes[node.inputs[0]]
        if isinstance(before.op, ops.Rope):
            y = lower.values[before.inputs[0]]
            stored_next = any(isinstance(user.op, ops.Store) for user in self._users[node.name])
            return lower_rope(lower, before.op, y, queries=not stored_next)
        assert isinstance(before.op, ops.Linear)
        to = lower.planes("values", len(lower.placement.blocks[before.op.matrix]))
        self._product(before, rounded(to))
        return to

    def _embedded(self, node: Node) -> Floats:
        """Return where the embedding goes: it may be all there is of the step."""
        lower, chunks = self._lower, len(standard(node.shape[-1]))
        if node.name != lower.graph.output:
            return lower.floats("x0", chunks)
        return [
            lower.schedule.sram.hold_planes(
                Kind.OUTPUT, PLACES["x0"], 4, lower.rows, Source(f"{node.name}.{chunk}", writes=1)
            )
            for chunk in range(chunks)
        ]

    def _given(self, node: Node, op: ops.Given) -> Floats:
        self._kept.add(node.name)
        held = self._lower.placement.state if op.kept else self._lower.placement.inputs
        return [held[f"{node.name}.{chunk}"] for chunk in range(len(standard(node.shape[-1])))]

    def _sum(self, node: Node) -> Floats:
        """Lower a sum of values in memory; it takes the place of the one that is kept."""
        lower = self._lower
        kept, other = (lower.values[name] for name in node.inputs)
        to = [tuple(_rewritten(words) for words in vectors) for vectors in kept]
        self._kept.add(node.name)
        for x, y, z in zip(kept, other, to, strict=True):
            lower.schedule.compute([Store(Alu(Opcode.ADD_F32, Read(x), Read(y)), z)], lower.rows)
        return to

    def _add(self, node: Node) -> Floats:
        lower = self._lower
        if all(isinstance(self._nodes[name].op, ops.Given) for name in node.inputs):
            return self._sum(node)
        waiting = next(name for name in node.inputs if name in self._waiting)
        x = lower.values[next(name for name in node.inputs if name != waiting)]
        self._residual = 1 - self._residual
        to = lower.floats(f"x{self._residual}", len(x))
        self._product(self._nodes[waiting], added(x, to))
        return to

    def _last(self, node: Node) -> Floats:
        """Return the last row, in place."""
        lower = self._lower
        x = lower.values[node.inputs[0]]
        self._kept |= {node.inputs[0], node.name}
        last, lower.rows = lower.rows - 1, 1
        return [tuple(_word(words, last) for words in vectors) for vectors in x]


def _rewritten(words: Words) -> Words:
    """Return the same words with their next content."""
    return Words(words.mem_slice, words.address, words.count, words.region, words.version + 1)


def _word(words: Words, index: int) -> Words:
    address = words.address + index
    return Words(words.mem_slice, address, 1, words.region, words.version, words.writable, words.ready)
