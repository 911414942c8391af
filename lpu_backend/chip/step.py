"""Teaching: one cycle of the chip as text. Watch an instruction climb the tiles and the data move beside it.

Rows of a frame are tiles, the top one first; columns are slots of the stream axis, west to east. An instruction issued
in cycle T is in tile t in cycle T + t: it climbs a tile a cycle. Every frame is a pure function of program and cycle.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lpu_backend.chip.floorplan import EDGE_SLOT, QUEUE_NAMES, SLOT_OF_QUEUE, STREAMS
from lpu_backend.chip.issues import Ints, Issues, describe, expand
from lpu_backend.chip.program import Program
from lpu_backend.chip.simulate import length
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.chip.timing import timing
from lpu_backend.chip.trace import mark
from lpu_backend.chip.traffic import Traffic, driven

SLOTS = 2 * EDGE_SLOT + 1
_LISTED = 12
_AXIS = "MXM SXM " + " " * 14 + "MEM" + " " * 16 + "VXM" + " " * 16 + "MEM" + " " * 14 + "SXM MXM"


def frames(
    program: Program, spec: ChipSpec, first_cycle: int = 0, cycles: int | None = None
) -> Iterator[str]:
    """Yield frame after frame, to the end of the program or for so many cycles."""
    issues = expand(program.rows)
    traffic = driven(program.rows, issues, timing(spec))
    end = length(program, spec) if cycles is None else first_cycle + cycles
    for cycle in range(first_cycle, end):
        yield _frame(program, spec, (issues, traffic), cycle)


def frame(program: Program, spec: ChipSpec, cycle: int) -> str:
    """Return one cycle: instructions in the tiles, streams in use at the bottom tile, what is issued."""
    return next(frames(program, spec, cycle, 1))


def _frame(program: Program, spec: ChipSpec, state: tuple[Issues, Traffic], cycle: int) -> str:
    issues, traffic = state
    tiles = _tiles(program, issues, cycle, spec.tiles)
    lines = [f"cycle {cycle}", f"{'tile':>5}  {_AXIS}"]
    lines += [
        f"{tile:>5}  " + " ".join(f"{cell:^2}" for cell in tiles[tile])
        for tile in reversed(range(spec.tiles))
    ]
    for name, east in (("E →", True), ("W ←", False)):
        counts = _streams_at(traffic, cycle, east)
        lines.append(f"{name:>5}  " + " ".join(f"{count or '·':>2}" for count in counts))
    lines.append("       (vectors between the slots of the bottom tile, by direction)")
    return "\n".join(lines + _issued(program, issues, cycle))


def _tiles(program: Program, issues: Issues, cycle: int, tiles: int) -> list[list[str]]:
    """Return the marks of instructions by tile (the first is the bottom) and slot; several in a slot show a number."""
    age = cycle - issues.cycle
    here = np.flatnonzero((age >= 0) & (age < tiles))
    cells: list[list[str]] = [["·"] * SLOTS for _ in range(tiles)]
    seen: dict[tuple[int, int], list[str]] = {}
    for at in here:
        row = program.rows[issues.row[at]]
        place = int(age[at]), SLOT_OF_QUEUE[row["queue"]] + EDGE_SLOT
        seen.setdefault(place, []).append(mark(int(row["opcode"])))
    for (tile, slot), marks in seen.items():
        cells[tile][slot] = marks[0] if len(marks) == 1 else f"{marks[0]}{len(marks)}"[:2]
    return cells


def _streams_at(traffic: Traffic, cycle: int, east: bool) -> Ints:
    """Return how many vectors are on the streams of a direction, register by register, west to east."""
    of_direction = (traffic.stream < STREAMS // 2) == east
    travelled = cycle - traffic.cycle
    moving = of_direction & (travelled >= 0) & (travelled < SLOTS)
    slot, travelled, stream = traffic.slot[moving], travelled[moving], traffic.stream[moving]
    register = slot + EDGE_SLOT + np.where(east, travelled, -1 - travelled)
    inside = (register >= 0) & (register < SLOTS - 1)
    places = np.unique(np.stack([stream[inside], register[inside]]), axis=1)
    counts: Ints = np.bincount(places[1], minlength=SLOTS - 1)
    return counts


def _issued(program: Program, issues: Issues, cycle: int) -> list[str]:
    """Return what the queues issue in this cycle, at most a dozen lines."""
    now = np.flatnonzero(issues.cycle == cycle)
    lines = []
    for at in now[:_LISTED]:
        row = program.rows[issues.row[at]].copy()
        row["address"] = issues.address[at]
        lines.append(f"  {QUEUE_NAMES[row['queue']]:>17}  {describe(row)}")
    more = [f"  … and {len(now) - _LISTED} more"] if len(now) > _LISTED else []
    return (["issued:"] if lines else []) + lines + more
