"""Several chips in lockstep: the functional model of each, in one time, and vectors on the wires between them."""

from __future__ import annotations

from collections.abc import Sequence

from lpu_backend.chip.links import LinkedPrograms, Port
from lpu_backend.chip.lockstep import Image, Lockstep, Run
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.errors import ExecutionError


def run_linked(linked: LinkedPrograms, images: Sequence[Image], spec: ChipSpec) -> tuple[Run, ...]:
    """Run a program a chip, each on its image; return what each left, its cycles those of its own program.

    Labels are ignored, so this is a judge of `links.verify_linked`. Raises ExecutionError, with the chip, where a chip
    would do something else than compute, or where a vector arrives and no Receive takes it.
    """
    chips = [Lockstep(program, image, spec) for program, image in zip(linked.programs, images, strict=True)]
    wire_from = {wire.source: wire for wire in linked.wires}
    ends = [start + chip.end for start, chip in zip(linked.starts, chips, strict=True)]
    for now in range(min(linked.starts), max(ends) + 1):
        for number, (chip, start, end) in enumerate(zip(chips, linked.starts, ends, strict=True)):
            if not start <= now <= end:
                continue
            _step(chip, number, now - start)
            for link, vector in chip.sent:
                wire = wire_from.get(Port(number, link))
                if wire is None:
                    raise ExecutionError("its link leads to no chip", now - start, str(Port(number, link)))
                target = wire.target
                arrival = now + wire.latency_cycles - linked.starts[target.chip]
                chips[target.chip].arriving[target.link, arrival] = vector
    for number, chip in enumerate(chips):
        for link, cycle in chip.arriving:
            raise ExecutionError("a vector arrives that nothing takes", cycle, str(Port(number, link)))
    return tuple(chip.result() for chip in chips)


def _step(chip: Lockstep, number: int, cycle: int) -> None:
    """Play one cycle of one chip; its errors name the chip."""
    try:
        chip.step(cycle)
    except ExecutionError as error:
        raise ExecutionError(f"chip {number}: {error}") from error
