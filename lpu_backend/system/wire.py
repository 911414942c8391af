"""The links between chips as constants: value, unit, source, confidence, interval; and the cycles that follow.

Sources as in `chip/spec.py`, and:
  P22T  the table of link latencies in P22, quoted in secondary sources

The rate of a link and the bytes of a vector on it are the chip's. One hop, from SRAM to SRAM:

    Read ──launch──▶ Send ──vector──▶ ──link──▶ arrival ──guard──▶ Receive ──landing──▶ the vector is in SRAM
                                                                       └──forward──▶ Send of the next hop

Launch, vector and link follow from the chip and its links. `guard` is how much later than on average a vector may
arrive, for jitter and clocks that drift (`sync.py`). Together they are far less than the 722 ns that are stated for a
hop; what is left is `landing`: unexplained, and charged once a transfer, where the vector becomes a program's operand.
A chip that only passes a vector on pays the way from edge to edge. So the stated hop is an input here, no prediction;
everything longer than one hop is a prediction.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpu_backend.chip.floorplan import EDGE_SLOT
from lpu_backend.chip.spec import PRODUCT, ChipSpec, constants, known
from lpu_backend.errors import SpecError


@dataclass(frozen=True, slots=True, kw_only=True)
class WireSpec:
    """Packaging, links and clocks of a system of many chips. Every field but `chip` is a constant with provenance."""

    chip: ChipSpec = PRODUCT

    # Packaging
    node_chips: int = known(8, "chips a node", "P22")
    local_links: int = known(7, "links a chip", "P22: all-to-all inside a node")
    global_links: int = known(4, "links a chip", "P22")
    rack_nodes: int = known(9, "nodes a rack", "P22: 8 and a hot spare")
    max_racks: int = known(145, "racks", "P22")
    flat_nodes: int = known(33, "nodes", "a node's 32 ports reach 32 others: 264 chips", "derived")
    rack_ports: int = known(
        16,
        "ports a node",
        "145 racks leave 144 of a rack's 288 ports: 16 a node; 2 links a neighbour",
        "derived",
    )

    # Links
    link_cycles: int = known(216, "cycles", "P22T: mean over links", "measured", low=209, high=223)
    link_sigma_cycles: float = known(2.8, "cycles", "P22T", "measured", low=2.6, high=2.9)
    hop_ns: float = known(722.0, "ns", "P22, SRAM to SRAM", "memory", low=318, high=722)
    guard_cycles: int = known(
        24,
        "cycles",
        "6 sigma of the link, 3 of alignment, 4 of drift between two deskews",
        "assumed",
        low=8,
        high=64,
    )
    forward_cycles: int = known(
        26,
        "cycles",
        "edge to edge on a stream; P22's 3 µs over 5 hops leaves at most 252",
        "assumed",
        low=26,
        high=252,
    )

    # Clocks
    epoch_cycles: int = known(256, "cycles", "P22: the HAC wraps", "memory")
    clock_ppm: float = known(
        100.0, "ppm either way", "oscillators of data-centre parts", "assumed", low=20, high=300
    )
    deskew_interval_cycles: int = known(
        16_384, "cycles", "so that drift stays within the guard's share", "assumed", low=4_096, high=25_000
    )
    deskew_cycles: int = known(
        8, "cycles", "a RUNTIME_DESKEW, longer or shorter by the drift", "assumed", low=4, high=16
    )

    def __post_init__(self) -> None:
        for constant in constants(self):
            if constant.value <= 0:
                raise SpecError(f"wire: {constant.name} is {constant.value}: it has to be positive")
        if self.landing_cycles < 0:
            raise SpecError(f"wire: a hop of {self.hop_ns:g} ns is shorter than its link")

    @property
    def ports(self) -> int:
        """Return the number of links a chip: 11."""
        return self.local_links + self.global_links

    @property
    def max_chips(self) -> int:
        """Return the number of chips of the largest system: 10,440."""
        return self.max_racks * self.rack_nodes * self.node_chips

    @property
    def vector_cycles(self) -> int:
        """Return the cycles from one vector's Send to the next on a link: 20."""
        return self.chip.c2c_vector_cycles

    @property
    def launch_cycles(self) -> int:
        """Return the cycles from an SRAM Read to the Send that samples it, on the longest way: 13."""
        return self.chip.mem_read_cycles + EDGE_SLOT - 1

    @property
    def flight_cycles(self) -> int:
        """Return cycles from a Send to the Receive at the other end, when all of the vector is surely there: 260."""
        return self.vector_cycles + self.link_cycles + self.guard_cycles

    @property
    def hop_cycles(self) -> int:
        """Return the cycles of one hop, SRAM to SRAM: 650."""
        return round(self.hop_ns * self.chip.clock_hz / 1e9)

    @property
    def landing_cycles(self) -> int:
        """Return the cycles from a Receive until the vector can be read from SRAM: 377, what a hop has left."""
        return self.hop_cycles - self.launch_cycles - self.flight_cycles


WIRE = WireSpec()
"""The links of GroqChip 1 at 900 MHz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartSpec:
    """Times of what happens before a program runs, or runs again. No prediction rests on it."""

    align_exchanges: int = known(
        1_024, "exchanges a link", "3 cycles of alignment over 14 links", "assumed", low=256, high=100_000
    )
    host_bytes_per_s: int = known(
        24_000_000_000, "B/s a chip", "GroqFlow's estimate of PCIe Gen4 × 16", "measured"
    )
    host_call_s: float = known(10e-6, "s", "GroqFlow's estimate of a transfer's start", "measured")


START = StartSpec()
