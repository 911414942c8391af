"""The drawings of a benchmark's page: waterfalls, histogram, trade-off. Pure: figures in, SVG out. Times in ms."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from voice_app.bench.markup import bar, element, label, line, svg
from voice_app.stages import SPANS

STAGES = tuple(name.removesuffix("_s") for name in SPANS)
NAMES = dict(
    zip(
        STAGES,
        ("end noticed", "speech to text", "first token", "first clause", "first sound", "waiting", "device"),
        strict=True,
    )
)
WIDTH = 900.0
LEFT, RIGHT = 250.0, 70.0
ROW = 20.0
LONGEST_NAME = 36
"""Characters of a turn's name that fit beside its bars."""
BINS_MS = (5.0, 10.0, 20.0, 25.0, 50.0, 100.0, 200.0, 250.0, 500.0, 1000.0, 5000.0)
MOST_BINS = 40


def ticks(most: float, about: int) -> list[float]:
    """Return round numbers from 0 to `most`, some `about` of them."""
    rough = max(most, 1e-9) / about
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(magnitude * factor for factor in (1, 2, 2.5, 5, 10) if magnitude * factor >= rough)
    return [step * number for number in range(int(most / step + 1e-9) + 1)]


def waterfalls(turns: Sequence[Mapping[str, Any]], budget_ms: float) -> Element:
    """Return a row a turn: its stages one behind the other, and a dot where the sound has the answer begin."""
    ends = [max(_total(turn), turn["voice_to_voice_ms"] or 0.0) for turn in turns]
    most = max([budget_ms, *ends]) * 1.02
    scale = (WIDTH - LEFT - RIGHT) / most
    height = ROW * len(turns) + 44
    parts = [part for at in ticks(most, 8) for part in _vertical(at, LEFT + at * scale, height - 20)]
    for number, turn in enumerate(turns):
        parts += _waterfall(turn, 24 + number * ROW, scale)
    x = LEFT + budget_ms * scale
    parts += [
        line(x, 18, x, height - 20, "budget"),
        label(x + 4, 14, f"budget {budget_ms:g} ms", "budget-label", "end"),
    ]
    return svg(WIDTH, height, f"Stages of {len(turns)} turns, in milliseconds", parts)


def _total(turn: Mapping[str, Any]) -> float:
    return float(sum(turn["stages_ms"].get(name, 0.0) for name in STAGES))


def _vertical(value: float, x: float, bottom: float) -> list[Element]:
    return [line(x, 18, x, bottom, "grid"), label(x, bottom + 14, f"{value:g}", "soft", "middle")]


def _waterfall(turn: Mapping[str, Any], y: float, scale: float) -> Iterator[Element]:
    name, latency = str(turn["name"]), turn["voice_to_voice_ms"]
    shown = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
    yield label(LEFT - 8, y + 12, shown, anchor="end")
    x = LEFT
    for stage in STAGES:
        spent = turn["stages_ms"].get(stage, 0.0)
        yield bar((x, y + 2, spent * scale, ROW - 6), stage, f"{NAMES[stage]}: {spent:.0f} ms")
        x += spent * scale
    if latency is not None:
        yield element(
            "circle",
            element("title", f"from the sound: {latency:.0f} ms"),
            cx=LEFT + latency * scale,
            cy=y + ROW / 2 - 1,
            r=3.5,
            class_="dot",
        )
    said = "cut in" if turn["is_cut_in"] else "missed" if latency is None else f"{latency:.0f} ms"
    yield label(WIDTH - 2, y + 12, said, anchor="end")


def histogram(series: Sequence[Sequence[float]], marks: Mapping[str, float | None]) -> Element:
    """Return how often latencies fell into bins, a colour for each series; `marks` are lines."""
    most = max((value for values in series for value in values), default=1.0)
    width_ms = next((width for width in BINS_MS if most / width < MOST_BINS), most)
    bins = int(most // width_ms) + 1
    counts = [[0] * bins for _ in series]
    for values, counted in zip(series, counts, strict=True):
        for value in values:
            counted[int(value // width_ms)] += 1
    highest = max(max(counted) for counted in counts)
    x_scale, y_scale = (WIDTH - 70) / (bins * width_ms), 190 / max(highest, 1)
    parts = []
    for at in ticks(highest, 4):
        if at == int(at):
            y = 220 - at * y_scale
            parts += [line(40, y, WIDTH - 30, y, "grid"), label(34, y + 4, f"{at:g}", "soft", "end")]
    share = width_ms * x_scale / len(series)
    for number, counted in enumerate(counts):
        for place, count in enumerate(counted):
            x = 40 + place * width_ms * x_scale + number * share
            title = f"{count} turns in {place * width_ms:g} to {(place + 1) * width_ms:g} ms"
            parts.append(
                bar((x + 0.75, 220 - count * y_scale, share - 1.5, count * y_scale), f"c{number}", title)
            )
    for at in ticks(bins * width_ms, 10):
        parts.append(label(40 + at * x_scale, 236, f"{at:g}", "soft", "middle"))
    for name, marked in marks.items():
        if marked is not None:
            x = 40 + marked * x_scale
            anchor, gap = ("end", -4) if name == "p50" or x > WIDTH - 90 else ("start", 4)
            parts += [line(x, 4, x, 220, "mark"), label(x + gap, 13, f"{name} {marked:.0f}", "soft", anchor)]
    return svg(WIDTH, 244, "Voice-to-voice times of the turns, in milliseconds", parts)


def tradeoff(points: Sequence[Mapping[str, Any]]) -> Element:
    """Return p50 and p95, and below them the share of cut-ins, over the length of the waits."""
    known = [point for point in points if point["p95_ms"] is not None]
    most = max((point["p95_ms"] for point in known), default=1.0)
    factors = [math.log(point["factor"]) for point in points]
    x_scale = (WIDTH - 130) / max(factors[-1] - factors[0], 1e-9)

    def x_of(factor: float) -> float:
        return 70 + (math.log(factor) - factors[0]) * x_scale

    parts = []
    for at in ticks(most, 5):
        y = 220 - at / most * 190
        parts += [line(60, y, WIDTH - 50, y, "grid"), label(54, y + 4, f"{at:g}", "soft", "end")]
    for name in ("p95", "p50"):
        places = [(x_of(one["factor"]), 220 - one[f"{name}_ms"] / most * 190, one) for one in known]
        parts.append(
            element("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places), class_=name)
        )
        for x, y, one in places:
            title = element("title", f"waits × {one['factor']:g}: {name} {one[f'{name}_ms']:.0f} ms")
            parts.append(element("circle", title, cx=x, cy=y, r=3.5, class_=name))
    share = max((point["cut_ins"] / max(point["turns"], 1) for point in points), default=0.0)
    scale = 56 / max(share, 0.04)
    parts += [line(60, 310, WIDTH - 50, 310, "grid"), label(54, 314, "0 %", "soft", "end")]
    for point in points:
        x, part = x_of(point["factor"]), point["cut_ins"] / max(point["turns"], 1)
        said = f"waits × {point['factor']:g}: {point['cut_ins']} of {point['turns']} turns cut in"
        parts.append(bar((x - 9, 310 - part * scale, 18, part * scale), "cuts", said))
        parts.append(label(x, 306 - part * scale, f"{part:.0%}" if part else "0", "soft", "middle"))
        parts.append(label(x, 328, f"×{point['factor']:g}", "soft", "middle"))
    parts += [line(x_of(1.0), 18, x_of(1.0), 310, "mark"), label(x_of(1.0) + 4, 16, "as recorded", "soft")]
    return svg(WIDTH, 336, "Latency and cut-ins over the length of the waits for the end of a turn", parts)


def speeds(medians: Sequence[tuple[str, float | None, str]]) -> Element:
    """Return a bar for the median of each contender, with what stands beside it."""
    most = max((value for _, value, _ in medians if value is not None), default=1.0)
    parts = []
    for number, (name, value, note) in enumerate(medians):
        y, length = 6 + number * 34, (value or 0.0) / most * (WIDTH - 500)
        parts.append(label(160, y + 17, name, anchor="end"))
        parts.append(bar((172, y + 2, length, 22), f"c{number}", f"{name}: {note}"))
        parts.append(label(182 + length, y + 17, note))
    return svg(WIDTH, 34 * len(medians) + 10, "Median voice-to-voice times, in milliseconds", parts)
