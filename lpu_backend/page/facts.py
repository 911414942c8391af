"""What the page shows of a compiled step: who is busy when, what lies where, which operation the time goes to.

Pure: programs in, arrays and figures out. All of it is emulated, and equal on every machine.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lpu_backend.chip.floorplan import QUEUES, SLICES_A_SIDE, SLOT_OF_QUEUE, STREAMS, UNIT_OF_QUEUE, Unit
from lpu_backend.chip.isa import Opcode
from lpu_backend.chip.issues import Ints, Issues, expand
from lpu_backend.chip.program import Kind, Program
from lpu_backend.chip.simulate import READS, WRITES, OpSpan, Simulation, simulate
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.chip.timing import timing
from lpu_backend.chip.traffic import driven

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SXM_UNITS = tuple(unit for unit in Unit if unit.name.startswith("SXM"))
OPERATIONS = {
    "x": ("embedding", "ends"),
    "n1": ("norm, attention", "norms"),
    "q": ("queries", "projections"),
    "k": ("keys", "projections"),
    "va": ("values", "projections"),
    "qa": ("rotary, queries", "attention"),
    "ka": ("rotary, keys", "attention"),
    "keys": ("keys into the cache", "attention"),
    "values": ("values into the cache", "attention"),
    "s": ("scores", "attention"),
    "p": ("softmax", "attention"),
    "o": ("values by scores", "attention"),
    "x1": ("output, residual", "projections"),
    "n2": ("norm, feed-forward", "norms"),
    "t": ("gate", "feed-forward"),
    "u": ("up", "feed-forward"),
    "h": ("SwiGLU", "feed-forward"),
    "x2": ("down, residual", "feed-forward"),
    "norm": ("last norm", "norms"),
    "logits": ("logits", "ends"),
}
"""A tensor operation's name on the page and its family, by its name in the program after the layer."""
FAMILIES = ("projections", "attention", "norms", "feed-forward", "ends")
CONTENTS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("embedding and logits", lambda name: name.startswith(("token_embd", "output"))),
    ("attention matrices", lambda name: ".attn_" in name and "@" in name),
    ("feed-forward matrices", lambda name: ".ffn_" in name and "@" in name),
    ("keys and values", lambda name: name.startswith(("keys.", "values.", "ring."))),
    ("scales, gains, tables", lambda name: True),
)
"""What SRAM holds, by the names of tensors; the first that fits."""
SCRATCH = "between operations"


@dataclass(frozen=True, slots=True)
class UnitRow:
    """Units that the page shows in one line."""

    name: str
    family: str
    count: int
    """Number of them that can be busy in a cycle."""
    units: tuple[Unit, ...]
    opcodes: tuple[Opcode, ...] = tuple(Opcode)
    side: int = 0
    """-1: west of the VXM, 1: east of it, 0: both."""

    def has(self, queue: Ints, opcode: Ints) -> Bools:
        """Return which issues are theirs."""
        mine: Bools = np.isin(np.array(UNIT_OF_QUEUE)[queue], self.units) & np.isin(opcode, self.opcodes)
        return mine & (np.sign(np.array(SLOT_OF_QUEUE)[queue]) == self.side) if self.side else mine


UNIT_ROWS = (
    UnitRow("MEM west, reads", "MEM", SLICES_A_SIDE, (Unit.MEM,), READS, -1),
    UnitRow("MEM east, reads", "MEM", SLICES_A_SIDE, (Unit.MEM,), READS, 1),
    UnitRow("MEM, writes", "MEM", 2 * SLICES_A_SIDE, (Unit.MEM,), WRITES),
    UnitRow("MXM, weights in", "MXM", 4, (Unit.MXM_WEIGHTS,)),
    UnitRow("MXM, products", "MXM", 4, (Unit.MXM_ACTIVATIONS,)),
    UnitRow("MXM, sums out", "MXM", 4, (Unit.MXM_ACCUMULATORS,)),
    UnitRow("VXM", "VXM", 16, (Unit.VXM,)),
    UnitRow("SXM", "SXM", 12, SXM_UNITS),
)


@dataclass(frozen=True)
class Step:
    """A compiled step, its issues written out."""

    program: Program
    spec: ChipSpec
    simulation: Simulation
    issues: Issues
    queue: Ints
    """Of every issue."""
    opcode: Ints

    @cached_property
    def spans(self) -> tuple[OpSpan, ...]:
        """Return the tensor operations, by their ends."""
        return tuple(sorted(self.simulation.ops, key=lambda span: (span.end, span.start, span.name)))

    @property
    def cycles(self) -> int:
        """Return the cycles of the whole step."""
        return self.simulation.cycles

    def busy(self, row: UnitRow, window: tuple[int, int], bins: int) -> Floats:
        """Return the share of its units that are busy, in `bins` equal parts of the cycles from … to of a window."""
        first, last = window
        mine = row.has(self.queue, self.opcode) & (self.issues.cycle >= first) & (self.issues.cycle < last)
        busy = np.array(timing(self.spec).busy)[self.opcode[mine]]
        edges = np.linspace(first, last, bins + 1)
        counted, _ = np.histogram(self.issues.cycle[mine], edges, weights=busy)
        return np.minimum(counted / (row.count * (last - first) / bins), 1.0)

    @cached_property
    def busy_of_queue(self) -> Floats:
        """Return the share of all cycles in which each of the 144 queues has something to do."""
        busy = np.array(timing(self.spec).busy)[self.opcode]
        return np.minimum(np.bincount(self.queue, busy, QUEUES) / self.cycles, 1.0)

    @cached_property
    def driven_on_stream(self) -> Ints:
        """Return vectors that are driven onto each of the 64 streams."""
        made = driven(self.program.rows, self.issues, timing(self.spec))
        return np.bincount(made.stream, minlength=STREAMS).astype(np.int64)


def step_of(program: Program, spec: ChipSpec) -> Step:
    """Write a program out and count it."""
    issues = expand(program.rows)
    queue, opcode = (program.rows[name][issues.row].astype(np.int64) for name in ("queue", "opcode"))
    return Step(program, spec, simulate(program, spec), issues, queue, opcode)


@dataclass(frozen=True, slots=True)
class Charge:
    """Cycles that one kind of operation, in all layers, holds the step up."""

    name: str
    family: str
    cycles: int
    issues: int


def suffix(name: str) -> str:
    """Return an operation's name without its layer."""
    return re.sub(r"^L\d+\.", "", name)


def layer_of(name: str) -> int | None:
    """Return the layer an operation is of; None for the ends of a model."""
    found = re.match(r"^L(\d+)\.", name)
    return int(found[1]) if found else None


def called(name: str) -> tuple[str, str]:
    """Return what an operation is called on the page, and its family."""
    return OPERATIONS.get(suffix(name), (suffix(name), "ends"))


def charges(step: Step) -> list[Charge]:
    """Return all cycles of a step, each charged to the operation whose end is the next: what the step waits for.

    Operations overlap, so their lengths add up to more than the step; these add up to it, with the N tiles of the end.
    """
    cycles, issues, ended = defaultdict[str, int](int), defaultdict[str, int](int), 0
    for span in step.spans:
        cycles[suffix(span.name)] += span.end - ended
        issues[suffix(span.name)] += span.issues
        ended = span.end
    found = [Charge(*called(name), spent, issues[name]) for name, spent in cycles.items()]
    rest = step.cycles - ended
    return [*found, Charge("last result climbs", "ends", rest, 0)]


def layer_windows(step: Step) -> dict[int, tuple[int, int]]:
    """Return the cycles of each layer: from the end of the layer before, or of the embedding, to its own end."""
    ends = dict[int, int]()
    first = 0
    for span in step.spans:
        layer = layer_of(span.name)
        if layer is None and not ends:
            first = span.end
        elif layer is not None and suffix(span.name) == "x2":
            ends[layer] = span.end
    starts = [first, *ends.values()]
    return {layer: (start, end) for (layer, end), start in zip(ends.items(), starts, strict=False)}


def liveliest(step: Step, window: tuple[int, int], cycles: int) -> tuple[int, int]:
    """Return the part of a window, so many cycles long, in which most queues issue something."""
    best, found = -1, window
    for first in range(window[0], max(window[1] - cycles, window[0]) + 1, 8):
        inside = (step.issues.cycle >= first) & (step.issues.cycle < first + cycles)
        queues = len(np.unique(step.queue[inside]))
        if queues > best:
            best, found = queues, (first, first + cycles)
    return found


def sram_words(program: Program) -> dict[str, Bools]:
    """Return which of the 88 × 8,192 words hold what, by the names of CONTENTS, and SCRATCH; each word once."""
    words = {name: np.zeros((2 * SLICES_A_SIDE, 8192), bool) for name, _ in CONTENTS}
    words[SCRATCH] = np.zeros((2 * SLICES_A_SIDE, 8192), bool)
    contents = [next(name for name, fits in CONTENTS if fits(tensor)) for tensor in program.tensors]
    for region in program.regions:
        scratch = region["kind"] == Kind.SCRATCH or region["tensor"] < 0
        name = SCRATCH if scratch else contents[region["tensor"]]
        first = int(region["address"])
        words[name][region["slice"], first : first + int(region["words"])] = True
    taken = np.zeros((2 * SLICES_A_SIDE, 8192), bool)
    for name, held in words.items():
        words[name] = held & ~taken
        taken |= held
    return words


def runs(held: Bools) -> Iterator[tuple[int, int]]:
    """Yield first and length of every run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], held, [False])).astype(np.int8)))
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        yield int(first), int(end - first)


MARKED = (
    ("reads", READS),
    ("writes", WRITES),
    ("weights", (Opcode.LW, Opcode.IW)),
    ("products", (Opcode.ABC_I8, Opcode.ABC_F16)),
    ("sums", (Opcode.ACC_SET, Opcode.ACC_ADD, Opcode.ACC_SET_OUT, Opcode.ACC_ADD_OUT, Opcode.ACC_OUT)),
    (
        "switching",
        (Opcode.SHIFT, Opcode.ROTATE, Opcode.SELECT, Opcode.PERMUTE, Opcode.DISTRIBUTE, Opcode.TRANSPOSE),
    ),
)
"""Instructions by what they are for; those of the VXM are the others."""
