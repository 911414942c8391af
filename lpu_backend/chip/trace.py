"""A program to look at: Chrome trace JSON, which Perfetto opens, and a text view of units × cycles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from lpu_backend.chip.floorplan import MEM_QUEUES, QUEUE_NAMES, UNIT_OF_QUEUE, WEST_TO_EAST, Unit
from lpu_backend.chip.isa import Opcode
from lpu_backend.chip.issues import describe, expand
from lpu_backend.chip.program import Program
from lpu_backend.chip.simulate import simulate
from lpu_backend.chip.spec import ChipSpec

MARKS = {
    Opcode.READ: "R", Opcode.WRITE: "w", Opcode.GATHER: "G", Opcode.SCATTER: "s",
    Opcode.LW: "L", Opcode.IW: "I", Opcode.ABC_I8: "A", Opcode.ABC_F16: "F",
    Opcode.ACC_SET: "=", Opcode.ACC_ADD: "+", Opcode.ACC_SET_OUT: "=", Opcode.ACC_ADD_OUT: "+", Opcode.ACC_OUT: ">",
    Opcode.SHIFT: "S", Opcode.ROTATE: "O", Opcode.SELECT: "?", Opcode.PERMUTE: "P", Opcode.DISTRIBUTE: "D",
    Opcode.TRANSPOSE: "T",
}  # fmt: skip
"""One character an instruction; ALUs show x, ICU and C2C instructions show c, a slice that reads and writes shows B."""


def mark(opcode: int) -> str:
    """Return the character of an instruction."""
    return MARKS.get(Opcode(opcode), "x" if opcode >= Opcode.COPY else "c")


def chrome_trace(program: Program, spec: ChipSpec) -> str:
    """Return JSON of the Trace Event Format: a track a queue, one of tensor operations; 1 µs of the trace is 1 cycle.

    A repeated row is one slice from its first to its last issue. The time is emulated; `otherData` has the clock.
    """
    simulation = simulate(program, spec)
    events: list[dict[str, Any]] = []
    process = {"ph": "M", "pid": 1, "tid": 0, "name": "process_name"}
    events.append({**process, "args": {"name": f"{program.name} (emulated, 1 µs = 1 cycle)"}})
    events.append(_thread(1, "tensor operations"))
    events += [_slice(1, span.name, span.start, span.end - span.start, {}) for span in simulation.ops]
    for track, queue in enumerate(WEST_TO_EAST, start=2):
        mine = program.rows[program.rows["queue"] == queue]
        if len(mine):
            events.append(_thread(track, QUEUE_NAMES[queue]))
            events += [_issue(track, row, program.ops) for row in mine]
    about = {
        "clock_hz": spec.clock_hz,
        "cycles": simulation.cycles,
        "digest": simulation.digest,
        "basis": "emulated",
    }
    return json.dumps(
        {"displayTimeUnit": "ns", "otherData": about, "traceEvents": events}, separators=(",", ":")
    )


def _thread(track: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "pid": 1, "tid": track, "name": "thread_name", "args": {"name": name}}


def _slice(track: int, name: str, start: int, cycles: int, args: dict[str, Any]) -> dict[str, Any]:
    return {"ph": "X", "pid": 1, "tid": track, "name": name, "ts": start, "dur": cycles, "args": args}


def _issue(track: int, row: Any, ops: tuple[str, ...]) -> dict[str, Any]:
    count, interval = int(row["count"]), int(row["interval"])
    op = ops[row["op"]] if row["op"] >= 0 else ""
    args = {"op": op, "count": count, "interval": interval, "stride": int(row["stride"])}
    return _slice(track, describe(row), int(row["cycle"]), (count - 1) * interval + 1, args)


def text_view(program: Program, first_cycle: int = 0, cycles: int = 100) -> str:
    """Return queues (west to east, those that issue anything in the window) × cycles, a character an issue."""
    issues = expand(program.rows)
    issues = issues.where((issues.cycle >= first_cycle) & (issues.cycle < first_cycle + cycles))
    queues, opcodes = program.rows["queue"][issues.row], program.rows["opcode"][issues.row]
    lines = {queue: ["·"] * cycles for queue in WEST_TO_EAST if (queues == queue).any()}
    for queue, cycle, opcode in zip(queues, issues.cycle - first_cycle, opcodes, strict=True):
        both = lines[int(queue)][cycle] != "·"
        lines[int(queue)][cycle] = "B" if both else mark(int(opcode))
    return "\n".join(
        [
            *_ruler(first_cycle, cycles),
            *(f"{QUEUE_NAMES[q]:>17} {''.join(line)}" for q, line in lines.items()),
        ]
    )


def _ruler(first_cycle: int, cycles: int) -> Iterator[str]:
    """Yield cycle numbers over every tenth column."""
    marks = [f"{cycle:<10}" for cycle in range(first_cycle, first_cycle + cycles, 10)]
    yield f"{'cycle':>17} {''.join(marks)}".rstrip()


def slices_view(program: Program, first_cycle: int = 0, cycles: int = 100) -> str:
    """Return the MEM slices only, all 88 west to east, with how many are in use in every cycle."""
    issues = expand(program.rows)
    in_mem = np.isin(program.rows["queue"][issues.row], list(MEM_QUEUES))
    issues = issues.where(in_mem & (issues.cycle >= first_cycle) & (issues.cycle < first_cycle + cycles))
    order = [queue for queue in WEST_TO_EAST if UNIT_OF_QUEUE[queue] is Unit.MEM]
    place = {queue: column for column, queue in enumerate(order)}
    grid = np.full((cycles, len(order)), "·")
    for row, cycle in zip(issues.row, issues.cycle - first_cycle, strict=True):
        at = cycle, place[int(program.rows["queue"][row])]
        grid[at] = mark(int(program.rows["opcode"][row])) if grid[at] == "·" else "B"
    busy = (grid != "·").sum(axis=1)
    head = f"{'cycle':>8}  {'MEM W43 … W0':<44} {'MEM E0 … E43':<44} busy"
    body = [
        f"{first_cycle + at:>8}  {''.join(line[:44])} {''.join(line[44:])} {busy[at]:>4}"
        for at, line in enumerate(grid)
    ]
    return "\n".join([head, *body])
