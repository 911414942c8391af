"""The performance model: how long a program takes, who is busy, what moves, what it costs. No values.

The chip never stalls, so its time is the schedule's: cycles = last result + N tiles of stagger, and nothing depends on
data. Energy is counted by activity with the spec's picojoules, most of them assumed: a ratio between programs, and a
bound, more than a figure in joules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_backend.chip.floorplan import EDGE_SLOT, STREAMS, UNIT_OF_QUEUE, Unit
from lpu_backend.chip.isa import Opcode
from lpu_backend.chip.issues import Ints, Issues, expand
from lpu_backend.chip.program import Program
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.chip.timing import timing
from lpu_backend.chip.traffic import PLACES, driven

READS = (Opcode.READ, Opcode.GATHER)
WRITES = (Opcode.WRITE, Opcode.SCATTER)
UNITS = {
    "MEM read": 88,
    "MEM write": 88,
    "VXM": 16,
    "MXM weights": 4,
    "MXM activations": 4,
    "MXM accumulators": 4,
    "SXM": 12,
}
"""Kinds of units, and how many of each can be busy in a cycle."""


@dataclass(frozen=True, slots=True)
class OpSpan:
    """A tensor operation in time: from its first issue to its last result, in cycles of the bottom tile."""

    name: str
    start: int
    end: int
    issues: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """The cost of a run of a program. Emulated, the same on every machine."""

    name: str
    digest: str
    cycles: int
    clock_hz: int
    issues: int
    busy_cycles: dict[str, int]
    """Busy cycles by unit, all units of the kind together."""
    utilisation: dict[str, float]
    """busy / (cycles · units of the kind); "MXM" is multiplications done against those that all planes could."""
    sram_read_bytes: int
    sram_write_bytes: int
    stream_bytes: dict[str, int]
    """Bytes driven onto streams, by direction."""
    energy_j: dict[str, float]
    """By activity."""
    ops: tuple[OpSpan, ...]

    @property
    def seconds(self) -> float:
        """Return the emulated seconds."""
        return self.cycles / self.clock_hz

    @property
    def total_energy_j(self) -> float:
        """Return the energy of all activities and of the idle power."""
        return sum(self.energy_j.values())

    @property
    def power_w(self) -> float:
        """Return the average power over the run."""
        return self.total_energy_j / self.seconds


def simulate(program: Program, spec: ChipSpec) -> Simulation:
    """Count a program that `verify` has passed."""
    issues = expand(program.rows)
    opcode = program.rows["opcode"][issues.row]
    cycles = length(program, spec)
    busy = _busy(program, issues, spec)
    products = int((opcode == Opcode.ABC_I8).sum()), int((opcode == Opcode.ABC_F16).sum())
    macs = spec.mxm_rows * spec.mxm_columns
    capacity = max(cycles, 1)
    utilisation = {unit: busy[unit] / (UNITS[unit] * capacity) for unit in busy}
    slots = products[0] + products[1] * spec.mxm_fp16_share
    utilisation["MXM"] = slots / (spec.mxm_planes * capacity)
    reads, writes = int(np.isin(opcode, READS).sum()), int(np.isin(opcode, WRITES).sum())
    bytes_driven, hops = _stream_traffic(program, issues, spec)
    energy_pj = {
        "MXM": macs * (products[0] * spec.int8_mac_pj + products[1] * spec.fp16_mac_pj),
        "VXM": busy["VXM"] * spec.lanes * spec.alu_op_pj,
        "SRAM": (reads + writes) * spec.vector_bytes * spec.sram_byte_pj,
        "streams": hops * spec.vector_bytes * spec.stream_hop_byte_pj,
        "instructions": len(opcode) * spec.instruction_pj,
        "idle": spec.idle_w * spec.seconds(cycles) * 1e12,
    }
    return Simulation(
        name=program.name,
        digest=program.digest,
        cycles=cycles,
        clock_hz=spec.clock_hz,
        issues=len(opcode),
        busy_cycles=busy,
        utilisation=utilisation,
        sram_read_bytes=reads * spec.vector_bytes,
        sram_write_bytes=writes * spec.vector_bytes,
        stream_bytes=bytes_driven,
        energy_j={activity: pj * 1e-12 for activity, pj in energy_pj.items()},
        ops=_spans(program, spec),
    )


def length(program: Program, spec: ChipSpec) -> int:
    """Return the cycles from 0 to the last result in the last tile: T = N + d_func + δ of whatever ends last."""
    ends = _ends(program, spec)
    return int(ends.max()) + spec.tiles if len(ends) else 0


def _ends(program: Program, spec: ChipSpec) -> Ints:
    """Return the cycle of every row's last result."""
    rows, delays = program.rows, timing(spec)
    last = rows["cycle"].astype(np.int64) + (rows["count"].astype(np.int64) - 1) * rows["interval"]
    ends: Ints = last + np.maximum(delays.delay, delays.busy)[rows["opcode"]]
    return ends


def _busy(program: Program, issues: Issues, spec: ChipSpec) -> dict[str, int]:
    """Return busy cycles of every kind of unit."""
    opcode = program.rows["opcode"][issues.row]
    unit = np.array(UNIT_OF_QUEUE)[program.rows["queue"][issues.row]]
    cycles = np.array(timing(spec).busy)[opcode]
    cycles = np.where(opcode == Opcode.ABC_F16, 2 * cycles, cycles)  # both planes
    of_unit = {
        "MEM read": np.isin(opcode, READS),
        "MEM write": np.isin(opcode, WRITES),
        "VXM": unit == Unit.VXM,
        "MXM weights": unit == Unit.MXM_WEIGHTS,
        "MXM activations": unit == Unit.MXM_ACTIVATIONS,
        "MXM accumulators": unit == Unit.MXM_ACCUMULATORS,
        "SXM": (unit >= Unit.SXM_SHIFT) & (unit <= Unit.SXM_TRANSPOSE),
    }
    return {name: int(cycles[mask].sum()) for name, mask in of_unit.items()}


def _stream_traffic(program: Program, issues: Issues, spec: ChipSpec) -> tuple[dict[str, int], int]:
    """Return the bytes driven by direction, and vectors × registers they pass until they are replaced or fall off."""
    made = driven(program.rows, issues, timing(spec))
    east = made.stream < STREAMS // 2
    sizes = {"east": int(east.sum()) * spec.vector_bytes, "west": int((~east).sum()) * spec.vector_bytes}
    if not len(made.issue):
        return sizes, 0
    track = np.sort(made.track(int(made.cycle.max())))
    distance = 2 * EDGE_SLOT - track % PLACES
    same = track[1:] // PLACES == track[:-1] // PLACES
    distance[:-1] = np.where(same, track[1:] - track[:-1], distance[:-1])
    return sizes, int(distance.sum())


def _spans(program: Program, spec: ChipSpec) -> tuple[OpSpan, ...]:
    """Return the tensor operations in the order in which they are named."""
    ends, ops = _ends(program, spec), program.rows["op"]
    spans = []
    for number, name in enumerate(program.ops):
        of_op = ops == number
        if of_op.any():
            start, end = int(program.rows["cycle"][of_op].min()), int(ends[of_op].max())
            spans.append(OpSpan(name, start, end, int(program.rows["count"][of_op].sum())))
    return tuple(spans)
