"""The definition of values: vectors of 320 bytes move through stream registers, a register a cycle.

Works in the de-skewed frame: tile t of the chip does in cycle T + t what is done here for all tiles in cycle T, and
since data and instructions are staggered alike, no value differs. The 20 cycles of the stagger are added to the count
at the end.

A cycle: streams move one register; results due now are driven; memory and the MXM take what was written for this cycle;
units sample their operands; instructions issue. Labels of the program are ignored: what a unit finds on the stream is
what it gets, and where it finds nothing, or two units clash, the run ends with an ExecutionError.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from lpu_backend.chip.ecc import Fault, ProtectedStreams
from lpu_backend.chip.floorplan import C2C_QUEUES, QUEUE_NAMES, VXM_QUEUES, plane_of
from lpu_backend.chip.isa import SIGNATURES, AluResult, Immediate, Instruction, Opcode, Operand, Streams
from lpu_backend.chip.issues import describe, expand
from lpu_backend.chip.matrix import Plane
from lpu_backend.chip.memory import Memory
from lpu_backend.chip.program import Program, instruction
from lpu_backend.chip.rules import SECOND_HALF, check_alone, check_statics
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.chip.streams import StreamRegisters
from lpu_backend.chip.switch import switch
from lpu_backend.chip.timing import timing
from lpu_backend.chip.vxm import compute, from_streams, to_streams
from lpu_backend.errors import ExecutionError

Bytes = npt.NDArray[np.uint8]
I32 = npt.NDArray[np.int32]
Image = Mapping[str, Bytes]
"""Arrays of vectors by tensor name, shape (vectors, 320) uint8; `vectors.byte_planes` makes them."""

LONGEST = 10_000_000
"""Cycles; a run takes about 100 µs each on the host, more where much is issued."""


@dataclass(frozen=True, slots=True)
class Run:
    """The chip's memory after a program, and what was counted."""

    outputs: dict[str, Bytes]
    """Outputs and state by tensor name, shape (vectors, 320)."""
    cycles: int
    """From cycle 0 to the last result in the last tile."""
    corrected: int
    """Words in which a bit had flipped on a stream, and was corrected."""


@dataclass(slots=True)
class Flight:
    """An issue on its way: its instruction and the operands sampled so far."""

    row: int
    queue: int
    what: Instruction
    address: int
    """Of this issue: the row's with its strides."""
    a: Bytes | None = None
    b: Bytes | None = None


class Lockstep:
    """One run of a program on one chip, cycle by cycle.

    Raises ExecutionError, and ScheduleError for what is no program.
    What its links send in a cycle is in `sent` until the next; what arrives is put into `arriving` before its cycle.
    """

    def __init__(self, program: Program, image: Image, spec: ChipSpec, faults: Sequence[Fault] = ()) -> None:
        check_statics(program)
        self._program = program
        self._spec = spec
        self._timing = timing(spec)
        self._memory = Memory(program, image)
        self._streams = ProtectedStreams(faults) if faults else StreamRegisters()
        self._planes = [Plane(spec) for _ in range(spec.mxm_planes)]
        self._alus: dict[int, I32] = {}
        self._sampling: defaultdict[int, list[Flight]] = defaultdict(list)
        self._issuing: defaultdict[int, list[Flight]] = defaultdict(list)
        self._effects: defaultdict[int, list[tuple[Flight, Callable[[], None]]]] = defaultdict(list)
        self._busy_until: dict[tuple[int, bool], int] = {}
        self.end = 0
        """The last cycle in which anything happens in the bottom tile."""
        self.sent: list[tuple[int, Bytes]] = []
        """Link and vector of every Send of this cycle."""
        self.arriving: dict[tuple[int, int], Bytes] = {}
        """Vectors by link and cycle, taken out by Receive."""
        self._now = 0
        for issue in self._flights():
            self._schedule(*issue)
        self._check_length()

    def _flights(self) -> list[tuple[int, Flight]]:
        """Return every issue with its cycle, in the order of queues."""
        rows = self._program.rows
        issues = expand(rows)
        decoded = [instruction(row) for row in rows]
        flights = []
        for row, cycle, address in zip(issues.row, issues.cycle, issues.address, strict=True):
            flight = Flight(int(row), int(rows["queue"][row]), decoded[row], int(address))
            flights.append((int(cycle), flight))
        return flights

    def _schedule(self, cycle: int, flight: Flight) -> None:
        opcode = flight.what.opcode
        self._issuing[cycle].append(flight)
        self._sampling[cycle - self._timing.skew[opcode]].append(flight)
        self.end = max(self.end, cycle + max(self._timing.delay[opcode], self._timing.busy[opcode]))

    def _check_length(self) -> None:
        if self.end > LONGEST:
            raise ExecutionError(f"the program is longer than {LONGEST:,} cycles")
        if min(self._sampling, default=0) < 0:
            self._fail(
                self._sampling[min(self._sampling)][0],
                "an operand would be sampled before the program starts",
            )

    def result(self) -> Run:
        """Return what is there after the last cycle."""
        return Run(self._memory.outputs(), self.end + self._spec.tiles, self._streams.corrected)

    def step(self, cycle: int) -> None:
        """Play one cycle; they come in order, from 0 to `end`."""
        self._now = cycle
        self.sent.clear()
        self._streams.advance()
        self._memory.next_cycle()
        self._alus = {}
        for flight, effect in self._effects.pop(self._now, ()):
            self._guard(flight, effect)
        self._streams.strike()
        for flight in self._sampling.pop(self._now, ()):
            self._guard(flight, partial(self._sample, flight))
        for flight in self._issuing.pop(self._now, ()):
            self._guard(flight, partial(self._issue, flight))

    def _guard(self, flight: Flight, action: Callable[[], None]) -> None:
        try:
            action()
        except ExecutionError as error:
            if error.cycle is not None:
                raise
            self._fail(flight, str(error))

    def _fail(self, flight: Flight, what: str) -> None:
        row = self._program.rows[flight.row]
        raise ExecutionError(what, self._now, QUEUE_NAMES[flight.queue], describe(row))

    def _later(self, flight: Flight, cycles: int, effect: Callable[[], None]) -> None:
        self._effects[self._now + cycles].append((flight, effect))

    def _sample(self, flight: Flight) -> None:
        if isinstance(flight.what.a, Streams):
            flight.a = self._streams.sample(flight.queue, flight.what.a)
        if isinstance(flight.what.b, Streams):
            flight.b = self._streams.sample(flight.queue, flight.what.b)

    def _issue(self, flight: Flight) -> None:
        self._occupy(flight)
        unit = SIGNATURES[flight.what.opcode].unit
        actions = {"MEM": self._mem, "VXM": self._vxm, "MXM": self._mxm, "SXM": self._sxm, "C2C": self._c2c}
        if unit is not None:
            actions[unit.name[:3]](flight)

    def _occupy(self, flight: Flight) -> None:
        """Occupy the queue, which issues one instruction at a time; a MEM queue, and a link, one of each half."""
        opcode = flight.what.opcode
        queues = (flight.queue, flight.queue + 3) if opcode is Opcode.ABC_F16 else (flight.queue,)
        for queue in queues:
            half = (queue, opcode in SECOND_HALF)
            if self._busy_until.get(half, 0) > self._now:
                raise ExecutionError("the queue issues two instructions in one cycle")
            self._busy_until[half] = self._now + self._timing.busy[opcode]

    def _drive(self, flight: Flight, data: Bytes) -> None:
        out = flight.what.out
        assert out is not None
        delay = self._timing.delay[flight.what.opcode]
        self._later(flight, delay, partial(self._streams.drive, flight.queue, out, data))

    def _mem(self, flight: Flight) -> None:
        what, memory = flight.what, self._memory
        memory.claim_banks(flight.queue, flight.address, max(what.span, 1))
        if what.opcode is Opcode.READ:
            self._drive(flight, memory.read(flight.queue, flight.address)[None])
        elif what.opcode is Opcode.GATHER:
            assert flight.a is not None
            self._drive(flight, memory.gather(flight.queue, flight.address, what.span, flight.a)[None])
        else:
            data = flight.a if what.opcode is Opcode.WRITE else flight.b
            index = flight.a if what.opcode is Opcode.SCATTER else None
            assert data is not None
            delay = self._timing.delay[what.opcode]
            self._later(
                flight, delay, partial(memory.write, flight.queue, flight.address, what.span, data[0], index)
            )

    def _vxm(self, flight: Flight) -> None:
        what = flight.what
        a = self._lanes(what.a, flight.a)
        result = compute(what.opcode, a, None if what.b is None else self._lanes(what.b, flight.b))
        alu = flight.queue - VXM_QUEUES.start
        self._later(flight, self._spec.vxm_alu_cycles, partial(self._alus_at, alu, result))
        if what.out:
            self._drive(flight, to_streams(result, what.out.width))

    def _alus_at(self, alu: int, result: I32) -> None:
        self._alus[alu] = result

    def _lanes(self, operand: Operand | None, sampled: Bytes | None) -> I32:
        if isinstance(operand, Immediate):
            return np.full(320, operand.bits, np.uint32).view(np.int32)
        if isinstance(operand, AluResult):
            if operand.alu not in self._alus:
                raise ExecutionError(f"{operand} has no result in this cycle")
            return self._alus[operand.alu]
        assert sampled is not None
        return from_streams(sampled)

    def _mxm(self, flight: Flight) -> None:
        what = flight.what
        number = plane_of(flight.queue)
        plane = self._planes[number]
        match what.opcode:
            case Opcode.LW:
                assert flight.a is not None
                plane.load(self._now, flight.address, flight.a.view(np.int8))
            case Opcode.IW:
                plane.install(self._now, what.span)
            case Opcode.ABC_I8:
                assert flight.a is not None
                plane.multiply_i8(self._now, flight.a[0].view(np.int8))
            case Opcode.ABC_F16:
                assert flight.a is not None
                if number % 2:
                    raise ExecutionError(
                        "FP16 goes through planes 0 and 1, or 2 and 3: issue it at the even one"
                    )
                plane.multiply_f16(self._now, flight.a, self._planes[number + 1])
            case _:
                lanes = plane.accumulate(self._now, what.opcode, flight.address)
                if what.out:
                    self._drive(flight, to_streams(lanes, 4))

    def _c2c(self, flight: Flight) -> None:
        link = flight.queue - C2C_QUEUES.start
        if flight.what.opcode is Opcode.SEND:
            assert flight.a is not None
            self.sent.append((link, flight.a[0]))
        elif flight.what.opcode is Opcode.RECEIVE:
            vector = self.arriving.pop((link, self._now), None)
            if vector is None:
                raise ExecutionError("no vector arrives in this cycle")
            self._drive(flight, vector[None])

    def _sxm(self, flight: Flight) -> None:
        assert flight.a is not None
        self._drive(
            flight, switch(flight.what.opcode, flight.address, (flight.a, flight.b), self._program.maps)
        )


def run(program: Program, image: Image, spec: ChipSpec, faults: Sequence[Fault] = ()) -> Run:
    """Run a program on an image; raises ExecutionError where the chip would do something else than compute.

    `faults` flip bits on streams; what SECDED corrects is counted.
    """
    check_alone(program)
    chip = Lockstep(program, image, spec, faults)
    for cycle in range(chip.end + 1):
        chip.step(cycle)
    return chip.result()
