"""HTML and SVG elements, built rather than written, so that whatever is in them is escaped. Pure.

Drawings take the width they are given: places on the x axis are percentages, all else is CSS pixels, so that words keep
their size on a telephone. The look is `assets/lpu/page.css`.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

Child = Element | str


def element(name: str, /, *children: Child | None, **attributes: object) -> Element:
    """Return an element; `class_` is class, underscores in other names are hyphens. None is no child, no attribute."""
    given = {_attribute(key): _value(value) for key, value in attributes.items() if value is not None}
    made = Element(name, given)
    last: Element | None = None
    for child in children:
        if isinstance(child, Element):
            made.append(child)
            last = child
        elif child is not None and last is None:
            made.text = (made.text or "") + child
        elif child is not None and last is not None:
            last.tail = (last.tail or "") + child
    return made


def _attribute(key: str) -> str:
    return key.rstrip("_") if key.endswith("_") else key.replace("_", "-")


def _value(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def percent(share: float) -> str:
    """Return a share as a length on the x axis."""
    return f"{_value(100.0 * share)}%"


def plot(height: float, title: str, children: Iterable[Element]) -> Element:
    """Return a drawing as wide as its place and `height` pixels high; `title` is read to those who don't see it."""
    return element("svg", *children, class_="plot", width="100%", height=height, role="img", aria_label=title)


def stretched(box: tuple[float, float], height: float, paths: Iterable[Element]) -> Element:
    """Return the inside of a `plot`: paths in a box of (width, height) of their own, stretched to its width."""
    made = element("svg", *paths, x=0, y=0, width="100%", height=height, preserveAspectRatio="none")
    made.set("viewBox", f"0 0 {box[0]:g} {box[1]:g}")
    return made


def path(steps: str, class_: str) -> Element:
    """Return a path."""
    return element("path", d=steps, class_=class_)


def scaled(box: tuple[float, float], title: str, children: Iterable[Element], **more: object) -> Element:
    """Return a drawing whose (width, height) is scaled to the width of its place."""
    drawing = element("svg", *children, role="img", aria_label=title, **more)
    drawing.set("viewBox", f"0 0 {box[0]:g} {box[1]:g}")
    return drawing


def line(x1: float | str, y1: float, x2: float | str, y2: float, class_: str) -> Element:
    """Return a line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def label(x: float | str, y: float, text: str, class_: str = "", anchor: str = "start") -> Element:
    """Return a text of a drawing."""
    return element("text", text, x=x, y=y, class_=class_ or None, text_anchor=anchor)


def bar(box: tuple[float, float, float, float], class_: str, title: str) -> Element:
    """Return a rectangle that says what it is when it is pointed at: x and width as shares, y and height in pixels."""
    x, y, width, height = box
    place = {"x": percent(x), "y": y, "width": percent(max(width, 0.0)), "height": max(height, 0.0)}
    return element("rect", element("title", title), class_=class_, **place)


def ticks(most: float, about: int) -> list[float]:
    """Return round numbers from 0 to `most`, some `about` of them."""
    rough = max(most, 1e-9) / about
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(magnitude * factor for factor in (1, 2, 2.5, 5, 10) if magnitude * factor >= rough)
    return [step * number for number in range(int(most / step + 1e-9) + 1)]


def legend(entries: Sequence[tuple[str, str]]) -> Element:
    """Return what the colours of (class, name) mean."""
    items = [element("li", element("i", class_=kind, aria_hidden="true"), name) for kind, name in entries]
    return element("ul", *items, class_="legend")


def card(*children: Child) -> Element:
    """Return a frame around a drawing."""
    return element("div", *children, class_="card")


def scrolling(child: Element, name: str, class_: str = "") -> Element:
    """Return a frame that scrolls where its content is too wide or too long, by keyboard, too."""
    classes = f"card scroll {class_}".strip()
    return element("div", child, class_=classes, role="region", aria_label=name, tabindex=0)


def rows(lines: Iterable[tuple[Child, Element, Child]], class_: str = "") -> Element:
    """Return a list of (name, drawing, value): side by side, or on a narrow screen one above the other."""
    items = [
        element(
            "li",
            element("span", name, class_="name"),
            element("span", drawing, class_="drawn"),
            element("span", value, class_="value"),
        )
        for name, drawing, value in lines
    ]
    return element("ol", *items, class_=f"rows {class_}".strip())


def axis(drawing: Element) -> Element:
    """Return an axis that stands above or below `rows`, over the drawings alone."""
    return element("div", element("span", drawing, class_="drawn"), class_="axis")


def more(summary: str, *children: Child) -> Element:
    """Return what is shown when it is asked for."""
    return element("details", element("summary", summary), *children)


def pairs(entries: Iterable[tuple[str, str]]) -> Element:
    """Return names with their values, in columns."""
    return element(
        "dl",
        *[element("div", element("dt", name), element("dd", value)) for name, value in entries],
        class_="pairs",
    )


def tiles(entries: Iterable[tuple[str, str, str]]) -> Element:
    """Return figures as (name, value, note), large."""
    made = [
        element("div", element("dt", name), element("dd", value, element("small", note)))
        for name, value, note in entries
    ]
    return element("dl", *made, class_="tiles")


def table(head: Iterable[str], body: Iterable[Iterable[Child]], class_: str = "figures") -> Element:
    """Return a table whose rows begin with their header."""
    names = [element("th", name, scope="col") for name in head]
    made = []
    for row in body:
        first, *others = row
        made.append(element("tr", element("th", first, scope="row"), *[element("td", one) for one in others]))
    return element("table", element("thead", element("tr", *names)), element("tbody", *made), class_=class_)


def document(title: str, css: str, *body: Element, script: str = "") -> str:
    """Return a page that needs nothing else; browsers forbid it to ask for anything, and to run another script."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    if script:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy += f"; script-src 'sha256-{digest}'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", css),
    )
    last = element("script", script) if script else None
    page = element("html", head, element("body", *body, last), lang="en")
    return "<!doctype html>\n" + ElementTree.tostring(page, encoding="unicode", method="html") + "\n"
