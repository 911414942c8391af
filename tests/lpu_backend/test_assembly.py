"""Programs as text: a listing a person can read, read back to the bit; hostile text is refused with line and column."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpu_backend.chip.assembly import parse
from lpu_backend.chip.floorplan import QUEUE_NAMES, UNIT_OF_QUEUE, Unit
from lpu_backend.chip.isa import SIGNATURES, AluResult, Immediate, Instruction, Opcode, Streams
from lpu_backend.chip.listing import to_text
from lpu_backend.chip.lockstep import run
from lpu_backend.chip.program import Kind, Labels, Program, ProgramBuilder, Repeat, in_order, instruction
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.chip.verify import verify
from lpu_backend.errors import AssemblyError
from lpu_backend.estimate.probes import vector_sum
from tests.lpu_backend.examples import matmul_tile
from tests.lpu_backend.zoo import ZOO, image_of

GOLDEN = Path(__file__).parent / "golden" / "matmul.lpu"
PROGRAMS = [vector_sum(6), matmul_tile(2), *(make() for make in ZOO)]
TEXT = to_text(vector_sum(2))


def test_the_golden_listing() -> None:
    """The matrix product by hand, to be read beside the README; `to_text` writes it, `parse` reads it."""
    assert to_text(matmul_tile(2)) == GOLDEN.read_text()
    assert parse(GOLDEN.read_text()).digest == matmul_tile(2).digest


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_text_and_back(program: Program) -> None:
    """The same bytes, whatever the order of lines; and what was read runs."""
    head = [line for line in to_text(program).splitlines() if line.startswith(".")]
    rows = [line for line in to_text(program).splitlines() if not line.startswith(".")]
    again = parse("\n".join(head + rows[::-1]))

    assert parse(to_text(program)).to_bytes() == program.to_bytes() == again.to_bytes()
    verify(again, PRODUCT)
    run(again, image_of(program), PRODUCT)


UNITS = {unit: [q for q, u in enumerate(UNIT_OF_QUEUE) if u is unit] for unit in Unit}


@st.composite
def instructions(draw: st.DrawFn) -> Instruction:
    """Any instruction there is."""
    opcode = draw(st.sampled_from(list(Opcode)))
    signature = SIGNATURES[opcode]
    width = draw(st.sampled_from(signature.a or (1,)))
    same = opcode in (Opcode.SHIFT, Opcode.SELECT, Opcode.PERMUTE, Opcode.DISTRIBUTE)

    def streams(widths: tuple[int, ...]) -> Streams:
        wide = width if same else draw(st.sampled_from(widths))
        return Streams(draw(st.integers(0, 64 // wide - 1)) * wide, wide)

    def operand(name: str) -> Streams | AluResult | Immediate | None:
        widths = getattr(signature, name)
        kind = draw(st.integers(0, 2)) if signature.unit is Unit.VXM and widths else 0
        if kind == 1:
            return AluResult(draw(st.integers(0, 15)))
        if kind == 2 and name == "b":
            return Immediate(draw(st.integers(0, 2**32 - 1)))
        return streams(widths) if widths else None

    out = (
        streams(signature.out) if signature.out and (signature.out_required or draw(st.booleans())) else None
    )
    address = draw(st.integers(signature.address.low, signature.address.high))
    span = draw(st.integers(signature.span.low, signature.span.high))
    return Instruction(opcode, address, span, operand("a"), operand("b"), out)


NAMES = st.text(max_size=8)
I32 = st.integers(0, 2**31 - 1)
VALUES = st.just(0) | st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**32 - 1)).map(
    lambda v: (v[0] << 32) + v[1]
)
MAPS = st.lists(st.integers(-(2**15), 2**15 - 1), min_size=320, max_size=320) | st.permutations(range(320))


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Programs of valid rows that make no sense."""
    b = ProgramBuilder(draw(NAMES), draw(NAMES))
    for lanes in draw(st.lists(MAPS | st.just([-1] * 100 + [7] * 220), max_size=2)):
        b.map(lanes)
    for _ in range(draw(st.integers(0, 4))):
        address = draw(st.integers(0, 8191))
        place = draw(st.integers(0, 87)), address, draw(st.integers(1, 8192 - address))
        first, step = draw(st.integers(0, 10**9 - 1)), draw(st.integers(-(10**9) + 1, 10**9 - 1))
        b.region(draw(st.sampled_from(list(Kind))), place, draw(NAMES), first, step, draw(I32))
    for what in draw(st.lists(instructions(), max_size=6)):
        unit = SIGNATURES[what.opcode].unit
        queue = draw(st.sampled_from(range(144) if unit is None else UNITS[unit]))
        labels = Labels(draw(VALUES), draw(VALUES), draw(VALUES), draw(I32), draw(st.integers(-1, 2**31 - 1)))
        repeat = Repeat(draw(I32) or 1, draw(st.just(1) | I32) or 1, draw(st.integers(-(2**15), 2**15 - 1)))
        with b.op(draw(NAMES)):
            b.issue(draw(I32), queue, what, labels, repeat)
    return b.build()


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(programs())
def test_any_program_survives_the_text(program: Program) -> None:
    """Every field of every row, region and map, and names with anything in them; and so do its bytes."""
    read = parse(to_text(program))

    assert [instruction(row) for row in read.rows] == [instruction(row) for row in program.rows]
    assert sorted(row.tobytes() for row in read.rows) == sorted(row.tobytes() for row in program.rows)
    assert replace(read, rows=in_order(program.rows)).to_bytes() == program.to_bytes()
    assert Program.from_bytes(program.to_bytes()).to_bytes() == program.to_bytes()


@pytest.mark.parametrize(
    ("line", "message", "column"),
    [
        ("hello", "a line starts with a cycle and a colon, or with one of .program", 1),
        ("5: MEM_X1 READ 0 -> E0", "there is no queue 'MEM_X1'", 4),
        ("5: MEM_E1 RAED 0 -> E0", "there is no instruction 'RAED'", 11),
        ("5: MEM_E1 READ 8192 -> E0", "address 8192 is not in 0…8191", 16),
        ("5: MEM_E1 READ zero -> E0", "address is <integer>, not 'zero'", 16),
        ("5: MEM_E1 READ", "address is missing", 15),
        ("5: MEM_E1 READ 0", "READ needs out", 16),
        ("5: MEM_E1 READ 0 -> E32", "a direction has streams 0…31", 21),
        ("5: MEM_E1 READ 0 -> E1-4", "no stream group of width 4 starts at stream 1", 21),
        ("5: MEM_E1 READ 0 -> E4-0", "1, 2, 4 or 16 wide, not -3", 21),
        ("5: MEM_E1 READ 0 -> F0", "an operand is E0, W4-7, VXM3 or #0x3f800000, not 'F0'", 21),
        ("5: MEM_E1 READ 0 -> VXM0", "a result goes onto streams, not VXM0", 21),
        ("5: VXM0 READ 0 -> E0", "READ is for MEM", 19),
        ("5: VXM0 EXP VXM99", "ALU 99: there are 0…15", 13),
        ("5: MEM_E1 READ 0 -> E0 x0", "count 0 is not in 1…2147483647", 24),
        ("5: MEM_E1 READ 0 -> E0 x2 /1 +99999", "stride 99999 is not in", 30),
        ("5: MEM_E1 READ 0 -> E0 {v1", "a label or a closing brace is missing", 27),
        ("5: MEM_E1 READ 0 -> E0 {1}", "a value is v<flow> or v<flow>.<instant>, not '1'", 25),
        ('5: MEM_E1 READ 0 -> E0 {op "no"}', "operation 'no' is not declared", 28),
        ("5: MEM_E1 READ 0 -> E0 {} again", "'again' is one word too many", 27),
        ("9999999999: MEM_E1 READ 0 -> E0", "cycle 9999999999 is not in", 1),
        (".tensor", "the tensor is missing", 8),
        ('.program "a" "b"', "a second .program", 1),
        ('.op "sum"', "operation 'sum' is declared twice", 5),
        (".tensor x", "the tensor is a name in quotes, not 'x'", 9),
        ('.tensor "x', "the tensor is a name in quotes", 9),
        (".map 0..318", "a map has 320 lanes, not 319", 6),
        (".map 0*999999", "a lane is a number, a..b or v*n, not '0*999999'", 6),
        (".map 0*99999", "a map has 320 lanes of 16 bits", 6),
        (".region 99 scratch MEM_E0 0 +1 - 0/1 w0", "the region's number 99 is not in 12…12", 9),
        (".region 12 scratch VXM0 0 +1 - 0/1 w0", "there is no slice 'VXM0'", 20),
        ('.region 12 input MEM_E0 0 +1 "q" 0/1 w0', "tensor 'q' is not declared", 30),
        (".region 12 scratch MEM_E0 0 +1 - 0:1 w0", "first / step is two numbers, not '0:1'", 34),
    ],
)
def test_errors_have_a_line_and_a_column(line: str, message: str, column: int) -> None:
    """And say what is expected there."""
    with pytest.raises(AssemblyError) as caught:
        parse(TEXT + line)

    assert message in caught.value.what
    assert (caught.value.line, caught.value.column) == (TEXT.count("\n") + 1, column)


def test_comments_and_blank_lines() -> None:
    """From a semicolon on, but not inside a name."""
    commented = TEXT.replace("\n", " ; a comment \n\n").replace('"vector-sum"', '"vector;sum"')

    assert parse(commented).rows.tobytes() == parse(TEXT).rows.tobytes()
    assert parse(commented).name == "vector;sum"


def test_a_text_without_a_program_is_none() -> None:
    """Even an empty one."""
    with pytest.raises(AssemblyError, match=r"line 1, column 1: \.program is missing"):
        parse("")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200) | st.text('.:{}"\\ >-x+/#0123456789EWvMR\n', max_size=200))
def test_any_text_is_a_program_or_one_clear_error(text: str) -> None:
    """No other exception; the place it names is in the text."""
    line, column = 1, 1
    try:
        parse(text)
    except AssemblyError as error:
        line, column = error.line, error.column
    lines = text.split("\n")

    assert 1 <= line <= len(lines)
    assert 1 <= column <= len(lines[line - 1]) + 1


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_listing_is_a_program_or_one_clear_error(data: st.DataObject) -> None:
    """Any piece of a listing replaced by another piece of one, or by a token that means something."""
    text = TEXT
    for _ in range(data.draw(st.integers(1, 3))):
        start, length = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 12))
        other = data.draw(st.integers(0, len(text)))
        piece = data.draw(st.sampled_from(("", "99999999", "-1", "²", '"', "\\", "{", "x", "..", "\x00")))
        text = text[:start] + (piece or text[other : other + length]) + text[start + length :]
    try:
        program = parse(text)
    except AssemblyError:
        return
    assert parse(to_text(program)).digest == program.digest


@pytest.mark.parametrize(
    "text",
    ['"' * 1_000_000, '"\\"' * 300_000 + "\\", "{" * 1_000_000, ".map " + "0*320 " * 100_000, "1:" * 500_000],
    ids=("quotes", "escapes", "braces", "runs", "colons"),
)
def test_long_hostile_lines_end(text: str) -> None:
    """Work grows with the length of the text, not with its square: a megabyte ends within the test's time."""
    with pytest.raises(AssemblyError):
        parse(text)


def test_queues_have_the_names_of_the_listing() -> None:
    """No two are alike, none holds a blank."""
    assert len(set(QUEUE_NAMES)) == 144
    assert not any(np.char.find(np.array(QUEUE_NAMES), " ") >= 0)
