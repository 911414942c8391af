"""The main path of the compiler: a model graph in, a verified program out."""

from __future__ import annotations

from typing import Literal, get_args

from lpu_backend.chip.program import Program, ProgramBuilder
from lpu_backend.chip.rules import check_statics
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.chip.verify import verify
from lpu_backend.compiler.lowering import Lowering
from lpu_backend.compiler.memory_map import memory_map
from lpu_backend.compiler.place import Placement, place
from lpu_backend.compiler.reservation import Reservation
from lpu_backend.compiler.schedule import Schedule
from lpu_backend.compiler.sram import Sram
from lpu_backend.compiler.walk import lower_graph
from lpu_backend.model.graph import ModelGraph, check

VERSION = 13
"""Goes up with every change that makes other programs of the same graph."""
Pass = Literal["place", "schedule", "verify"]
PASSES: tuple[Pass, ...] = get_args(Pass)
"""Each ends with a program: its memory alone, then its instructions, then the same proven."""


def compile(  # noqa: A001 - what it does
    graph: ModelGraph, spec: ChipSpec, last: Pass = "verify", *, reservation: Reservation | None = None
) -> Program:
    """Return the program of a step as it is after the pass `last`: by default complete and verified.

    `reservation`: of the placement that it has in common with other programs; by default it has one of its own.
    Raises GraphError, CapacityError, ScheduleError.
    """
    return compile_placed(graph, spec, last, reservation=reservation)[0]


def compile_placed(
    graph: ModelGraph, spec: ChipSpec, last: Pass = "verify", *, reservation: Reservation | None = None
) -> tuple[Program, Placement, str]:
    """Return what `compile` does, where its values lie, and the memory map as text."""
    check(graph)
    builder = ProgramBuilder(_name(graph), spec.name)
    sram = Sram(builder, spec)
    placement = place(
        graph, sram, reservation or Reservation(graph.positions, ((graph.rows, graph.positions),))
    )
    text = memory_map(sram, placement)
    if last == "place":
        program = builder.build()
        check_statics(program)
        return program, placement, text
    schedule = Schedule(builder, sram, spec, single=graph.rows == 1)
    lower_graph(Lowering(graph, schedule, placement, rows=graph.rows))
    program = builder.build()
    if last == "verify":
        verify(program, spec, alone=graph.part.is_whole)
    return program, placement, text


def _name(graph: ModelGraph) -> str:
    part, name = graph.part, f"{graph.kind}-{graph.rows}-{graph.positions}"
    if part.is_whole:
        return name
    return f"{name}-layers-{part.first}-{part.stop - 1}" + (
        f"-of-{part.tp_degree}" if part.tp_degree > 1 else ""
    )
