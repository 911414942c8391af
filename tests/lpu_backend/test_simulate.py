"""Cycles, counts and pictures of programs. Rows are those of the validation table in the room's README."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lpu_backend.chip.floorplan import mem
from lpu_backend.chip.isa import E, read
from lpu_backend.chip.lockstep import run
from lpu_backend.chip.program import Kind, Labels, Program, ProgramBuilder
from lpu_backend.chip.simulate import length, simulate
from lpu_backend.chip.spec import PAPER, PRODUCT, ChipSpec
from lpu_backend.chip.step import frame, frames
from lpu_backend.chip.trace import chrome_trace, slices_view, text_view
from lpu_backend.chip.verify import verify
from lpu_backend.errors import ScheduleError
from lpu_backend.estimate.probes import four_planes, small_matmuls, vector_sum
from tests.lpu_backend.examples import matmul_tile
from tests.lpu_backend.hash_seeds import printed_under_two_seeds
from tests.lpu_backend.zoo import ZOO, image_of

PROGRAMS = [vector_sum(6), matmul_tile(3), *(make() for make in ZOO)]


def test_row_9_all_weights_in_less_than_40_cycles() -> None:
    """409,600 weights into four planes, SRAM read and transit included: 20 cycles of data and the fill."""
    program, loaded = four_planes()
    verify(program, PRODUCT)

    assert program.issues == 64 * 20 + 4 * 20
    assert 20 * PRODUCT.stream_bytes_per_cycle == 409_600
    assert loaded == 33 < 40


def test_row_12_spacing_of_small_matmuls() -> None:
    """80 rows and one vector every 26 cycles, not every 25; users saw 30 (± 15 %). The interval is an assumption."""
    verify(small_matmuls(26), PRODUCT)
    with pytest.raises(ScheduleError, match="less than 26 cycles"):
        verify(small_matmuls(25), PRODUCT)

    assert 0.85 * 30 <= 26 <= 1.15 * 30


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_row_7_schedule_length_is_executed_length(program: Program) -> None:
    """The simulator's count is the functional model's, in both clocks, whatever the data."""
    executed = [run(program, image_of(program, seed), PRODUCT).cycles for seed in (1, 2)]

    assert executed == [length(program, PRODUCT)] * 2 == [simulate(program, PAPER).cycles] * 2


def test_row_6_nothing_varies() -> None:
    """Digests of programs and of their traces are equal under two hash seeds, in other processes."""
    code = (
        "from tests.lpu_backend.test_simulate import PROGRAMS, PRODUCT, chrome_trace\n"
        "import hashlib\n"
        "print([(p.digest, hashlib.sha256(chrome_trace(p, PRODUCT).encode()).hexdigest()) for p in PROGRAMS])"
    )
    assert len(printed_under_two_seeds(code)) == 1


def test_counts_of_the_matmul() -> None:
    """322 reads and 8 writes of 320 B; two products of 102,400 multiplications; utilisation follows."""
    simulation = simulate(matmul_tile(2), PRODUCT)

    assert simulation.busy_cycles["MEM read"] == 322
    assert simulation.sram_read_bytes == 322 * 320
    assert simulation.sram_write_bytes == 8 * 320
    assert simulation.stream_bytes == {"east": 322 * 320, "west": 8 * 320}
    assert simulation.energy_j["MXM"] == pytest.approx(2 * 102_400 * 0.1e-12)
    assert simulation.utilisation["MXM"] == 2 / (4 * simulation.cycles)
    assert [(op.name, op.start, op.issues) for op in simulation.ops] == [("matmul", 0, 355)]


def test_row_26_a_full_chip_stays_below_its_maximum_power() -> None:
    """All planes multiplying, all banks and streams moving, all ALUs: between TDP / 2 and 300 W."""
    s = PRODUCT
    per_cycle = (
        s.int8_ops_per_cycle / 2 * s.int8_mac_pj
        + s.sram_bytes_per_cycle * s.sram_byte_pj
        + s.stream_bytes_per_cycle * 26 * s.stream_hop_byte_pj
        + s.vxm_alus * s.lanes * s.alu_op_pj
        + s.queues * s.instruction_pj
    )
    watts = per_cycle * 1e-12 * s.clock_hz + s.idle_w

    assert s.tdp_w / 2 < watts < s.max_power_w


def test_a_value_is_charged_until_it_is_replaced_or_falls_off() -> None:
    """One read at slot 12 − 1 eastward passes two registers; a longer way costs more."""

    def hops(index: int) -> float:
        b = ProgramBuilder("p", "product")
        region = b.region(Kind.CONSTANT, (mem("E", index), 0, 1), "w")
        b.issue(0, mem("E", index), read(0, E(0)), Labels(makes=b.value(), region=region))
        energy = simulate(b.build(), PRODUCT).energy_j["streams"]
        return energy / (320 * PRODUCT.stream_hop_byte_pj * 1e-12)

    assert [round(hops(index)) for index in (43, 40, 0)] == [2, 2, 12]


def test_a_delay_changed_in_the_spec_moves_the_report() -> None:
    """The spec is the one place of a delay."""
    slower = replace(PRODUCT, mem_write_cycles=3)

    assert length(vector_sum(1), slower) == length(vector_sum(1), PRODUCT) + 2


def test_the_trace_is_chrome_json_with_a_track_a_queue() -> None:
    """Perfetto's JSON importer wants name, ph, pid, tid, ts, dur; a cycle is a microsecond; the basis is stated."""
    program = matmul_tile(2)
    trace = json.loads(chrome_trace(program, PRODUCT))
    slices = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    tracks = {event["args"]["name"] for event in trace["traceEvents"] if event["name"] == "thread_name"}

    assert trace["otherData"] | {"digest": ""} == {
        "clock_hz": 900_000_000, "cycles": 88, "digest": "", "basis": "emulated",
    }  # fmt: skip
    assert {"tensor operations", "MEM_E24", "MXM2_W", "MXM2_ACC"} <= tracks
    assert len(slices) == len(program.rows) + 1
    assert {"LW 0 E0-15", "IW +20"} <= {event["name"] for event in slices}
    assert all({"name", "ph", "pid", "tid", "ts", "dur"} <= event.keys() for event in slices)


def test_the_text_view_shows_units_by_cycles() -> None:
    """Reads, entry, two ALUs, writes of the vector sum, west to east."""
    view = text_view(vector_sum(2), 0, 30).splitlines()

    assert view[0].split() == ["cycle", "0", "10", "20"]
    assert view[1] == f"{'MEM_W31':>17} RR" + "·" * 28
    assert [line for line in view if "VXM0" in line] == [f"{'VXM0':>17} " + "·" * 12 + "xx" + "·" * 16]
    assert view[-1] == f"{'MEM_E31':>17} RR" + "·" * 23 + "ww" + "·" * 3


def test_the_slices_view_counts_busy_slices() -> None:
    """Row by row of cycles, 44 slices a side."""
    view = slices_view(vector_sum(2), 0, 3).splitlines()

    assert [line.split()[-1] for line in view] == ["busy", "8", "8", "0"]
    assert view[1].count("R") == 8


def test_an_instruction_climbs_a_tile_a_cycle() -> None:
    """The IW of cycle 30 is in tile 0 then, in tile 19 in cycle 49, and gone in cycle 50."""
    program = matmul_tile(2)

    def tile_of_install(cycle: int) -> list[int]:
        lines = frame(program, PRODUCT, cycle).splitlines()
        return [int(line.split()[0]) for line in lines[2:22] if line.rstrip().endswith("I")]

    assert [tile_of_install(cycle) for cycle in (29, 30, 31, 49, 50)] == [[], [0], [1], [19], []]


def test_frames_run_to_the_end_of_the_program() -> None:
    """One a cycle; data stand beside the instructions; what is issued is listed."""
    every = list(frames(matmul_tile(2), PRODUCT))

    assert len(every) == 88
    assert "MXM2_W  IW +20" in every[30]
    assert every[12].splitlines()[22].split()[-6:] == ["4", "8", "12", "16", "16", "16"]


def test_an_empty_program_takes_no_time() -> None:
    """And has nothing to show."""
    empty = ProgramBuilder("empty", "product").build()
    verify(empty, PRODUCT)
    spec: ChipSpec = PRODUCT

    assert simulate(empty, spec).cycles == 0
    assert run(empty, {}, spec).outputs == {}
