"""The chip as constants: value, unit, source, confidence, and how far the emulator models each.

Sources (public material only; the reading is ours):
  P20      D. Abts et al., "Think Fast: A Tensor Streaming Processor (TSP) for Accelerating Deep Learning
           Workloads", ISCA 2020, through page-cited secondary notes
  P22      D. Abts et al., "A Software-defined Tensor Streaming Multiprocessor for Large-scale Machine
           Learning", ISCA 2022, same caveat
  PB       GroqChip 1 product brief v1.7
  SQUANDER rakytap/sequential-quantum-gate-decomposer, qgd_python/gates/groq/gsquander.py: delays that users
           fitted to real cards
  GM       rakytap/groq_mult, same kind
  TS       press (TechSpot 2020)
  H14      M. Horowitz, "Computing's energy problem", ISSCC 2014: energy an operation at 45 nm;
           × 0.35 takes it to 14 nm (our assumption)

Confidence, from best to worst: `published` (in a paper or brief), `derived` (arithmetic on published figures),
`measured` (fitted by users on real cards), `memory` (commonly stated, no source at hand), `assumed` (our own).
Unknown delays are intervals: `low` ≤ default ≤ `high`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from lpu_backend.errors import SpecError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Confidence = Literal["published", "derived", "measured", "memory", "assumed"]
Modelled = Literal["modelled", "simplified", "not modelled"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """A constant's source, and what the emulator does with it."""

    unit: str
    source: str
    confidence: Confidence
    modelled: Modelled = "modelled"
    low: float | None = None
    """The interval of an unknown value; None where the value is known."""
    high: float | None = None


def known(value: Any, unit: str, source: str, confidence: Confidence = "published", **more: Any) -> Any:
    """Declare a field of the spec with its default and its provenance."""
    return field(default=value, metadata={"provenance": Provenance(unit, source, confidence, **more)})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipSpec:
    """One chip. Every field is a constant with provenance: see `constants`."""

    name: str
    clock_hz: int = known(900_000_000, "Hz", "PB: 900 MHz in production; P20 illustrates at 1 GHz")

    # Geometry
    tiles: int = known(20, "tiles a slice", "P20")
    lanes_per_tile: int = known(16, "lanes", "P20")
    hemispheres: int = known(2, "", "P20")
    mem_slices_per_hemisphere: int = known(44, "slices", "P20")
    mem_slices_per_hop: int = known(4, "slices", "SQUANDER: crossing 44 slices takes 11 cycles", "measured")
    mem_banks_per_slice: int = known(2, "banks", "P20")
    mem_words_per_bank: int = known(4096, "words", "P20, GM: bank 0 is 0…4095, bank 1 is 4096…8191")
    mem_word_bytes: int = known(16, "B a tile", "P20")
    streams_per_direction: int = known(32, "streams of 1 B a lane", "P20")
    mxm_planes: int = known(4, "planes", "P20")
    mxm_rows: int = known(320, "rows", "P20")
    mxm_columns: int = known(320, "columns", "P20")
    mxm_weight_streams: int = known(
        16, "streams a plane", "P20: 16 streams of 16 B a supercell row and cycle"
    )
    mxm_fp16_share: int = known(
        4, "INT8 rate / FP16 rate", "P22: 4 sub-operations of K=320 against 2 of K=160"
    )
    mxm_accumulators: int = known(
        640, "int32 vectors a plane", "2 a MACC, 320 MACCs an output", "memory", low=2, high=640
    )
    vxm_alus: int = known(16, "ALUs a lane", "P20: a 4 × 4 mesh", modelled="simplified")
    c2c_links: int = known(16, "links", "P20")
    c2c_link_bytes_per_s: int = known(15_000_000_000, "B/s a direction", "P20: 4 lanes × 30 Gb/s")
    c2c_vector_bytes: int = known(
        328, "B on the wire", "P22, through secondary notes: 320 B and about 2.5 % of encoding", "derived"
    )
    queues: int = known(144, "instruction queues", "P20; the split is ours, and adds up like TS's a side")
    instruction_bytes: int = known(16, "B", "P20: 144 × 16 B of instructions a cycle")
    ifetch_bytes: int = known(640, "B", "P20: two 320 B vectors", modelled="simplified")
    nop_max_cycles: int = known(65_535, "cycles", "P20: a 16-bit count")

    # Delays: the cycle in which an operand is sampled, the cycle in which a result appears
    barrier_cycles: int = known(35, "cycles", "P20", modelled="simplified")
    mem_read_cycles: int = known(1, "cycles", "SQUANDER", "measured", low=1, high=5)
    mem_write_cycles: int = known(1, "cycles", "SQUANDER: slice 14 to 41 in 8", "measured", low=1, high=3)
    mem_gather_cycles: int = known(1, "cycles", "SQUANDER", "measured", low=1, high=6)
    vxm_entry_cycles: int = known(4, "cycles", "SQUANDER: 5 with the read", "measured")
    vxm_alu_cycles: int = known(
        3, "cycles", "SQUANDER, one value for all operations", "measured", low=2, high=6
    )
    vxm_exit_cycles: int = known(0, "cycles", "SQUANDER", "measured", low=0, high=2)
    sxm_entry_cycles: int = known(4, "cycles", "SQUANDER: IO crossing", "measured")
    sxm_transpose_cycles: int = known(4, "cycles", "SQUANDER", "measured", low=3, high=20)
    sxm_distribute_cycles: int = known(2, "cycles", "SQUANDER", "measured", low=1, high=4)
    sxm_permute_cycles: int = known(2, "cycles", "as Distribute", "assumed", low=1, high=20)
    sxm_shift_cycles: int = known(2, "cycles", "as Distribute", "assumed", low=1, high=4)
    sxm_select_cycles: int = known(2, "cycles", "as Distribute", "assumed", low=1, high=4)
    sxm_rotate_cycles: int = known(2, "cycles", "as Distribute", "assumed", low=1, high=4)
    mxm_entry_cycles: int = known(4, "cycles", "as the SXM's crossing", "assumed", low=1, high=8)
    mxm_install_cycles: int = known(
        1, "cycles", "activations follow the install row by row", "assumed", low=1, high=20
    )
    mxm_install_interval_cycles: int = known(
        26, "cycles", "20 of weights; SQUANDER sees 30 with 80 rows and 1 vector", "assumed", low=21, high=30
    )
    mxm_dot_cycles: int = known(20, "cycles", "partial sums cross 20 tiles", "assumed", low=16, high=40)
    mxm_exit_cycles: int = known(4, "cycles", "as the entry", "assumed", low=1, high=8)

    # Power and energy by activity
    tdp_w: float = known(215.0, "W", "PB")
    max_power_w: float = known(300.0, "W", "PB")
    int8_mac_pj: float = known(
        0.1,
        "pJ",
        "H14 0.3 (multiply, 32-bit add), × 0.35",
        "assumed",
        modelled="simplified",
        low=0.05,
        high=0.3,
    )
    fp16_mac_pj: float = known(
        0.7, "pJ", "H14 2.0 (multiply, FP32 add), × 0.35", "assumed", modelled="simplified", low=0.3, high=2.0
    )
    alu_op_pj: float = known(
        1.3,
        "pJ a lane",
        "H14 3.7 (FP32 multiply), × 0.35",
        "assumed",
        modelled="simplified",
        low=0.1,
        high=3.7,
    )
    sram_byte_pj: float = known(
        0.9, "pJ/B", "H14 2.5 (32 KB, 64 bits), × 0.35", "assumed", modelled="simplified", low=0.4, high=12.5
    )
    stream_hop_byte_pj: float = known(
        0.1, "pJ/B", "a register and 0.25 mm of wire", "assumed", modelled="simplified", low=0.02, high=1.0
    )
    instruction_pj: float = known(
        50.0, "pJ", "decoded in 20 tiles", "assumed", modelled="simplified", low=10, high=200
    )
    idle_w: float = known(
        60.0,
        "W",
        "leakage and clock: a share of PB's 185 W",
        "assumed",
        modelled="simplified",
        low=20,
        high=120,
    )

    def __post_init__(self) -> None:
        for constant in constants(self):
            if constant.value < 0 or (constant.value == 0 and constant.name != "vxm_exit_cycles"):
                raise SpecError(f"{self.name}: {constant.name} is {constant.value}: it has to be positive")
        if self.mem_slices_per_hemisphere % self.mem_slices_per_hop:
            raise SpecError(f"{self.name}: the slices of a hemisphere are not whole groups of a stream hop")
        if self.mxm_columns != self.lanes or self.mxm_rows % self.mxm_weight_streams:
            raise SpecError(
                f"{self.name}: an MXM plane takes one vector a row, {self.mxm_weight_streams} rows a cycle"
            )

    @property
    def lanes(self) -> int:
        """Return the number of lanes of a vector: 320."""
        return self.tiles * self.lanes_per_tile

    @property
    def vector_bytes(self) -> int:
        """Return the bytes of one stream's vector, one a lane: 320."""
        return self.lanes

    @property
    def mem_slices(self) -> int:
        """Return the number of MEM slices of both hemispheres: 88."""
        return self.hemispheres * self.mem_slices_per_hemisphere

    @property
    def mem_words(self) -> int:
        """Return the number of words (of 320 B over the tiles) a slice: 8,192."""
        return self.mem_banks_per_slice * self.mem_words_per_bank

    @property
    def sram_bytes(self) -> int:
        """Return the bytes of SRAM: 230,686,720."""
        return self.mem_slices * self.mem_words * self.tiles * self.mem_word_bytes

    @property
    def stream_bytes_per_cycle(self) -> int:
        """Return the bytes that all streams move across one place in a cycle: 20,480."""
        return 2 * self.streams_per_direction * self.lanes

    @property
    def sram_bytes_per_cycle(self) -> int:
        """Return the bytes that all banks move in a cycle: 56,320."""
        return self.mem_slices * self.mem_banks_per_slice * self.tiles * self.mem_word_bytes

    @property
    def ifetch_bytes_per_cycle(self) -> int:
        """Return the bytes of instructions that all queues take in a cycle: 2,304."""
        return self.queues * self.instruction_bytes

    @property
    def int8_ops_per_cycle(self) -> int:
        """Return the multiplications and additions of all planes in a cycle: 819,200."""
        return 2 * self.mxm_planes * self.mxm_rows * self.mxm_columns

    @property
    def int8_ops_per_s(self) -> int:
        """Return the peak: 737.28 TOPS at 900 MHz."""
        return self.int8_ops_per_cycle * self.clock_hz

    @property
    def fp16_ops_per_s(self) -> int:
        """Return the peak: 184.32 TFLOPS at 900 MHz."""
        return self.int8_ops_per_s // self.mxm_fp16_share

    @property
    def weight_load_cycles(self) -> int:
        """Return the cycles of data that fill one plane (all planes at once): 20."""
        return self.mxm_rows // self.mxm_weight_streams

    @property
    def c2c_vector_cycles(self) -> int:
        """Return the cycles in which a link carries one vector: 20 at 900 MHz."""
        return -(-self.c2c_vector_bytes * self.clock_hz // self.c2c_link_bytes_per_s)

    @property
    def hops_per_hemisphere(self) -> int:
        """Return the number of stream registers between VXM and SXM: 11 cycles across 44 slices."""
        return self.mem_slices_per_hemisphere // self.mem_slices_per_hop

    def seconds(self, cycles: int) -> float:
        """Return the emulated seconds of a count of cycles."""
        return cycles / self.clock_hz


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of a spec, as the tables show it."""

    name: str
    value: float
    provenance: Provenance


def constants(spec: DataclassInstance) -> Iterator[Constant]:
    """Yield all constants of a spec in the order of declaration."""
    for each in fields(spec):
        if "provenance" in each.metadata:
            yield Constant(each.name, getattr(spec, each.name), each.metadata["provenance"])


def unknown(spec: DataclassInstance) -> tuple[Constant, ...]:
    """Return the constants that are intervals: what a sensitivity report varies with `dataclasses.replace`."""
    return tuple(constant for constant in constants(spec) if constant.provenance.low is not None)


PRODUCT = ChipSpec(name="product")
"""GroqChip 1 as sold: 900 MHz."""
PAPER = replace(PRODUCT, name="paper", clock_hz=1_000_000_000)
"""The same chip at the papers' 1 GHz."""
SPECS = {spec.name: spec for spec in (PRODUCT, PAPER)}

LP30: tuple[Constant, ...] = tuple(
    Constant(name, value, Provenance(unit, "NVIDIA blog and press, 2026", "published", "not modelled"))
    for name, value, unit in (
        ("sram_bytes", 500_000_000, "B"),
        ("sram_bytes_per_s", 150_000_000_000_000, "B/s"),
        ("fp8_ops_per_s", 1_200_000_000_000_000, "op/s"),
        ("vector_bytes", 320, "B"),
        ("c2c_bits_per_s", 96 * 112_000_000_000, "bit/s a direction"),
    )
)
"""The third generation as far as it is published: too little for a schedule, enough for a roofline."""


def table(spec: DataclassInstance) -> str:
    """Return the constants as a table in Markdown, as the room's README shows them."""
    lines = [
        "| constant | value | interval | unit | source | confidence | emulator |",
        "|---|---|---|---|---|---|---|",
    ]
    for constant in constants(spec):
        p = constant.provenance
        interval = "" if p.low is None else f"{p.low:g} … {p.high:g}"
        cells = (
            f"`{constant.name}`",
            f"{constant.value:,}",
            interval,
            p.unit,
            p.source,
            p.confidence,
            p.modelled,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def fingerprint(spec: DataclassInstance) -> str:
    """Return the sha256 of the names and values of all constants: recorded before anything is compared with them."""
    text = "\n".join(f"{constant.name} {constant.value!r}" for constant in constants(spec))
    return hashlib.sha256(text.encode()).hexdigest()
