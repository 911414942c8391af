"""Pipeline stages: the contiguous part of a model that one chip of a pipeline holds; how a model is cut into them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lpu_backend.errors import CapacityError, GraphError
from lpu_backend.model.shape import ModelShape

FROM_WEST, TO_EAST = 0, 8
"""Links of parts for which no cables are chosen: one at either edge of the chip."""


@dataclass(frozen=True, slots=True)
class Part:
    """Layers `first` … `stop` − 1, with the embedding before or the norm and the head after them."""

    first: int
    stop: int
    receives_on: int | None = None
    """The link on which the residual stream comes from the part before; None: the part has the embedding."""
    sends_on: int | None = None
    """The link on which the residual stream goes to the next part; None: the part has the head."""
    tp_degree: int = 1
    """Tensor parallel (TP) degree: chips that share each of its layers, on links 0 … tp_degree − 2."""
    latency_cycles: int = 0
    """From a Send to the Receive on those links."""

    @property
    def has_embedding(self) -> bool:
        """Return whether it begins with tokens."""
        return self.receives_on is None

    @property
    def has_head(self) -> bool:
        """Return whether it ends with logits."""
        return self.sends_on is None

    @property
    def layers(self) -> range:
        """Return the numbers of its layers."""
        return range(self.first, self.stop)

    @property
    def is_whole(self) -> bool:
        """Return whether nothing crosses its ends, and it shares no layer."""
        return self.has_embedding and self.has_head and self.tp_degree == 1

    @property
    def name(self) -> str:
        """Return which layers these are, counted from 0, in words."""
        return f"layer {self.first}" if len(self.layers) == 1 else f"layers {self.first} to {self.stop - 1}"

    def sram_bytes(self, shape: ModelShape, positions: int) -> int:
        """Return the bytes of its weights, scales, gains and a KV cache of `positions`: see `ModelShape.sram_bytes`."""
        one, two = (replace(shape, layers=layers).sram_bytes(positions) for layers in (1, 2))
        tables = {matrix.name: matrix.sram_bytes for matrix in shape.matrices()[: 2 - shape.tied]}
        norm = one - (two - one) - sum(tables.values())
        held = {"token_embd"} if self.has_embedding else set[str]()
        if self.has_head:
            held.add(shape.head_matrix)
        ends = sum(tables[name] for name in held) + (norm if self.has_head else 0)
        return ends + len(self.layers) * (two - one)

    def check_fits(self, shape: ModelShape, positions: int, have_bytes: int) -> None:
        """Raise CapacityError, with the number of chips it takes by bytes alone, where one chip does not hold it."""
        if self.has_embedding and self.has_head:
            shape.check_fits(positions, have_bytes)
        need = self.sram_bytes(shape, positions)
        if need > have_bytes:
            what = f"a part of a model, {self.name} with a context of {positions},"
            raise CapacityError(need, have_bytes, chips_for(shape, positions, have_bytes), what)


def whole(shape: ModelShape) -> Part:
    """Return all of a model."""
    return Part(0, shape.layers)


def cut(shape: ModelShape, chips: int, positions: int) -> tuple[Part, ...]:
    """Return a part a chip, of as equal SRAM as whole layers allow; each receives on link 0 and sends on link 8.

    Layers are alike, so that it is enough to give each in turn to the part that holds least. Raises GraphError for an
    impossible number of chips.
    """
    if not 1 <= chips <= shape.layers:
        raise GraphError(
            f"a model of {shape.layers} layers can be a pipeline of 1 to {shape.layers} chips, not of {chips}"
        )
    single = [
        Part(0, 1, None if chip == 0 else FROM_WEST, None if chip == chips - 1 else TO_EAST)
        for chip in range(chips)
    ]
    layer = Part(0, 1, FROM_WEST, TO_EAST).sram_bytes(shape, positions)
    held = [part.sram_bytes(shape, positions) for part in single]
    counts = [1] * chips
    for _ in range(shape.layers - chips):
        least = min(range(chips), key=lambda chip: (held[chip], chip))
        held[least] += layer
        counts[least] += 1
    parts, first = [], 0
    for part, count in zip(single, counts, strict=True):
        parts.append(replace(part, first=first, stop=first + count))
        first += count
    return tuple(parts)


def chips_for(shape: ModelShape, positions: int, have_bytes: int) -> int:
    """Return the smallest number of chips by bytes: 1, 2, 4 or whole nodes of 8, as systems have them.

    Of a pipeline; where no pipeline holds the model, as many as have the bytes.
    """
    counts: list[int] = [1, 2, 4, *range(8, shape.layers + 1, 8)]
    for chips in counts:
        if chips <= shape.layers and all(
            part.sram_bytes(shape, positions) <= have_bytes for part in cut(shape, chips, positions)
        ):
            return chips
    return -(-shape.sram_bytes(positions) // have_bytes)
