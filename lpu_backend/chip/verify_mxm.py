"""The proof for the MXM: weight tiles, products, accumulators. See `verify.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lpu_backend.chip.floorplan import MXM_QUEUES
from lpu_backend.chip.isa import Opcode
from lpu_backend.chip.issues import Ints, Issues, failure, match, match_last, pick
from lpu_backend.chip.program import FLOW
from lpu_backend.chip.spec import ChipSpec

Mask = npt.NDArray[np.bool_]
_ABC = (Opcode.ABC_I8, Opcode.ABC_F16)
_SETS = (Opcode.ACC_SET, Opcode.ACC_SET_OUT)
_ADDS = (Opcode.ACC_ADD, Opcode.ACC_ADD_OUT)
GROUPS = 20
SLOTS = 640


@dataclass(frozen=True, slots=True)
class Part:
    """The issues of some opcodes of the MXM."""

    rows: npt.NDArray[Any]
    issues: Issues
    plane: Ints

    def column(self, name: str) -> Ints:
        """Return a column of the rows, an entry an issue."""
        column: Ints = self.rows[name][self.issues.row].astype(np.int64)
        return column

    def refuse(self, wrong: Mask, what: str) -> None:
        """Fail at the earliest issue for which the mask holds."""
        if wrong.any():
            at = np.flatnonzero(wrong)
            first = int(at[self.issues.cycle[at].argmin()])
            raise failure(self.rows, int(self.issues.row[first]), what, int(self.issues.cycle[first]))


def _part(rows: npt.NDArray[Any], issues: Issues, *opcodes: Opcode) -> Part:
    chosen = issues.where(np.isin(rows["opcode"], opcodes)[issues.row])
    order = np.lexsort((chosen.cycle, rows["queue"][chosen.row]))
    chosen = chosen.where(order)  # type: ignore[arg-type]
    return Part(rows, chosen, (rows["queue"][chosen.row].astype(np.int64) - MXM_QUEUES.start) // 3)


def check_mxm(rows: npt.NDArray[Any], issues: Issues, spec: ChipSpec) -> None:
    """Raise ScheduleError where a plane would compute with other weights or add other products than meant."""
    loads, installs = _part(rows, issues, Opcode.LW), _part(rows, issues, Opcode.IW)
    products = _part(rows, issues, *_ABC)
    span = int(issues.cycle.max(initial=0)) + spec.mxm_dot_cycles + spec.mxm_install_cycles + 2
    _check_installs(loads, installs, span, spec.mxm_install_interval_cycles)
    _check_products(installs, products, span, spec.mxm_install_cycles)
    accs = _part(rows, issues, *_SETS, *_ADDS, Opcode.ACC_OUT)
    accs.refuse(
        accs.issues.address >= spec.mxm_accumulators, f"a plane has {spec.mxm_accumulators} accumulators"
    )
    _check_accumulators(products, accs, span, spec.mxm_dot_cycles)


def _check_installs(loads: Part, installs: Part, span: int, interval: int) -> None:
    """Check that installed groups of rows were last loaded with this tile, and installs keep their distance."""
    group = loads.plane * GROUPS + loads.issues.address
    key = group * span + loads.issues.cycle
    order = np.argsort(key)
    key, tile = key[order], loads.column("version")[order]
    content = np.stack([group, loads.column("version")])
    again = np.ones(len(key), bool)
    again[np.unique(content, axis=1, return_index=True)[1]] = False
    loads.refuse(again, "loads rows of a tile that has them already")
    for index in range(GROUPS):
        wanted = (installs.plane * GROUPS + index) * span + installs.issues.cycle
        wrong = pick(tile, match_last(key, wanted, span)) != installs.column("version")
        installs.refuse(
            (index < installs.column("span")) & wrong,
            f"rows {16 * index} … of the buffer hold another tile, or nothing",
        )
    same = installs.plane[1:] == installs.plane[:-1]
    close = np.zeros(len(installs.plane), bool)
    close[1:] = same & (np.diff(installs.issues.cycle) < interval)
    installs.refuse(close, f"follows another IW of the plane by less than {interval} cycles")
    content = np.stack([installs.plane, installs.column("version")])
    again = np.ones(len(installs.plane), bool)
    again[np.unique(content, axis=1, return_index=True)[1]] = False
    installs.refuse(again, "installs a tile again")


def _check_products(installs: Part, products: Part, span: int, delay: int) -> None:
    """Check that an activation meets the tile it is meant for; in FP16 in both planes."""
    key = installs.plane * span + installs.issues.cycle + delay
    order = np.argsort(key)
    key, tile = key[order], installs.column("version")[order]
    pairs = products.column("opcode") == Opcode.ABC_F16
    for plane, needed in ((products.plane, np.ones(len(pairs), bool)), (products.plane + 1, pairs)):
        wanted = plane * span + products.issues.cycle
        wrong = pick(tile, match_last(key, wanted, span, "right")) != products.column("version")
        products.refuse(needed & wrong, "the weights that are installed are not those meant")


def _check_accumulators(products: Part, accs: Part, span: int, dot: int) -> None:
    """Check that products are taken when they arrive, and slots have had the updates the program says."""
    arrival = products.plane * span + products.issues.cycle + dot
    order = np.argsort(arrival)
    arrival, label = arrival[order], (products.column("makes") + products.issues.age)[order]
    updates = accs.column("opcode") != Opcode.ACC_OUT
    wanted = accs.plane * span + accs.issues.cycle
    found = match(arrival, wanted)
    accs.refuse(updates & (found < 0), "no product arrives in this cycle")
    accs.refuse(updates & (accs.column("in_a") < FLOW), "does not say which product it is meant to take")
    other = pick(label, found) != accs.column("in_a") + accs.issues.age
    accs.refuse(updates & other, "the product that arrives is not the one meant")
    slot = (accs.plane * SLOTS + accs.issues.address) * span
    order = np.argsort(slot + accs.issues.cycle)
    count = np.cumsum(updates[order])
    first = np.searchsorted((slot + accs.issues.cycle)[order], slot[order])
    before = np.concatenate([[0], count])[first]
    version = np.empty(len(order), np.int64)
    version[order] = count - before
    accs.refuse(version != accs.column("version"), "the accumulator has had other updates than meant")
    blank = (version < 1) | ((version == 1) & np.isin(accs.column("opcode"), _ADDS))
    accs.refuse(blank, "the accumulator holds nothing yet")
