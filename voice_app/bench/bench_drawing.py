"""The drawings of a benchmark's page: waterfalls, spread, stages, trade-off. Pure: figures in, SVG out. Times in ms."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from xml.etree.ElementTree import Element

from lpu_backend.markup import Child, axis, bar, element, label, line, percent, plot, rows, ticks
from voice_app.core.stages import Stage

NAMES: Mapping[str, str] = {
    Stage.ENDPOINT: "end noticed",
    Stage.STT: "speech to text",
    Stage.LLM_FIRST_TOKEN: "first token",
    Stage.LLM_FIRST_CLAUSE: "first clause",
    Stage.TTS_FIRST_SOUND: "first sound",
    Stage.HOLD: "waiting",
    Stage.DEVICE: "device",
}
"""The stages in words."""
ROW, BAR = 22.0, 13.0
"""Heights of a row and of its bar."""
HIGH = 96.0
"""Height of a histogram's longest bar."""
BINS_MS = (5.0, 10.0, 20.0, 25.0, 50.0, 100.0, 200.0, 250.0, 500.0, 1000.0, 5000.0)
MOST_BINS = 60
TICKS = 6
LABELLED = (0.25, 0.5, 1.0, 2.0, 3.0)
"""Factors of the trade-off that have room for their figure on a narrow screen."""
Marks = Mapping[str, float | None]
Row = tuple[Child, Element, Child]
"""Name, drawing, value."""
DOTS_HIGH = 4
"""Dots that stand above one another in a strip before they lie on one another."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Times from 0 to `most_ms` over the width of a drawing."""

    most_ms: float
    budget_ms: float | None = None

    def at(self, ms: float) -> str:
        """Return a time as a place."""
        return percent(ms / self.most_ms)

    def bar(self, ends_ms: tuple[float, float], class_: str, title: str, height: float = BAR) -> Element:
        """Return a bar of a row, from time to time."""
        start, end = (ms / self.most_ms for ms in ends_ms)
        return bar((start, (ROW - height) / 2, end - start, height), class_, title)

    def times(self, y: float) -> list[Element]:
        """Return the figures of the axis."""
        return [label(self.at(at), y, f"{at:,g}", "soft", "middle") for at in ticks(self.most_ms, TICKS)]

    def budget(self, y: float) -> Element | None:
        """Return the words at the budget's line, on the side where there is room."""
        if self.budget_ms is None:
            return None
        side = "end" if self.budget_ms > 0.7 * self.most_ms else "start"
        return label(self.at(self.budget_ms), y, f"budget {self.budget_ms:g} ms", "budget", side)

    def budget_line(self, ends: tuple[float, float]) -> list[Element]:
        """Return the budget's line from y to y, where there is a budget."""
        at = None if self.budget_ms is None else self.at(self.budget_ms)
        return [] if at is None else [line(at, ends[0], at, ends[1], "budget")]

    def chart(self, lines: Iterable[Row], class_: str = "") -> Element:
        """Return rows above a line with the times, and below one with the budget; the grid is the style's."""
        step = ticks(self.most_ms, TICKS)[1:2] or [self.most_ms]
        style, budget = f"--step:{self.at(step[0])}", self.budget(11)
        above = axis(plot(16, "the budget", [budget])) if budget is not None else None
        below = axis(plot(18, "milliseconds", self.times(13)))
        return element("div", above, rows(lines, class_), below, class_="chart", style=style)


def strip(latencies_ms: Sequence[float], scale: Scale, marks: Marks) -> Element:
    """Return a dot a turn on a line of time, with the budget and the `marks`."""
    parts, seen = [line("0%", 92, "100%", 92, "grid"), *scale.times(108)], dict[int, int]()
    parts += [*scale.budget_line((13, 92)), *_marks(marks, scale, (14, 92))]
    budget = scale.budget(9)
    parts += [] if budget is None else [budget]
    for latency in sorted(latencies_ms):
        place = int(80 * latency / scale.most_ms)
        high = min(seen.get(place, 0), DOTS_HIGH)
        seen[place] = high + 1
        title = element("title", f"{latency:,.0f} ms")
        parts.append(element("circle", title, cx=scale.at(latency), cy=86 - 8.0 * high, r=4, class_="turn"))
    return plot(112, f"{len(latencies_ms)} answers on a line of time, in milliseconds", parts)


def _marks(marks: Marks, scale: Scale, ends: tuple[float, float]) -> Iterator[Element]:
    """Upright lines with names, one below the other, so that all can be read."""
    for number, (name, ms) in enumerate(sorted(marks.items(), reverse=True)):
        if ms is not None:
            top = ends[0] + 13.0 * number
            side, gap = ("end", -4) if ms > 0.2 * scale.most_ms else ("start", 4)
            yield line(scale.at(ms), top, scale.at(ms), ends[1], "mark")
            words = f"{name} {ms:,.0f}"
            yield element(
                "text", words, x=scale.at(ms), y=top + 9, dx=gap, class_="soft halo", text_anchor=side
            )


def waterfalls(turns: Sequence[Mapping[str, Any]], budget_ms: float) -> Element:
    """Return a row a turn: its stages one after the other, and a dot where the sound has the answer begin."""
    ends = [max(_total(turn), turn["voice_to_voice_ms"] or 0.0) for turn in turns]
    scale = Scale(max([budget_ms, *ends]) * 1.02, budget_ms)
    return scale.chart([_waterfall(turn, scale) for turn in turns])


def _total(turn: Mapping[str, Any]) -> float:
    return float(sum(turn["stages_ms"].get(name, 0.0) for name in Stage))


def _waterfall(turn: Mapping[str, Any], scale: Scale) -> Row:
    latency, at_ms, labels = turn["voice_to_voice_ms"], 0.0, list[str]()
    parts = scale.budget_line((0, ROW))
    for stage in Stage:
        spent = turn["stages_ms"].get(stage, 0.0)
        said = f"{NAMES[stage]} {spent:.0f} ms"
        if spent > 0:
            parts.append(scale.bar((at_ms, at_ms + spent), stage, said))
            labels.append(said)
        at_ms += spent
    if latency is not None:
        title = element("title", f"from the sound: {latency:.0f} ms")
        parts.append(element("circle", title, cx=scale.at(latency), cy=ROW / 2, r=4, class_="dot"))
    outcome = "too early" if turn["is_cut_in"] else "missed" if latency is None else f"{latency:,.0f} ms"
    late = latency is None or latency > (scale.budget_ms or math.inf)
    value = element("b", outcome, class_="bad") if late else outcome
    name = element("span", str(turn["name"]), title=str(turn["name"]))
    return name, plot(ROW, ", ".join([outcome, *labels]), parts), value


def stages(
    spans: Mapping[str, Mapping[str, float | None]], allotments: Mapping[str, float], late: Mapping[str, int]
) -> Element:
    """Return a row a stage: median, 95th percentile, and a line at what it is allotted."""
    known = {name: one for name, one in spans.items() if one["p50"] is not None}
    scale = Scale(1.02 * max([1.0, *(one["p95"] or 0.0 for one in known.values()), *allotments.values()]))
    return scale.chart(
        [_stage(name, one, scale, (allotments.get(name), late.get(name))) for name, one in known.items()],
        "long",
    )


def _stage(
    name: str, span: Mapping[str, float | None], scale: Scale, limit: tuple[float | None, int | None]
) -> Row:
    p50, p95, (allotted, over) = span["p50"] or 0.0, span["p95"] or 0.0, limit
    parts = [scale.bar((0, p95), "beyond", f"p95 {p95:.0f} ms", 5.0)]
    parts.append(scale.bar((0, p50), name, f"p50 {p50:.0f} ms"))
    said = f"{p50:.0f} · p95 {p95:.0f}"
    if allotted is not None:
        parts.append(line(scale.at(allotted), 1, scale.at(allotted), ROW - 1, "allotted"))
        said += f" · of {allotted:.0f}"
    late = element("b", f" · {over} late", class_="bad") if over else None
    shown = NAMES.get(name, "judged over")
    return shown, plot(ROW, f"{shown}: median {said} ms", parts), element("span", said, late)


def spread(series: Mapping[str, tuple[str, Sequence[float]]], marks: Marks) -> Element:
    """Return a histogram for each series of (class, latencies), one below the other on one scale.

    The marks are the first one's.
    """
    most_ms = max((latency for _, values in series.values() for latency in values), default=1.0)
    width_ms = bin_ms(most_ms)
    scale = Scale(width_ms * (most_ms // width_ms + 1))
    parts: list[Child] = []
    for name, (class_, values) in series.items():
        if len(series) > 1:
            parts.append(element("p", element("i", class_=class_, aria_hidden="true"), name, class_="series"))
        drawn = histogram(values, scale, marks, class_)
        parts.append(plot(HIGH + 34, f"{name}: how often an answer took how many milliseconds", drawn))
        marks = {}
    return element("div", *parts, plot(18, "milliseconds", scale.times(13)), class_="chart counted")


def histogram(latencies_ms: Sequence[float], scale: Scale, marks: Marks, class_: str) -> Iterator[Element]:
    """Yield how often latencies fell into bins, below the names of the marks."""
    width_ms, bottom = bin_ms(scale.most_ms), HIGH + 30
    counts = Counter(int(latency // width_ms) for latency in latencies_ms)
    highest = max([3, *counts.values()])
    for at in ticks(highest, 3):
        if at == int(at):
            y = bottom - HIGH * at / highest
            yield from (line("0%", y, "100%", y, "grid"), label("-6", y + 4, f"{at:,g}", "soft", "end"))
    for place, count in sorted(counts.items()):
        tall = HIGH * count / highest
        box = (place * width_ms / scale.most_ms, bottom - tall, width_ms / scale.most_ms, tall)
        title = f"{count} turns in {place * width_ms:g} to {(place + 1) * width_ms:g} ms"
        yield bar(box, f"{class_} bin", title)
    yield from _marks(marks, scale, (0, bottom))


def bin_ms(most_ms: float) -> float:
    """Return the width of a histogram's bins."""
    return next((width for width in BINS_MS if most_ms / width <= MOST_BINS), most_ms)


def tradeoff(points: Sequence[Mapping[str, Any]]) -> Element:
    """Return p50 and p95, and below them the share of premature endpoints, over the length of the waits."""
    factors = [math.log(point["factor"]) for point in points]
    span = max(factors[-1] - factors[0], 1e-9)
    places = [0.03 + 0.94 * (factor - factors[0]) / span for factor in factors]
    recorded = percent(0.03 - 0.94 * factors[0] / span)
    parts = [line(recorded, 4, recorded, 300, "mark")]
    parts.append(element("text", "as recorded", x=recorded, y=12, dx=4, class_="soft"))
    parts += _curves(points, places)
    parts += _premature(points, places)
    parts += [
        label(percent(place), 318, f"×{point['factor']:g}", "soft", "middle")
        for point, place in zip(points, places, strict=True)
        if point["factor"] in LABELLED
    ]
    title = "Latency and premature endpoints over the length of the waits for the end of a turn"
    return element("div", plot(324, title, parts), class_="chart counted")


def _curves(points: Sequence[Mapping[str, Any]], places: Sequence[float]) -> Iterator[Element]:
    known = [(percent(x), one) for x, one in zip(places, points, strict=True) if one["p95_ms"] is not None]
    most = max((one["p95_ms"] for _, one in known), default=1.0)
    for at in ticks(most, 5):
        y = 216 - at / most * 190
        yield from (line("0%", y, "100%", y, "grid"), label("-6", y + 4, f"{at:,g}", "soft", "end"))
    for name, class_ in (("p95_ms", "c1"), ("p50_ms", "c0")):
        for (x1, one), (x2, other) in pairwise(known):
            yield line(
                x1, 216 - one[name] / most * 190, x2, 216 - other[name] / most * 190, f"curve {class_}"
            )
        for x, one in known:
            title = element("title", f"waits × {one['factor']:g}: {name[:3]} {one[name]:.0f} ms")
            yield element("circle", title, cx=x, cy=216 - one[name] / most * 190, r=4, class_=class_)


def _premature(points: Sequence[Mapping[str, Any]], places: Sequence[float]) -> Iterator[Element]:
    shares = [point["cut_ins"] / max(point["turns"], 1) for point in points]
    scale = 48 / max([0.04, *shares])
    yield from (line("0%", 300, "100%", 300, "grid"), label("-6", 304, "0 %", "soft", "end"))
    for point, place, share in zip(points, places, shares, strict=True):
        said = f"waits × {point['factor']:g}: {point['cut_ins']} of {point['turns']} turns ended too early"
        yield bar((place - 0.012, 300 - share * scale, 0.024, share * scale), "cuts", said)
        if share:
            yield label(percent(place), 296 - share * scale, f"{share:.0%}", "soft", "middle")


def speeds(medians: Sequence[tuple[str, float | None, str]]) -> Element:
    """Return a bar for the median of each contender, with what stands beside it."""
    scale = Scale(max((value for _, value, _ in medians if value is not None), default=1.0))
    return element(
        "div",
        rows(
            (
                (
                    name,
                    plot(
                        ROW,
                        f"{name}: {note}",
                        [scale.bar((0, value or 0.0), f"c{number}", f"{name}: {note}", 16)],
                    ),
                    note,
                )
                for number, (name, value, note) in enumerate(medians)
            ),
            "long",
        ),
        class_="chart plain",
    )
