"""The verifier against the functional model: what would go wrong is refused, with cycle, unit and instruction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpu_backend.chip.floorplan import QUEUES, UNIT_OF_QUEUE
from lpu_backend.chip.isa import Opcode
from lpu_backend.chip.lockstep import run
from lpu_backend.chip.program import FLOW, ROW, Kind, Program
from lpu_backend.chip.simulate import length
from lpu_backend.chip.spec import PRODUCT, ChipSpec
from lpu_backend.chip.verify import verify
from lpu_backend.errors import ExecutionError, LpuError, ScheduleError
from lpu_backend.estimate.probes import vector_sum
from tests.lpu_backend.examples import matmul_tile
from tests.lpu_backend.zoo import ZOO, image_of

PROGRAMS = {program.name: program for program in (vector_sum(6), matmul_tile(3), *(make() for make in ZOO))}


def moved(program: Program, row: int, **fields: int) -> Program:
    """The program with some fields of one row changed."""
    rows = program.rows.copy()
    for name, value in fields.items():
        rows[name][row] = value
    return replace(program, rows=rows)


@lru_cache(maxsize=32)
def expected(name: str) -> dict[str, np.ndarray]:
    return run(PROGRAMS[name], image_of(PROGRAMS[name]), PRODUCT).outputs


def goes_wrong(program: Program, name: str) -> bool:
    """Whether the functional model, which sees no labels, faults or computes something else."""
    try:
        outputs = run(program, image_of(PROGRAMS[name]), PRODUCT).outputs
    except LpuError:
        return True
    return any(not np.array_equal(outputs[key], value) for key, value in expected(name).items())


def refused(program: Program) -> bool:
    try:
        verify(program, PRODUCT)
    except ScheduleError:
        return True
    return False


def moves(program: Program) -> Iterator[tuple[int, dict[str, int]]]:
    """Every row some cycles earlier and later, and on every other queue of its unit."""
    for row, issue in enumerate(program.rows):
        yield from ((row, {"cycle": int(issue["cycle"]) + by}) for by in (-7, -3, -2, -1, 1, 2, 3, 7, 26))
        unit, queue = UNIT_OF_QUEUE[issue["queue"]], int(issue["queue"])
        twins = [q for q in range(QUEUES) if UNIT_OF_QUEUE[q] is unit and q != queue]
        yield from ((row, {"queue": twin}) for twin in sorted(twins, key=lambda q, at=queue: abs(q - at))[:5])


@pytest.mark.parametrize("name", PROGRAMS)
def test_valid_programs_pass(name: str) -> None:
    """And run without a fault."""
    verify(PROGRAMS[name], PRODUCT)

    assert expected(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_harmful_move_is_caught(name: str) -> None:
    """Any instruction earlier, later or on another queue: what verify lets pass, computes the same.

    And it is no coward: of the moves it refuses, a sample goes wrong on the functional model, nearly all of it.
    """
    refusals = []
    for row, fields in moves(PROGRAMS[name]):
        mutant = moved(PROGRAMS[name], row, **fields)
        if refused(mutant):
            refusals.append(mutant)
        else:
            assert not goes_wrong(mutant, name), (str(PROGRAMS[name].rows[row]), fields)
    sample = refusals[:: max(len(refusals) // 20, 1)]

    assert sum(goes_wrong(mutant, name) for mutant in sample) >= 0.9 * len(sample)


FIELDS = {field: np.iinfo(ROW[field]) for field in ROW.names or () if not field.startswith(("in_", "makes"))}


@contextmanager
def suppress_stray_maps() -> Iterator[None]:
    """A map that points outside its span is data, the one fault that no proof of schedules can exclude."""
    try:
        yield
    except ExecutionError as error:
        if "a map points at" not in str(error):
            raise


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_change_of_any_field_is_refused_or_runs(data: st.DataObject) -> None:
    """Rows out of an attacker's hand: one clear error, or a program that runs without a fault."""
    program = PROGRAMS[data.draw(st.sampled_from(sorted(PROGRAMS)))]
    for _ in range(data.draw(st.integers(1, 2))):
        row = data.draw(st.integers(0, len(program.rows) - 1))
        field = data.draw(st.sampled_from(sorted(FIELDS)))
        low, high = int(FIELDS[field].min), int(FIELDS[field].max)
        near = st.integers(
            max(low, int(program.rows[row][field]) - 3), min(high, int(program.rows[row][field]) + 3)
        )
        program = moved(program, row, **{field: data.draw(near | st.integers(low, high))})
    if not refused(program) and length(program, PRODUCT) < 3_000:
        with suppress_stray_maps():
            run(program, image_of(program), PRODUCT)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_change_of_a_label_is_refused(data: st.DataObject) -> None:
    """A value, a version or a region that is not the one that arrives: the proof fails."""
    program = PROGRAMS[data.draw(st.sampled_from(sorted(PROGRAMS)))]
    row = data.draw(st.integers(0, len(program.rows) - 1))
    opcode = Opcode(int(program.rows[row]["opcode"]))
    used = LABELS[opcode]
    field = data.draw(st.sampled_from(used))
    by = data.draw(
        st.sampled_from((1, -1, FLOW, 1000 * FLOW)) if field != "version" else st.sampled_from((-1, 1))
    )

    assert refused(moved(program, row, **{field: int(program.rows[row][field]) + by}))


LABELS = {
    **dict.fromkeys(Opcode, ("in_a",)),
    **dict.fromkeys((Opcode.READ,), ("makes", "version")),
    **dict.fromkeys(
        (Opcode.WRITE, Opcode.LW, Opcode.ACC_SET, Opcode.ACC_ADD_OUT, Opcode.ABC_I8), ("in_a", "version")
    ),
    **dict.fromkeys((Opcode.IW,), ("version",)),
    **dict.fromkeys((Opcode.SCATTER,), ("in_a", "in_b", "version")),
}


def error_of(program: Program, spec: ChipSpec = PRODUCT) -> ScheduleError:
    with pytest.raises(ScheduleError) as caught:
        verify(program, spec)
    return caught.value


def row_of(program: Program, opcode: Opcode, nth: int = 0) -> int:
    return int(np.flatnonzero(program.rows["opcode"] == opcode)[nth])


@pytest.mark.parametrize(
    ("name", "opcode", "fields", "message"),
    [
        ("vector-sum", Opcode.ADD_I32, {"cycle": 13}, "cycle 13, VXM0, ADD_I32 W0-3 E4-7: W0 carries what MEM_E28"),
        ("vector-sum", Opcode.MUL_I32, {"cycle": 16}, "the ALU of operand a has no result in this cycle"),
        ("vector-sum", Opcode.MUL_I32, {"in_a": 99 * FLOW}, "operand a is another result than meant"),
        ("vector-sum", Opcode.ADD_I32, {"in_a": 99 * FLOW}, "MEM_E28 made in cycle 0, another value is meant"),
        ("vector-sum", Opcode.ADD_I32, {"queue": 93}, "the ALU's row can't take the group of a"),
        ("vector-sum", Opcode.ADD_I32, {"b": 0}, "one stream group enters the ALU from both sides"),
        ("vector-sum", Opcode.ADD_I32, {"cycle": 3}, "an operand would be sampled before the program starts"),
        ("vector-sum", Opcode.READ, {"address": 1}, "leaves its region"),
        ("vector-sum", Opcode.READ, {"queue": 40}, "its region lies in another slice"),
        ("vector-sum", Opcode.READ, {"version": 1}, "has been written 0 times by then, 1 are meant"),
        ("vector-sum", Opcode.READ, {"interval": 1 << 29}, "goes on beyond cycle 1,073,741,824"),
        ("vector-sum", Opcode.READ, {"queue": 100}, "not an instruction of this unit"),
        ("vector-sum", Opcode.READ, {"makes": 2 * FLOW}, "makes a value that another instruction makes"),
        ("vector-sum", Opcode.ADD_I32, {"in_a": 0}, "does not say which value operand a is meant to be"),
        ("vector-sum", Opcode.WRITE, {"version": 2}, "writes a word for another time"),
        ("vector-sum", Opcode.WRITE, {"stride": 0}, "writes a word for another time"),
        ("vector-sum", Opcode.WRITE, {"opcode": 200}, "there is no such instruction"),
        ("vector-sum", Opcode.WRITE, {"a": 1}, "E1 carries what VXM1 made in cycle 15, another value is meant"),
        ("matmul-tile", Opcode.IW, {"cycle": 29}, "the queue issues two instructions in one cycle"),
        ("matmul-tile", Opcode.IW, {"cycle": 31}, "the weights that are installed are not those meant"),
        ("matmul-tile", Opcode.IW, {"version": 2}, "rows 0 … of the buffer hold another tile, or nothing"),
        ("matmul-tile", Opcode.LW, {"count": 19}, "rows 304 … of the buffer hold another tile, or nothing"),
        ("matmul-tile", Opcode.LW, {"a": 16}, "cycle 10, MXM2_W, LW 0 E16-31: nothing arrives on E16"),
        ("matmul-tile", Opcode.ACC_SET_OUT, {"opcode": 23}, "the accumulator holds nothing yet"),
        ("matmul-tile", Opcode.ACC_SET_OUT, {"in_a": 0}, "does not say which product it is meant to take"),
        ("matmul-tile", Opcode.ACC_SET_OUT, {"in_a": 99 * FLOW}, "the product that arrives is not the one meant"),
        ("matmul-tile", Opcode.ACC_SET_OUT, {"stride": 0}, "the accumulator has had other updates than meant"),
        ("matmul-tile", Opcode.ACC_SET_OUT, {"cycle": 52}, "no product arrives in this cycle"),
        ("shuffles", Opcode.PERMUTE, {"address": 1}, "the map is no bijection of 320 lanes"),
        ("shuffles", Opcode.PERMUTE, {"address": 3}, "the program has no such map"),
        ("shuffles", Opcode.SHIFT, {"out": 40}, "drives a stream that another unit drives"),
        ("shuffles", Opcode.SHIFT, {"out_width": 2}, "operands and result are of different widths"),
        ("softmax-like", Opcode.EXP, {"queue": 89}, "needs a large ALU"),
        ("accumulated", Opcode.IW, {"cycle": 83}, "follows another IW of the plane by less than 26 cycles"),
    ],
)  # fmt: skip
def test_errors_say_what_where_and_when(
    name: str, opcode: Opcode, fields: dict[str, int], message: str
) -> None:
    """One mutation for each rule; the message names the thing that is wrong."""
    program = PROGRAMS[name]

    assert message in str(error_of(moved(program, row_of(program, opcode), **fields)))


def test_an_error_carries_cycle_unit_and_instruction() -> None:
    """As data, not only as text."""
    program = PROGRAMS["vector-sum"]
    error = error_of(moved(program, row_of(program, Opcode.ADD_I32), cycle=13))

    assert (error.cycle, error.unit, error.instruction) == (13, "VXM0", "ADD_I32 W0-3 E4-7")


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(PROGRAMS)), st.integers(1, 500))
def test_a_program_that_starts_later_ends_later(name: str, by: int) -> None:
    """Time is relative: all instructions moved alike compute the same and take so many cycles more."""
    rows = PROGRAMS[name].rows.copy()
    rows["cycle"] += by
    later = replace(PROGRAMS[name], rows=rows)
    verify(later, PRODUCT)
    result = run(later, image_of(later), PRODUCT)

    assert result.cycles == length(PROGRAMS[name], PRODUCT) + by
    for key, value in expected(name).items():
        np.testing.assert_array_equal(result.outputs[key], value)


def test_regions_with_data_overlap_nothing() -> None:
    """Two tensors in one word, or scratch over a tensor, are refused; so is a region outside the slice."""
    program = PROGRAMS["vector-sum"]
    for fields, message in (({"address": 3}, "regions overlap"), ({"address": 8191}, "outside the SRAM")):
        regions = program.regions.copy()
        output = int(np.flatnonzero(regions["kind"] == Kind.OUTPUT)[0])
        for name, value in fields.items():
            regions[name][output] = value

        assert message in str(error_of(replace(program, regions=regions)))


def test_outputs_are_written_as_often_as_promised() -> None:
    """A program that forgets an output is refused, although every instruction of it is right."""
    program = PROGRAMS["vector-sum"]
    without = np.delete(program.rows, row_of(program, Opcode.WRITE))

    assert "written 0 times, 1 are meant" in str(error_of(replace(program, rows=without)))


def test_a_program_for_other_delays_is_refused() -> None:
    """The schedule belongs to the spec: with a slower ALU or MXM nothing is there in time."""
    slow, few = replace(PRODUCT, mxm_dot_cycles=21), replace(PRODUCT, mxm_accumulators=2)

    assert "cycle 51, MXM2_ACC, ACC_SET_OUT 0 -> W0-3: no product" in str(
        error_of(PROGRAMS["matmul-tile"], slow)
    )
    assert "cycle 53" in str(error_of(PROGRAMS["matmul-tile"], few))
    assert "no result in this cycle" in str(
        error_of(PROGRAMS["vector-sum"], replace(PRODUCT, vxm_alu_cycles=4))
    )
