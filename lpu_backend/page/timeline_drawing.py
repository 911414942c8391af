"""A step in time, three times: all of it, one layer, some hundred cycles. Pure: a step in, rows of SVG out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from xml.etree.ElementTree import Element

import numpy as np

from lpu_backend.chip.floorplan import MXM_QUEUES, QUEUE_NAMES, SXM_QUEUES, VXM_QUEUES, WEST_TO_EAST
from lpu_backend.chip.listing import to_text
from lpu_backend.markup import (
    Child,
    axis,
    bar,
    element,
    label,
    line,
    path,
    percent,
    plot,
    rows,
    stretched,
    ticks,
)
from lpu_backend.page.facts import (
    FAMILIES,
    MARKED,
    UNIT_ROWS,
    Floats,
    Step,
    called,
    layer_of,
    layer_windows,
)

BINS = 400
"""Parts of a window in which busy units are counted: about two pixels on a wide screen."""
UNIT_HIGH, OPERATION_HIGH, QUEUE_HIGH = 30.0, 18.0, 6.0
Window = tuple[int, int]


def area(shares: Floats) -> str:
    """Return a path below shares of 0…1 in a box of (number of shares, 100)."""
    said = [f"V{100 - round(100 * share)}h1" for share in shares.tolist()]
    return f"M0 100{''.join(said)}V100Z"


def timeline(step: Step, window: Window, above: list[tuple[Child, Element, Child]]) -> Element:
    """Return rows of units that are busy in a window, below some other rows, over an axis of cycles."""
    lines = [*above, *(unit_line(step, number, window) for number in range(len(UNIT_ROWS)))]
    return chart(lines, window)


def chart(lines: list[tuple[Child, Element, Child]], window: Window) -> Element:
    """Return rows over an axis of cycles."""
    first, last = window
    wide = last - first
    marks = [at for at in ticks(last, max(1, round(6 * last / wide))) if at >= first]
    places = [percent((at - first) / wide) for at in marks]
    numbers = [label(x, 13, f"{at:,.0f}", "soft", "middle") for x, at in zip(places, marks, strict=True)]
    return element("div", rows(lines, "units"), axis(plot(18, "cycles", numbers)), class_="chart timeline")


def unit_line(step: Step, number: int, window: Window) -> tuple[Child, Element, Child]:
    """Return one row of UNIT_ROWS: its busy share over the window, as high as its own peak."""
    unit = UNIT_ROWS[number]
    bins = min(BINS, window[1] - window[0])
    shares = step.busy(unit, window, bins)
    peak, mean = float(shares.max()), float(shares.mean())
    filled = path(area(shares / peak if peak else shares), f"unit {unit.family}")
    said = f"{mean:.1%}, at most {peak:.0%}"
    drawn = plot(
        UNIT_HIGH,
        f"{unit.name}: busy {said}",
        [stretched((bins, 100), UNIT_HIGH - 4, [filled]), line("0%", 26, "100%", 26, "grid")],
    )
    return unit.name, drawn, said


def layers_line(step: Step) -> tuple[Child, Element, Child]:
    """Return the whole step as the embedding, its layers, and its end."""
    windows = layer_windows(step)
    parts, last = [], 0
    for layer, (start, end) in windows.items():
        box = (start / step.cycles, 3, (end - start) / step.cycles, 20)
        parts.append(bar(box, f"layer even{layer % 2}", f"layer {layer}: {end - start:,} cycles"))
        last = end
    parts.append(
        bar(
            (last / step.cycles, 3, (step.cycles - last) / step.cycles, 20),
            "op ends",
            f"last norm and logits: {step.cycles - last:,} cycles",
        )
    )
    spans = [end - start for start, end in windows.values()]
    each = f"{min(spans):,} to {max(spans):,} each" if spans else ""
    return f"{len(windows)} layers, logits", plot(26, f"{len(windows)} layers, then the logits", parts), each


def operation_lines(step: Step, layer: int) -> Iterator[tuple[Child, Element, Child]]:
    """Yield the operations of a layer as bars; what begins before the layer is cut off at its left edge."""
    first, last = layer_windows(step)[layer]
    for span in sorted(step.simulation.ops, key=lambda one: (one.end, one.start)):
        if layer_of(span.name) != layer:
            continue
        name, family = called(span.name)
        start = max(span.start, first)
        box = ((start - first) / (last - first), 3, max((span.end - start) / (last - first), 0.002), 12)
        early = f", {first - span.start:,} of them before the layer" if span.start < first else ""
        said = f"{name}: {span.end - span.start:,} cycles{early}, {span.issues:,} instructions"
        drawn = plot(OPERATION_HIGH, said, [bar(box, f"op {family}", said)])
        yield name, drawn, f"{'← ' if early else ''}{span.end - span.start:,}"


def queues_drawing(step: Step, window: Window) -> Element:
    """Return every instruction of a window: a row a queue, west to east, a column a cycle."""
    first, last = window
    inside = np.flatnonzero((step.issues.cycle >= first) & (step.issues.cycle < last))
    active = set(step.queue[inside].tolist())
    shown = [queue for queue in WEST_TO_EAST if queue in active]
    place = {queue: number for number, queue in enumerate(shown)}
    purposes = {int(opcode): name for name, opcodes in MARKED for opcode in opcodes}
    cells = defaultdict[tuple[str, int], list[int]](list)
    for issue in inside:
        name = purposes.get(int(step.opcode[issue]), "lane-wise")
        cells[name, place[int(step.queue[issue])]].append(int(step.issues.cycle[issue]) - first)
    steps = defaultdict[str, list[str]](list)
    for (name, row), at in sorted(cells.items()):
        steps[name] += [f"M{start} {row}.1h{wide}v.8h-{wide}z" for start, wide in _merged(sorted(at))]
    paths = [path("".join(said), f"does {name}") for name, said in steps.items()]
    high = QUEUE_HIGH * len(shown)
    marks = range(0, last - first + 1, 32)
    numbers = [
        label(percent((at - first) / (last - first)), high + 16, f"{at:,}", "soft", "middle") for at in marks
    ]
    title = f"{len(inside):,} instructions of {len(shown)} queues in cycles {first:,} to {last:,}"
    names = list(_group_names(shown))
    parts = [stretched((last - first, len(shown)), high, paths), *names, *numbers]
    return element("div", plot(high + 22, title, parts), class_="chart queues")


def assembly(step: Step, window: Window, most: int) -> str:
    """Return the first instructions of a window as a program's listing has them."""
    rows_of = step.program.rows
    inside = rows_of[(rows_of["cycle"] >= window[0]) & (rows_of["cycle"] < window[1])]
    first = inside[np.argsort(inside["cycle"], kind="stable")][:most]
    part = replace(step.program, rows=first, regions=step.program.regions[:0], maps=step.program.maps[:0])
    return "\n".join(row for row in to_text(part).splitlines() if not row.startswith("."))


def _merged(cycles: list[int]) -> Iterator[tuple[int, int]]:
    """Yield first and length of runs of neighbouring cycles."""
    start = previous = cycles[0]
    for cycle in cycles[1:]:
        if cycle > previous + 1:
            yield start, previous - start + 1
            start = cycle
        previous = cycle
    yield start, previous - start + 1


def _group_names(shown: list[int]) -> Iterator[Element]:
    """Yield the name of every kind of unit, and a line above it, where its queues begin."""
    last = ""
    for row, queue in enumerate(shown):
        name = _group(queue)
        if name != last:
            y = QUEUE_HIGH * row
            yield line("0%", y, "100%", y, "grid")
            yield label("-6", y + 9, name, "soft", "end")
        last = name


def _group(queue: int) -> str:
    if queue in VXM_QUEUES:
        return "VXM"
    side = "west" if QUEUE_NAMES[queue].startswith(("MEM_W", "SXM_W", "MXM0", "MXM1")) else "east"
    kind = "MXM" if queue in MXM_QUEUES else "SXM" if queue in SXM_QUEUES else "MEM"
    return f"{kind} {side}"


def families_legend() -> list[tuple[str, str]]:
    """Return classes and names of the families of operations."""
    names = {
        "ends": "embedding, logits",
        "projections": "attention's matrices",
        "attention": "attention itself",
    }
    return [(f"op {family}", names.get(family, family)) for family in FAMILIES]
