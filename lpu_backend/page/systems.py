"""Several chips, the network between them, and what was published of all that. Pure: figures in, HTML and SVG out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from lpu_backend.errors import EstimateError
from lpu_backend.estimate.assets import asset_folder, read_toml
from lpu_backend.estimate.estimate_page import error_text
from lpu_backend.markup import (
    Child,
    axis,
    bar,
    element,
    label,
    line,
    percent,
    plot,
    rows,
    scrolling,
    table,
)
from lpu_backend.system.network_report import any_to_any, microseconds, published_latencies, system_report
from lpu_backend.system.topology import system_of

ROW = 20.0
NODE_CHIPS = 8
SYSTEMS = (8, 72, 264, 10_440)
"""A node, a rack, the largest in which all nodes are wired to each other, the largest."""
LEAST, MOST = 0.25, 4.0
"""Ends of the axis of ours over the published figure."""


def pipeline_rows(figures: Sequence[Mapping[str, Any]]) -> Element:
    """Return when each chip of a pipeline of 1, 2, 4 and 8 computes for a token, all on one scale of cycles."""
    most = max(one["cycles"] for one in figures) * 1.01
    lines = [_pipeline_line(one, most) for one in figures]
    ends = [
        label(percent(at / most), 13, f"{at:,}", "soft", "middle")
        for at in range(0, int(most), 10_000 if most > 30_000 else 2_000)
    ]
    return element("div", rows(lines, "units"), axis(plot(18, "cycles", ends)), class_="chart timeline")


def _pipeline_line(one: Mapping[str, Any], most: float) -> tuple[Child, Element, Child]:
    stages = one["stages"] or [{"chip": 0, "start_cycle": 0, "cycles": one["cycles"]}]
    high = max(5.0, 14.0 - len(stages))
    parts = []
    for number, stage in enumerate(stages):
        box = (stage["start_cycle"] / most, number * high, stage["cycles"] / most, high - 1)
        layers = f", layers {stage['first_layer']} to {stage['last_layer']}" if "first_layer" in stage else ""
        said = (
            f"chip {stage['chip']}{layers}: from cycle {stage['start_cycle']:,}, {stage['cycles']:,} cycles"
        )
        parts.append(bar(box, f"c{number % 2}", said))
    chips = f"{len(stages)} chip{'s' if len(stages) > 1 else ''}"
    value = f"{one['cycles']:,} a token"
    return chips, plot(max(high * len(stages), ROW), f"{chips}: {value}", parts), value


def scaling_table(figures: Sequence[Mapping[str, Any]]) -> Element:
    """Return the same as figures."""
    head = (
        "chips",
        "cycles a token",
        "tokens/s",
        "between chips, cycles",
        "prompt of 100, cycles",
        "SRAM used",
        "power, W",
    )
    body = [
        (
            str(one["chips"]),
            f"{one['cycles']:,}",
            f"{one['steps_per_s']:,.0f}",
            f"{sum(one['hand_over_cycles']):,}",
            f"{one['prompt_cycles']:,}",
            f"{one['sram_bytes_used'] / one['sram_bytes']:.0%}",
            f"{one['power_w']:.0f}",
        )
        for one in figures
    ]
    return scrolling(table(head, body), "Scaling to several chips")


def node_drawing() -> Element:
    """Return the cables of a node: every chip to every other."""
    middle, radius = 110.0, 84.0
    at = [
        (
            middle + radius * math.sin(2 * math.pi * number / NODE_CHIPS),
            middle - radius * math.cos(2 * math.pi * number / NODE_CHIPS),
        )
        for number in range(NODE_CHIPS)
    ]
    cables = sorted({(min(pair), max(pair)) for chip in range(NODE_CHIPS) for pair in _cables(chip)})
    parts = [line(*at[one], *at[other], "cable") for one, other in cables]
    for number, (x, y) in enumerate(at):
        parts.append(element("circle", cx=x, cy=y, r=15, class_="chip"))
        parts.append(label(x, y + 4, f"{number}", "on", "middle"))
    title = f"A node: {NODE_CHIPS} chips, {len(cables)} cables"
    return element("svg", *parts, width=220, height=220, role="img", aria_label=title, class_="node")


def _cables(chip: int) -> Iterator[tuple[int, int]]:
    for _, peer in system_of(NODE_CHIPS).links_of(chip):
        yield chip, int(peer)


def network_tables() -> tuple[Element, Element]:
    """Return what systems are, and what exchanges take beside what was published."""
    head = (
        "chips",
        "nodes",
        "cables",
        "longest way, cables",
        "any to any, µs",
        "GB/s a chip, all to all",
        "SRAM, GB",
    )
    body = []
    for chips in SYSTEMS:
        one = system_report(system_of(chips))
        body.append(
            (
                f"{one['chips']:,}",
                f"{one['nodes']:,}",
                f"{one['cables']:,}",
                f"{one['longest_way_links']}",
                f"{microseconds(any_to_any(system_of(chips))):.2f}",
                f"{one['uniform_gb_per_s_a_chip']:g}",
                f"{one['sram_bytes'] / 1e9:,.1f}",
            )
        )
    systems = scrolling(table(head, body), "Systems of chips")
    found = [
        (
            one["what"],
            f"{one['published_us']:g}",
            f"{one['ours_us']:g}",
            f"{one['cycles']:,}",
            "an input" if one["input"] else f"{one['ours_us'] / one['published_us'] - 1:+.0%}",
        )
        for one in published_latencies()
    ]
    return systems, scrolling(
        table(("exchange", "published, µs", "emulated, µs", "cycles", "difference"), found), "Latencies"
    )


def validation() -> dict[str, Any]:
    """Return the findings that `validate --page` has written. Raises EstimateError where they are not there."""
    file = Path(__file__).parents[1] / "validation" / "rows.json"
    try:
        found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise EstimateError(f"{file}: can't be read ({error}); `lpu validate --page` writes it") from error
    return found


def validation_rows(found: Sequence[Mapping[str, Any]]) -> Element:
    """Return every row that has a figure of its own: the published one at 1, what is accepted as a band, ours a dot."""
    bounds = {str(one["id"]): one for one in read_toml(asset_folder() / "published.toml")["row"]}
    lines = []
    for row in found:
        about = bounds[row["id"]]
        if row["tier"] == "exact" or row["error"] is None or not (about.get("high") and about.get("value")):
            continue
        value = about["value"]
        lines.append(_validation_line(row, (about["low"] / value, about["high"] / value)))
    marks = [label(_ratio(at), 13, f"× {at:g}", "soft", "middle") for at in (LEAST, 0.5, 1.0, 2.0, MOST)]
    return element(
        "div",
        rows(lines, "long"),
        axis(plot(18, "ours over the published figure", marks)),
        class_="chart ratios",
    )


def _ratio(ratio: float) -> str:
    inside = min(max(ratio, LEAST), MOST)
    return percent(math.log2(inside / LEAST) / math.log2(MOST / LEAST))


def _validation_line(row: Mapping[str, Any], band: tuple[float, float]) -> tuple[Child, Element, Child]:
    ours, holds = 1 + row["error"], row["verdict"] == "holds"
    low, high = (float(_ratio(end)[:-1]) / 100 for end in band)
    beyond = " ›" if ours > MOST else ""
    said = f"{row['what']}: published {row['published']}, emulated {row['ours']}, {row['verdict']}"
    parts = [
        line("50%", 0, "50%", ROW, "one"),
        bar((low, 4, max(high - low, 0.006), ROW - 8), "band", f"accepted: {row['tolerance']}"),
        element(
            "circle",
            element("title", said),
            cx=_ratio(ours),
            cy=ROW / 2,
            r=5,
            class_="good" if holds else "bad",
        ),
    ]
    value = element(
        "span", f"{error_text(row)}{beyond} ", element("b", row["verdict"], class_="good" if holds else "bad")
    )
    name = row["what"].split(":")[0].split("(")[0].split(";")[0]
    return element("span", f"{row['id']} {name}", title=row["what"]), plot(ROW, said, parts), value


def validation_table(found: Sequence[Mapping[str, Any]]) -> Element:
    """Return all rows as a table."""
    head = ("row", "what", "published", "emulated", "error", "accepted", "verdict")
    body = [
        (
            row["id"],
            row["what"],
            f"{row['published']} ({row['source']})",
            row["ours"],
            error_text(row),
            row["tolerance"],
            element("b", row["verdict"], class_="good" if row["verdict"] == "holds" else "bad"),
        )
        for row in found
    ]
    return scrolling(table(head, body, "figures words"), "All published figures beside the emulator's")
