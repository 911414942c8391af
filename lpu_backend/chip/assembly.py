"""Programs as text, read: `parse` is the inverse of `listing.to_text`, which documents the form.

The parser takes any text: its errors are AssemblyError with line and column, its work is bounded by the text's length,
which is limited to LIMIT_CHARACTERS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from lpu_backend.chip.floorplan import MEM_QUEUES, QUEUE_BY_NAME, STREAMS_A_DIRECTION
from lpu_backend.chip.isa import (
    NO_FIELD,
    SIGNATURES,
    AluResult,
    Immediate,
    Instruction,
    Opcode,
    Operand,
    Streams,
)
from lpu_backend.chip.program import REGION, ROW, Kind, Labels, Program, Repeat, encode, in_order
from lpu_backend.errors import AssemblyError, ScheduleError

LIMIT_CHARACTERS = 1 << 27
_NAME = r'"(?:[^"\\]|\\.)*(?:"|\\?$)'  # an unfinished name reaches to the end of the line
_TOKEN = re.compile(_NAME + r'|->|[{}]|[^\s{}"]+')
_COMMENT = re.compile(_NAME + "|;")
_CYCLE = re.compile(r"([0-9]{1,10}):")
_INTEGER = re.compile(r"[+-]?[0-9]{1,10}")
_STREAMS = re.compile(r"([EW])([0-9]{1,2})(?:-([0-9]{1,2}))?")
_VALUE = re.compile(r"v([0-9]{1,10})(?:\.([0-9]{1,10}))?")
_RUN = re.compile(r"(-?[0-9]{1,5})(?:\.\.([0-9]{1,5})|\*([0-9]{1,5}))?")
_STEPS = re.compile(r"([0-9]{1,9})/(-?[0-9]{1,9})")
_KINDS = {kind.name.lower(): int(kind) for kind in Kind}
_SLICES = {name: queue for name, queue in QUEUE_BY_NAME.items() if queue in MEM_QUEUES}
_OPCODES = {opcode.name: int(opcode) for opcode in Opcode}
I32 = 2**31 - 1


@dataclass(slots=True)
class _Line:
    """The tokens of a line, taken one by one; errors know where they are."""

    number: int
    text: str
    tokens: list[tuple[str, int]] = field(default_factory=list)
    at: int = 0

    def __post_init__(self) -> None:
        self.tokens = [(match.group(), match.start() + 1) for match in _TOKEN.finditer(self.text)]

    def error(self, what: str) -> AssemblyError:
        """Return the error at the token that was taken last."""
        column = self.tokens[max(self.at - 1, 0)][1] if self.tokens else 1
        return AssemblyError(what, self.number, column)

    def peek(self) -> str:
        """Return the next token, empty at the end."""
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self, what: str) -> str:
        """Take the next token; `what` names it in the error when there is none."""
        if self.at == len(self.tokens):
            raise AssemblyError(f"{what} is missing", self.number, len(self.text) + 1)
        self.at += 1
        return self.tokens[self.at - 1][0]

    def integer(self, what: str, low: int, high: int, prefix: str = "") -> int:
        """Take an integer in a range, after a prefix."""
        token = self.take(what)
        digits = token[len(prefix) :]
        if not token.startswith(prefix) or not _INTEGER.fullmatch(digits):
            raise self.error(f"{what} is {prefix}<integer>, not {token[:40]!r}")
        if not low <= int(digits) <= high:
            raise self.error(f"{what} {int(digits)} is not in {low}…{high}")
        return int(digits)

    def name(self, what: str) -> str:
        """Take a quoted name."""
        token = self.take(what)
        try:
            name = json.loads(token)
        except ValueError:
            name = None
        if not isinstance(name, str):
            raise self.error(f"{what} is a name in quotes, not {token[:40]!r}")
        return name

    def one_of(self, what: str, names: dict[str, int]) -> int:
        """Take a word of a list."""
        token = self.take(what)
        if token not in names:
            raise self.error(f"there is no {what} {token[:40]!r}")
        return names[token]

    def end(self) -> None:
        """Refuse anything that follows."""
        if self.at < len(self.tokens):
            self.at += 1
            raise self.error(f"{self.tokens[self.at - 1][0][:40]!r} is one word too many")


@dataclass(slots=True)
class _Text:
    """The part of a program that has been read so far."""

    names: tuple[str, str] | None = None
    ops: dict[str, int] = field(default_factory=dict)
    tensors: dict[str, int] = field(default_factory=dict)
    maps: list[list[int]] = field(default_factory=list)
    regions: list[tuple[int, ...]] = field(default_factory=list)
    rows: list[tuple[int, ...]] = field(default_factory=list)


def parse(text: str) -> Program:
    """Return the program of a text; raises AssemblyError with line and column for a text that is none."""
    if len(text) > LIMIT_CHARACTERS:
        raise AssemblyError(f"longer than {LIMIT_CHARACTERS:,} characters", 1, 1)
    read = _Text()
    for line in _lines(text):
        word = line.take("the line")
        cycle = _CYCLE.fullmatch(word)
        if cycle:
            read.rows.append(_row(line, int(cycle[1]), read))
        elif word in _DIRECTIVES:
            _DIRECTIVES[word](line, read)
        else:
            raise line.error(
                f"a line starts with a cycle and a colon, or with one of {' '.join(_DIRECTIVES)}"
            )
        line.end()
    if read.names is None:
        raise AssemblyError(".program is missing", 1, 1)
    rows = in_order(np.array(read.rows, ROW))
    maps = np.array(read.maps, "<i2").reshape(-1, 320)
    regions = np.array(read.regions, REGION)
    return Program(*read.names, rows, regions, maps, tuple(read.tensors), tuple(read.ops))


def _lines(text: str) -> Iterator[_Line]:
    """Yield lines with anything in them, without comments."""
    for number, line in enumerate(text.split("\n"), 1):
        code = _without_comment(line)
        if code.strip():
            yield _Line(number, code)


def _without_comment(line: str) -> str:
    comment = next((match.start() for match in _COMMENT.finditer(line) if match.group() == ";"), None)
    return line[:comment]


def _program(line: _Line, read: _Text) -> None:
    if read.names is not None:
        raise line.error("a second .program")
    read.names = line.name("the program's name"), line.name("the name of its chip")


def _op(line: _Line, read: _Text) -> None:
    _declare(line, read.ops, "operation")


def _tensor(line: _Line, read: _Text) -> None:
    _declare(line, read.tensors, "tensor")


def _declare(line: _Line, table: dict[str, int], what: str) -> None:
    name = line.name(f"the {what}")
    if name in table:
        raise line.error(f"{what} {name[:40]!r} is declared twice")
    table[name] = len(table)


def _declared(line: _Line, table: dict[str, int], what: str) -> int:
    name = line.name(f"the {what}")
    if name not in table:
        raise line.error(f"{what} {name[:40]!r} is not declared")
    return table[name]


def _map(line: _Line, read: _Text) -> None:
    lanes: list[int] = []
    while line.peek():
        token = line.take("a lane")
        run = _RUN.fullmatch(token)
        if not run:
            raise line.error(f"a lane is a number, a..b or v*n, not {token[:40]!r}")
        first, last, times = int(run[1]), run[2], int(run[3] or 1)
        values = range(first, int(last) + 1) if last else [first] * min(times, 321)
        if not -(2**15) <= first < 2**15 or (last and int(last) >= 2**15) or len(lanes) + len(values) > 320:
            raise line.error("a map has 320 lanes of 16 bits")
        lanes.extend(values)
    if len(lanes) != 320:
        raise line.error(f"a map has 320 lanes, not {len(lanes)}")
    read.maps.append(lanes)


def _region(line: _Line, read: _Text) -> None:
    line.integer("the region's number", len(read.regions), len(read.regions))
    kind = line.one_of("kind", _KINDS)
    mem_slice = line.one_of("slice", _SLICES)
    address, words = line.integer("address", 0, 8191), line.integer("words", 1, 8192, "+")
    tensor = -1
    if kind == Kind.SCRATCH:
        line.one_of("tensor of scratch", {"-": -1})
    else:
        tensor = _declared(line, read.tensors, "tensor")
    token = line.take("first / step")
    steps = _STEPS.fullmatch(token)
    if not steps:
        raise line.error(f"first / step is two numbers, not {token[:40]!r}")
    writes = line.integer("writes", 0, I32, "w")
    read.regions.append((tensor, int(steps[1]), int(steps[2]), writes, address, words, mem_slice, kind))


_DIRECTIVES: dict[str, Callable[[_Line, _Text], None]] = {
    ".program": _program,
    ".op": _op,
    ".tensor": _tensor,
    ".map": _map,
    ".region": _region,
}


def _row(line: _Line, cycle: int, read: _Text) -> tuple[int, ...]:
    """Return a row from `cycle: queue instruction repeat {labels}`."""
    if cycle > I32:
        raise line.error(f"cycle {cycle} is not in 0…{I32}")
    queue = line.one_of("queue", QUEUE_BY_NAME)
    what = _instruction(line)
    repeat = _repeat(line)
    labels, op = _labels(line, read.ops)
    try:
        return encode(cycle, queue, what, labels, repeat, op)
    except ScheduleError as error:
        raise line.error(error.what) from None


def _instruction(line: _Line) -> Instruction:
    opcode = Opcode(line.one_of("instruction", _OPCODES))
    signature = SIGNATURES[opcode]
    address = span = 0
    if signature.address is not NO_FIELD:
        address = line.integer(signature.address.name, signature.address.low, signature.address.high)
    if signature.span is not NO_FIELD:
        span = line.integer(signature.span.name, signature.span.low, signature.span.high, "+")
    a = _operand(line) if signature.a else None
    b = _operand(line) if signature.b else None
    out: Streams | None = None
    if line.peek() == "->":
        line.take("->")
        result = _operand(line)
        if not isinstance(result, Streams):
            raise line.error(f"a result goes onto streams, not {result}")
        out = result
    try:
        return Instruction(opcode, address, span, a, b, out)
    except ValueError as error:
        raise line.error(str(error)) from None


def _operand(line: _Line) -> Operand:
    token = line.take("an operand")
    group = _STREAMS.fullmatch(token)
    try:
        if group:
            first, last = int(group[2]), int(group[3] or group[2])
            if max(first, last) >= STREAMS_A_DIRECTION:
                raise ValueError(f"a direction has streams 0…{STREAMS_A_DIRECTION - 1}")
            return Streams(first + STREAMS_A_DIRECTION * (group[1] == "W"), last - first + 1)
        if re.fullmatch(r"VXM[0-9]{1,2}", token):
            return AluResult(int(token[3:]))
        if re.fullmatch(r"#0x[0-9a-f]{1,8}", token):
            return Immediate(int(token[3:], 16))
    except ValueError as error:
        raise line.error(str(error)) from None
    raise line.error(f"an operand is E0, W4-7, VXM3 or #0x3f800000, not {token[:40]!r}")


def _repeat(line: _Line) -> Repeat:
    if not line.peek().startswith("x"):
        return Repeat()
    count, interval, stride = line.integer("count", 1, I32, "x"), 1, 0
    if line.peek().startswith("/"):
        interval = line.integer("interval", 1, I32, "/")
    if line.peek()[:1] in ("+", "-") and line.peek() != "->":
        stride = line.integer("stride", -(2**15), 2**15 - 1)
    return Repeat(count, interval, stride)


def _labels(line: _Line, ops: dict[str, int]) -> tuple[Labels, int]:
    """Return what stands in braces, and the operation."""
    numbers = {"version": 0, "region": -1}
    values, op = {"a": 0, "b": 0, "makes": 0}, -1
    if line.peek() == "{":
        line.take("{")
        while line.peek() != "}":
            word = line.take("a label or a closing brace")
            if word in numbers:
                numbers[word] = line.integer(word, -(2**31), I32)
            elif word in ("a", "b"):
                values[word] = _label(line, line.take("a value"))
            elif word == "op":
                op = _declared(line, ops, "operation")
            else:
                values["makes"] = _label(line, word)
        line.take("}")
    return Labels(values["a"], values["b"], values["makes"], numbers["version"], numbers["region"]), op


def _label(line: _Line, token: str) -> int:
    value = _VALUE.fullmatch(token)
    if not value or int(value[1]) > I32 or int(value[2] or 0) >= 1 << 32:
        raise line.error(f"a value is v<flow> or v<flow>.<instant>, not {token[:40]!r}")
    return (int(value[1]) << 32) + int(value[2] or 0)
