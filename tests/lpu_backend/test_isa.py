"""Instructions have operand ranges; programs have one canonical form."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpu_backend.chip.floorplan import QUEUE_BY_NAME, QUEUE_NAMES, mem, vxm
from lpu_backend.chip.isa import (
    SIGNATURES,
    AluResult,
    E,
    Immediate,
    Instruction,
    Opcode,
    Streams,
    W,
    abc,
    alu,
    alu_takes_group,
    gather,
    iw,
    lw,
    read,
    write,
)
from lpu_backend.chip.program import Kind, Labels, Program, ProgramBuilder, Repeat, instruction
from lpu_backend.errors import ScheduleError
from lpu_backend.estimate.probes import vector_sum
from tests.lpu_backend.examples import matmul_tile


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: read(8192, E(0)), "READ: address 8192 is not in 0…8191"),
        (lambda: read(-1, E(0)), "READ: address -1"),
        (lambda: read(0, E(0, 4)), "READ: out is 4 wide, allowed: (1,)"),
        (lambda: write(0, E(32)), "stream 32: a direction has 0…31"),
        (lambda: Streams(2, 4), "no stream group of width 4 starts at stream 2"),
        (lambda: Streams(0, 3), "1, 2, 4 or 16 wide, not 3"),
        (lambda: lw(20, E(0, 16)), "LW: row 20 is not in 0…19"),
        (lambda: iw(0), "IW: groups 0 is not in 1…20"),
        (lambda: gather(0, 0, E(0, 2), E(2)), "GATHER: span 0 is not in 1…8192"),
        (lambda: abc(E(0, 4)), "ABC_F16: a is 4 wide, allowed: (2,)"),
        (lambda: alu(Opcode.ADD_F32, E(0, 4)), "ADD_F32 needs b"),
        (lambda: alu(Opcode.EXP, E(0, 4), E(4, 4)), "EXP has no b"),
        (lambda: alu(Opcode.ADD_I32, Immediate(1), Immediate(2)), "may be an immediate, not both"),
        (lambda: Instruction(Opcode.WRITE, 0, a=AluResult(1)), "a has to be a stream"),
        (lambda: Instruction(Opcode.SHIFT, 1, a=E(0, 4), out=E(0)), "one width, not [1, 4]"),
        (lambda: Instruction(Opcode.SYNC, 1), "SYNC: a field it does not have 1"),
        (lambda: Immediate(1 << 32), "has 32 bits"),
        (lambda: AluResult(16), "ALU 16"),
    ],
)
def test_what_no_unit_could_do_can_not_be_written(make: Callable[[], object], message: str) -> None:
    """Every field has its range, every operand its widths; the error names both."""
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_every_opcode_has_a_signature() -> None:
    """And opcodes that give a result say how wide."""
    assert set(SIGNATURES) == set(Opcode)


def test_streams_are_named_by_direction() -> None:
    """E0 … W31; a group shows its last."""
    assert [str(s) for s in (E(0), W(31), E(4, 4), W(16, 16))] == ["E0", "W31", "E4-7", "W16-31"]


def test_each_group_enters_two_of_four_alu_rows() -> None:
    """Row r takes groups 2r … 2r + 3 (mod 8)."""
    rows = {group: {alu // 4 for alu in range(16) if alu_takes_group(alu, group)} for group in range(8)}

    assert rows == {0: {0, 3}, 1: {0, 3}, 2: {0, 1}, 3: {0, 1}, 4: {1, 2}, 5: {1, 2}, 6: {2, 3}, 7: {2, 3}}


def test_queue_names_are_unique_both_ways() -> None:
    """A name leads to its queue."""
    assert [QUEUE_BY_NAME[name] for name in QUEUE_NAMES] == list(range(144))


@pytest.mark.parametrize("program", [vector_sum(), matmul_tile()], ids=lambda program: program.name)
def test_programs_have_one_canonical_form(program: Program) -> None:
    """Bytes → program → bytes; the digest is their sha256; another byte is another program or none."""
    data = program.to_bytes()

    assert Program.from_bytes(data).to_bytes() == data
    assert program.digest == hashlib.sha256(data).hexdigest()
    with pytest.raises(ValueError, match="length"):
        Program.from_bytes(data + b"\0" * 2)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_bytes_are_a_program_or_one_clear_error(data: st.DataObject) -> None:
    """A file of a cache that was cut, or written over: ValueError, nothing else, and no memory for absurd counts."""
    whole = vector_sum(1).to_bytes()
    start, length = data.draw(st.integers(0, 400)), data.draw(st.integers(0, 40))
    piece = data.draw(
        st.binary(max_size=20) | st.sampled_from((b"999999999999", b"-1", b"[" * 50_000, b"1.5", b"null"))
    )
    try:
        Program.from_bytes(whole[:start] + piece + whole[start + length :])
    except ValueError as error:
        message = str(error)
    else:
        message = "a program"

    assert message


@pytest.mark.parametrize(
    "wrong", [b'"rows":-1', b'"rows":1e3', b'"rows":99999999999999999999999', b'"rows":[14]']
)
def test_absurd_counts_are_refused(wrong: bytes) -> None:
    """Before any memory is asked for."""
    whole = vector_sum(1).to_bytes()
    header = whole[4 : 4 + int.from_bytes(whole[:4], "little")]
    other = header.replace(b'"rows":14', wrong)
    with pytest.raises(ValueError, match="counts and names"):
        Program.from_bytes(len(other).to_bytes(4, "little") + other + whole[4 + len(header) :])


def test_rows_hold_their_instructions() -> None:
    """What was issued is read back; labels, repeats and regions beside it."""
    b = ProgramBuilder("p", "product")
    region = b.region(Kind.SCRATCH, (mem("E", 3), 100, 10))
    with b.op("store"):
        labels = Labels(in_a=b.value(), version=2, region=region)
        b.issue(7, mem("E", 3), write(100, W(5)), labels, Repeat(10, 2, 1))
    b.issue(3, vxm(0), alu(Opcode.MUL_F32, AluResult(3), Immediate(0x3F800000), E(0, 4)))
    first, second = b.build().rows

    assert instruction(first) == write(100, W(5))
    assert instruction(second) == alu(Opcode.MUL_F32, AluResult(3), Immediate(0x3F800000), E(0, 4))
    assert [first[k] for k in ("cycle", "count", "interval", "stride", "version", "op")] == [
        7,
        10,
        2,
        1,
        2,
        0,
    ]


def test_the_order_of_issue_calls_does_not_change_a_program() -> None:
    """Rows are sorted by queue, cycle and opcode."""

    def built(order: list[int]) -> Program:
        b = ProgramBuilder("p", "product")
        for cycle in order:
            b.issue(cycle, mem("W", cycle % 3), read(cycle, E(0)))
        return b.build()

    assert built([5, 1, 9, 3]).digest == built([9, 3, 5, 1]).digest


def test_an_instruction_goes_to_a_queue_of_its_unit() -> None:
    """A Read is not for an ALU; nothing is issued before cycle 0 or no times."""
    b = ProgramBuilder("p", "product")
    with pytest.raises(ScheduleError, match="cycle 0, VXM0, READ: READ is for MEM"):
        b.issue(0, vxm(0), read(0, E(0)))
    with pytest.raises(ScheduleError, match="can't be issued"):
        b.issue(-1, mem("E", 0), read(0, E(0)))
    with pytest.raises(ScheduleError, match="can't be issued"):
        b.issue(0, mem("E", 0), read(0, E(0)), Labels(), Repeat(0))


def test_maps_are_shared_and_checked() -> None:
    """Equal maps have one number; a map has 320 lanes."""
    b = ProgramBuilder("p", "product")

    assert b.map(np.arange(320)) == b.map(np.arange(320)) == 0
    assert b.map(np.roll(np.arange(320), 1)) == 1
    with pytest.raises(ValueError, match="320 lanes"):
        b.map(np.arange(16))
