"""The programs of a model that lie on a chip together, and the cycles of its steps: `interface.StepTiming`.

A prompt is cut to fit: decode steps up to the next block of 16 positions, prefill programs of 32 and 16 tokens, decode
steps for the rest. The bits do not depend on the cut. A program sees a bucket of positions that holds all it needs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from lpu_backend.chip.program import Program
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.compiler.cache import cached_program, cached_summary, program_key
from lpu_backend.compiler.compile import compile
from lpu_backend.compiler.layout import GROUP_ROWS
from lpu_backend.compiler.reservation import Reservation
from lpu_backend.compiler.summary import Summary
from lpu_backend.errors import ExecutionError
from lpu_backend.model.compiled import cache_folder
from lpu_backend.model.graph import ModelGraph, build_graph
from lpu_backend.model.part import Part
from lpu_backend.model.shape import ModelShape

BUCKETS = (128, 256, 512, 1024, 2048)
LONG_ROWS, LONG_POSITIONS = 32, 256
"""Prefills of 32 tokens, as long as they see no more positions: their scores take SRAM."""
TRANSFER_S, LINK_BYTES_PER_S = 10e-6, 24e9
"""A transfer over PCIe takes 10 µs and 24 GB/s (GroqFlow's model of it, declared there); a step has two."""


class CompiledSteps:
    """Programs of a model, or of a part of it, with a cache of `positions`, compiled when they are asked for and kept.

    `folder` is where they are kept. Raises GraphError and CapacityError for a model that can't be placed.
    """

    def __init__(
        self,
        shape: ModelShape,
        spec: ChipSpec,
        positions: int,
        *,
        part: Part | None = None,
        folder: Path | None = None,
    ) -> None:
        self._shape, self._spec, self._part = shape, spec, part
        self.folder = folder or cache_folder() / "lpu"
        capacity = -(-positions // GROUP_ROWS) * GROUP_ROWS
        self._buckets = (*(b for b in BUCKETS if b < capacity), capacity)
        self._long = min(LONG_POSITIONS, self._buckets[-1])
        prefills = ((GROUP_ROWS, capacity), (LONG_ROWS, self._long))
        self._reservation = Reservation(
            capacity, ((1, capacity), *(step for step in prefills if step[0] <= step[1]))
        )
        self._programs: dict[tuple[int, int], Program] = {}
        self._summaries: dict[tuple[int, int], Summary] = {}
        compile(self._graph(1, capacity), spec, "place", reservation=self._reservation)

    @property
    def clock_hz(self) -> int:
        """Return the cycles a second of the chip."""
        return self._spec.clock_hz

    @property
    def positions(self) -> int:
        """Return the number of tokens the caches hold."""
        return self._reservation.capacity

    @property
    def link_s(self) -> float:
        """Return the seconds on the host link: what a step is given, and the logits back; declared, not measured."""
        given = 4 * self._spec.vector_bytes * GROUP_ROWS
        return 2 * TRANSFER_S + (given + 4 * self._shape.vocabulary) / LINK_BYTES_PER_S

    @property
    def program_digest(self) -> str:
        """Return the digest of the keys of all programs: of the shape, the chip, the reservation and the compiler."""
        keys = [self.key(*step) for step in self._reservation.steps]
        return hashlib.sha256("".join(keys).encode()).hexdigest()

    def key(self, rows: int, positions: int) -> str:
        """Return the digest of all that a program depends on."""
        return program_key(self._graph(rows, positions), self._spec, self._reservation)

    def program(self, rows: int, positions: int) -> Program:
        """Return the program that appends `rows` tokens and sees a bucket of `positions`. Raises as `compile`."""
        if (rows, positions) not in self._programs:
            graph = self._graph(rows, positions)
            self._programs[rows, positions] = cached_program(
                graph, self._spec, self._reservation, self.folder
            )
        return self._programs[rows, positions]

    def summary(self, rows: int, positions: int) -> Summary:
        """Return what that program costs; where the disk knows it, nothing is compiled."""
        step = rows, positions
        if step not in self._summaries:
            self._summaries[step] = cached_summary(
                self._graph(*step), self._spec, self._reservation, self.folder
            )
        return self._summaries[step]

    def prepare(self) -> None:
        """Count, and where the disk does not know them compile, the programs of the first positions: a conversation
        that starts finds them ready. Later ones are compiled when they are first asked for."""
        for step in self.first_steps():
            self.summary(*step)

    def first_steps(self) -> tuple[tuple[int, int], ...]:
        """Return rows and bucket of the programs of the first positions."""
        steps = ((1, self._buckets[0]), (LONG_ROWS, self._long), (GROUP_ROWS, self._long))
        return tuple(step for step in steps if step[0] <= step[1])

    def decode_cycles(self, position: int) -> int:
        """Return the cycles of the program that appends one token at `position`."""
        return self.prefill_cycles(1, position)

    def prefill_cycles(self, tokens: int, position: int) -> int:
        """Return the cycles of the programs that append `tokens` at `position`."""
        return sum(int(self.summary(*step)["cycles"]) for step in self.cut(tokens, position))

    def cut(self, tokens: int, position: int) -> Iterator[tuple[int, int]]:
        """Yield the programs, as rows and bucket, that append `tokens` at `position`. Raises ExecutionError."""
        end = position + tokens
        if tokens < 1 or position < 0 or end > self.positions:
            raise ExecutionError(
                f"{tokens} tokens at position {position}: the KV cache holds {self.positions}"
            )
        while position < end:
            rows = 1
            if position % GROUP_ROWS == 0 and end - position >= GROUP_ROWS:
                rows = GROUP_ROWS
                if end - position >= LONG_ROWS and position + LONG_ROWS <= self._long:
                    rows = LONG_ROWS
            position += rows
            yield rows, self._bucket(rows, position)

    def _bucket(self, rows: int, end: int) -> int:
        """Return the bucket. Decode: the smallest that holds `end` positions; prefill, a larger program: one of two."""
        buckets = self._buckets if rows == 1 else (self._long, self._buckets[-1])
        return next(bucket for bucket in buckets if bucket >= end)

    def _graph(self, rows: int, positions: int) -> ModelGraph:
        return build_graph(self._shape, "decode" if rows == 1 else "prefill", rows, positions, self._part)
