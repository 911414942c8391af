"""The cycles of a model's steps on a pipeline of chips: `interface.StepTiming`.

A token passes all chips one after another, so a decode step takes the sum of the stages and of the hand-overs between
them. The programs of a prompt are known beforehand and follow one another closely: while a chip computes one, the chip
before computes the next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lpu_backend.chip.isa import Opcode
from lpu_backend.chip.links import LinkedPrograms, passages
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.compiler.cache import kept_summary
from lpu_backend.compiler.steps import CompiledSteps
from lpu_backend.compiler.summary import Summary
from lpu_backend.model.part import Part
from lpu_backend.model.shape import ModelShape
from lpu_backend.system.pipeline import link_up, pipeline


class PipelineSteps:
    """Programs of a model in parts, a chip each, compiled when they are asked for and kept on disk.

    Raises TopologyError and GraphError for an impossible number of chips, CapacityError where a part fits no chip.
    """

    def __init__(
        self, shape: ModelShape, spec: ChipSpec, positions: int, chips: int, *, folder: Path | None = None
    ) -> None:
        self._spec = spec
        self.pipeline = pipeline(shape, chips, positions)
        self.stages = tuple(
            CompiledSteps(shape, spec, positions, part=part, folder=folder) for part in self.pipeline.parts
        )
        self._summaries: dict[tuple[int, int], Summary] = {}

    @property
    def clock_hz(self) -> int:
        """Return the cycles a second of the chips."""
        return self._spec.clock_hz

    @property
    def positions(self) -> int:
        """Return the number of tokens the caches hold."""
        return self.stages[0].positions

    @property
    def link_s(self) -> float:
        """Return seconds on the host link: a step is given to all chips at once, and the logits come from the last."""
        return self.stages[0].link_s

    @property
    def program_digest(self) -> str:
        """Return the digest of the keys of all programs of all chips, and of the wires."""
        said = [stage.program_digest for stage in self.stages], self.pipeline.wires
        return hashlib.sha256(str(said).encode()).hexdigest()

    def cut(self, tokens: int, position: int) -> Iterator[tuple[int, int]]:
        """Return the steps, as rows and bucket, that append `tokens` at `position`. Raises ExecutionError."""
        return self.stages[0].cut(tokens, position)

    def linked(self, rows: int, positions: int) -> LinkedPrograms:
        """Return the programs of a step on all chips, proven to meet. Raises what `compile` raises."""
        return link_up(tuple(stage.program(rows, positions) for stage in self.stages), self.pipeline.wires)

    def summary(self, rows: int, positions: int) -> Summary:
        """Return what a step costs on all chips; where the disk knows it, nothing is compiled."""
        step = rows, positions
        if step not in self._summaries:
            keys = [stage.key(*step) for stage in self.stages], self.pipeline.wires
            name = hashlib.sha256(str(keys).encode()).hexdigest()
            path = self.stages[0].folder / f"{name}.json"
            self._summaries[step] = kept_summary(path, lambda: self._count(*step))
        return self._summaries[step]

    def prepare(self) -> None:
        """Count, and where the disk does not know them compile, the programs of the first positions."""
        for step in self.stages[0].first_steps():
            self.summary(*step)

    def decode_cycles(self, position: int) -> int:
        """Return the cycles from a token's entry into the first chip to its logits after the last."""
        return self.prefill_cycles(1, position)

    def prefill_cycles(self, tokens: int, position: int) -> int:
        """Return the cycles until the last chip has appended `tokens` at `position`; steps follow as chips get free."""
        free = [0] * len(self.stages)
        for step in self.cut(tokens, position):
            stages = self.summary(*step)["stages"]
            start = max(0, *(at - stage["start_cycle"] for at, stage in zip(free, stages, strict=True)))
            free = [start + stage["start_cycle"] + stage["cycles"] for stage in stages]
        return max(free)

    def _count(self, rows: int, positions: int) -> Summary:
        alone = [stage.summary(rows, positions) for stage in self.stages]
        return linked_summary(self.linked(rows, positions), self.pipeline.parts, alone, self._spec)


def linked_summary(
    linked: LinkedPrograms, parts: Sequence[Part], alone: Sequence[Summary], spec: ChipSpec
) -> Summary:
    """Return what the programs of a step cost together, ready for JSON: what `summary` says of one, and stage by stage.

    A stage computes from the last Receive on, or its start, to its first Send, or its end; between two stages lies a
    hand-over. All of them add up to the step.
    """
    cycles, chips = linked.cycles(spec), len(parts)
    stages, hand_overs = _stages(linked, parts, alone)
    idle_cycles = sum(cycles - each["cycles"] for each in alone)
    energy_j = sum(each["energy_mj"] for each in alone) / 1e3 + spec.idle_w * spec.seconds(idle_cycles)
    utilisation = {
        unit: round(sum(each["utilisation"][unit] * each["cycles"] for each in alone) / (chips * cycles), 4)
        for unit in alone[0]["utilisation"]
    }
    return {
        "basis": "emulated",
        "program": alone[0]["program"].split("-layers")[0],
        "program_digest": linked.digest,
        "chips": chips,
        **{key: sum(each[key] for each in alone) for key in ("instructions", "issues")},
        "cycles": cycles,
        "microseconds": round(spec.seconds(cycles) * 1e6, 3),
        "steps_per_s": round(1 / spec.seconds(cycles), 1),
        **{key: sum(each[key] for each in alone) for key in ("sram_bytes_used", "sram_bytes")},
        "utilisation": utilisation,
        "energy_mj": round(energy_j * 1e3, 4),
        "power_w": round(energy_j / spec.seconds(cycles), 1),
        "hand_over_cycles": hand_overs,
        "stages": stages,
    }


def _stages(
    linked: LinkedPrograms, parts: Sequence[Part], alone: Sequence[Summary]
) -> tuple[list[dict[str, Any]], list[int]]:
    """Return what each chip does, and the cycles between one and the next."""
    first_sent = {p.port.chip: p.cycle for p in reversed(passages(linked, Opcode.SEND))}
    last_received = {p.port.chip: p.cycle for p in passages(linked, Opcode.RECEIVE)}
    stages = []
    for chip, (part, start, counted) in enumerate(zip(parts, linked.starts, alone, strict=True)):
        begins, ends = last_received.get(chip, start), first_sent.get(chip, start + counted["cycles"])
        stages.append(
            {
                "chip": chip,
                "first_layer": part.first,
                "last_layer": part.stop - 1,
                "start_cycle": start,
                "cycles": counted["cycles"],
                "compute_cycles": ends - begins,
                "sram_bytes_used": counted["sram_bytes_used"],
                "program_digest": counted["program_digest"],
            }
        )
    return stages, [last_received[chip + 1] - cycle for chip, cycle in sorted(first_sent.items())]


Steps = CompiledSteps | PipelineSteps


def steps_on(shape: ModelShape, spec: ChipSpec, positions: int, chips: int = 1) -> Steps:
    """Return the steps of a model on one chip or on a pipeline of several."""
    return (
        CompiledSteps(shape, spec, positions) if chips == 1 else PipelineSteps(shape, spec, positions, chips)
    )
