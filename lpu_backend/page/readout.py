"""The timelines' cursor: figures for the page's one script, and its control. The page is whole without it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from lpu_backend.estimate.assets import asset_folder
from lpu_backend.markup import element
from lpu_backend.page.facts import UNIT_ROWS, Step, called, layer_of
from lpu_backend.page.timeline_drawing import BINS, Window


def script() -> str:
    """Return the script."""
    return (asset_folder() / "readout.js").read_text("utf-8")


def figures(step: Step, windows: Sequence[Window]) -> Element:
    """Return what the script reads: busy shares in percent for each window, and when each operation runs."""
    charts = []
    for first, last in windows:
        bins = min(BINS, last - first)
        shares = [
            [round(100 * share) for share in step.busy(unit, (first, last), bins).tolist()]
            for unit in UNIT_ROWS
        ]
        charts.append({"first": first, "last": last, "shares": shares})
    operations = [[_name(span.name), span.start, span.end] for span in step.spans]
    said = {"units": [unit.name for unit in UNIT_ROWS], "charts": charts, "operations": operations}
    text = json.dumps(said, separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/")
    return element("script", text, type="application/json", id="step")


def _name(operation: str) -> str:
    layer = layer_of(operation)
    return called(operation)[0] if layer is None else f"{called(operation)[0]} ({layer})"


def readable(chart: Element, number: int, window: Window) -> Element:
    """Give a timeline its cursor and its control; both are hidden until the script runs."""
    slider = element("input", type="range", min=window[0], max=window[1] - 1, step=1, value=window[0])
    slider.set("aria-label", "Cycle")
    chart.set("data-chart", str(number))
    chart.append(element("div", class_="cursor", hidden="hidden"))
    chart.append(element("div", slider, element("output"), class_="readout", hidden="hidden"))
    return chart
