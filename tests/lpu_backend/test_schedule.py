"""The compiler's machinery by itself: the table of what is taken, and lane-wise expressions against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpu_backend.chip.isa import Opcode
from lpu_backend.chip.lockstep import run
from lpu_backend.chip.program import Kind, ProgramBuilder
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.chip.vectors import byte_planes, from_byte_planes
from lpu_backend.chip.verify import verify
from lpu_backend.chip.vxm import BINARY, UNARY
from lpu_backend.compiler.lanes import Alu, Node, Read, Store, Trip
from lpu_backend.compiler.schedule import Schedule
from lpu_backend.compiler.sram import Source, Sram, Vectors
from lpu_backend.compiler.timeline import Timeline, merged

UNARIES = (Opcode.COPY, Opcode.TANH, Opcode.EXP, Opcode.ABS_F32)
BINARIES = (Opcode.ADD_F32, Opcode.MUL_F32, Opcode.SUB_F32, Opcode.MAX_F32, Opcode.MIN_F32, Opcode.XOR)
PLACES = (("E", 0), ("W", 4), ("E", 8), ("W", 12))

CELLS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(-6, 12), st.sampled_from([1, 2, 3, 4])), min_size=1, max_size=6
)


@given(chains=st.lists(st.tuples(CELLS, st.integers(6, 20)), max_size=12))
def test_a_chain_is_placed_at_the_first_cycle_at_which_nothing_it_needs_is_taken(
    chains: list[tuple[list[tuple[int, int, int]], int]],
) -> None:
    """Against a set of bits and one try after another; a chain that conflicts with itself is refused."""
    timeline, taken = Timeline(), set[tuple[int, int, int]]()
    for cells, earliest in chains:
        bits = [(row, column, bit) for row, column, mask in cells for bit in (1, 2, 4) if mask & bit]
        rows, columns, masks = (np.array(part) for part in zip(*cells, strict=True))
        needs = merged(rows, columns, masks.astype(np.uint32))
        assert (needs is None) == (len(set(bits)) < len(bits))
        if needs is None:
            continue
        base = timeline.place(needs, earliest)
        wanted = next(
            b for b in range(earliest, 10_000) if not {(r, c + b, bit) for r, c, bit in bits} & taken
        )
        assert base == wanted
        taken |= {(r, c + base, bit) for r, c, bit in bits}


@st.composite
def expressions(draw: st.DrawFn, inputs: int, depth: int = 3) -> tuple[object, ...]:
    """A tree: ("in", n), ("trip", map, side, tree) or (opcode, tree, …)."""
    kind = draw(st.integers(0, 4)) if depth else 0
    if kind == 0:
        return ("in", draw(st.integers(0, inputs - 1)))
    below = expressions(inputs, depth - 1)
    if kind == 1:
        return (draw(st.sampled_from(UNARIES)), draw(below))
    if kind == 2:
        return ("trip", draw(st.integers(0, 319)), draw(st.sampled_from("EW")), draw(below))
    return (draw(st.sampled_from(BINARIES)), draw(below), draw(below))


def chain_of(tree: object) -> list[str]:
    """The trips in a tree."""
    if not isinstance(tree, tuple):
        return []
    return [str(tree[0])] * (tree[0] == "trip") + [trip for part in tree for trip in chain_of(part)]


def chained(tree: object) -> bool:
    """Whether its operands can meet without memory: a trip takes a time that is no multiple of an ALU's."""
    return not chain_of(tree)


class Bench:
    """Inputs in memory, an expression over them, and what numpy makes of it."""

    def __init__(self, inputs: int, issues: int) -> None:
        self.builder = ProgramBuilder("expression", "product")
        self.sram = Sram(self.builder, PRODUCT)
        self.schedule = Schedule(self.builder, self.sram, PRODUCT)
        self.issues = issues
        rng = np.random.default_rng(inputs)
        self.values = rng.normal(0, 2, (inputs, issues, 320)).astype(np.float32)
        self.held: list[Vectors] = [
            self.sram.hold_planes(Kind.INPUT, PLACES[n], 4, issues, Source(f"in{n}")) for n in range(inputs)
        ]
        self.reads = [Read(held) for held in self.held]

    def node(self, tree: tuple[object, ...]) -> tuple[Node, np.ndarray]:
        """The node of a tree, and its bits, shape (issues, 320) int32."""
        match tree:
            case ("in", int(n)):
                return self.reads[n], self.values[n].view(np.int32)
            case ("trip", int(lanes), str(side), tuple(below)):
                node, bits = self.node(below)
                turned = self.builder.map((np.arange(320) + lanes) % 320)
                start = node if isinstance(node, Alu) and len(chain_of(tree)) == 1 else self.kept(node)
                return Trip(Opcode.PERMUTE, turned, start, side), np.roll(bits, -lanes, axis=1)
            case (opcode, tuple(a)):
                node, bits = self.node(a)
                assert isinstance(opcode, Opcode)
                return Alu(opcode, node), np.stack([UNARY[opcode](row) for row in bits])
            case (opcode, tuple(a), tuple(b)):
                (left, x), (right, y) = self.node(a), self.node(b)
                assert isinstance(opcode, Opcode)
                made = [BINARY[opcode](p, q) for p, q in zip(x, y, strict=True)]
                if not chained(tree):
                    left, right = self.kept(left), self.kept(right)
                return Alu(opcode, left, right), np.stack(made)
        raise AssertionError(tree)

    def kept(self, node: Node) -> Node:
        """By way of memory."""
        if isinstance(node, Read):
            return node
        value = node if isinstance(node, Alu) else Alu(Opcode.COPY, node)
        slices = tuple(range(16, 20)) if len(self.held) % 2 else tuple(range(64, 68))
        made = self.sram.scratch(slices, self.issues)
        self.held.append(made)
        self.schedule.compute([Store(value, made)], self.issues)
        return Read(made)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(tree=expressions(3), issues=st.sampled_from([1, 2, 7]))
def test_expressions_have_the_values_of_numpy(tree: tuple[object, ...], issues: int) -> None:
    """Random trees of ALUs and ways through the SXMs: proven by verify, and to the bit in lockstep."""
    bench = Bench(3, issues)
    with np.errstate(all="ignore"):
        node, bits = bench.node(tree)
    out = bench.sram.hold_planes(Kind.OUTPUT, ("W", 0), 4, issues, Source("out", writes=1))
    bench.schedule.compute([Store(Alu(Opcode.COPY, node), out)], issues)
    program = bench.builder.build()
    verify(program, PRODUCT)
    given_ = {f"in{n}": byte_planes(bench.values[n]) for n in range(3)}
    found = from_byte_planes(run(program, given_, PRODUCT).outputs["out"], np.int32)
    np.testing.assert_array_equal(found, bits)
