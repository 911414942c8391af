"""How good a model's answers are beside how long they take: sections of a benchmark's page. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any
from xml.etree.ElementTree import Element

from lpu_backend.markup import card, element, label, line, more, percent, plot, scrolling, table, ticks

TOP, BOTTOM = 14.0, 214.0
"""Where all and none of the answers are right in the drawing."""
LEFT, WIDTH = 0.06, 0.9
"""Place of the drawing's times, as shares of its width."""
SETS: Mapping[str, str] = {
    "questions": "questions right",
    "sayings": "sayings to the right skill",
    "look-alikes": "look-alikes left alone",
    "conversations": "turns of conversations right",
    "adversarial": "temptations withstood",
}
"""The sets in words."""
Models = Mapping[str, Mapping[str, Any]]
"""The figures of each half by model: `voice_app.bench.answers.figures.by_model`."""


def quality(models: Models) -> Iterator[Element]:
    """Yield what a model's answers are worth beside what they take; nothing where none were judged."""
    rows = [(model, half, report) for model, halves in models.items() for half, report in halves.items()]
    if not rows:
        return
    yield element("h2", "Good answers against quick ones")
    yield element(
        "p",
        "A dot is a model's answers to one half of the questions: how many are right, with the 95 % interval after "
        "Wilson, over the median from the typed question to the first words of the answer. Measured on this machine; a "
        "spoken turn takes speech to text and the voice besides.",
        class_="note",
    )
    yield card(_drawing(rows))
    head = ("model", "half", *SETS.values(), "no false claim", "first words, p50", "p95")
    body = [(_name(model), half, *_cells(report)) for model, half, report in rows]
    yield scrolling(table(head, body), "Answers by model")
    yield from _kinds(rows)


def _name(model: str) -> str:
    return PurePath(model).name.removesuffix(".gguf")


def _cells(report: Mapping[str, Any]) -> Iterator[str]:
    for name in SETS:
        yield share(report["sets"].get(name))
    yield share(report["honest"])
    first = report["sets"].get("questions", {}).get("first_ms", {})
    yield from (_ms(first.get("p50")), _ms(first.get("p95")))


def share(found: Mapping[str, Any] | None) -> str:
    """Return a score as words: how many of how many, the share, and its interval."""
    if not found or not found["of"]:
        return "–"
    part = found["right"] / found["of"]
    return f"{found['right']} of {found['of']}, {part:.0%} ({found['low']:.0%}–{found['high']:.0%})"


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"


def _drawing(rows: Sequence[tuple[str, str, Mapping[str, Any]]]) -> Element:
    known = [
        (f"{_name(model)}, {half}", found, found["first_ms"]["p50"])
        for model, half, report in rows
        if (found := report["sets"].get("questions")) and found["first_ms"]["p50"] is not None
    ]
    most = 1.25 * max((ms for _, _, ms in known), default=1.0)
    parts = list(_grid(most))
    for number, (name, found, ms) in enumerate(known):
        at, class_ = percent(LEFT + WIDTH * ms / most), f"c{number % 7}"
        said = f"{name}: {share(found)}, first words after {_ms(ms)}"
        parts.append(line(at, _y(found["low"]), at, _y(found["high"]), f"curve {class_}"))
        y = _y(found["right"] / found["of"])
        parts.append(element("circle", element("title", said), cx=at, cy=y, r=5, class_=class_))
        side = {"dx": -10, "text_anchor": "end"} if ms > most / 2 else {"dx": 10}
        parts.append(element("text", name, x=at, y=y + 4, class_="halo", **side))
    title = "Share of questions answered rightly over the time to the first words, a dot for each model"
    return element("div", plot(BOTTOM + 34, title, parts), class_="chart counted")


def _y(part: float) -> float:
    return BOTTOM - part * (BOTTOM - TOP)


def _grid(most_ms: float) -> Iterator[Element]:
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        yield line("0%", _y(part), "100%", _y(part), "grid")
        yield label("-6", _y(part) + 4, f"{part:.0%}", "soft", "end")
    for at in ticks(most_ms, 6):
        yield label(percent(LEFT + WIDTH * at / most_ms), BOTTOM + 16, f"{at:,g}", "soft", "middle")
    yield label("50%", BOTTOM + 31, "milliseconds to the first words", "soft", "middle")


def _kinds(rows: Sequence[tuple[str, str, Mapping[str, Any]]]) -> Iterator[Element]:
    names = [f"{_name(model)}, {half}" for model, half, _ in rows]
    found: dict[tuple[str, str], dict[int, str]] = {}
    for number, (_, _, report) in enumerate(rows):
        for set_, of in report["sets"].items():
            for kind, scored in of["kinds"].items():
                found.setdefault((set_, kind), {})[number] = share(scored)
    body = [
        (f"{set_}: {kind}", *(cells.get(number, "–") for number in range(len(rows))))
        for (set_, kind), cells in found.items()
    ]
    yield more("By kind", scrolling(table(("kind", *names), body), "Answers by kind"))
