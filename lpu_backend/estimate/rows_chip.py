"""Rows of the validation table that one chip or its constants answer: computed here, not asserted."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from lpu_backend.chip.floorplan import Unit, mem, sxm, transit, vxm
from lpu_backend.chip.isa import E, W
from lpu_backend.chip.lockstep import run
from lpu_backend.chip.simulate import length, simulate
from lpu_backend.chip.spec import PRODUCT, ChipSpec
from lpu_backend.chip.verify import verify
from lpu_backend.errors import ScheduleError
from lpu_backend.estimate.probes import four_planes, random_image, small_matmuls, vector_sum
from lpu_backend.numerics import dot_f16

S = PRODUCT
DOTS = 300
"""Dot products of 320 that are compared with rational sums."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The emulator's answer for a row. `value` is compared with the row's bounds; without one, `holds` decides."""

    ours: str
    value: float | None = None
    holds: bool | None = None
    remark: str = ""


def identities(ours: tuple[float, ...], published: tuple[float, ...], unit: str = "") -> Answer:
    """Answer with figures that have to be the published ones."""
    shown = " / ".join(f"{value:,g}" if value < 1e6 else f"{value:,.0f}" for value in ours)
    return Answer(f"{shown} {unit}".strip(), holds=ours == published)


def sram() -> Answer:
    """Answer row 1."""
    parts = S.mem_slices * S.mem_words * S.tiles * S.mem_word_bytes
    return Answer(f"{S.sram_bytes:,} B", S.sram_bytes, S.sram_bytes == parts)


def bandwidths() -> Answer:
    """Answer row 2."""
    ours = (S.stream_bytes_per_cycle, S.sram_bytes_per_cycle, S.ifetch_bytes_per_cycle)
    return identities(ours, (20_480, 56_320, 2_304), "B/cycle")


def peak() -> Answer:
    """Answer row 3."""
    ours = (S.int8_ops_per_cycle, S.int8_ops_per_s / 1e12, S.fp16_ops_per_s / 1e12)
    return identities(ours, (819_200, 737.28, 184.32), "op/cycle, TOPS, TFLOPS")


def control() -> Answer:
    """Answer row 4."""
    return identities((S.barrier_cycles, S.nop_max_cycles, S.ifetch_bytes), (35, 65_535, 640))


def probe_digest() -> str:
    """Return the digest of programs, of what they compute from seeded inputs, and of what is counted."""
    found = hashlib.sha256()
    for program in (vector_sum(3), small_matmuls(26)):
        outcome = run(program, random_image(program, 7), S)
        counted = simulate(program, S)
        found.update(f"{program.digest} {outcome.cycles} {sorted(counted.busy_cycles.items())}".encode())
        for name in sorted(outcome.outputs):
            found.update(np.ascontiguousarray(outcome.outputs[name]).tobytes())
    return found.hexdigest()


def no_variance() -> Answer:
    """Answer row 6: in other processes, under two hash seeds and two counts of threads."""
    code = "from lpu_backend.estimate.rows_chip import probe_digest; import sys; sys.stdout.write(probe_digest())"
    seen = set()
    for seed, threads in (("0", "1"), ("1", "2")):
        room = {"PYTHONHASHSEED": seed, "NUMBA_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        root = str(Path(__file__).parents[2])
        result = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **room},
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
        seen.add(result.stdout)
    return Answer(f"{len(seen)} digest: {min(seen)[:12]}", holds=len(seen) == 1)


def executed_cycles() -> Answer:
    """Answer row 7."""
    pairs = []
    for program in (vector_sum(3), small_matmuls(26), four_planes()[0]):
        verify(program, S)
        executed = {run(program, random_image(program, seed), S).cycles for seed in (1, 2)}
        pairs.append((length(program, S), executed))
    shown = ", ".join(f"{predicted} = {'/'.join(map(str, executed))}" for predicted, executed in pairs)
    return Answer(shown, holds=all(executed == {predicted} for predicted, executed in pairs))


def dot_products() -> Answer:
    """Answer row 8."""
    rng = np.random.default_rng(8)
    wrong = 0
    for _ in range(DOTS):
        exponents = rng.integers(-12, 8, (2, 320))
        w, x = (rng.standard_normal((2, 320)) * 2.0**exponents).astype(np.float16)
        exact = sum((Fraction(float(a)) * Fraction(float(b)) for a, b in zip(w, x, strict=True)), Fraction(0))
        wrong += dot_f16(w[None], x)[0] != _rounded(exact)
    return Answer(f"{wrong} wrong of {DOTS}", wrong)


def _rounded(exact: Fraction) -> np.float32:
    """Return the nearest float32, ties to even."""
    near = np.float32(float(exact))
    around = [np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(np.inf))]
    return min(around, key=lambda f: (abs(Fraction(float(f)) - exact), int(f.view(np.int32)) & 1))


def weight_load() -> Answer:
    """Answer row 9."""
    program, loaded = four_planes()
    verify(program, S)
    return Answer(f"{loaded} cycles", loaded)


def delays() -> Answer:
    """Answer row 10."""
    crossing = transit(vxm(0), sxm("E", Unit.SXM_DISTRIBUTE), E(0).first)
    back = transit(sxm("E", Unit.SXM_TRANSPOSE), vxm(0), W(0).first)
    return identities(
        (crossing, _composite(crossing, back), length(vector_sum(1), S) - S.tiles, S.vxm_alu_cycles),
        (11, 50, 26, 3),
        "cycles",
    )


def _composite(out: int, back: int, spec: ChipSpec = S) -> int:
    """Read, transpose, three ALUs, distribute: cycles from the read."""
    edge = transit(mem("E", 43), sxm("E", Unit.SXM_TRANSPOSE), E(0).first)
    to_sxm = spec.mem_read_cycles + edge + spec.sxm_entry_cycles + spec.sxm_transpose_cycles
    through = back + spec.vxm_entry_cycles + 3 * spec.vxm_alu_cycles + spec.vxm_exit_cycles
    return to_sxm + through + out + spec.sxm_entry_cycles + spec.sxm_distribute_cycles


def spacing() -> Answer:
    """Answer row 12: the smallest spacing that `verify` lets pass."""
    for cycles in range(10, 40):
        try:
            verify(small_matmuls(cycles), S)
        except ScheduleError:
            continue
        return Answer(f"{cycles} cycles", cycles)
    return Answer("none below 40 cycles", 40)


def full_power_w(spec: ChipSpec = S) -> float:
    """Return the watts with all planes multiplying, all banks and streams moving, all ALUs and queues busy."""
    registers = 2 * (spec.hops_per_hemisphere + 2)
    per_cycle = (
        spec.int8_ops_per_cycle / 2 * spec.int8_mac_pj
        + spec.sram_bytes_per_cycle * spec.sram_byte_pj
        + spec.stream_bytes_per_cycle * registers * spec.stream_hop_byte_pj
        + spec.vxm_alus * spec.lanes * spec.alu_op_pj
        + spec.queues * spec.instruction_pj
    )
    return per_cycle * 1e-12 * spec.clock_hz + spec.idle_w


def power() -> Answer:
    """Answer row 26."""
    watts = full_power_w()
    return Answer(f"{watts:.0f} W", round(watts, 1), remark="most energies are assumed")
