"""The chip's constants and what follows from them. Rows are those of the validation table in the room's README."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import lpu_backend
from lpu_backend.chip.floorplan import QUEUE_NAMES, QUEUES, SLOT_OF_QUEUE, Unit, mem, mxm, sxm, transit, vxm
from lpu_backend.chip.isa import E, Opcode, W
from lpu_backend.chip.spec import LP30, PAPER, PRODUCT, constants, fingerprint, table, unknown
from lpu_backend.chip.timing import timing
from lpu_backend.errors import SpecError


def test_row_1_sram() -> None:
    """88 slices of 8,192 words of 16 B in 20 tiles, in two banks, are 230,686,720 B."""
    assert (PRODUCT.mem_slices, PRODUCT.mem_words, PRODUCT.mem_banks_per_slice) == (88, 8192, 2)
    assert PRODUCT.sram_bytes == 230_686_720 == 220 * 2**20


def test_row_2_bandwidths() -> None:
    """Streams, SRAM and instruction fetch move 20,480, 56,320 and 2,304 B a cycle."""
    assert PRODUCT.stream_bytes_per_cycle == 20_480
    assert PRODUCT.sram_bytes_per_cycle == 56_320
    assert PRODUCT.ifetch_bytes_per_cycle == 2_304


def test_row_3_peak() -> None:
    """819,200 operations a cycle: 737.28 TOPS in INT8, a quarter of it in FP16, at 900 MHz; 819.2 at 1 GHz."""
    assert PRODUCT.int8_ops_per_cycle == 819_200
    assert PRODUCT.int8_ops_per_s == 737_280_000_000_000
    assert PRODUCT.fp16_ops_per_s == 184_320_000_000_000
    assert PAPER.int8_ops_per_s == 819_200_000_000_000


def test_row_4_control() -> None:
    """The barrier takes 35 cycles, a NOP has 16 bits, an Ifetch brings two vectors."""
    assert PRODUCT.barrier_cycles == 35
    assert PRODUCT.nop_max_cycles == 2**16 - 1
    assert PRODUCT.ifetch_bytes == 640 == 2 * PRODUCT.vector_bytes


def test_row_10_crossing_and_the_composite() -> None:
    """44 slices take 11 cycles, transpose → 3 ALUs → distribute 50 from the read: they define the table."""
    vxm_to_sxm = transit(vxm(0), sxm("E", Unit.SXM_DISTRIBUTE), E(0).first)
    sxm_to_vxm = transit(sxm("E", Unit.SXM_TRANSPOSE), vxm(0), W(0).first)
    spec = PRODUCT
    steps = (
        spec.mem_read_cycles + transit(mem("E", 43), sxm("E", Unit.SXM_TRANSPOSE), E(0).first),
        spec.sxm_entry_cycles + spec.sxm_transpose_cycles,
        sxm_to_vxm + spec.vxm_entry_cycles + 3 * spec.vxm_alu_cycles + spec.vxm_exit_cycles,
        vxm_to_sxm + spec.sxm_entry_cycles + spec.sxm_distribute_cycles,
    )

    assert (vxm_to_sxm, sxm_to_vxm) == (11, 11) == (spec.hops_per_hemisphere,) * 2
    assert sum(steps) == 50


def test_a_read_of_slice_14_is_in_slice_41_after_8_cycles() -> None:
    """The example of a user's schedule on a real card: read, six registers on, write."""
    assert (
        PRODUCT.mem_read_cycles + transit(mem("E", 14), mem("E", 41), E(0).first) + PRODUCT.mem_write_cycles
        == 8
    )


def test_the_two_sets_differ_in_the_clock_alone() -> None:
    """`product` and `paper` describe one chip at two clocks."""
    assert replace(PAPER, name=PRODUCT.name, clock_hz=PRODUCT.clock_hz) == PRODUCT
    assert (PRODUCT.seconds(900), PAPER.seconds(1000)) == (1e-6, 1e-6)


def test_every_constant_has_unit_source_and_confidence() -> None:
    """And what is assumed or measured by users, and changes a schedule, is an interval around its default."""
    for constant in constants(PRODUCT):
        assert constant.provenance.source
        if constant.name.endswith("_cycles") and constant.provenance.confidence == "assumed":
            assert constant in unknown(PRODUCT)
    for constant in unknown(PRODUCT):
        low, high = constant.provenance.low, constant.provenance.high

        assert low is not None
        assert high is not None
        assert low <= constant.value <= high


def test_lp30_is_listed_as_far_as_it_is_published() -> None:
    """500 MB, 150 TB/s, 1.2 PFLOPS, 320 B vectors: sourced, and said not to be modelled."""
    assert {constant.name: constant.value for constant in LP30}["sram_bytes"] == 500_000_000
    assert {constant.provenance.modelled for constant in LP30} == {"not modelled"}


def test_queues_are_144_and_symmetric() -> None:
    """88 + 16 + 12 + 12 + 16; the east stands as far out as the west."""
    assert len(set(QUEUE_NAMES)) == QUEUES == PRODUCT.queues == 88 + 16 + 12 + 12 + 16
    assert sorted(SLOT_OF_QUEUE) == sorted(-slot for slot in SLOT_OF_QUEUE)
    assert SLOT_OF_QUEUE[mxm(3, Unit.MXM_WEIGHTS)] == 13


def test_upstream_is_not_downstream() -> None:
    """A value flowing east never arrives at a unit of its own slot or to the west."""
    with pytest.raises(ValueError, match="MEM_E2 is not downstream of MEM_E1 on E0"):
        transit(mem("E", 1), mem("E", 2), 0)


def test_the_floor_plan_is_the_spec_s() -> None:
    """Delays vary freely; a chip of another geometry has no floor plan here, and says so."""
    assert timing(replace(PRODUCT, vxm_alu_cycles=5)).delay[Opcode.EXP] == 5
    with pytest.raises(SpecError, match="streams_per_direction is 64; the floor plan is drawn for 32"):
        timing(replace(PRODUCT, streams_per_direction=64))


def test_contradictions_are_refused() -> None:
    """A spec whose figures do not fit together is no spec."""
    with pytest.raises(SpecError, match="clock_hz is 0"):
        replace(PRODUCT, clock_hz=0)
    with pytest.raises(SpecError, match="whole groups"):
        replace(PRODUCT, mem_slices_per_hemisphere=43)
    with pytest.raises(SpecError, match="16 rows a cycle"):
        replace(PRODUCT, mxm_columns=321)


def test_constants_are_frozen() -> None:
    """Recorded before any predicted time is compared with a published one; who changes one, changes it here too."""
    assert fingerprint(PRODUCT) == "03b5b08bb7cbe89ad359b4f815f0f22ea09f259517fa2492d6fde006af267496"


def test_the_readme_shows_the_constants() -> None:
    """Its table is generated: `python -m tests.lpu_backend.test_spec` writes it."""
    assert table(PRODUCT) == README.read_text().split(START)[1].split(END)[0].strip()


README = Path(lpu_backend.__file__).with_name("README.md")
START, END = "<!-- constants -->", "<!-- /constants -->"

if __name__ == "__main__":
    head, rest = README.read_text().split(START)
    README.write_text(f"{head}{START}\n{table(PRODUCT)}\n{END}{rest.split(END)[1]}")
