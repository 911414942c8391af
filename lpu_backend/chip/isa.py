"""The instructions of the chip. The encoding of the real chip is not public: names follow the papers, fields are ours.

An instruction is an opcode with an address field, a span field, up to two operands and a result. `SIGNATURES` states,
for every opcode, its unit, what the fields mean, their ranges and the widths of streams it takes and gives.

Operands and results are groups of neighbouring byte streams (`Streams`): width 1 (int8), 2 (int16, float16), 4 (int32,
float32), 16 (weights, transposes), aligned to their width, byte planes little-endian (the first stream holds the
lowest byte). The VXM takes also the result of an ALU (`AluResult`) and a 32-bit constant (`Immediate`).

Timing (delays: `timing.py`). An instruction issued in cycle T samples its stream operands in cycle T − skew, at its
slot of the stream axis, and drives its result in cycle T + delay at its slot (`floorplan.py`). All 20 tiles behave
alike, one cycle apart; T is the bottom tile's cycle, and the whole program ends 20 tiles later.

  Read      SRAM word of T; drives T + 1.                     Write     samples T; the word can be read from T + 1.
  Gather    samples the map in T; drives T + 1.               Scatter   samples map and data in T; readable from T + 1.
  VXM       samples streams in T − 4, an AluResult in T (the other ALU has to be issued in exactly T − 3);
            drives, and is an AluResult for others, in T + 3. Nothing is held: an AluResult lives one cycle.
  LW        samples 16 streams in T − 4: rows 16·r … 16·r+15 of the plane's weight buffer, from T + 1. 20 of them
            (Repeat, stride 1) fill a plane: stream k of cycle r holds the weights of output 16·r + k, its lanes are K.
  IW        installs rows 0 … 16·groups − 1 of the buffer as of cycle T; other rows are zero. ABC may use them from
            T + 1. Two IW of a plane are at least 26 cycles apart (see the spec); LW may refill the buffer from T on.
            LW and IW share a queue.
  ABC       samples an activation vector in T − 4; its 320 dot products (lane n = output n) reach the accumulators in
            T + 20. ABC_F16 takes two streams, uses planes p and p + 1 (p even; the installed rows of p hold the low
            bytes, of p + 1 the high bytes of the weights) for two cycles each, and rounds the exact sum once.
  ACC       in T takes the dot products that arrive in T (ABC was issued in exactly T − 20): ACC_SET and ACC_ADD put
            them into accumulator `slot`, …_OUT also emits the new content, drives 4 streams (int32, or float32 after
            ABC_F16) in T + 4. ACC_OUT only emits. Products that no ACC takes are lost.
  SXM       samples in T − 4; drives in T + 2 (Transpose: T + 4).

SXM semantics, for each byte plane (lanes 0…319, superlane = lane // 16). `map` is a row of the program's table of maps
(320 int16):
  Shift      out[l] = a[l − lanes], zero where that lies outside (lanes > 0 moves up).
  Rotate     n = 3 or 4 streams from a; out stream n·i + j = a_i with lanes rotated up by j inside the superlane.
  Select     out[l] = a[l] where map[l] ≠ 0, else b[l].
  Permute    out[l] = a[map[l]]; the map is a bijection of all lanes.
  Distribute out[l] = a[map[l]], zero where map[l] = −1; source and destination lie in one superlane.
  Transpose  16 streams: inside every superlane, lane j of out stream i = lane i of a stream j.

MEM: `Gather`: tile t's word is address + m, m = int16 in lane 16·t of the map (2 streams), 0 ≤ m < span; a negative m
gives zeros. `Scatter`: tile t's 16 bytes go to word address + m; a negative m leaves tile t's words alone: a superlane
mask. Values m ≥ span are an execution error; the verifier counts the whole span as touched.

VXM: 32-bit lanes. Streams of width 1 and 2 are sign-extended; results of width 1 and 2 are the low bytes. A float
operation reads the bits as float32. See `numerics.py` for values. Topology (community-measured): ALU 4·row + rank takes
streams of SG4 groups 2·row … 2·row + 3 (mod 8) of either direction, where group = stream % 32 // 4; Exp, RSqrt, TanH
and conversions need one of the eight large ALUs; one group may not enter an ALU from both directions. An AluResult may
come from any other ALU, or the same (our simplification of the mesh), and a result may leave on any stream.

C2C: `Send` samples a vector in T and puts it on its link, which it occupies for 20 cycles (see the spec). `Receive`
takes the vector that arrives at its link in exactly T, and drives it in T + 1. Between the two lies the latency of the
wire (`links.py`). Nothing is held: a vector that no Receive takes is lost. A link may send and receive in one cycle.

ICU: a queue issues at most one instruction a cycle (MEM: one of Read, Gather and one of Write, Scatter). Repeat is a
field of the program's rows (`program.py`). NOPs are the gaps between cycles. Ifetch, Sync, Notify, Config and Deskew
are defined, listed and counted; they move no values.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from lpu_backend.chip.floorplan import STREAMS, STREAMS_A_DIRECTION, Unit, stream_name


class Opcode(IntEnum):
    """All operations. The numbers are ours and stable: they are part of a program's digest."""

    IFETCH = 1
    SYNC = 2
    NOTIFY = 3
    CONFIG = 4
    READ = 8
    WRITE = 9
    GATHER = 10
    SCATTER = 11
    LW = 16
    IW = 17
    ABC_I8 = 18
    ABC_F16 = 19
    ACC_SET = 20
    ACC_ADD = 21
    ACC_SET_OUT = 22
    ACC_ADD_OUT = 23
    ACC_OUT = 24
    SHIFT = 32
    ROTATE = 33
    SELECT = 34
    PERMUTE = 35
    DISTRIBUTE = 36
    TRANSPOSE = 37
    SEND = 40
    RECEIVE = 41
    DESKEW = 42
    # VXM, unary
    COPY = 64
    NOT = 65
    NEG_I32 = 66
    NEG_F32 = 67
    ABS_F32 = 68
    RELU_F32 = 69
    EXP = 70
    RSQRT = 71
    TANH = 72
    I32_TO_F32 = 73
    F32_TO_I32 = 74
    F16_TO_F32 = 75
    F32_TO_F16 = 76
    I32_TO_I16 = 77
    I32_TO_I8 = 78
    # VXM, binary
    ADD_F32 = 96
    SUB_F32 = 97
    MUL_F32 = 98
    MAX_F32 = 99
    MIN_F32 = 100
    ADD_I32 = 101
    SUB_I32 = 102
    MUL_I32 = 103
    ADD_SAT_I32 = 104
    SUB_SAT_I32 = 105
    MUL_SAT_I32 = 106
    MAX_I32 = 107
    MIN_I32 = 108
    AND = 109
    OR = 110
    XOR = 111
    SHL_I32 = 112
    SHR_I32 = 113


@dataclass(frozen=True, slots=True)
class Streams:
    """A group of neighbouring byte streams of one direction, aligned to its width. First: 0…31 east, 32…63 west."""

    first: int
    width: int = 1

    def __post_init__(self) -> None:
        if self.width not in (1, 2, 4, 16):
            raise ValueError(f"a stream group is 1, 2, 4 or 16 wide, not {self.width}")
        if not 0 <= self.first < STREAMS or self.first % self.width:
            raise ValueError(f"no stream group of width {self.width} starts at stream {self.first}")

    def __str__(self) -> str:
        last = self.first % STREAMS_A_DIRECTION + self.width - 1
        return stream_name(self.first) + (f"-{last}" if self.width > 1 else "")


def E(stream: int, width: int = 1) -> Streams:
    """Return eastward streams E`stream` … of this width."""
    return Streams(_in_direction(stream), width)


def W(stream: int, width: int = 1) -> Streams:
    """Return westward streams W`stream` … of this width."""
    return Streams(STREAMS_A_DIRECTION + _in_direction(stream), width)


def _in_direction(stream: int) -> int:
    if not 0 <= stream < STREAMS_A_DIRECTION:
        raise ValueError(f"stream {stream}: a direction has 0…{STREAMS_A_DIRECTION - 1}")
    return stream


@dataclass(frozen=True, slots=True)
class AluResult:
    """The result of ALU 0…15, in the one cycle in which it appears."""

    alu: int

    def __post_init__(self) -> None:
        if not 0 <= self.alu < 16:
            raise ValueError(f"ALU {self.alu}: there are 0…15")

    def __str__(self) -> str:
        return f"VXM{self.alu}"


@dataclass(frozen=True, slots=True)
class Immediate:
    """A 32-bit constant, the same in all lanes (our definition). `bits`: 0 … 2³² − 1."""

    bits: int

    def __post_init__(self) -> None:
        if not 0 <= self.bits < 1 << 32:
            raise ValueError(f"an immediate has 32 bits, {self.bits} does not fit")

    def __str__(self) -> str:
        return f"#0x{self.bits:08x}"


Operand = Streams | AluResult | Immediate


@dataclass(frozen=True, slots=True)
class Field:
    """Meaning of an integer field of an instruction, and its range (inclusive)."""

    name: str
    low: int
    high: int


NO_FIELD = Field("", 0, 0)
ADDRESS = Field("address", 0, 8191)
SPAN = Field("span", 1, 8192)
MAP = Field("map", 0, 32767)
SLOT = Field("slot", 0, 639)


@dataclass(frozen=True, slots=True)
class Signature:
    """Unit, fields, and the allowed widths of the operands and the result; no width: absent."""

    unit: Unit | None
    """None: any queue (ICU)."""
    address: Field = NO_FIELD
    span: Field = NO_FIELD
    a: tuple[int, ...] = ()
    b: tuple[int, ...] = ()
    out: tuple[int, ...] = ()
    out_required: bool = True


_BYTES = (1, 2, 4)


def _acc(emits: bool) -> Signature:
    return Signature(Unit.MXM_ACCUMULATORS, SLOT, out=(4,) if emits else ())


SIGNATURES: dict[Opcode, Signature] = {
    Opcode.IFETCH: Signature(None, a=(1,)),
    Opcode.SYNC: Signature(None),
    Opcode.NOTIFY: Signature(None),
    Opcode.CONFIG: Signature(None, Field("superlanes", 1, 20)),
    Opcode.READ: Signature(Unit.MEM, ADDRESS, out=(1,)),
    Opcode.WRITE: Signature(Unit.MEM, ADDRESS, a=(1,)),
    Opcode.GATHER: Signature(Unit.MEM, ADDRESS, SPAN, a=(2,), out=(1,)),
    Opcode.SCATTER: Signature(Unit.MEM, ADDRESS, SPAN, a=(2,), b=(1,)),
    Opcode.LW: Signature(Unit.MXM_WEIGHTS, Field("row", 0, 19), a=(16,)),
    Opcode.IW: Signature(Unit.MXM_WEIGHTS, span=Field("groups", 1, 20)),
    Opcode.ABC_I8: Signature(Unit.MXM_ACTIVATIONS, a=(1,)),
    Opcode.ABC_F16: Signature(Unit.MXM_ACTIVATIONS, a=(2,)),
    Opcode.ACC_SET: _acc(emits=False),
    Opcode.ACC_ADD: _acc(emits=False),
    Opcode.ACC_SET_OUT: _acc(emits=True),
    Opcode.ACC_ADD_OUT: _acc(emits=True),
    Opcode.ACC_OUT: _acc(emits=True),
    Opcode.SHIFT: Signature(Unit.SXM_SHIFT, Field("lanes", -319, 319), a=_BYTES, out=_BYTES),
    Opcode.ROTATE: Signature(Unit.SXM_SHIFT, Field("n", 3, 4), a=(4,), out=(16,)),
    Opcode.SELECT: Signature(Unit.SXM_SELECT, MAP, a=_BYTES, b=_BYTES, out=_BYTES),
    Opcode.PERMUTE: Signature(Unit.SXM_PERMUTE, MAP, a=_BYTES, out=_BYTES),
    Opcode.DISTRIBUTE: Signature(Unit.SXM_DISTRIBUTE, MAP, a=_BYTES, out=_BYTES),
    Opcode.TRANSPOSE: Signature(Unit.SXM_TRANSPOSE, a=(16,), out=(16,)),
    Opcode.SEND: Signature(Unit.C2C, a=(1,)),
    Opcode.RECEIVE: Signature(Unit.C2C, out=(1,)),
    Opcode.DESKEW: Signature(Unit.C2C),
    **{op: Signature(Unit.VXM, a=_BYTES, out=_BYTES, out_required=False) for op in Opcode if 64 <= op < 96},
    **{
        op: Signature(Unit.VXM, a=_BYTES, b=_BYTES, out=_BYTES, out_required=False)
        for op in Opcode
        if op >= 96
    },
}

LARGE_ALUS = frozenset({0, 2, 5, 7, 8, 10, 13, 15})
LARGE_ONLY = frozenset(range(Opcode.EXP, Opcode.I32_TO_I8 + 1))
"""Opcodes that need a large ALU: Exp, RSqrt, TanH and the conversions."""


def alu_takes_group(alu: int, group: int) -> bool:
    """Return whether the SG4 group 0…7 (of either direction) can enter this ALU."""
    return (group - 2 * (alu // 4)) % 8 < 4


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; raises ValueError when a field or an operand is outside its opcode's signature."""

    opcode: Opcode
    address: int = 0
    """SRAM word, row group, accumulator slot, map, lanes: see `SIGNATURES`."""
    span: int = 0
    a: Operand | None = None
    b: Operand | None = None
    out: Streams | None = None

    def __post_init__(self) -> None:
        signature = SIGNATURES[self.opcode]
        for value, meaning in ((self.address, signature.address), (self.span, signature.span)):
            if not meaning.low <= value <= meaning.high:
                name = meaning.name or "a field it does not have"
                raise ValueError(f"{self.opcode.name}: {name} {value} is not in {meaning.low}…{meaning.high}")
        for name, operand, widths, required in (
            ("a", self.a, signature.a, True),
            ("b", self.b, signature.b, True),
            ("out", self.out, signature.out, signature.out_required),
        ):
            self._check_operand(name, operand, widths, required)
        if isinstance(self.a, Immediate) and isinstance(self.b, Immediate):
            raise ValueError(f"{self.opcode.name}: one operand may be an immediate, not both")
        if self.opcode in _SAME_WIDTH:
            widths_used = {o.width for o in (self.a, self.b, self.out) if isinstance(o, Streams)}
            if len(widths_used) > 1:
                raise ValueError(
                    f"{self.opcode.name}: operands and result have one width, not {sorted(widths_used)}"
                )

    def __str__(self) -> str:
        """Return the line of assembly: opcode, address, +span, operands, -> result; absent ones left out."""
        signature, words = SIGNATURES[self.opcode], [self.opcode.name]
        if signature.address is not NO_FIELD:
            words.append(str(self.address))
        if signature.span is not NO_FIELD:
            words.append(f"+{self.span}")
        words += [str(operand) for operand in (self.a, self.b) if operand is not None]
        return " ".join(words + ([f"-> {self.out}"] if self.out else []))

    def _check_operand(
        self, name: str, operand: Operand | None, widths: tuple[int, ...], required: bool
    ) -> None:
        if operand is None:
            if widths and required:
                raise ValueError(f"{self.opcode.name} needs {name}")
        elif not widths:
            raise ValueError(f"{self.opcode.name} has no {name}")
        elif isinstance(operand, Streams):
            if operand.width not in widths:
                raise ValueError(f"{self.opcode.name}: {name} is {operand.width} wide, allowed: {widths}")
        elif SIGNATURES[self.opcode].unit is not Unit.VXM:
            raise ValueError(f"{self.opcode.name}: {name} has to be a stream, not {operand}")


_SAME_WIDTH = frozenset({Opcode.SHIFT, Opcode.SELECT, Opcode.PERMUTE, Opcode.DISTRIBUTE})


def read(address: int, out: Streams) -> Instruction:
    """Return MEM's Read: the word at `address` onto a stream."""
    return Instruction(Opcode.READ, address, out=out)


def write(address: int, data: Streams) -> Instruction:
    """Return MEM's Write: a stream's vector into the word at `address`."""
    return Instruction(Opcode.WRITE, address, a=data)


def gather(address: int, span: int, index: Streams, out: Streams) -> Instruction:
    """Return MEM's Gather: each tile's word at address + its int16 of the map `index` (2 streams) onto a stream."""
    return Instruction(Opcode.GATHER, address, span, a=index, out=out)


def scatter(address: int, span: int, index: Streams, data: Streams) -> Instruction:
    """Return MEM's Scatter: each tile's 16 bytes of `data` into word address + its int16 of the map; negative: none."""
    return Instruction(Opcode.SCATTER, address, span, a=index, b=data)


def lw(row: int, weights: Streams) -> Instruction:
    """Return LW of the MXM: 16 streams into rows 16·row … of the weight buffer."""
    return Instruction(Opcode.LW, row, a=weights)


def iw(groups: int = 20) -> Instruction:
    """Return IW of the MXM: the buffer's first `groups` groups of 16 rows, and zeros in the plane's other rows."""
    return Instruction(Opcode.IW, span=groups)


def abc(activations: Streams) -> Instruction:
    """Return ABC of the MXM: one vector through the installed weights; INT8 on one stream, FP16 on two."""
    return Instruction(Opcode.ABC_I8 if activations.width == 1 else Opcode.ABC_F16, a=activations)


def acc(opcode: Opcode, slot: int, out: Streams | None = None) -> Instruction:
    """Return one of the MXM's ACC_… opcodes on accumulator `slot`."""
    return Instruction(opcode, slot, out=out)


def alu(opcode: Opcode, a: Operand, b: Operand | None = None, out: Streams | None = None) -> Instruction:
    """Return a lane-wise operation of the VXM; without `out` the result is for other ALUs only."""
    return Instruction(opcode, a=a, b=b, out=out)
