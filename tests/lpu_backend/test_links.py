"""Several chips in one time: what is sent is received in its cycle, and the verifier knows when it would not be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpu_backend.chip.assembly import parse
from lpu_backend.chip.floorplan import c2c, mem, transit
from lpu_backend.chip.isa import E, Instruction, Opcode, read, write
from lpu_backend.chip.links import LinkedPrograms, Port, Wire, verify_linked
from lpu_backend.chip.listing import to_text
from lpu_backend.chip.lockstep_links import run_linked
from lpu_backend.chip.program import Kind, Labels, Program, ProgramBuilder, Repeat
from lpu_backend.chip.spec import PAPER, PRODUCT
from lpu_backend.errors import ExecutionError, LpuError, ScheduleError

VECTORS = 3
SPACING = PRODUCT.c2c_vector_cycles
EVERY = Repeat(VECTORS, SPACING)
EVERY_WORD = Repeat(VECTORS, SPACING, 1)
IMAGE = {"x": np.arange(VECTORS * 320, dtype=np.uint8).reshape(VECTORS, 320)}
WEST, EAST = 0, 8
LATENCY = 100


def source() -> Program:
    """Reads x in slice E0 and sends it east, a vector whenever the link has carried the one before."""
    b = ProgramBuilder("source", "product")
    x, queue = b.value(), c2c(EAST)
    region = b.region(Kind.INPUT, (mem("E", 0), 0, VECTORS), "x")
    b.issue(0, mem("E", 0), read(0, E(0)), Labels(makes=x, region=region), EVERY_WORD)
    sent = Instruction(Opcode.SEND, a=E(0))
    b.issue(1 + transit(mem("E", 0), queue, 0), queue, sent, Labels(x, version=1), EVERY)
    return b.build()


def router() -> Program:
    """Receives from the west, and sends on to the east what has flown across the chip."""
    b = ProgramBuilder("router", "product")
    x = b.value()
    b.issue(0, c2c(WEST), Instruction(Opcode.RECEIVE, out=E(5)), Labels(makes=x, version=1), EVERY)
    sent = Instruction(Opcode.SEND, a=E(5))
    b.issue(1 + transit(c2c(WEST), c2c(EAST), 5), c2c(EAST), sent, Labels(x, version=1), EVERY)
    return b.build()


def sink(wait: int = 4) -> Program:
    """Receives from the west and writes y to slice W0."""
    b = ProgramBuilder("sink", "product")
    y = b.value()
    region = b.region(Kind.OUTPUT, (mem("W", 0), 0, VECTORS), "y", writes=1)
    b.issue(wait, c2c(WEST), Instruction(Opcode.RECEIVE, out=E(9)), Labels(makes=y, version=1), EVERY)
    at = wait + 1 + transit(c2c(WEST), mem("W", 0), 9)
    b.issue(at, mem("W", 0), write(0, E(9)), Labels(in_a=y, region=region), EVERY_WORD)
    return b.build()


def chain() -> LinkedPrograms:
    """x goes from chip 0 through chip 1 to chip 2."""
    first = 1 + transit(mem("E", 0), c2c(EAST), 0) + LATENCY
    second = first + 1 + transit(c2c(WEST), c2c(EAST), 5) + LATENCY - 4
    wires = tuple(Wire(Port(chip, EAST), Port(chip + 1, WEST), LATENCY) for chip in (0, 1))
    return LinkedPrograms((source(), router(), sink()), (0, first, second), wires)


def run(linked: LinkedPrograms) -> np.ndarray:
    return run_linked(linked, (IMAGE, {}, {}), PRODUCT)[2].outputs["y"]


def changed(linked: LinkedPrograms, chip: int, rows: np.ndarray) -> LinkedPrograms:
    programs = list(linked.programs)
    programs[chip] = replace(programs[chip], rows=rows)
    return replace(linked, programs=tuple(programs))


def refusal(linked: LinkedPrograms) -> ScheduleError | None:
    try:
        verify_linked(linked, PRODUCT)
    except ScheduleError as error:
        return error
    return None


def test_vectors_arrive_through_a_chip_in_the_way() -> None:
    """What chip 0 sends is what chip 2 writes; the proof passes; the last chip ends the common time."""
    linked = chain()
    verify_linked(linked, PRODUCT)

    assert np.array_equal(run(linked), IMAGE["x"])
    ends = [run.cycles for run in run_linked(linked, (IMAGE, {}, {}), PRODUCT)]
    assert linked.cycles(PRODUCT) == linked.starts[2] + ends[2]


def link_rows(linked: LinkedPrograms) -> Iterator[tuple[int, int]]:
    for chip, program in enumerate(linked.programs):
        for row in np.flatnonzero(np.isin(program.rows["opcode"], (Opcode.SEND, Opcode.RECEIVE))):
            yield chip, int(row)


def mutants() -> Iterator[LinkedPrograms]:
    """Every Send and Receive moved, doubled, left out, on another link, with another count or number."""
    linked = chain()
    for chip, row in link_rows(linked):
        rows = linked.programs[chip].rows
        changes = [{"cycle": int(rows["cycle"][row]) + by} for by in (-20, -3, -1, 1, 2, 20, 400)]
        changes += [{"queue": queue} for queue in (c2c(1), c2c(9), c2c(15))]
        changes += [{"count": 2}, {"count": 4}, {"interval": 21}, {"interval": 40}]
        for change in changes:
            mutant = rows.copy()
            for name, value in change.items():
                mutant[name][row] = value
            yield changed(linked, chip, mutant)
        yield changed(linked, chip, np.delete(rows, row))
        for by in (0, 20, 60, 400):
            twice = np.concatenate([rows, rows[row : row + 1]])
            twice["cycle"][-1] += by
            yield changed(linked, chip, twice)


def test_every_mutation_of_a_send_or_a_receive_is_refused_and_would_go_wrong() -> None:
    """The verifier names the chip; the functional model, which sees no labels, faults or computes something else."""
    for mutant in mutants():
        error = refusal(mutant)
        assert error is not None
        assert error.unit.startswith("chip ")
        with suppress(LpuError):
            assert not np.array_equal(run(mutant), IMAGE["x"])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2), st.integers(-50, 50), st.integers(1, 300), st.integers(0, 1))
def test_starts_and_latencies_have_to_fit(chip: int, by: int, latency: int, wire: int) -> None:
    """A chip that starts at another time, or a longer wire: refused unless nothing is changed, and never wrong."""
    linked = chain()
    starts, wires = list(linked.starts), list(linked.wires)
    starts[chip] = max(starts[chip] + by, 0)
    wires[wire] = replace(wires[wire], latency_cycles=latency)
    other = replace(linked, starts=tuple(starts), wires=tuple(wires))
    if refusal(other) is None:
        assert np.array_equal(run(other), IMAGE["x"])
    else:
        with pytest.raises(ExecutionError):
            run(other)


@pytest.mark.parametrize(
    ("chip", "opcode", "fields", "message"),
    [
        (0, Opcode.SEND, {"interval": 19}, "its link still carries the vector before"),
        (0, Opcode.SEND, {"cycle": 14}, "cycle 14, chip 0 C2C8, SEND E0: nothing arrives on E0"),
        (0, Opcode.SEND, {"version": 2}, "is vector 1 of its link, and is meant to be 2"),
        (0, Opcode.SEND, {"queue": c2c(9)}, "chip 0 C2C9, SEND E0: its link leads to no chip"),
        (2, Opcode.RECEIVE, {"version": 2}, "vector 1 of the link arrives, 2 is meant"),
        (2, Opcode.RECEIVE, {"count": 4}, "chip 2 C2C0, RECEIVE -> E9: no vector arrives in this cycle"),
        (2, Opcode.RECEIVE, {"count": 2}, "nothing arrives on E9"),
        (2, Opcode.RECEIVE, {"makes": 0}, "E9 carries what C2C0 made in cycle 4, another value is meant"),
    ],
)
def test_errors_say_which_chip_when_and_what(
    chip: int, opcode: Opcode, fields: dict[str, int], message: str
) -> None:
    """One mutation for each rule."""
    rows = chain().programs[chip].rows.copy()
    row = int(np.flatnonzero(rows["opcode"] == opcode)[0])
    for name, value in fields.items():
        rows[name][row] = value
    error = refusal(changed(chain(), chip, rows))

    assert message in str(error)


def test_a_vector_that_nothing_takes_is_named() -> None:
    """Without the last chip's instructions every send of the one before is in vain."""
    nothing = ProgramBuilder("nothing", "product").build()
    linked = replace(chain(), programs=(source(), router(), nothing))

    assert "chip 1 C2C8, SEND E5: no Receive of chip 2 C2C0 takes" in str(refusal(linked))


@pytest.mark.parametrize(
    ("wires", "message"),
    [
        ((Wire(Port(0, 8), Port(3, 0), 5),), "chip 3 C2C0, wire: a wire ends where there is no link"),
        ((Wire(Port(0, 16), Port(1, 0), 5),), "no link"),
        ((Wire(Port(0, 8), Port(1, 0), 0),), "takes time"),
        ((Wire(Port(0, 8), Port(0, 0), 5),), "goes to another chip"),
        ((Wire(Port(0, 8), Port(1, 0), 5), Wire(Port(0, 8), Port(2, 0), 5)), "is the source of two wires"),
    ],
)
def test_wires_that_cannot_be_are_refused(wires: tuple[Wire, ...], message: str) -> None:
    """Before a program is looked at."""
    assert message in str(refusal(replace(chain(), wires=wires)))


def test_a_link_is_as_fast_as_its_spec() -> None:
    """328 bytes on the wire at 15 GB/s: 20 cycles of 900 MHz, 22 of 1 GHz; sooner is refused on that chip only."""
    assert (PRODUCT.c2c_vector_cycles, PAPER.c2c_vector_cycles) == (20, 22)
    with pytest.raises(ScheduleError, match="still carries"):
        verify_linked(chain(), PAPER)


def test_programs_with_links_are_text_and_bytes_like_others() -> None:
    """Listed, read again, packed and unpacked: the same program."""
    for program in chain().programs:
        assert parse(to_text(program)).digest == program.digest
        assert Program.from_bytes(program.to_bytes()).digest == program.digest


def test_a_digest_depends_on_programs_starts_and_wires() -> None:
    """And on nothing else."""
    linked = chain()
    others = (replace(linked, starts=(0, 0, 0)), replace(linked, wires=linked.wires[:1]))

    assert chain().digest == linked.digest
    assert len({linked.digest, *(other.digest for other in others)}) == 3
