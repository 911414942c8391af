"""HTML and SVG elements, built rather than written, so that whatever is in them is escaped. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

Child = Element | str


def element(name: str, /, *children: Child, **attributes: object) -> Element:
    """Return an element; `class_` is class, underscores in other names are hyphens."""
    made = Element(name, {_attribute(key): _value(value) for key, value in attributes.items()})
    last: Element | None = None
    for child in children:
        if isinstance(child, Element):
            made.append(child)
            last = child
        elif last is None:
            made.text = (made.text or "") + child
        else:
            last.tail = (last.tail or "") + child
    return made


def _attribute(key: str) -> str:
    return key.rstrip("_") if key.endswith("_") else key.replace("_", "-")


def _value(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def svg(width: float, height: float, title: str, children: Iterable[Element]) -> Element:
    """Return a drawing that fills the width it is given; `title` is read to those who don't see it."""
    box = f"0 0 {width:g} {height:g}"
    drawing = element("svg", element("title", title), *children, role="img", aria_label=title)
    drawing.set("viewBox", box)
    return drawing


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Element:
    """Return a line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def label(x: float, y: float, text: str, class_: str = "", anchor: str = "start") -> Element:
    """Return a text of a drawing."""
    return element("text", text, x=x, y=y, class_=class_, text_anchor=anchor)


def bar(box: tuple[float, float, float, float], class_: str, title: str) -> Element:
    """Return a rectangle (x, y, width, height) that says what it is when it is pointed at."""
    x, y, width, height = box
    return element(
        "rect",
        element("title", title),
        x=x,
        y=y,
        width=max(width, 0.0),
        height=max(height, 0.0),
        class_=class_,
    )


def table(head: Iterable[str], rows: Iterable[Iterable[Child]], class_: str = "figures") -> Element:
    """Return a table whose rows begin with their header."""
    names = [element("th", name, scope="col") for name in head]
    body = []
    for row in rows:
        first, *others = row
        body.append(element("tr", element("th", first, scope="row"), *[element("td", one) for one in others]))
    return element("table", element("thead", element("tr", *names)), element("tbody", *body), class_=class_)


def document(title: str, css: str, body: Element) -> str:
    """Return a page that needs nothing else, and that browsers forbid to ask for anything else."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", css),
    )
    page = element("html", head, element("body", body), lang="en")
    return "<!doctype html>\n" + ElementTree.tostring(page, encoding="unicode", method="html") + "\n"
