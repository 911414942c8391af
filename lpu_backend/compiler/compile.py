"""The main path of the compiler: a model graph in, a verified program out."""

from __future__ import annotations

from typing import Literal

from lpu_backend.chip.program import Program, ProgramBuilder
from lpu_backend.chip.rules import check_statics
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.chip.verify import verify
from lpu_backend.compiler.lowering import Lowering
from lpu_backend.compiler.memory_map import memory_map
from lpu_backend.compiler.place import Placement, place
from lpu_backend.compiler.room import Room
from lpu_backend.compiler.schedule import Schedule
from lpu_backend.compiler.sram import Sram
from lpu_backend.compiler.walk import lower_graph
from lpu_backend.model.graph import ModelGraph, check

VERSION = 13
"""Goes up with every change that makes other programs of the same graph."""
Pass = Literal["check", "place", "schedule", "verify"]
PASSES: tuple[Pass, ...] = ("check", "place", "schedule", "verify")


def compile(  # noqa: A001 - what it does
    graph: ModelGraph, spec: ChipSpec, stop_after: Pass | None = None, *, room: Room | None = None
) -> Program:
    """The program of a step, placed in a `room` that it may share with others; by default one for this step alone.

    Raises GraphError, CapacityError, ScheduleError. `stop_after` a pass: the program as it is by then.
    """
    return compile_placed(graph, spec, stop_after, room=room)[0]


def compile_placed(
    graph: ModelGraph, spec: ChipSpec, stop_after: Pass | None = None, *, room: Room | None = None
) -> tuple[Program, Placement, str]:
    """The program, where its values lie, and the memory map as text."""
    check(graph)
    part = graph.part
    name = f"{graph.kind}-{graph.rows}-{graph.positions}"
    if not part.is_whole:
        name += f"-layers-{part.first}-{part.stop - 1}" + (f"-of-{part.ways}" if part.ways > 1 else "")
    builder = ProgramBuilder(name, spec.name)
    sram = Sram(builder, spec)
    placement = place(graph, sram, room or Room(graph.positions, ((graph.rows, graph.positions),)))
    text = memory_map(sram, placement)
    if stop_after in ("check", "place"):
        program = builder.build()
        check_statics(program)
        return program, placement, text
    lower_graph(
        Lowering(graph, Schedule(builder, sram, spec, single=graph.rows == 1), placement, rows=graph.rows)
    )
    program = builder.build()
    if stop_after != "schedule":
        verify(program, spec, alone=part.is_whole)
    return program, placement, text
