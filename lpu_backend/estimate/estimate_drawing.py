"""Drawings as SVG, built element by element. Pure: figures in, text out; they need no other file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

WIDTH, LEFT, RIGHT, ROW = 900.0, 300.0, 90.0, 22.0
COLOURS = ("#2f6f9f", "#c1662f", "#4f8f4f", "#8a5fa8", "#a03050", "#707070")
STYLE = "text{font:13px sans-serif;fill:#222} .soft{fill:#666} line{stroke:#ccc} .mark{stroke:#222}"
Points = Sequence[tuple[float, float]]


def drawing(height: float, title: str) -> Element:
    """Return an empty drawing on white."""
    svg = Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH:g} {height:g}")
    SubElement(svg, "title").text = title
    SubElement(svg, "style").text = STYLE
    SubElement(svg, "rect", width=f"{WIDTH:g}", height=f"{height:g}", fill="#fff")
    return svg


def text(svg: Element, x: float, y: float, words: str, anchor: str = "start", soft: bool = False) -> None:
    """Add a line of text."""
    made = SubElement(svg, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor})
    made.text = words
    if soft:
        made.set("class", "soft")


def line(svg: Element, ends: tuple[float, float, float, float], mark: bool = False) -> None:
    """Add a line from (x, y) to (x, y)."""
    names = ("x1", "y1", "x2", "y2")
    made = SubElement(svg, "line", {name: f"{at:.1f}" for name, at in zip(names, ends, strict=True)})
    if mark:
        made.set("class", "mark")


def finished(svg: Element) -> str:
    """Return a drawing as a file's text."""
    return tostring(svg, encoding="unicode") + "\n"


def ranges(rows: Sequence[tuple[str, float, float, float]], title: str) -> str:
    """Return a row each of (name, low, high, value), all over the published figure: a band, and a dot for ours.

    The scale is logarithmic, from a quarter to four times the published figure; what is farther stands at the edge.
    """
    svg = drawing(ROW * len(rows) + 60, title)
    span = WIDTH - LEFT - RIGHT

    def x_of(ratio: float) -> float:
        return LEFT + span * (math.log2(min(max(ratio, 0.25), 4.0)) + 2) / 4

    bottom = ROW * len(rows) + 34
    for ratio in (0.25, 0.5, 1.0, 2.0, 4.0):
        line(svg, (x_of(ratio), 24, x_of(ratio), bottom), ratio == 1.0)
        text(svg, x_of(ratio), bottom + 16, f"× {ratio:g}", "middle", soft=True)
    for number, (name, low, high, value) in enumerate(rows):
        y = 34 + number * ROW
        text(svg, LEFT - 10, y + 9, name, "end")
        band = {"x": f"{x_of(low):.1f}", "y": f"{y:.1f}", "width": f"{x_of(high) - x_of(low):.1f}"}
        SubElement(svg, "rect", {**band, "height": "12", "fill": "#d7e3ec"})
        colour = COLOURS[2] if low <= value <= high else COLOURS[4]
        SubElement(svg, "circle", cx=f"{x_of(value):.1f}", cy=f"{y + 6:.1f}", r="5", fill=colour)
        text(svg, WIDTH - RIGHT + 12, y + 10, f"× {value:.2f}", soft=True)
    text(svg, LEFT, 16, title)
    return finished(svg)


def curves(
    series: Mapping[str, Points], title: str, axes: tuple[str, str], marks: Mapping[str, float]
) -> str:
    """Return lines over two logarithmic axes; `marks` are horizontal."""
    height, left, bottom, top = 420.0, 80.0, 370.0, 40.0
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points] + list(marks.values())
    x_ends, y_ends = (math.log10(min(xs)), math.log10(max(xs))), (math.log10(min(ys)), math.log10(max(ys)))
    svg = drawing(height, title)

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - x_ends[0]) / max(x_ends[1] - x_ends[0], 1e-9)
        up = (math.log10(y) - y_ends[0]) / max(y_ends[1] - y_ends[0], 1e-9)
        return left + across * (WIDTH - left - 200), bottom - up * (bottom - top)

    for exponent in _decades(*x_ends):
        x, _ = place(10.0**exponent, 10.0 ** y_ends[0])
        line(svg, (x, top, x, bottom))
        text(svg, x, bottom + 18, f"{10.0**exponent:,g}", "middle", soft=True)
    for exponent in _decades(*y_ends):
        _, y = place(10.0 ** x_ends[0], 10.0**exponent)
        line(svg, (left, y, WIDTH - 200, y))
        text(svg, left - 8, y + 4, f"{10.0**exponent:,g}", "end", soft=True)
    lowest = 0.0
    for name, mark in sorted(marks.items(), key=lambda one: -one[1]):
        _, y = place(10.0 ** x_ends[0], mark)
        line(svg, (left, y, WIDTH - 200, y), mark=True)
        lowest = max(y + 4, lowest + 14)
        text(svg, WIDTH - 194, lowest, name)
    for number, (name, points) in enumerate(series.items()):
        where = [place(x, y) for x, y in points]
        said = " ".join(f"{x:.1f},{y:.1f}" for x, y in where)
        colour = COLOURS[number % len(COLOURS)]
        SubElement(svg, "polyline", {"points": said, "fill": "none", "stroke": colour, "stroke-width": "2.5"})
        text(svg, left + 12, top + 18 + 18 * number, name)
        SubElement(svg, "rect", x=f"{left}", y=f"{top + 9 + 18 * number}", width="8", height="8", fill=colour)
    text(svg, left, 20, title)
    text(svg, (left + WIDTH - 200) / 2, height - 14, axes[0], "middle")
    text(svg, left, top - 6, axes[1], soft=True)
    return finished(svg)


def _decades(low: float, high: float) -> Iterator[int]:
    yield from range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
