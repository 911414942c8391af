"""Where everything lies: weights, scales, gains, caches, inputs and outputs → slices and addresses.

Slices 0…19 of a side, next to the VXM, hold data and the head, whose rows serve as embedding, too; weights of layers
lie in the slices with the most room, 16 at a time, on the side of the plane that uses them. Constants and caches are
placed first and from the shape of the model and the capacity of the cache alone, so that all programs of a model
find them in the same place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from lpu_backend.chip.floorplan import mem
from lpu_backend.chip.program import Kind
from lpu_backend.compiler.layout import (
    GROUP_ROWS,
    LANES,
    TILE_GROUPS,
    TILE_SLICES,
    Piece,
    cache_name,
    groups_of,
    key_groups,
    key_heads,
    pieces_of,
    rows_of,
    standard,
    table_sets,
)
from lpu_backend.compiler.reservation import SIDES, Reservation
from lpu_backend.compiler.sram import Source, Sram, Vectors
from lpu_backend.errors import CapacityError, GraphError
from lpu_backend.model.graph import Embed, Given, Linear, ModelGraph, Store
from lpu_backend.model.part import Part
from lpu_backend.model.shape import Matrix, ModelShape

PLACES: dict[str, tuple[str, int]] = {
    "x0": ("E", 0),
    "x1": ("W", 0),
    "scale": ("E", 4),
    "y": ("W", 4),
    "u": ("W", 8),
    "gain": ("E", 8),
    "sum": ("W", 12),
    "root": ("E", 12),
    "cos": ("E", 8),
    "sin": ("E", 12),
    "mask": ("E", 8),
    "largest": ("E", 0),
    "inverse": ("E", 12),
    "head": ("E", 16),
    "logits": ("W", 16),
}
"""Float32 values by role: the first of four slices. Operands of one expression lie in different ones, and
what goes with the head outside the slices from which its weights stream."""
BYTES: dict[str, tuple[tuple[str, int], ...]] = {
    "normed": (("W", 16), ("E", 16)),
    "queries": (("W", 19), ("E", 19)),
    "odds": (("W", 16), ("E", 16)),
    "mixed": (("W", 19), ("E", 19)),
    "hidden": (("W", 16), ("W", 19), ("E", 16)),
    "keys": (("E", 19), ("W", 19)),
    "values": (("E", 16), ("W", 16)),
    "lanes": (("W", 18),),
}
"""Byte planes by role, the highest first: a slice each."""
TWINS: dict[str, tuple[tuple[str, int], ...]] = {
    "normed": (("W", 19), ("E", 19)),
    "mixed": (("W", 16), ("E", 16)),
    "hidden": (("W", 17), ("W", 18), ("E", 19)),
}
"""Byte planes that go through many tiles lie twice, so that the two planes of a side do not wait for one another."""
PLANE_SLICES = ((*range(12, 16), *range(20, 32)), (*range(8, 12), *range(32, 44)))
"""Where the weights of the first and the second plane of a side lie, as long as they have room there: both stream at
once, and values that every tile takes come from other slices."""
MAPS = {"W": ("E", 17), "E": ("W", 17)}
"""Maps for the slices of a side come from the other side, as do the data they place."""


@dataclass(frozen=True, slots=True)
class Block:
    """Tiles that make 320 outputs, or a part of their sums: one for every weight plane of some pieces of columns."""

    weights: Vectors
    """Words of 16 slices: row n of a tile in slice n mod 16."""
    base: int
    groups: int
    planes: int
    plane: int
    """The MXM plane that uses them."""
    pieces: tuple[Piece, ...]

    def first(self, piece: int, weight_plane: int) -> int:
        """Return the first word of a tile."""
        return self.base + (piece * self.planes + weight_plane) * self.groups

    @property
    def sums(self) -> tuple[int, ...]:
        """Return the groups of sums its pieces belong to."""
        return tuple(sorted({piece.group for piece in self.pieces}))


@dataclass(slots=True)
class Placement:
    """Addresses of everything that is placed."""

    capacity: int
    """Positions of the caches."""
    blocks: dict[str, tuple[tuple[Block, ...], ...]]
    """By matrix, for every 320 outputs the blocks whose sums add up to them."""
    head: dict[str, tuple[Vectors, ...]]
    """By matrix whose rows are gathered: the words of every set of slices of `layout.table_sets`."""
    constants: dict[str, Vectors]
    state: dict[str, Vectors]
    inputs: dict[str, Vectors]
    part: Part
    """Of the model: what is placed."""


def place(graph: ModelGraph, sram: Sram, reservation: Reservation) -> Placement:
    """Place all that is not scratch. Raises CapacityError, GraphError."""
    shape = graph.model
    _check(shape, graph, reservation.capacity)
    placement = Placement(reservation.capacity, {}, {}, {}, {}, {}, graph.part)
    _Placer(graph, sram, placement, reservation.words(shape)).run()
    return placement


def _check(shape: ModelShape, graph: ModelGraph, capacity: int) -> None:
    if shape.head_width > LANES:
        raise GraphError(f"a head of {shape.head_width} elements; this compiler wants it in {LANES} lanes")
    if graph.rows > 1 and graph.rows % GROUP_ROWS:
        raise GraphError(f"a prefill takes whole blocks of {GROUP_ROWS} tokens")
    if capacity % GROUP_ROWS or graph.positions % GROUP_ROWS or graph.positions > capacity:
        raise GraphError(
            f"a cache has whole blocks of {GROUP_ROWS} positions, and what a step sees is within it"
        )


class _Placer:
    def __init__(
        self, graph: ModelGraph, sram: Sram, placement: Placement, free: dict[tuple[str, int], int]
    ) -> None:
        self._free = free
        self._graph, self._shape, self._sram, self._to = graph, graph.model, sram, placement
        self._load = [0] * sram.spec.mxm_planes
        words = replace(graph.model, layers=len(graph.part.layers)).weight_words
        self._spacious = words <= sram.spec.mxm_planes * sram.spec.mem_words * 3 // 4
        self._after: list[Matrix] = []
        """Matrices to be placed after those of the layers."""

    def run(self) -> None:
        shape, part = self._shape, self._to.part
        part.check_fits(shape, self._to.capacity, self._sram.spec.sram_bytes)
        self._ends()
        for layer in part.layers:
            self._caches(layer)
        self._small()
        for layer in part.layers:
            for matrix in (*shape.layer_matrices(layer), shape.router(layer)):
                if matrix is not None:
                    self._matrix(matrix)
        for matrix in self._after:
            self._matrix(matrix)
        self._inputs()

    def _ends(self) -> None:
        """Place the embedding for gathered rows; a head that is no embedding is a matrix as others are."""
        shape, nodes = self._shape, self._graph.nodes
        tables = {node.op.table for node in nodes if isinstance(node.op, Embed)}
        for name in sorted(tables):
            self._table(name)
        made = [node.op for node in nodes if isinstance(node.op, Linear)]
        if any(op.matrix == shape.head_matrix for op in made):
            self._floats(f"{shape.head_matrix}.scale", "head", len(standard(shape.vocabulary)))
            self._floats("output_norm", "gain", len(standard(shape.width)))
            if shape.head_matrix not in tables:
                self._after.append(Matrix(shape.head_matrix, shape.vocabulary, shape.width, 1))

    def _table(self, name: str) -> None:
        """Place tile t in set t mod n, the chunks of its columns side by side."""
        shape = self._shape
        sets = table_sets(shape)
        pieces = pieces_of(shape, Matrix("", shape.vocabulary, shape.width, 1))
        tiles, chunks = len(standard(shape.vocabulary)), len(standard(shape.width))
        words = []
        for number, (side, slices) in enumerate(sets):
            count = -(-(tiles - number) // len(sets)) * chunks * TILE_GROUPS
            words.append(self._tiles(f"{name}@{number}", side, slices, count))
        self._to.head[name] = tuple(words)
        blocks = []
        for t in range(tiles):
            row, number = divmod(t, len(sets))
            plane = 2 * (number % 2) + row % 2
            blocks.append((Block(words[number], row * chunks * TILE_GROUPS, TILE_GROUPS, 1, plane, pieces),))
        self._to.blocks[name] = tuple(blocks)

    def _tiles(self, tensor: str, side: str, slices: range | list[int], words: int) -> Vectors:
        if words <= 0:
            return ()
        return tuple(
            self._sram.hold(Kind.CONSTANT, mem(side, index), words, Source(tensor, stream, TILE_SLICES))
            for stream, index in enumerate(slices)
        )

    def _caches(self, layer: int) -> None:
        """Place keys, a vector a position, and values, one a row and 320 positions; the newest block by both."""
        shape, state, rows = self._shape, self._to.state, self._graph.rows
        stores = any(isinstance(node.op, Store) for node in self._graph.nodes)
        blocks = -(-rows // GROUP_ROWS) if stores else 0
        value_words = len(standard(self._to.capacity)) * key_groups(shape)
        sizes = {
            "keys": (self._to.capacity // GROUP_ROWS, blocks),
            "values": (value_words, blocks * self._sram.spec.tiles),
            "ring": (1, int(rows == 1 and stores)),
        }
        for vector in range(len(key_heads(shape))):
            for name, (words, writes) in sizes.items():
                for side, plane in (("W", "hi"), ("E", "lo")):
                    tensor = cache_name(name, layer, plane, vector)
                    state[tensor] = tuple(
                        self._sram.hold(
                            Kind.STATE, mem(side, index), words, Source(tensor, stream, TILE_SLICES, writes)
                        )
                        for stream, index in enumerate(PLANE_SLICES[name != "keys"])
                    )

    def _small(self) -> None:
        """Place scales, biases, gains, masks of lanes, ones."""
        shape, part = self._shape, self._to.part
        for layer in part.layers:
            for matrix in shape.layer_matrices(layer):
                chunks = len(rows_of(shape, matrix))
                self._floats(f"{matrix.name}.scale", "scale", chunks)
                if shape.biases and matrix.name.endswith(("attn_q", "attn_k", "attn_v")):
                    self._floats(f"{matrix.name}.bias", "gain", chunks)
            router = shape.router(layer)
            if router is not None:
                self._floats(f"{router.name}.scale", "scale", len(rows_of(shape, router)))
            self._floats(f"blk.{layer}.scores.scale", "scale", shape.heads)
            for gain in ("attn_norm", "ffn_norm"):
                self._floats(f"blk.{layer}.{gain}", "gain", len(standard(shape.width)))
        constants = self._to.constants
        side, index = BYTES["lanes"][0]
        constants["lanes"] = (
            self._sram.hold(Kind.CONSTANT, mem(side, index), len(key_heads(shape)[0]), Source("lanes")),
        )
        constants["ones"] = tuple(
            self._sram.hold(Kind.CONSTANT, mem("E", k), 1, Source("ones")) for k in range(TILE_SLICES)
        )

    def _floats(self, tensor: str, role: str, count: int) -> None:
        held = self._sram.hold_planes(Kind.CONSTANT, PLACES[role], 4, count, Source(tensor))
        self._to.constants[tensor] = held

    def _matrix(self, matrix: Matrix) -> None:
        """Place blocks for every 320 outputs on the planes with the least to do."""
        pieces, outputs = pieces_of(self._shape, matrix), rows_of(self._shape, matrix)
        made = []
        for number, lanes in enumerate(outputs):
            parts = self._parts(len(pieces), len(outputs), number)
            cuts = list(pairwise(len(pieces) * part // parts for part in range(parts + 1)))
            longest_first = sorted(range(parts), key=lambda part: cuts[part][0] - cuts[part][1])
            planes = sorted(range(len(self._load)), key=lambda p: (self._load[p], p))
            plane_of = dict(zip(longest_first, planes, strict=False))
            blocks = []
            for part, (a, b) in enumerate(cuts):
                at = plane_of[part], len(lanes)
                blocks.append(self._block(matrix, f"{matrix.name}@{number}.{part}", at, pieces[a:b]))
            made.append(tuple(blocks))
        self._to.blocks[matrix.name] = tuple(made)

    def _parts(self, pieces: int, outputs: int, number: int) -> int:
        """Return how many planes share an output's sums: one as long as all planes have as many outputs; more those of
        the last few, so that all end together."""
        planes = len(self._load)
        rest = outputs % planes
        if pieces <= 2 or number < outputs - rest:
            return 1
        return min(pieces, planes if pieces > 2 * planes and rest == planes - 1 else planes // rest)

    def _block(self, matrix: Matrix, tensor: str, at: tuple[int, int], pieces: tuple[Piece, ...]) -> Block:
        """Return the block for at = (plane, outputs)."""
        plane, groups = at[0], groups_of(at[1])
        tiles, side = len(pieces) * matrix.planes, SIDES[plane // 2]
        self._load[plane] += tiles
        words = self._tiles(tensor, side, self._slices(plane, tiles * groups), tiles * groups)
        return Block(words, 0, groups, matrix.planes, plane, pieces)

    def _slices(self, plane: int, words: int) -> list[int]:
        """Return 16 slices for `words` each: those of the plane while there is room in all of them, else those of the
        side with the most room; those near the VXM keep some for data."""
        spec, used, side = self._sram.spec, self._sram.used, SIDES[plane // 2]

        def taken(index: int) -> int:
            return used[mem(side, index)] + self._free.get((side, index), 0)

        own = PLANE_SLICES[plane % 2]
        if self._spacious and max(map(taken, own)) + words <= spec.mem_words:
            return list(own)
        order = sorted(range(spec.mem_slices_per_hemisphere), key=lambda index: (taken(index), index))
        if taken(order[TILE_SLICES - 1]) + words > spec.mem_words:
            need = sum(used) + words * TILE_SLICES
            raise CapacityError(need * spec.vector_bytes, spec.sram_bytes, 2, f"{side} hemisphere: the model")
        return sorted(order[:TILE_SLICES])

    def _inputs(self) -> None:
        """Place what the host gives for a step."""
        rows, inputs = self._graph.rows, self._to.inputs
        blocks = -(-rows // GROUP_ROWS)
        for tensor in ("cos", "sin"):
            inputs[tensor] = self._input(PLACES[tensor], 4, rows, tensor)
        if self._to.head:
            inputs["embed.scale"] = self._input(PLACES["scale"], 4, rows, "embed.scale")
            for number, (side, _) in enumerate(table_sets(self._shape)):
                name = f"embed.{number}"
                inputs[name] = self._input(MAPS[side], 2, TILE_SLICES * rows, name)
        self._given()
        for chunk in range(len(standard(self._graph.positions))):
            inputs[f"mask.{chunk}"] = self._input(PLACES["mask"], 4, rows, f"mask.{chunk}")
        spec = self._sram.spec
        places = TILE_SLICES if rows == 1 else blocks
        for side, at in MAPS.items():
            inputs[f"keys.map.{side}"] = self._input(at, 2, places, "keys.map")
            inputs[f"values.map.{side}"] = self._input(at, 2, spec.tiles * blocks, "values.map")
            if rows == 1:
                inputs[f"ring.map.{side}"] = self._input(at, 2, TILE_SLICES, "ring.map")

    def _given(self) -> None:
        """Place values that are on the chip when the step begins, a chunk of 320 elements after another."""
        rows = self._graph.rows
        for node in self._graph.nodes:
            if not isinstance(node.op, Given):
                continue
            kind, at = (Kind.STATE, PLACES["x0"]) if node.op.kept else (Kind.INPUT, PLACES["y"])
            named = self._to.state if node.op.kept else self._to.inputs
            for chunk in range(len(standard(node.shape[-1]))):
                tensor = f"{node.name}.{chunk}"
                source = Source(tensor, writes=int(node.op.kept))
                named[tensor] = self._sram.hold_planes(kind, at, 4, rows, source)

    def _input(self, at: tuple[str, int], width: int, count: int, tensor: str) -> Vectors:
        return self._sram.hold_planes(Kind.INPUT, at, width, count, Source(tensor))
