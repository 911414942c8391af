"""How a model is divided over chips: tensor parallel groups share each part of a layer, and form a pipeline.

As P22 has it: tensor parallelism inside a node, a pipeline across nodes. Pure arithmetic on bytes. The parts, in order:
the embedding, attention and feed-forward of every layer, the head. A group takes parts that follow one another. Whole
copies of the pipeline fill what chips are left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lpu_backend.errors import EstimateError

PartKind = Literal["embedding", "attention", "feed_forward", "head"]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a model and the bytes of SRAM it takes on each chip of its group."""

    kind: PartKind
    layer: int
    """−1 for the ends."""
    bytes: int
    kv_bytes: int = 0
    """Keys and values of one user, beside `bytes`."""
    idle: bool = False
    """Stored, and passed over by a step."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A group of chips and what it has of the model."""

    chips: tuple[int, ...]
    parts: tuple[Part, ...]

    @property
    def bytes(self) -> int:
        """Return the bytes on each chip, without caches."""
        return sum(part.bytes for part in self.parts)

    @property
    def kv_bytes(self) -> int:
        """Return the bytes of one user's caches on each chip."""
        return sum(part.kv_bytes for part in self.parts)


@dataclass(frozen=True, slots=True)
class Partition:
    """A pipeline of groups, and how many copies of it the system holds."""

    tp_degree: int
    stages: tuple[Stage, ...]
    copies: int
    users_that_fit: int
    """Users whose caches a copy has room for."""

    @property
    def chips_used(self) -> int:
        """Return the number of chips of all copies; the others are idle."""
        return self.copies * len(self.stages) * self.tp_degree

    @property
    def users_in_flight(self) -> int:
        """Return the number of users a copy serves at once: one a stage, as far as their caches fit."""
        return min(len(self.stages), self.users_that_fit)


def ways_to_try(chips: int, heads: int, node_chips: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return sizes of groups inside a node, and of several nodes: powers of two, no more than heads or chips."""
    sizes = [tp_degree for tp_degree in (1, 2, 4, 8, 16, 32, 64) if tp_degree <= min(chips, heads)]
    return tuple(w for w in sizes if w <= node_chips), tuple(w for w in sizes if w > node_chips)


def divide(chips: int, tp_degree: int, parts: tuple[Part, ...], room_bytes: int) -> Partition:
    """Return the longest pipeline of groups of `tp_degree`: the fewest parts a group of which all fit.

    Raises EstimateError, which says what is too large.
    """
    worst = max(parts, key=lambda part: part.bytes + part.kv_bytes)
    if worst.bytes + worst.kv_bytes > room_bytes:
        raise EstimateError(
            f"{worst.kind.replace('_', '-')} takes {worst.bytes + worst.kv_bytes:,} bytes on each of "
            f"{tp_degree} chips, which have {room_bytes:,}; take larger groups"
        )
    groups = chips // tp_degree
    for most in range(1, len(parts) + 1):
        loads = _loads(parts, most, room_bytes)
        if len(loads) <= groups:
            stages = tuple(
                Stage(tuple(range(n * tp_degree, (n + 1) * tp_degree)), tuple(load))
                for n, load in enumerate(loads)
            )
            users = min((room_bytes - each.bytes) // each.kv_bytes for each in stages if each.kv_bytes)
            return Partition(tp_degree, stages, groups // len(stages), users)
    needed = len(_loads(parts, len(parts), room_bytes)) * tp_degree
    raise EstimateError(
        f"parts of layers in groups of {tp_degree} take {needed:,} chips, and there are {chips:,}; "
        "take more chips, other groups or a shorter context"
    )


def _loads(parts: tuple[Part, ...], most: int, room: int) -> list[list[Part]]:
    """Return loads: parts in order, as many as fit a group and `most` of a layer's; ends go where there is room."""
    loads: list[list[Part]] = [[]]
    taken = counted = 0
    for part in parts:
        size, counts = part.bytes + part.kv_bytes, part.layer >= 0
        if loads[-1] and (taken + size > room or counted + counts > most):
            loads.append([])
            taken = counted = 0
        loads[-1].append(part)
        taken += size
        counted += counts
    return loads
