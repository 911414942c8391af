"""The time of a model's steps on the chip: its compiled programs, counted once a machine and kept on disk.

Fulfils `interface.Timing`. A decode step is compiled for a KV length, its bucket; a step runs the smallest that holds
its position. A prompt of n tokens is timed as n decode steps.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from lpu_backend.chip.program import Kind, Program
from lpu_backend.chip.simulate import simulate
from lpu_backend.chip.spec import PRODUCT, ChipSpec, fingerprint
from lpu_backend.compiler.compile import VERSION, compile_placed
from lpu_backend.errors import ExecutionError
from lpu_backend.model.compiled import cache_folder
from lpu_backend.model.graph import build_graph
from lpu_backend.model.shape import ModelShape

BUCKETS = (128, 256, 512, 1024, 2048)
"""KV lengths that decode steps are compiled for."""
LINK_START_S, LINK_BYTES_PER_S = 10e-6, 24e9
"""A transfer between host and card: GroqFlow's model of the PCIe link, each way."""
TOKEN_BYTES, LOGIT_BYTES = 4, 4

Summary = dict[str, Any]


class Timetable:
    """When the steps of a model with a cache of `capacity` positions end. Compiles what the disk does not know.

    Raises GraphError and CapacityError for a model that can't be compiled.
    """

    def __init__(
        self, shape: ModelShape, capacity: int, spec: ChipSpec = PRODUCT, folder: Path | None = None
    ) -> None:
        self.clock_hz = spec.clock_hz
        self.link_s = 2 * LINK_START_S + (TOKEN_BYTES + LOGIT_BYTES * shape.vocabulary) / LINK_BYTES_PER_S
        lengths = [length for length in BUCKETS if length < capacity]
        folder = folder or cache_folder() / "programs"
        self.decode: dict[int, Summary] = {
            positions: _summary_of(shape, positions, capacity, spec, folder)
            for positions in (*lengths, capacity)
        }
        """What is known of the program of every bucket."""
        digests = "".join(str(summary["program_digest"]) for summary in self.decode.values())
        self.program_digest = hashlib.sha256(digests.encode()).hexdigest()

    def decode_cycles(self, position: int) -> int:
        """Return the cycles of the program that appends one token at `position`. Raises ExecutionError."""
        for positions, summary in self.decode.items():
            if position < positions:
                return int(summary["cycles"])
        raise ExecutionError(f"position {position} lies behind the cache, which holds {max(self.decode)}")

    def prefill_cycles(self, tokens: int, position: int) -> int:
        """Return the cycles of appending `tokens` at `position`, one after the other. Raises ExecutionError."""
        if tokens and position + tokens > max(self.decode):
            self.decode_cycles(position + tokens - 1)
        cycles, end = 0, position + tokens
        for before, positions in pairwise((0, *self.decode)):
            steps = min(end, positions) - max(position, before)
            cycles += max(steps, 0) * int(self.decode[positions]["cycles"])
        return cycles


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


def _summary_of(shape: ModelShape, positions: int, capacity: int, spec: ChipSpec, folder: Path) -> Summary:
    """Return the summary of a decode step's program, from disk where it is known."""
    facts = f"{VERSION}:{shape}:{positions}:{capacity}:{fingerprint(spec)}"
    path = folder / f"decode-{hashlib.sha256(facts.encode()).hexdigest()[:24]}.json"
    with suppress(OSError, ValueError):
        known: Summary = json.loads(path.read_text())
        if isinstance(known.get("cycles"), int) and isinstance(known.get("program_digest"), str):
            return known
    program, _, _ = compile_placed(build_graph(shape, "decode", 1, positions), spec, capacity=capacity)
    found = summary(program, spec)
    with suppress(OSError):  # then it is compiled again next time
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(found))
        part.replace(path)
    return found
