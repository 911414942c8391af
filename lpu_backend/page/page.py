"""The page of the chip: what it is, what a model's step does on it, what several do, how far it can be believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from lpu_backend.chip.spec import ChipSpec, constants
from lpu_backend.estimate.assets import asset_folder
from lpu_backend.estimate.estimate_page import TIERS
from lpu_backend.markup import (
    bar,
    card,
    document,
    element,
    legend,
    more,
    pairs,
    plot,
    rows,
    scrolling,
    table,
    tiles,
)
from lpu_backend.model.shape import ModelShape
from lpu_backend.page import floor_drawing as plan
from lpu_backend.page import readout, systems
from lpu_backend.page import timeline_drawing as timeline
from lpu_backend.page.facts import CONTENTS, SCRATCH, Step, charges, layer_windows, liveliest, sram_words

WINDOW_CYCLES, LISTED = 128, 40
"""Cycles that are shown instruction by instruction; instructions that are shown as text."""
UNITS = ("MEM", "MXM", "VXM", "SXM")
MARKS = ("reads", "writes", "weights", "products", "sums", "switching", "lane-wise")
BASES = (
    (
        "emulated",
        "counted in programs that the compiler has written and a proof has passed; the same on every machine",
    ),
    ("published", "from papers and briefs of the chip's makers"),
    ("measured", "fitted by users to real cards, and written down in open source"),
    ("assumed", "ours, where nothing is public: energies, delays of the MXM; varied in the sensitivities"),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the page is made of."""

    model: str
    """The model's name."""
    shape: ModelShape
    positions: int
    """Tokens the caches hold."""
    seen: int
    """Positions that the decode step sees."""
    step: Step
    spec: ChipSpec
    programs: Sequence[Mapping[str, Any]]
    """Summaries of the programs that lie on the chip together."""
    pipelines: Sequence[Mapping[str, Any]]
    """Summaries of the decode step on several chips, one first, with `prompt_cycles`."""


def page(shown: Shown) -> str:
    """Return the page."""
    css = "".join((asset_folder() / name).read_text("utf-8") for name in ("page.css", "chip.css"))
    parts = (_legend, _chip, _token, _layer, _cycles, _operations, _sram, _streams, _programs, _energy)
    sections = [part for section in (*parts, _scaling, _network, _validation) for part in section(shown)]
    heads = [part for part in sections if part.tag == "h2"]
    title = f"{shown.model} on an emulated LPU: {shown.step.cycles:,} cycles a token"
    told = readout.figures(shown.step, [(0, shown.step.cycles), layer_windows(shown.step)[_middle(shown)]])
    body = (_header(shown), _contents(heads), element("main", *sections), _footer(shown), told)
    return document(title, css, *body, script=readout.script())


def _head(anchor: str, said: str) -> Element:
    return element("h2", said, id=anchor)


def _contents(heads: Sequence[Element]) -> Element:
    """Return links to the sections."""
    links = [element("li", element("a", head.text or "", href=f"#{head.get('id')}")) for head in heads]
    return element("nav", element("ol", *links), aria_label="On this page")


def _note(*said: str | Element) -> Element:
    return element("p", *said, class_="note")


def _header(shown: Shown) -> Element:
    counted, spec = shown.step.simulation, shown.spec
    lead = (
        f"A token of {shown.model} on one Tensor Streaming Processor, Groq’s first LPU, with {shown.seen} "
        f"tokens seen: {counted.seconds * 1e6:.1f} µs at {spec.clock_hz / 1e6:.0f} MHz. Every cycle is known before "
        "the program runs, and no run differs from another."
    )
    used = sum(int(held.sum()) for held in sram_words(shown.step.program).values()) * spec.vector_bytes
    return element(
        "header",
        element("p", "A language model on an emulated LPU", class_="eyebrow"),
        element(
            "h1",
            element("span", f"{counted.cycles:,}", class_="figure"),
            element("span", "cycles from a token to the next", class_="claim"),
        ),
        element("p", element("span", "emulated", class_="badge"), lead, class_="lead"),
        tiles(
            (
                ("Tokens a second", f"{1 / counted.seconds:,.0f}", "one user, without the host link"),
                (
                    "Instructions",
                    f"{counted.issues:,}",
                    f"of {len(shown.step.program.rows):,} rows of program",
                ),
                (
                    "SRAM",
                    f"{used / spec.sram_bytes:.0%}",
                    f"of {spec.sram_bytes >> 20} MiB; there is no DRAM",
                ),
                ("Multipliers busy", f"{counted.utilisation['MXM']:.1%}", "of what four planes could"),
                ("Read from SRAM", f"{counted.sram_read_bytes / 1e6:,.0f} MB", "for one token"),
                (
                    "Energy",
                    f"{counted.total_energy_j * 1e3:.1f} mJ",
                    f"a token, {counted.power_w:.0f} W; mostly assumed",
                ),
            )
        ),
    )


def _legend(shown: Shown) -> Iterator[Element]:
    yield _head("what", "What this page is")
    yield _note(
        "No real LPU was run for it. A compiler of this project places the model on the chip as it was published, "
        "gives every instruction its cycle, and proves that every operand is where and when it is meant to be. What is "
        "known, and how:"
    )
    confidence = Counter(one.provenance.confidence for one in constants(shown.spec))
    body = [(element("span", name, class_=f"badge {name}"), said) for name, said in BASES]
    told = ", ".join(f"{count} {name}" for name, count in confidence.most_common())
    yield card(
        table(("basis", "meaning"), body, "figures words"),
        _note(f"The chip’s {confidence.total()} constants: {told}."),
    )


def _chip(shown: Shown) -> Iterator[Element]:
    spec = shown.spec
    yield _head("chip", "The chip, at full size")
    yield _note(
        f"{spec.mem_slices} slices of SRAM, {spec.vxm_alus} vector ALUs a lane, four matrix planes of "
        f"{spec.mxm_rows} × {spec.mxm_columns}, in {spec.tiles} tiles (superlanes) of {spec.lanes_per_tile} lanes. "
        "There are no caches and no arbiters: vectors of 320 bytes fly past on streams, four slices of SRAM a cycle, "
        "and a unit takes what is there. The stronger the colour, the more cycles of a decode step a unit is busy."
    )
    yield legend([(f"unit {name}", name) for name in UNITS])
    yield card(plan.floor_plan(shown.step, spec))
    yield _note(
        "Places and numbers of units are published; which queue feeds what, and the order of the slices, is our "
        "reading. VXM, SXM and MXM are drawn wider than the one step of the streams that they take. At either edge are "
        f"{spec.c2c_links // 2} of the {spec.c2c_links} links to other chips."
    )


def _token(shown: Shown) -> Iterator[Element]:
    step = shown.step
    yield _head("token", "One token")
    yield _note(
        f"All {step.cycles:,} cycles, left to right. The height is how many units of a kind are busy, each row to its "
        "own peak; beside it the mean over the step and the peak."
    )
    drawn = timeline.timeline(step, (0, step.cycles), [timeline.layers_line(step)])
    yield card(readout.readable(drawn, 0, (0, step.cycles)))


def _middle(shown: Shown) -> int:
    return sorted(layer_windows(shown.step))[len(layer_windows(shown.step)) // 2]


def _layer(shown: Shown) -> Iterator[Element]:
    layer = _middle(shown)
    window = layer_windows(shown.step)[layer]
    yield _head("layer", f"One layer of it: {window[1] - window[0]:,} cycles")
    yield _note(
        f"Layer {layer}. Weights of an operation are on their way while the one before still computes (← marks those "
        "that began before the layer). What is left empty is the way from result to operand: the two trees that add "
        "up lanes, and the trip across the chip."
    )
    yield legend(timeline.families_legend())
    lines = list(timeline.operation_lines(shown.step, layer))
    yield card(readout.readable(timeline.timeline(shown.step, window, lines), 1, window))


def _cycles(shown: Shown) -> Iterator[Element]:
    window = liveliest(shown.step, layer_windows(shown.step)[_middle(shown)], WINDOW_CYCLES)
    yield _head("instructions", f"{WINDOW_CYCLES} cycles of that, instruction by instruction")
    yield _note(
        f"From cycle {window[0]:,} on. A row is one of the chip’s 144 instruction queues, west to east; queues that "
        "are silent are left out. The slant is the chip’s own: a vector passes four slices of SRAM a cycle, so that "
        "what shall arrive together leaves the farther slices earlier."
    )
    yield legend([(f"does {name}", name) for name in MARKS])
    yield card(timeline.queues_drawing(shown.step, window))
    text = element("pre", element("code", timeline.assembly(shown.step, window, LISTED)))
    yield more("The first of them as assembly", scrolling(text, "Instructions as assembly"))


def _operations(shown: Shown) -> Iterator[Element]:
    found = charges(shown.step)
    most, cycles = max(one.cycles for one in found), shown.step.cycles
    yield _head("cycles", "Where the cycles go")
    yield _note(
        f"Operations of all {shown.shape.layers} layers together. They overlap, so each cycle is charged to the "
        "operation that ends next, the one the step waits for; so charged, they add up to the step."
    )
    yield legend(timeline.families_legend())
    lines = [
        (
            one.name,
            plot(
                18,
                f"{one.name}: {one.cycles:,} cycles",
                [bar((0, 3, one.cycles / most, 12), f"op {one.family}", one.name)],
            ),
            f"{one.cycles:,} · {one.cycles / cycles:.1%}",
        )
        for one in sorted(found, key=lambda one: -one.cycles)
        if one.cycles
    ]
    yield card(element("div", rows(lines, "units"), class_="chart plain"))


def _sram(shown: Shown) -> Iterator[Element]:
    words, spec = sram_words(shown.step.program), shown.spec
    classes = dict(
        zip([*[name for name, _ in CONTENTS], SCRATCH], ("c0", "c1", "c3", "c4", "c2", "c5"), strict=True)
    )
    yield _head("sram", "What lies in SRAM")
    yield _note(
        f"{spec.mem_slices} slices of {spec.mem_words:,} words of 320 bytes, address 0 at the bottom. All weights are "
        f"on the chip, and keys and values of {shown.positions:,} tokens. Words near the middle stay free for what "
        "comes, goes, and lives between two operations of this program and of the ones for prompts."
    )
    total = spec.mem_slices * spec.mem_words
    shares = [(classes[name], f"{name} {held.sum() / total:.2%}") for name, held in words.items()]
    free = 1 - sum(int(held.sum()) for held in words.values()) / total
    yield legend([*shares, ("free", f"free {free:.1%}")])
    yield card(plan.sram_map(words, classes))
    yield _note(
        f"The program’s own text, {shown.step.program.text_bytes() / 1e6:.1f} MB of instructions, is counted and has "
        "no place in this map: how a real chip keeps it is not public."
    )


def _streams(shown: Shown) -> Iterator[Element]:
    moved = shown.step.simulation.stream_bytes
    yield _head("streams", "What moves")
    yield _note(
        f"Vectors driven onto each of the 64 streams in a step: {moved['east'] / 1e6:,.0f} MB eastward, "
        f"{moved['west'] / 1e6:,.0f} MB westward. Sixteen streams a plane carry weights into the MXM."
    )
    yield card(plan.streams_drawing(shown.step, shown.spec))


def _programs(shown: Shown) -> Iterator[Element]:
    yield _head("programs", "The programs of a conversation")
    yield _note(
        "They lie on the chip together. A prompt is cut into blocks; a token of a longer context takes the program of "
        "the next size. Emulated; none depends on data."
    )
    head = (
        "program",
        "cycles",
        "µs",
        "cycles a token",
        "instructions",
        "multipliers",
        "SRAM reads",
        "power, W",
    )
    body = [
        (
            one["label"],
            f"{one['cycles']:,}",
            f"{one['microseconds']:,.1f}",
            f"{one['cycles'] / one['tokens']:,.0f}",
            f"{one['issues']:,}",
            f"{one['utilisation']['MXM']:.1%}",
            f"{one['utilisation']['MEM read']:.1%}",
            f"{one['power_w']:.0f}",
        )
        for one in shown.programs
    ]
    yield scrolling(table(head, body), "Programs")


def _energy(shown: Shown) -> Iterator[Element]:
    spent = shown.step.simulation.energy_j
    whole = sum(spent.values())
    yield _head("energy", "Energy of a token")
    yield _note(
        element("span", "assumed", class_="badge assumed"),
        "Counted by activity with picojoules that are assumed for the most part: a ratio between programs more than a "
        "figure in joules.",
    )
    lines = [
        (
            name,
            plot(
                18,
                f"{name}: {joules * 1e3:.3f} mJ",
                [bar((0, 3, joules / max(spent.values()), 12), "unit c6", name)],
            ),
            f"{joules * 1e3:.3f} mJ · {joules / whole:.0%}",
        )
        for name, joules in sorted(spent.items(), key=lambda one: -one[1])
    ]
    yield card(element("div", rows(lines, "units"), class_="chart plain"))


def _scaling(shown: Shown) -> Iterator[Element]:
    yield _head("chips", "On several chips")
    yield _note(
        "A pipeline: contiguous layers a chip, the residual stream handed over one cable. A token passes all chips one "
        "after another, so more chips hold larger models and take prompts faster, but make a token hardly sooner. The "
        "tokens, and the bits of all logits, are those of one chip."
    )
    yield card(systems.pipeline_rows(shown.pipelines))
    yield systems.scaling_table(shown.pipelines)


def _network(shown: Shown) -> Iterator[Element]:
    built, latencies = systems.network_tables()
    yield _head("network", "The network")
    yield _note(
        "Each chip is its own router. Every vector has its cycle on every cable it crosses; nothing on the way waits, "
        "arbitrates or retries."
    )
    yield element("div", systems.node_drawing(), built, class_="beside")
    yield latencies


def _validation(shown: Shown) -> Iterator[Element]:
    found = systems.validation()["rows"]
    held = [
        f"{tier} {sum(row['verdict'] == 'holds' for row in found if row['tier'] == tier)} of "
        f"{sum(row['tier'] == tier for row in found)}"
        for tier in TIERS
    ]
    yield _head("belief", "How far it can be believed")
    yield _note(
        f"Published figures beside the emulator’s, {len(found)} rows of 26 numbers. Held: {', '.join(held)}. Constants "
        "and figures were frozen before the first comparison, and none was tuned; a miss is shown as a miss. The line "
        "is the published figure, the band what is accepted, the dot the emulator."
    )
    yield card(systems.validation_rows(found))
    yield more("All rows, with sources", systems.validation_table(found))
    yield _note(
        "Faster than a service (rows 20 to 22): a service’s figure has queue, network and an unknown number of chips "
        "in it; ours is the chips alone. VALIDATION.md explains each miss, and names the constants it depends on."
    )


def _footer(shown: Shown) -> Element:
    program, shape = shown.step.program, shown.shape
    said = (
        ("model", shown.model),
        (
            "layers, width, heads, vocabulary",
            f"{shape.layers}, {shape.width}, {shape.heads}, {shape.vocabulary:,}",
        ),
        ("context held, seen", f"{shown.positions:,}, {shown.seen}"),
        ("chip", f"{shown.spec.name}, {shown.spec.clock_hz / 1e6:.0f} MHz"),
        ("program", program.name),
        ("digest", program.digest[:16]),
    )
    return element(
        "footer",
        pairs(said),
        element(
            "p", "Written by lpu page; the same input gives the same page. It asks for nothing from anywhere."
        ),
    )
