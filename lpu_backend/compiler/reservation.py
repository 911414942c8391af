"""Reserved SRAM: words near the VXM that placement keeps free for inputs, outputs and values between operations."""

from __future__ import annotations

from dataclasses import dataclass

from lpu_backend.compiler.layout import TILE_GROUPS, TILE_SLICES, by_rank, standard
from lpu_backend.model.shape import ModelShape

DATA_SLICES = 20
SIDES = ("W", "E")


@dataclass(frozen=True, slots=True)
class Reservation:
    """Common to all programs that use one placement of a model: the caches' length, and the SRAM kept free."""

    capacity: int
    """Positions of the caches."""
    steps: tuple[tuple[int, int], ...]
    """(Tokens, positions) of the steps that there is space for."""

    def words(self, shape: ModelShape) -> dict[tuple[str, int], int]:
        """Return the words to reserve in the slices by (side, index): enough for each of the steps."""
        wanted = [reserved_words(shape, *step) for step in self.steps]
        return {place: max(each[place] for each in wanted) for place in wanted[0]}


def reserved_words(shape: ModelShape, rows: int, positions: int) -> dict[tuple[str, int], int]:
    """Return the most words that a step needs for inputs and values between operations, by (side, index) of slices."""
    heads, seen = shape.heads * rows, len(standard(positions))
    group, head = len(by_rank(shape)), len(standard(shape.vocabulary))
    width, ffn = len(standard(shape.width)), len(standard(shape.ffn))
    odd, even = heads * (seen // 2), heads * -(-seen // 2)
    quads = {
        "W": (
            rows * (width + 1),
            rows * (ffn + group + 2) + even,
            rows * (ffn + 1) + odd + heads,
            3 * rows,
        ),
        "E": (rows * (width + 1) + heads, rows, rows * (seen + 1), 3 * rows + heads),
    }
    maps = (2 * TILE_SLICES + TILE_GROUPS) * -(-rows // TILE_SLICES) + TILE_SLICES * rows
    bytes_ = heads * seen + rows * (ffn + width + 2)
    late = (
        bytes_ + rows * group,
        maps + rows * ffn,
        maps + rows * ffn,
        heads + rows * (ffn + group + width + 2),
    )
    logits = {"W": head, "E": 0}
    return {
        (side, index): 8
        + (quads[side][index // 4] if index < TILE_SLICES else late[index - TILE_SLICES] + logits[side])
        for side in SIDES
        for index in range(DATA_SLICES)
    }
