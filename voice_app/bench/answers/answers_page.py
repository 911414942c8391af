"""The result of judged answers as one self-contained page: no script, no request, light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from inference.assets import asset
from lpu_backend.markup import card, document, element, more, pairs, scrolling, table
from voice_app.bench.quality import quality
from voice_app.core.errors import SessionError


def write_answers_page(report: Mapping[str, Any], path: Path) -> None:
    """Write the page. Raises SessionError."""
    try:
        path.write_text(answers_page(report), "utf-8")
    except OSError as error:
        raise SessionError(path, f"can't be written ({error.strerror}); choose another file") from None


def answers_page(report: Mapping[str, Any]) -> str:
    """Return the page of a report as `bench --mode answers` makes it."""
    css = "".join(asset(name).read_text("utf-8") for name in ("lpu/page.css", "bench/page.css"))
    header = element(
        "header",
        element("p", "Answers", class_="eyebrow"),
        element("h1", element("span", "Judged answers", class_="claim")),
        element(
            "p",
            element("span", "measured", class_="badge measured"),
            "What the assistant says and does in typed sessions, judged by words, calls and what was changed.",
            class_="lead",
        ),
    )
    main = element("main", *quality(report["models"]), *_wrong(report["each"]), *_machine(report["machine"]))
    footer = element(
        "footer", "Of the reported half the scores alone are told. Written by voice-app bench --mode answers."
    )
    return document("Judged answers", css, header, main, footer)


def _wrong(verdicts: Sequence[Mapping[str, Any]]) -> Iterator[Element]:
    body = [
        (one["model"].rpartition("/")[2], one["kind"], one["say"], one["answer"], "; ".join(one["faults"]))
        for one in verdicts
        if not one["right"] and "say" in one
    ]
    if body:
        yield element("h2", "What went wrong")
        head = ("model", "kind", "said", "answer", "wrong")
        yield more(f"{len(body)} turns", scrolling(table(head, body, "figures words"), "What went wrong"))


def _machine(machine: Mapping[str, object]) -> Iterator[Element]:
    yield element("h2", "Machine")
    yield card(pairs((name, str(value)) for name, value in machine.items()))
