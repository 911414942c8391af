"""Which element of a tensor lies in which lane: chunks of up to 320 elements, −1 where a lane is unused."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lpu_backend.model.shape import Matrix, ModelShape

Lanes = npt.NDArray[np.int64]
Layout = tuple[Lanes, ...]
LANES = 320
GROUP_ROWS = 16


def standard(elements: int) -> Layout:
    """In order, 320 a chunk."""
    return tuple(np.arange(first, min(first + LANES, elements)) for first in range(0, elements, LANES))


def by_rank(shape: ModelShape) -> Layout:
    """Queries: chunk i has the i-th head of every group, each in the lanes in which its keys are."""
    group = shape.heads // shape.kv_heads
    heads = np.arange(shape.kv_heads) * group
    within = np.arange(shape.head_width)
    return tuple(((heads + rank)[:, None] * shape.head_width + within).ravel() for rank in range(group))


def rows_of(shape: ModelShape, matrix: Matrix) -> Layout:
    """The lanes of a matrix's outputs, a chunk a tile."""
    return by_rank(shape) if matrix.name.endswith("attn_q") else standard(matrix.rows)


def columns_of(shape: ModelShape, matrix: Matrix) -> Layout:
    """The lanes of a matrix's inputs."""
    return by_rank(shape) if matrix.name.endswith("attn_output") else standard(matrix.columns)


def groups_of(lanes: int) -> int:
    """Groups of 16 rows that hold so many."""
    return -(-lanes // GROUP_ROWS)
