"""A program: what every queue issues when, where everything lies in SRAM, and what each operand is meant to be.

A program is columnar: `rows` (one instruction, repeated), `regions` (SRAM), `maps` (of the SXM), and names. Build one
with `ProgramBuilder`. The chip obeys rows, maps and memory alone. The labels say what the schedule intends; the chip
ignores them, and `verify.py` proves that the timing delivers exactly that:

Values. A vector that is driven onto a stream, a chained ALU result, a product in the MXM: each has a label
  flow << 32 | instant. `makes` labels the result of a row's first issue, and `in_a`, `in_b` say which value the operand
  of the first issue has to be. Stream k of a group belongs to flow + k (so a float32 occupies four flows: four Reads of
  its byte planes have labels v, v + FLOW, v + 2·FLOW, v + 3·FLOW, and an ALU takes it with in_a = v). Issue i of a
  repeated row has instant + i · interval: data move in step with time, so a consumer of every second value repeats with
  twice the interval and needs nothing else. `ProgramBuilder.value` gives fresh labels: a label is made once in a
  program. 0 is no label: what nobody uses may go without.

Versions. What is stored is labelled by `version`:
  Read, Gather       how many times each of the words has been written before (0: constant, input or state).
  Write, Scatter     1 + that number: which version of the words it makes.
  LW, IW, ABC        the number of the weight tile, any number that is unique to a plane's content: LW loads it, IW
                     installs it (all its groups of 16 rows), ABC runs through it.
  ACC                how many updates (SET or ADD) its accumulator slot has had, its own included.
  Send, Receive      the number of the vector among those that the link carries in this direction, from 1 on; issue i
                     of a repeated row has version + i.

Regions. SRAM that a MEM row touches lies in the region it names. Regions with data (constant, input, state, output)
  overlap nothing; scratch regions may overlap each other. Words hold 320 bytes; a region's word i is vector
  first + i · step of the array named `tensor`, shape (vectors, 320) uint8, which the caller supplies for constants,
  inputs and state, and receives for outputs and state. The image is by reference: a program holds no weights.

Repeat n, d with a stride (ours: the papers' Repeat has none): issue i is in cycle + i · interval, at
address + i · stride.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lpu_backend.chip.floorplan import QUEUE_NAMES, STREAMS, UNIT_OF_QUEUE
from lpu_backend.chip.isa import SIGNATURES, AluResult, Immediate, Instruction, Opcode, Operand, Streams
from lpu_backend.errors import ScheduleError

FLOW = 1 << 32
"""Distance of the labels of neighbouring streams of a group."""
NO_OPERAND = 255
IMMEDIATE = 80
FIRST_ALU = STREAMS
"""Codes of operands in rows: 0…63 a stream (the first of its group), 64…79 an ALU's result, 80 the immediate."""

ROW = np.dtype(
    [
        ("cycle", "<i4"),
        ("count", "<i4"),
        ("interval", "<i4"),
        ("version", "<i4"),
        ("region", "<i4"),
        ("op", "<i4"),
        ("in_a", "<i8"),
        ("in_b", "<i8"),
        ("makes", "<i8"),
        ("immediate", "<u4"),
        ("address", "<i2"),
        ("stride", "<i2"),
        ("span", "<u2"),
        ("queue", "u1"),
        ("opcode", "u1"),
        ("a", "u1"),
        ("a_width", "u1"),
        ("b", "u1"),
        ("b_width", "u1"),
        ("out", "u1"),
        ("out_width", "u1"),
    ]
)
"""One instruction: `cycle` of the first of `count` issues, `interval` apart; `op`: index into `Program.ops` or −1."""

REGION = np.dtype(
    [
        ("tensor", "<i4"),
        ("first", "<i4"),
        ("step", "<i4"),
        ("writes", "<i4"),
        ("address", "<u2"),
        ("words", "<u2"),
        ("slice", "u1"),
        ("kind", "u1"),
    ]
)
"""SRAM of one slice. `writes`: how many times every word has been written when the program ends (output, state)."""


class Kind(IntEnum):
    """The use of a region: what it holds when the program starts, and who wants it when it ends."""

    SCRATCH = 0
    CONSTANT = 1
    INPUT = 2
    OUTPUT = 3
    STATE = 4
    """Given at the start, wanted at the end, kept between runs: a KV cache."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """`count` issues, `interval` cycles apart, the address moving by `stride`."""

    count: int = 1
    interval: int = 1
    stride: int = 0


ONCE = Repeat()


@dataclass(frozen=True, slots=True)
class Labels:
    """Values that a row's operands should be, and the one it makes: see the module. 0 and None: does not apply."""

    in_a: int = 0
    in_b: int = 0
    makes: int = 0
    version: int | None = None
    """By default 0 for Read and Gather, 1 for what stores or uses what is stored in an MXM plane."""
    region: int = -1
    """MEM: the index of the region whose words the row touches."""


NO_LABELS = Labels()


_FORMAT = "lpu-program-1"
_KEYS = {"name", "spec", "rows", "regions", "maps", "tensors", "ops"}


@dataclass(frozen=True, eq=False)
class Program:
    """A schedule for one chip. Arrays are not to be written to."""

    name: str
    spec: str
    """Name of the chip description it is scheduled for."""
    rows: npt.NDArray[Any]
    """dtype ROW, sorted by (queue, cycle, opcode)."""
    regions: npt.NDArray[Any]
    """dtype REGION."""
    maps: npt.NDArray[np.int16]
    """Maps of the SXM, shape (maps, 320)."""
    tensors: tuple[str, ...]
    ops: tuple[str, ...]
    """Names of the tensor operations that rows belong to."""

    def to_bytes(self) -> bytes:
        """Return the canonical form: a JSON header, then the arrays, little-endian."""
        header = {
            "format": _FORMAT,
            "name": self.name,
            "spec": self.spec,
            "rows": len(self.rows),
            "regions": len(self.regions),
            "maps": len(self.maps),
            "tensors": self.tensors,
            "ops": self.ops,
        }
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=True).encode()
        arrays = (self.rows.tobytes(), self.regions.tobytes(), self.maps.astype("<i2").tobytes())
        return b"".join((len(text).to_bytes(4, "little"), text, *arrays))

    @classmethod
    def from_bytes(cls, data: bytes) -> Program:
        """Invert `to_bytes`; raises ValueError for anything else."""
        at = 4 + int.from_bytes(data[:4], "little")
        header = _header(data[4:at])
        arrays: list[Any] = []
        for key, dtype in (("rows", ROW), ("regions", REGION), ("maps", np.dtype(("<i2", (320,))))):
            arrays.append(np.frombuffer(data, dtype, header[key], min(at, len(data))))
            at += arrays[-1].nbytes
        if at != len(data):
            raise ValueError("a program of another length than its header says")
        rows, regions, maps = arrays
        names = tuple(header["tensors"]), tuple(header["ops"])
        return cls(header["name"], header["spec"], rows, regions, maps.reshape(-1, 320), *names)

    @cached_property
    def digest(self) -> str:
        """Return the sha256 of the canonical form, in hex."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @property
    def issues(self) -> int:
        """Return the number of issued instructions, repetitions counted."""
        return int(self.rows["count"].sum())

    def text_bytes(self, instruction_bytes: int = 16) -> int:
        """Return the bytes of instruction text: an instruction a row, a Repeat where it repeats, a NOP before a gap."""
        rows = self.rows
        ends = rows["cycle"] + (rows["count"] - 1) * rows["interval"] + 1
        follows = np.zeros(len(rows), bool)
        follows[1:] = (rows["queue"][1:] == rows["queue"][:-1]) & (rows["cycle"][1:] <= ends[:-1])
        return int(instruction_bytes * (len(rows) + (rows["count"] > 1).sum() + (~follows).sum()))

    def sram_bytes(self) -> int:
        """Return the bytes of SRAM that constants, inputs, outputs, state and scratch take (overlaps once)."""
        used = np.zeros((88, 8192), bool)
        for region in self.regions:
            used[region["slice"], region["address"] : int(region["address"]) + int(region["words"])] = True
        return int(used.sum()) * 320


def _header(text: bytes) -> dict[str, Any]:
    """Return the header of the canonical form, its fields of the types they have to be."""
    try:
        header = json.loads(text)
    except RecursionError:
        raise ValueError("not a program of this version") from None
    if not isinstance(header, dict) or header.get("format") != _FORMAT or _KEYS - header.keys():
        raise ValueError("not a program of this version")
    counts, lists = [header[key] for key in ("rows", "regions", "maps")], (header["tensors"], header["ops"])
    right = all(type(count) is int and 0 <= count < 1 << 31 for count in counts)
    right = right and all(isinstance(names, list) for names in lists)
    if not right or not all(
        isinstance(n, str) for n in (header["name"], header["spec"], *lists[0], *lists[1])
    ):
        raise ValueError("a program whose header holds other things than counts and names")
    return header


def in_order(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return rows in canonical order: by queue, cycle, opcode."""
    ordered: npt.NDArray[Any] = rows[np.lexsort((rows["opcode"], rows["cycle"], rows["queue"]))]
    return ordered


def instruction(row: Any) -> Instruction:
    """Return the instruction of a row; raises ValueError for a row that is none."""
    immediate = int(row["immediate"])
    return Instruction(
        Opcode(int(row["opcode"])),
        int(row["address"]),
        int(row["span"]),
        _operand(int(row["a"]), int(row["a_width"]), immediate),
        _operand(int(row["b"]), int(row["b_width"]), immediate),
        None if row["out"] == NO_OPERAND else Streams(int(row["out"]), int(row["out_width"])),
    )


def _operand(code: int, width: int, immediate: int) -> Operand | None:
    if code == NO_OPERAND:
        return None
    if code == IMMEDIATE:
        return Immediate(immediate)
    return AluResult(code - FIRST_ALU) if code >= FIRST_ALU else Streams(code, width)


def _code(operand: Operand | None) -> tuple[int, int, int]:
    """Return code, width and immediate bits of an operand."""
    if operand is None:
        return NO_OPERAND, 0, 0
    if isinstance(operand, Immediate):
        return IMMEDIATE, 4, operand.bits
    if isinstance(operand, AluResult):
        return FIRST_ALU + operand.alu, 4, 0
    return operand.first, operand.width, 0


def encode(
    cycle: int, queue: int, what: Instruction, labels: Labels, repeat: Repeat, op: int = -1
) -> tuple[int, ...]:
    """Return the fields of a ROW, in order; raises ScheduleError when unit, cycle or repetition can't be."""
    unit, name = SIGNATURES[what.opcode].unit, what.opcode.name
    if unit is not None and unit is not UNIT_OF_QUEUE[queue]:
        raise ScheduleError(f"{name} is for {unit.name}", cycle, QUEUE_NAMES[queue], name)
    if cycle < 0 or repeat.count < 1 or repeat.interval < 1:
        raise ScheduleError(f"can't be issued in that way: {repeat}", cycle, QUEUE_NAMES[queue], name)
    version = labels.version
    if version is None:
        version = int(Opcode.WRITE <= what.opcode <= Opcode.ACC_OUT and what.opcode is not Opcode.GATHER)
    a, a_width, a_bits = _code(what.a)
    b, b_width, b_bits = _code(what.b)
    out, out_width, _ = _code(what.out)
    timed = (cycle, repeat.count, repeat.interval, version, labels.region, op)
    labelled = (labels.in_a, labels.in_b, labels.makes, a_bits | b_bits)
    fields = (what.address, repeat.stride, what.span, queue, int(what.opcode))
    return (*timed, *labelled, *fields, a, a_width, b, b_width, out, out_width)


class ProgramBuilder:
    """Collects rows, regions and maps. Checks what one row can show; the rest is for `verify`."""

    def __init__(self, name: str, spec: str) -> None:
        self._name = name
        self._spec = spec
        self._rows: list[tuple[int, ...]] = []
        self._blocks: list[npt.NDArray[Any]] = []
        self._regions: list[tuple[int, ...]] = []
        self._maps: dict[bytes, int] = {}
        self._tensors: dict[str, int] = {}
        self._ops: dict[str, int] = {}
        self._op = -1
        self._flows = 1

    def value(self, width: int = 1) -> int:
        """Return a fresh label for a value on `width` streams."""
        label = self._flows * FLOW
        self._flows += width
        return label

    def map(self, lanes: npt.ArrayLike) -> int:
        """Return the index of a map of the SXM, 320 int16; equal maps share one."""
        array = np.ascontiguousarray(lanes, "<i2")
        if array.shape != (320,):
            raise ValueError(f"a map has 320 lanes, not {array.shape}")
        return self._maps.setdefault(array.tobytes(), len(self._maps))

    def region(
        self,
        kind: Kind,
        place: tuple[int, int, int],
        tensor: str = "",
        first: int = 0,
        step: int = 1,
        writes: int = 0,
    ) -> int:
        """Add SRAM at `place` = (slice 0…87, first address, words) for vectors first, first + step, … of `tensor`."""
        number = self._tensors.setdefault(tensor, len(self._tensors)) if kind is not Kind.SCRATCH else -1
        mem_slice, address, words = place
        if not (0 <= mem_slice < 88 and address >= 0 and words > 0 and address + words <= 8192):
            raise ValueError(
                f"region of {tensor!r}: {words} words at {address} of slice {mem_slice} are outside"
            )
        self._regions.append((number, first, step, writes, address, words, mem_slice, kind))
        return len(self._regions) - 1

    @contextmanager
    def op(self, name: str) -> Iterator[None]:
        """Let rows issued inside belong to the tensor operation `name`."""
        before, self._op = self._op, self._ops.setdefault(name, len(self._ops))
        yield
        self._op = before

    def issue(
        self, cycle: int, queue: int, what: Instruction, labels: Labels = NO_LABELS, repeat: Repeat = ONCE
    ) -> None:
        """Add a row: `what` from `queue` in `cycle`, repeated; `labels` say what its operands and its result are.

        Raises ScheduleError when the unit, the cycle or the repetition can't be.
        """
        self._rows.append(encode(cycle, queue, what, labels, repeat, self._op))

    def extend(self, rows: npt.NDArray[Any]) -> None:
        """Add rows made elsewhere (dtype ROW) as they are: for sweeps of thousands of rows made by numpy."""
        self._blocks.append(rows.astype(ROW))

    def build(self) -> Program:
        """Build the program, in canonical order."""
        rows = in_order(np.concatenate([np.array(self._rows, ROW), *self._blocks]))
        maps = np.frombuffer(b"".join(self._maps), "<i2").reshape(-1, 320)
        regions = np.array(self._regions, REGION)
        return Program(self._name, self._spec, rows, regions, maps, tuple(self._tensors), tuple(self._ops))
