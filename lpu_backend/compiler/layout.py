"""Which element of a tensor lies in which lane: chunks of up to 320 elements, −1 where a lane is unused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lpu_backend.model.graph import GROUP_COLUMNS
from lpu_backend.model.shape import Matrix, ModelShape

Lanes = npt.NDArray[np.int64]
Layout = tuple[Lanes, ...]
LANES = 320
GROUP_ROWS = 16
TILE_SLICES = 16
TILE_GROUPS = LANES // GROUP_ROWS
FAR_SLICES = range(24, 24 + TILE_SLICES)
MOST_WORDS = 7168
"""Of a slice next to the VXM, for an embedding; the rest is for data."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """The columns of a chunk that belong to one group of sums: a tile a weight plane and 320 outputs."""

    chunk: int
    """The chunk of inputs."""
    group: int
    """Of `graph.Linear`."""
    columns: Lanes
    """A column a lane; −1 where the lane's column belongs to another group."""


def standard(elements: int) -> Layout:
    """Return chunks of 320 elements in order."""
    return tuple(np.arange(first, min(first + LANES, elements)) for first in range(0, elements, LANES))


def table_sets(shape: ModelShape) -> tuple[tuple[str, range], ...]:
    """Return where the rows of an embedding lie: 16 slices of each side, or 32 where no layers are beside it."""
    near = tuple((side, range(TILE_SLICES)) for side in "WE")
    words = -(-len(standard(shape.vocabulary)) // len(near)) * len(standard(shape.width)) * TILE_GROUPS
    if shape.layers or words <= MOST_WORDS:
        return near
    return (*near, *((side, FAR_SLICES) for side in "WE"))


def key_heads(shape: ModelShape) -> tuple[range, ...]:
    """Return the heads of keys and values that share a vector: as many whole ones as fit."""
    most = LANES // shape.head_width
    return tuple(range(n, min(n + most, shape.kv_heads)) for n in range(0, shape.kv_heads, most))


def keys_of(shape: ModelShape) -> Layout:
    """Return the lanes of keys and values: a chunk for the heads that share a vector."""
    width = shape.head_width
    return tuple(np.arange(heads.start * width, heads.stop * width) for heads in key_heads(shape))


def key_groups(shape: ModelShape) -> int:
    """Return the number of groups of 16 rows that the values of a vector of heads take; the last vector has as many."""
    return groups_of(len(key_heads(shape)[0]) * shape.head_width)


def by_rank(shape: ModelShape) -> Layout:
    """Return the lanes of queries: chunk i has the i-th query of every head of a vector, in the lanes of its keys."""
    group = shape.heads // shape.kv_heads
    within = np.arange(shape.head_width)
    return tuple(
        ((np.array(heads) * group + rank)[:, None] * shape.head_width + within).ravel()
        for heads in key_heads(shape)
        for rank in range(group)
    )


def rows_of(shape: ModelShape, matrix: Matrix) -> Layout:
    """Return the lanes of a matrix's outputs, a chunk a tile."""
    if matrix.name.endswith("attn_q"):
        return by_rank(shape)
    return keys_of(shape) if matrix.name.endswith(("attn_k", "attn_v")) else standard(matrix.rows)


def columns_of(shape: ModelShape, matrix: Matrix) -> Layout:
    """Return the lanes of a matrix's inputs."""
    return by_rank(shape) if matrix.name.endswith("attn_output") else standard(matrix.columns)


def pieces_of(shape: ModelShape, matrix: Matrix) -> tuple[Piece, ...]:
    """Return a matrix's columns by group of sums, and within a group by chunk."""
    pieces = []
    for chunk, columns in enumerate(columns_of(shape, matrix)):
        groups = columns // GROUP_COLUMNS
        for group in np.unique(groups).tolist():
            pieces.append(Piece(chunk, group, np.where(groups == group, columns, -1)))
    return tuple(sorted(pieces, key=lambda piece: (piece.group, piece.chunk)))


def groups_of(lanes: int) -> int:
    """Return the number of groups of 16 rows that hold so many."""
    return -(-lanes // GROUP_ROWS)


def cache_name(cache: str, layer: int, plane: str, vector: int) -> str:
    """Return the tensor with the byte plane `plane` of keys or values, of the heads that share vector `vector`."""
    return f"{cache}.{layer}.{plane}" + (f".{vector}" if vector else "")
