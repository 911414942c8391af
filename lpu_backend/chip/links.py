"""Programs of several chips in one time, the wires between them, and the proof that both ends agree.

Every program counts its cycles from its own start; `starts` says in which cycle of the common time that is. A wire
goes from a link of one chip to a link of another: a vector that is sent in cycle T of the common time arrives in
T + latency, and a Receive has to be issued in that very cycle, for nothing holds it. No link is asked whether it is
free, and none is ever found busy: `verify_linked` proves, before anything runs, that every vector that is sent is
received as what it is meant to be. How clocks that drift are kept to one time is not the programs' matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lpu_backend.chip.floorplan import C2C_QUEUES, QUEUE_NAMES
from lpu_backend.chip.isa import Opcode
from lpu_backend.chip.issues import describe, expand
from lpu_backend.chip.program import Program
from lpu_backend.chip.simulate import length
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.chip.verify import verify
from lpu_backend.errors import ScheduleError


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """A link of a chip."""

    chip: int
    link: int

    def __str__(self) -> str:
        return f"chip {self.chip} C2C{self.link}"


@dataclass(frozen=True, slots=True)
class Wire:
    """One direction of a link between two chips."""

    source: Port
    target: Port
    latency_cycles: int
    """From the cycle of a Send to that of its Receive, at least 1."""


@dataclass(frozen=True, slots=True)
class LinkedPrograms:
    """A program a chip, in one time. Chips are counted from 0."""

    programs: tuple[Program, ...]
    starts: tuple[int, ...]
    """The cycle of the common time in which each program's cycle 0 is."""
    wires: tuple[Wire, ...]

    @property
    def digest(self) -> str:
        """Return the sha256 over the digests of the programs, their starts and the wires, in hex."""
        said = [(program.digest, start) for program, start in zip(self.programs, self.starts, strict=True)]
        return hashlib.sha256(f"{said} {self.wires}".encode()).hexdigest()

    def cycles(self, spec: ChipSpec) -> int:
        """Return the cycles of the common time from 0 to the last result on any chip."""
        ends = [
            start + length(program, spec) for program, start in zip(self.programs, self.starts, strict=True)
        ]
        return max(ends, default=0)


@dataclass(frozen=True, slots=True)
class Passage:
    """A vector at one end of a link: one issue of a Send or a Receive."""

    port: Port
    cycle: int
    """Of the common time."""
    number: int
    """Number of the link's vector that it is meant to be, counted from 1."""
    row: int
    """Of the chip's program."""


def verify_linked(linked: LinkedPrograms, spec: ChipSpec) -> None:
    """Raise ScheduleError, with chip, cycle, unit and instruction, for the earliest thing that would go wrong.

    Cycles in errors are those of the chip's own program.
    """
    _check_wires(linked)
    for chip, program in enumerate(linked.programs):
        try:
            verify(program, spec, alone=False)
        except ScheduleError as error:
            unit = f"chip {chip} {error.unit}"
            raise ScheduleError(error.what, error.cycle, unit, error.instruction) from error
    check_links(linked)


def check_links(linked: LinkedPrograms) -> None:
    """Do the part of `verify_linked` that concerns links, for programs that have been verified one by one."""
    _check_wires(linked)
    wire_from = {wire.source: wire for wire in linked.wires}
    sent, received = (passages(linked, opcode) for opcode in (Opcode.SEND, Opcode.RECEIVE))
    faults = [
        *_wrong_numbers(sent),
        *((p, "its link leads to no chip") for p in sent if p.port not in wire_from),
        *_unmatched(sent, received, wire_from),
    ]
    if faults:
        passage, what = min(faults, key=lambda fault: fault[0].cycle)
        raise _failure(linked, passage, what)


def passages(linked: LinkedPrograms, opcode: Opcode) -> list[Passage]:
    """Return all Sends or all Receives of all chips, in the order of the common time."""
    found = []
    for chip, (program, start) in enumerate(zip(linked.programs, linked.starts, strict=True)):
        at = np.flatnonzero(program.rows["opcode"] == opcode)
        rows = program.rows[at]
        issues = expand(rows)
        for row, cycle, age in zip(issues.row, issues.cycle, issues.age, strict=True):
            port = Port(chip, int(rows["queue"][row]) - C2C_QUEUES.start)
            number = int(rows["version"][row]) + int(age) // int(rows["interval"][row])
            found.append(Passage(port, start + int(cycle), number, int(at[row])))
    return sorted(found, key=lambda passage: (passage.cycle, passage.port))


def _check_wires(linked: LinkedPrograms) -> None:
    """Check that every chip has a start, and wires join links there are, one a link and direction."""
    count = len(linked.programs)
    if len(linked.starts) != count or min(linked.starts, default=0) < 0:
        raise ScheduleError(
            f"{count} programs, and {len(linked.starts)} starts from cycle 0 on", 0, "links", ""
        )
    for end in ("source", "target"):
        ports = [getattr(wire, end) for wire in linked.wires]
        for port in ports:
            if not (0 <= port.chip < count and 0 <= port.link < len(C2C_QUEUES)):
                raise ScheduleError("a wire ends where there is no link", 0, str(port), "wire")
            if ports.count(port) > 1:
                raise ScheduleError(f"is the {end} of two wires", 0, str(port), "wire")
    for wire in linked.wires:
        if wire.latency_cycles < 1 or wire.source.chip == wire.target.chip:
            raise ScheduleError("a wire goes to another chip and takes time", 0, str(wire.source), "wire")


def _wrong_numbers(sent: list[Passage]) -> Iterator[tuple[Passage, str]]:
    """Yield vectors of a link that are not numbered in the order in which they leave."""
    counts: dict[Port, int] = {}
    for passage in sent:
        counts[passage.port] = counts.get(passage.port, 0) + 1
        if passage.number != counts[passage.port]:
            yield (
                passage,
                f"is vector {counts[passage.port]} of its link, and is meant to be {passage.number}",
            )


def _unmatched(
    sent: list[Passage], received: list[Passage], wire_from: dict[Port, Wire]
) -> Iterator[tuple[Passage, str]]:
    """Yield vectors that nothing takes, and Receives that find none, or another than meant."""
    arriving: dict[tuple[Port, int], Passage] = {}
    for passage in sent:
        wire = wire_from.get(passage.port)
        if wire:
            arriving[wire.target, passage.cycle + wire.latency_cycles] = passage
    for passage in received:
        found = arriving.pop((passage.port, passage.cycle), None)
        if found is None:
            yield passage, "no vector arrives in this cycle"
        elif found.number != passage.number:
            yield passage, f"vector {found.number} of the link arrives, {passage.number} is meant"
    for (port, _), passage in arriving.items():
        yield passage, f"no Receive of {port} takes the vector when it arrives"


def _failure(linked: LinkedPrograms, passage: Passage, what: str) -> ScheduleError:
    chip = passage.port.chip
    row = linked.programs[chip].rows[passage.row]
    unit = f"chip {chip} {QUEUE_NAMES[int(row['queue'])]}"
    return ScheduleError(what, passage.cycle - linked.starts[chip], unit, describe(row))
