"""Errors of the chip and its compiler. They carry data; only the command line prints and exits.

LpuError
├── SpecError        a chip description that contradicts itself
├── GgufError        a model file that can't be read, or that states absurd things
├── GraphError       a model the compiler can't express; says which node
├── CapacityError    a model that does not fit; says how many chips it takes
├── ScheduleError    a program that the chip would run wrongly; says cycle, unit, instruction
├── AssemblyError    a text that is no program; says line and column
├── ExecutionError   a program that ran wrongly, or input of the wrong shape
├── EstimateError    a question about a system of chips that has no answer: an unknown model, a context too long
├── TopologyError    a number or a group of chips, or a file of cables, that is no system
├── NetworkError     a schedule of transfers that links or chips would run wrongly; says cycle and link
└── ClockError       clocks that drift further than the schedule's slack; says which chip
"""

from __future__ import annotations

from pathlib import Path


class LpuError(Exception):
    """Base of all errors of this room. `str()` is one line for the user: what is wrong, what to do."""


class SpecError(LpuError):
    """A chip description that contradicts itself."""


class GgufError(LpuError):
    """A model file that can't be read, or that states absurd things."""

    def __init__(self, path: Path, what: str, how: str = "get the file again") -> None:
        super().__init__(f"{path}: {what}; {how}")
        self.path = path
        self.what = what
        self.how = how


class GraphError(LpuError):
    """A model the compiler can't express."""

    def __init__(self, what: str, node: str | None = None) -> None:
        super().__init__(f"{node}: {what}" if node else what)
        self.node = node


class CapacityError(LpuError):
    """A model that does not fit on the chip it is compiled for."""

    def __init__(self, need_bytes: int, have_bytes: int, chips: int, what: str = "the model") -> None:
        super().__init__(
            f"{what} needs {need_bytes:,} bytes of SRAM, one chip has {have_bytes:,}: it takes {chips} chips"
        )
        self.need_bytes = need_bytes
        self.have_bytes = have_bytes
        self.chips = chips


class ScheduleError(LpuError):
    """A program that the chip, which has no interlock, would run wrongly."""

    def __init__(self, what: str, cycle: int, unit: str, instruction: str) -> None:
        super().__init__(f"cycle {cycle}, {unit}, {instruction}: {what}")
        self.what = what
        self.cycle = cycle
        self.unit = unit
        self.instruction = instruction


class AssemblyError(LpuError):
    """A text that is no program. Lines and columns count from 1."""

    def __init__(self, what: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {what}")
        self.what = what
        self.line = line
        self.column = column


class ExecutionError(LpuError):
    """A program that ran wrongly on the functional model of the chip, or input of the wrong shape."""

    def __init__(self, what: str, cycle: int | None = None, unit: str = "", instruction: str = "") -> None:
        where = f"cycle {cycle}, {unit}, {instruction}: " if cycle is not None else ""
        super().__init__(where + what)
        self.cycle = cycle
        self.unit = unit
        self.instruction = instruction


class EstimateError(LpuError):
    """A question about a system of chips that has no answer."""


class TopologyError(LpuError):
    """A number or a group of chips, or a file of cables, that is no system."""


class NetworkError(LpuError):
    """A schedule of transfers that links or chips, which do not wait, would run wrongly."""

    def __init__(self, what: str, cycle: int, where: str) -> None:
        super().__init__(f"cycle {cycle}, {where}: {what}")
        self.what = what
        self.cycle = cycle
        self.where = where


class ClockError(LpuError):
    """Clocks that drift further than the slack a schedule has for them."""

    def __init__(self, what: str, chip: int) -> None:
        super().__init__(f"chip {chip}: {what}")
        self.chip = chip
