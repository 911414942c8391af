"""What is driven onto streams and what is sampled from them, a byte-wide vector an entry, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from lpu_backend.chip.floorplan import EDGE_SLOT, SLOT_OF_QUEUE, STREAMS
from lpu_backend.chip.issues import Ints, Issues
from lpu_backend.chip.program import FLOW
from lpu_backend.chip.timing import Timing

Rows = npt.NDArray[Any]
PLACES = 2 * EDGE_SLOT + 1
_SLOTS = np.array(SLOT_OF_QUEUE, np.int64)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Vectors at a slot in a cycle. `issue` indexes the issues; `leaves` is 1 where they are driven, else 0."""

    issue: Ints
    stream: Ints
    cycle: Ints
    label: Ints
    slot: Ints
    leaves: Ints

    def track(self, end: int) -> Ints:
        """Return a number that a value keeps on its way, times PLACES, plus how many slots it has come from its edge.

        Going east, cycle − slot is constant. A value driven at slot u in cycle t is sampled at u + 1 in t as well, so
        it counts from t − 1. `end` is the last cycle of all traffic that is compared.
        """
        progress = np.where(self.stream < STREAMS // 2, self.slot, -self.slot) + EDGE_SLOT
        diagonal = self.cycle - progress - self.leaves + PLACES
        track: Ints = (self.stream * (end + 2 * PLACES) + diagonal) * PLACES + progress
        return track


def driven(rows: Rows, issues: Issues, timing: Timing) -> Traffic:
    """Return every result that goes onto streams."""
    cycle = issues.cycle + np.array(timing.delay)[rows["opcode"]][issues.row]
    return _vectors(rows, issues, ("out", "makes"), cycle)


def sampled(rows: Rows, issues: Issues, timing: Timing) -> Traffic:
    """Return every operand that comes from streams."""
    cycle = issues.cycle - np.array(timing.skew)[rows["opcode"]][issues.row]
    a, b = (_vectors(rows, issues, (name, "in_" + name), cycle) for name in ("a", "b"))
    return Traffic(
        *(np.concatenate([getattr(a, field.name), getattr(b, field.name)]) for field in fields(Traffic))
    )


def _vectors(rows: Rows, issues: Issues, columns: tuple[str, str], cycle: Ints) -> Traffic:
    """Return the byte planes of an operand or a result: (its column, the column of its labels)."""
    operand, label = columns
    code, width = (rows[name][issues.row].astype(np.int64) for name in (operand, operand + "_width"))
    some = np.flatnonzero(code < STREAMS)
    issue = np.repeat(some, width[some])
    plane = np.arange(len(issue)) - np.repeat(np.cumsum(width[some]) - width[some], width[some])
    row = issues.row[issue]
    labels = rows[label][row] + plane * FLOW + issues.age[issue]
    leaves = np.full(len(issue), int(operand == "out"))
    return Traffic(issue, code[issue] + plane, cycle[issue], labels, _SLOTS[rows["queue"][row]], leaves)
