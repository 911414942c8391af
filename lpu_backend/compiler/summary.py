"""What a program costs, as the simulator counts it, ready for JSON."""

from __future__ import annotations

from typing import Any

from lpu_backend.chip.program import Kind, Program
from lpu_backend.chip.simulate import simulate
from lpu_backend.chip.spec import ChipSpec

Summary = dict[str, Any]


def summary(program: Program, spec: ChipSpec) -> Summary:
    """Return what the simulator counts of a program, ready for JSON; times and energy are emulated."""
    counted = simulate(program, spec)
    words = program.regions["words"][program.regions["kind"] != Kind.SCRATCH]
    return {
        "basis": "emulated",
        "program": program.name,
        "program_digest": program.digest,
        "chips": 1,
        "instructions": len(program.rows),
        "issues": counted.issues,
        "cycles": counted.cycles,
        "microseconds": round(counted.seconds * 1e6, 3),
        "steps_per_s": round(1 / counted.seconds, 1) if counted.cycles else None,
        "sram_bytes_used": int(words.astype(int).sum()) * spec.vector_bytes,
        "sram_bytes": spec.sram_bytes,
        "utilisation": {unit: round(share, 4) for unit, share in counted.utilisation.items()},
        "energy_mj": round(counted.total_energy_j * 1e3, 4),
        "power_w": round(counted.power_w, 1) if counted.cycles else None,
    }
