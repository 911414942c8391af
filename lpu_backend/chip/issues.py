"""Rows with their repetitions written out: one entry an issue, in numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lpu_backend.chip.floorplan import QUEUE_NAMES
from lpu_backend.chip.program import instruction
from lpu_backend.errors import ScheduleError

LIMIT = 8_000_000
"""More issues than this are refused: no program of one chip has as many, and they have to fit in memory."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Issues:
    """Issues of some rows. `row` indexes the program's rows; `age` is cycles since the row's first issue."""

    row: Ints
    cycle: Ints
    age: Ints
    address: Ints

    def where(self, mask: npt.NDArray[np.bool_]) -> Issues:
        """Return those for which the mask holds."""
        return Issues(self.row[mask], self.cycle[mask], self.age[mask], self.address[mask])


def expand(rows: npt.NDArray[Any]) -> Issues:
    """Return all issues, in the order of rows; raises ScheduleError beyond LIMIT."""
    count = rows["count"].astype(np.int64)
    if int(count.sum()) > LIMIT:
        raise failure(rows, int(count.argmax()), f"{int(count.sum()):,} issues are more than {LIMIT:,}")
    row = np.repeat(np.arange(len(rows)), count)
    index = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    age = index * rows["interval"][row].astype(np.int64)
    return Issues(row, rows["cycle"][row] + age, age, rows["address"][row] + index * rows["stride"][row])


def describe(row: Any) -> str:
    """Return the instruction of a row as text, whatever its fields hold."""
    try:
        return str(instruction(row))
    except ValueError:
        return f"opcode {int(row['opcode'])}"


def failure(rows: npt.NDArray[Any], row: int, what: str, cycle: int | None = None) -> ScheduleError:
    """Return the error of a row: its cycle, its unit, its instruction."""
    at = rows[row]
    queue = int(at["queue"])
    unit = QUEUE_NAMES[queue] if queue < len(QUEUE_NAMES) else f"queue {queue}"
    return ScheduleError(what, int(at["cycle"]) if cycle is None else cycle, unit, describe(at))


def match(keys: Ints, wanted: Ints) -> Ints:
    """Return where each wanted value stands in ascending `keys`; −1 where it does not."""
    found = np.searchsorted(keys, wanted)
    return np.where(pick(keys, np.where(found < len(keys), found, -1)) == wanted, found, -1)


def match_last(keys: Ints, wanted: Ints, bucket: int, side: Literal["left", "right"] = "left") -> Ints:
    """Return where the last key below each wanted value stands (side "right": or equal), −1 if it is of another bucket.

    Values belong together when they agree in value // bucket.
    """
    found = np.searchsorted(keys, wanted, side=side) - 1
    return np.where(pick(keys, found) // bucket == wanted // bucket, found, -1)


def pick(values: Ints, index: Ints) -> Ints:
    """Return values[index]; −2⁶², which is no key and no label, where the index is −1."""
    return np.append(values, -(1 << 62))[index]
