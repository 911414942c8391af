"""The chip as it stands: floor plan, streams, and what lies in its SRAM. Pure: a step in, SVG out.

West is left. The x axis is the stream axis of `chip/floorplan.py`: MEM slots have the same width, four slices each;
VXM, SXM and MXM are drawn wider than the one slot they take, so that they can be seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from lpu_backend.chip.floorplan import (
    EDGE_SLOT,
    MEM_QUEUES,
    MXM_QUEUES,
    QUEUE_NAMES,
    SLICES_A_SIDE,
    SLICES_A_SLOT,
    SLOT_OF_QUEUE,
    STREAMS_A_DIRECTION,
    SXM_QUEUES,
    SXM_SLOT,
    VXM_QUEUES,
    stream_name,
)
from lpu_backend.chip.spec import ChipSpec
from lpu_backend.markup import element, label, line, path, percent, plot, stretched
from lpu_backend.page.facts import Bools, Step, runs

WIDTHS = {0: 2.4, SXM_SLOT: 1.6, EDGE_SLOT: 3.0}
"""Widths of slots in MEM slots, by their distance from the VXM; all others 1."""
TOP, HIGH = 58.0, 260.0
WORDS = 8192
MAP_HIGH = 280.0


def edges() -> dict[int, tuple[float, float]]:
    """Return where every slot begins and ends, as shares of the chip's width."""
    slots = range(-EDGE_SLOT, EDGE_SLOT + 1)
    whole = sum(WIDTHS.get(abs(slot), 1.0) for slot in slots)
    found, at = {}, 0.0
    for slot in slots:
        wide = WIDTHS.get(abs(slot), 1.0) / whole
        found[slot] = (at, at + wide)
        at += wide
    return found


def place(queue: int) -> tuple[float, float]:
    """Return where a queue's unit begins and ends; of units that share a slot, its part."""
    slot = SLOT_OF_QUEUE[queue]
    first, last = edges()[slot]
    part, parts = 0, 1
    if queue in MEM_QUEUES:
        inside = queue % SLICES_A_SIDE % SLICES_A_SLOT
        part, parts = inside if slot > 0 else SLICES_A_SLOT - 1 - inside, SLICES_A_SLOT
    elif queue in VXM_QUEUES:
        part, parts = (queue - VXM_QUEUES.start) % 4, 4
    elif queue in MXM_QUEUES:
        part, parts = (queue - MXM_QUEUES.start) // 3 % 2, 2
    wide = (last - first) / parts
    return first + part * wide, first + (part + 1) * wide


def floor_plan(step: Step, spec: ChipSpec) -> Element:
    """Return the chip with its 20 tiles, each unit as strong in colour as it is busy in a step."""
    busy = step.busy_of_queue
    parts = [part for slot in (-EDGE_SLOT, -SXM_SLOT, 0, SXM_SLOT, EDGE_SLOT) for part in _name(slot)]
    parts += [part for at, side in ((-6, "W"), (6, "E")) for part in _mem_name(at, side)]
    for queue in (*MEM_QUEUES, *VXM_QUEUES):
        parts.append(_unit(queue, "MEM" if queue in MEM_QUEUES else "VXM", float(busy[queue])))
    for plane in range(4):
        queues = MXM_QUEUES[3 * plane : 3 * plane + 3]
        parts.append(_unit(queues[0], "MXM", float(busy[list(queues)].max()), f"MXM plane {plane}"))
    for side in range(2):
        queues = SXM_QUEUES[6 * side : 6 * side + 6]
        parts.append(_unit(queues[0], "SXM", float(busy[list(queues)].max()), f"SXM {'WE'[side]}"))
    tile = HIGH / spec.tiles
    parts += [line("0%", TOP + tile * row, "100%", TOP + tile * row, "tile") for row in range(spec.tiles + 1)]
    for row in (0, spec.tiles - 1):
        y = TOP + HIGH - tile * row - 2
        parts.append(label("-6", y if row == 0 else TOP + 10, f"tile {row}", "soft", "end"))
    parts += _streams()
    parts += _queues(step)
    title = f"The chip, west to east: 2 × {SLICES_A_SIDE} MEM slices, VXM, SXM, MXM, in {spec.tiles} tiles"
    return element("div", plot(TOP + HIGH + 62, title, parts), class_="chart chip")


def _unit(queue: int, family: str, busy: float, name: str = "") -> Element:
    first, last = place(queue)
    title = f"{name or QUEUE_NAMES[queue]}: busy in {busy:.1%} of the cycles"
    row = {"y": TOP, "height": HIGH}
    if family == "VXM":  # four ALUs above one another, of 16
        high = HIGH / 4
        row = {"y": TOP + high * ((queue - VXM_QUEUES.start) // 4), "height": high}
    return element(
        "rect",
        element("title", title),
        x=percent(first),
        width=percent(last - first),
        class_=f"unit {family}",
        fill_opacity=round(0.14 + 0.86 * min(1.0, busy / 0.3) ** 0.5, 2),
        **row,
    )


def _name(slot: int) -> Iterator[Element]:
    first, last = edges()[slot]
    name = {0: "VXM", SXM_SLOT: "SXM", EDGE_SLOT: "MXM"}[abs(slot)]
    yield label(
        percent((first + last) / 2),
        12.0 if abs(slot) == EDGE_SLOT or not slot else 28.0,
        name,
        "name",
        "middle",
    )


def _mem_name(slot: int, side: str) -> Iterator[Element]:
    first, last = edges()[slot]
    name = "MEM west" if side == "W" else "MEM east"
    yield label(percent((first + last) / 2), 12, name, "name", "middle")


def _streams() -> Iterator[Element]:
    """Yield arrows above the tiles: the streams pass through everything."""
    begin, end = edges()[-EDGE_SLOT][0], edges()[EDGE_SLOT][1]
    for y, words, ends in ((40, "32 streams east →", (begin, end)), (52, "← 32 streams west", (begin, end))):
        x = 0.25 if y == 40 else 0.75
        yield line(percent(ends[0]), y, percent(ends[1]), y, "stream")
        yield element("text", words, x=percent(x), y=y + 4, class_="soft halo", text_anchor="middle")


def _queues(step: Step) -> Iterator[Element]:
    """Yield the instruction queues below, from which instructions climb the tiles."""
    y = TOP + HIGH + 8
    for queue in (*MEM_QUEUES, *VXM_QUEUES, *MXM_QUEUES, *SXM_QUEUES):
        first, last = place(queue)
        yield line(percent((first + last) / 2), y, percent((first + last) / 2), y + 8, "queue")
    yield label("50%", y + 26, "144 instruction queues", "soft", "middle")
    yield label("50%", y + 44, "↑ an instruction climbs a tile a cycle", "soft", "middle")


def streams_drawing(step: Step, spec: ChipSpec) -> Element:
    """Return how many vectors are driven onto each of the 64 streams, east above, west below."""
    counts = step.driven_on_stream.tolist()
    most, wide = max([1, *counts]), 1 / STREAMS_A_DIRECTION
    parts = [line("0%", 78, "100%", 78, "grid")]
    for stream, count in enumerate(counts):
        tall, east = 60 * count / most, stream < STREAMS_A_DIRECTION
        x = stream % STREAMS_A_DIRECTION * wide
        title = element("title", f"{stream_name(stream)}: {count:,} vectors of {spec.vector_bytes} B")
        y = 78 - tall if east else 78
        box = {"x": percent(x + 0.1 * wide), "width": percent(0.8 * wide), "y": y, "height": max(tall, 0.0)}
        parts.append(element("rect", title, class_="unit c4" if east else "unit c5", **box))
    parts += [
        label("0%", 12, f"E0 … E31, at most {most:,} vectors", "soft"),
        label("0%", 154, "W0 … W31", "soft"),
    ]
    return plot(160, "Vectors driven onto each stream in a step", parts)


def sram_map(words: Mapping[str, Bools], classes: Mapping[str, str]) -> Element:
    """Return all 88 slices, west to east, address 0 at the bottom; a path for all that is of one kind."""
    columns = [*range(SLICES_A_SIDE - 1, -1, -1), *range(SLICES_A_SIDE, 2 * SLICES_A_SIDE)]
    paths = []
    for name, held in words.items():
        steps = []
        for column, mem_slice in enumerate(columns):
            left = column + (1 if column >= SLICES_A_SIDE else 0)
            steps += [
                f"M{left}.04 {WORDS - at - long}h.92v{long}h-.92z" for at, long in runs(held[mem_slice])
            ]
        if steps:
            paths.append(path("".join(steps), classes[name]))
    wide = 2 * SLICES_A_SIDE + 1
    side = f"h{SLICES_A_SIDE}v{WORDS}h-{SLICES_A_SIDE}z"
    empty = path(f"M0 0{side}M{SLICES_A_SIDE + 1} 0{side}", "free")
    parts = [stretched((wide, WORDS), MAP_HIGH, [empty, *paths])]
    for ends, name, anchor in (
        (0, "W43", "start"),
        (44, "W0", "end"),
        (45, "E0", "start"),
        (89, "E43", "end"),
    ):
        parts.append(label(percent(ends / wide), MAP_HIGH + 16, name, "soft", anchor))
    parts.append(label("-6", 10, "8,191", "soft", "end"))
    parts.append(label("-6", MAP_HIGH, "0", "soft", "end"))
    return element(
        "div", plot(MAP_HIGH + 22, "What lies in the 88 slices of SRAM", parts), class_="chart counted"
    )
