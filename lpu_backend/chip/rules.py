"""What holds without a look at the time: fields in range, operands a unit has, VXM topology, maps, SRAM regions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lpu_backend.chip.floorplan import QUEUE_NAMES, QUEUES, STREAMS, UNIT_OF_QUEUE, VXM_QUEUES
from lpu_backend.chip.isa import LARGE_ALUS, LARGE_ONLY, SIGNATURES, Opcode, alu_takes_group
from lpu_backend.chip.issues import failure
from lpu_backend.chip.program import FIRST_ALU, IMMEDIATE, NO_OPERAND, Kind, Program
from lpu_backend.errors import ScheduleError

Rows = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

_ANY_UNIT = 255
LAST_CYCLE = 1 << 30
"""A second of the chip; cycles stay in 32 bits."""
MAX_VECTORS = 88 * 8192
"""As many vectors as there are words: a tensor of a program is no larger than the chip."""
MEM_OPCODES = (Opcode.READ, Opcode.WRITE, Opcode.GATHER, Opcode.SCATTER)
SECOND_HALF = (Opcode.WRITE, Opcode.SCATTER, Opcode.RECEIVE)
"""What a queue issues beside another instruction of its unit."""


def _table(value: Any, default: int) -> npt.NDArray[np.int32]:
    """Return a field of every signature, indexed by opcode."""
    table = np.full(256, default, np.int32)
    for opcode, signature in SIGNATURES.items():
        table[opcode] = value(signature)
    return table


def _widths(allowed: tuple[int, ...]) -> int:
    return sum(allowed)  # 1, 2, 4, 16 are bits of their own


_DEFINED = _table(lambda s: 1, 0) == 1
_UNIT = _table(lambda s: _ANY_UNIT if s.unit is None else s.unit, _ANY_UNIT)
_ADDRESS_LOW, _ADDRESS_HIGH = _table(lambda s: s.address.low, 0), _table(lambda s: s.address.high, 0)
_SPAN_LOW, _SPAN_HIGH = _table(lambda s: s.span.low, 0), _table(lambda s: s.span.high, 0)
_OPERANDS = {name: _table(lambda s, n=name: _widths(getattr(s, n)), 0) for name in ("a", "b", "out")}
_OUT_REQUIRED = _table(lambda s: int(s.out_required), 0) == 1
_LINKED = np.isin(np.arange(256), (Opcode.SEND, Opcode.RECEIVE))
_SAME_WIDTH = np.isin(np.arange(256), (Opcode.SHIFT, Opcode.SELECT, Opcode.PERMUTE, Opcode.DISTRIBUTE))
_QUEUE_UNIT = np.array([*UNIT_OF_QUEUE, *[_ANY_UNIT] * (256 - QUEUES)])
_LARGE = np.isin(np.arange(16), sorted(LARGE_ALUS))
_LARGE_ONLY = np.isin(np.arange(256), sorted(LARGE_ONLY))
_TAKES = np.array([[alu_takes_group(alu, group) for group in range(8)] for alu in range(16)])


def check_statics(program: Program) -> None:
    """Raise ScheduleError for the first row, map or region that breaks a rule the chip itself has."""
    _check_rows(program.rows)
    _check_maps(program)
    _check_regions(program)


def check_alone(program: Program) -> None:
    """Raise ScheduleError for a Send or a Receive: a program that runs alone has no other end of a link."""
    _refuse(program.rows, _LINKED[program.rows["opcode"]], "needs a second chip, and there is one")


def check_homes(program: Program) -> None:
    """Raise ScheduleError for the first row of MEM that touches a word outside the region it names."""
    rows, regions = program.rows, program.regions
    mem = np.isin(rows["opcode"], MEM_OPCODES)
    _refuse(
        rows,
        mem & ((rows["region"] < 0) | (rows["region"] >= len(regions))),
        "the program has no such region",
    )
    if not mem.any():
        return
    home = regions[np.where(mem, rows["region"], 0)]
    _refuse(rows, mem & (home["slice"] != rows["queue"]), "its region lies in another slice")
    last = rows["address"] + (rows["count"].astype(np.int64) - 1) * rows["stride"]
    low = np.minimum(rows["address"], last)
    high = np.maximum(rows["address"], last) + np.maximum(rows["span"], 1)
    end = home["address"].astype(np.int64) + home["words"]
    _refuse(rows, mem & ((low < home["address"]) | (high > end)), "leaves its region")


def _check_rows(rows: Rows) -> None:
    opcode, queue = rows["opcode"], rows["queue"]
    _refuse(rows, ~_DEFINED[opcode], "there is no such instruction")
    _refuse(rows, queue >= QUEUES, "there is no such queue")
    _refuse(
        rows,
        (_UNIT[opcode] != _ANY_UNIT) & (_UNIT[opcode] != _QUEUE_UNIT[queue]),
        "not an instruction of this unit",
    )
    _refuse(rows, rows["cycle"] < 0, "issued before the program starts")
    _refuse(
        rows, (rows["count"] < 1) | (rows["interval"] < 1), "a Repeat is at least one issue, one cycle apart"
    )
    end = rows["cycle"] + (rows["count"].astype(np.int64) - 1) * rows["interval"]
    _refuse(rows, end >= LAST_CYCLE, f"goes on beyond cycle {LAST_CYCLE:,}")
    last = rows["address"] + (rows["count"].astype(np.int64) - 1) * rows["stride"]
    low, high = np.minimum(rows["address"], last), np.maximum(rows["address"], last)
    _refuse(
        rows,
        (low < _ADDRESS_LOW[opcode]) | (high > _ADDRESS_HIGH[opcode]),
        "address outside the unit's range",
    )
    span = rows["span"].astype(np.int32)
    _refuse(rows, (span < _SPAN_LOW[opcode]) | (span > _SPAN_HIGH[opcode]), "span outside the unit's range")
    for name in ("a", "b", "out"):
        _check_operand(rows, name)
    _check_widths(rows)
    _check_alus(rows[np.isin(queue, list(VXM_QUEUES)) & (opcode >= Opcode.COPY)])


def _refuse(rows: Rows, wrong: Mask, what: str) -> None:
    if wrong.any():
        at = np.flatnonzero(wrong)
        raise failure(rows, int(at[rows["cycle"][at].argmin()]), what)


def _check_operand(rows: Rows, name: str) -> None:
    """Check that an operand is there if and only if the opcode has one, of an allowed width, aligned."""
    code, width = rows[name].astype(np.int32), rows[name + "_width"].astype(np.int32)
    allowed = _OPERANDS[name][rows["opcode"]]
    given = code != NO_OPERAND
    needed = (allowed > 0) & ((name != "out") | _OUT_REQUIRED[rows["opcode"]])
    _refuse(rows, needed & ~given, f"{name} is missing")
    _refuse(rows, given & (allowed == 0), f"has no {name}")
    stream = code < STREAMS
    fits = np.isin(width, (1, 2, 4, 16)) & ((width & allowed) == width) & (code % np.maximum(width, 1) == 0)
    _refuse(rows, stream & ~fits, f"{name} is no stream group that the unit takes")
    of_alu = (rows["opcode"] >= Opcode.COPY) & (name != "out") & (code <= IMMEDIATE)
    _refuse(rows, given & ~stream & ~of_alu, f"{name} is no operand of this unit")


def _check_widths(rows: Rows) -> None:
    """Check that the results of Shift, Select, Permute and Distribute have the width of what they take."""
    a, b, out = rows["a_width"], rows["b_width"], rows["out_width"]
    wrong = (a != out) | ((rows["b"] != NO_OPERAND) & (a != b))
    _refuse(rows, _SAME_WIDTH[rows["opcode"]] & wrong, "operands and result are of different widths")


def _check_alus(rows: Rows) -> None:
    """Check large ALUs, the groups an ALU can take, and that no group comes from both sides."""
    alu = rows["queue"].astype(np.int32) - VXM_QUEUES.start
    _refuse(rows, _LARGE_ONLY[rows["opcode"]] & ~_LARGE[alu], "needs a large ALU")
    for name in ("a", "b"):
        stream = rows[name] < FIRST_ALU
        group = np.where(stream, rows[name] % 32 // 4, 0)
        _refuse(rows, stream & ~_TAKES[alu, group], f"the ALU's row can't take the group of {name}")
    a, b = rows["a"].astype(np.int32), rows["b"].astype(np.int32)
    opposite = (a < FIRST_ALU) & (b < FIRST_ALU) & (a // 32 != b // 32) & (a % 32 // 4 == b % 32 // 4)
    _refuse(rows, opposite, "one stream group enters the ALU from both sides")


def _check_maps(program: Program) -> None:
    """Check that a row's maps exist; a Permute's is a bijection, a Distribute's stays inside superlanes."""
    rows, maps, lanes = program.rows, program.maps.astype(np.int32), np.arange(320)
    mapped = np.isin(rows["opcode"], (Opcode.SELECT, Opcode.PERMUTE, Opcode.DISTRIBUTE))
    last = rows["address"] + (rows["count"].astype(np.int64) - 1) * rows["stride"]
    _refuse(rows, mapped & (np.maximum(rows["address"], last) >= len(maps)), "the program has no such map")
    bijective = (np.sort(maps, axis=1) == lanes).all(axis=1)
    inside = ((maps == -1) | (maps // 16 == lanes // 16)).all(axis=1)
    for opcode, fits, what in (
        (Opcode.PERMUTE, bijective, "the map is no bijection of 320 lanes"),
        (Opcode.DISTRIBUTE, inside, "the map leaves a superlane"),
    ):
        of_kind = np.flatnonzero(rows["opcode"] == opcode)
        for row in of_kind:
            used = int(rows["address"][row]) + np.arange(rows["count"][row]) * int(rows["stride"][row])
            if not fits[used].all():
                raise failure(rows, int(row), what)


def _check_regions(program: Program) -> None:
    """Check that regions lie in a slice, and those with data overlap nothing."""
    regions = program.regions
    ends = regions["address"].astype(np.int64) + regions["words"]
    for region in np.flatnonzero((regions["slice"] >= 88) | (regions["words"] < 1) | (ends > 8192)):
        raise ScheduleError("outside the SRAM", 0, f"slice {regions['slice'][region]}", f"region {region}")
    last = regions["first"].astype(np.int64) + (regions["words"].astype(np.int64) - 1) * regions["step"]
    outside = (np.minimum(regions["first"], last) < 0) | (np.maximum(regions["first"], last) >= MAX_VECTORS)
    for region in np.flatnonzero(outside & (regions["kind"] != Kind.SCRATCH)):
        raise ScheduleError(
            "vectors that no tensor has", 0, f"slice {regions['slice'][region]}", f"region {region}"
        )
    tensors = (regions["kind"] != Kind.SCRATCH) & (
        (regions["tensor"] < 0) | (regions["tensor"] >= len(program.tensors))
    )
    for region in np.flatnonzero(tensors | (regions["kind"] > Kind.STATE)):
        raise ScheduleError(
            "holds no tensor of the program", 0, f"slice {regions['slice'][region]}", f"region {region}"
        )
    _check_overlaps(regions)


def _check_overlaps(regions: Rows) -> None:
    """Check that only scratch lies over scratch."""
    for mem_slice in np.unique(regions["slice"]):
        here = regions[regions["slice"] == mem_slice]
        here = here[np.argsort(here["address"], kind="stable")]
        ends = np.maximum.accumulate(here["address"].astype(np.int64) + here["words"])
        data = here["kind"] != Kind.SCRATCH
        data_ends = np.maximum.accumulate(np.where(data, here["address"].astype(np.int64) + here["words"], 0))
        starts = here["address"][1:]
        clash = (data[1:] & (starts < ends[:-1])) | (starts < data_ends[:-1])
        if clash.any():
            address = int(starts[clash.argmax()])
            raise ScheduleError("regions overlap", 0, QUEUE_NAMES[mem_slice], f"address {address}")
