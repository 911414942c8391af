"""A benchmark's result as one self-contained page: no script, no request, light and dark, for paper too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from inference.assets import asset
from voice_app.bench.drawing import NAMES, STAGES, histogram, speeds, tradeoff, waterfalls
from voice_app.bench.markup import Child, document, element, table
from voice_app.bench.report import is_good
from voice_app.errors import SessionError

TITLE = "Voice to voice"
BASES = {
    "measured": "times of this machine, read from the sound",
    "composed": "declared times of the stages in a virtual clock; nothing here is a measurement",
}
CONTENDERS = {
    "product": "the assistant",
    "without_drafting": "without drafting",
    "serial_cascade": "serial cascade",
}


def write_page(report: Mapping[str, Any], path: Path) -> None:
    """Write the page. Raises SessionError."""
    try:
        path.write_text(page(report), "utf-8")
    except OSError as error:
        raise SessionError(path, f"can't be written ({error.strerror}); choose another file") from None


def page(report: Mapping[str, Any]) -> str:
    """Return the page of a report as `bench` makes it."""
    css = asset("bench/page.css").read_text("utf-8")
    sections = [part for section in (_turns, _spread, _waits, _stages, _setting) for part in section(report)]
    body = element("main", _header(report), *sections, _footer(report))
    return document(f"{TITLE}: {_ms(report['voice_to_voice_ms']['p50'])} at the median", css, body)


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} ms"


def _header(report: Mapping[str, Any]) -> Element:
    latency, basis = report["voice_to_voice_ms"], str(report["basis"])
    good = is_good(dict(report))
    kept = element("strong", "kept" if good else "missed", class_="good" if good else "bad")
    p50 = "–" if latency["p50"] is None else f"{latency['p50']:.0f}"
    return element(
        "header",
        element("h1", "From the user's last voiced sample to the first audible sample of the answer"),
        element("p", p50, element("small", "ms at the median"), class_="figure"),
        element(
            "p",
            f"p95 {_ms(latency['p95'])} · p99 {_ms(latency['p99'])} · slowest {_ms(latency['max'])} · ",
            f"{report['turns']} turns · limits (p95 {report['budget_ms']:g} ms, cut-ins, no turn missed) ",
            kept,
            class_="lead",
        ),
        element(
            "p",
            element("span", basis, class_="badge"),
            f"{BASES.get(basis, '')} · mode {report['mode']}",
            class_="note wide",
        ),
        element("dl", *_tiles(report), class_="tiles"),
    )


def _tiles(report: Mapping[str, Any]) -> Iterator[Element]:
    drafts, stops = report["drafts"], report["barge_in_stop_ms"]
    rows = [
        ("Cut-ins", f"{report['cut_ins']}", f"of {report['turns']} turns"),
        ("Missed turns", f"{report['missed']}", f"of {report['turns']} turns"),
        ("Speech stops a reply in", _ms(stops["p95"]), f"p95 of {report['barge_ins']}"),
        ("Judged over to sound", _ms(report["decision_to_sound_ms"]["p50"]), "median"),
        ("Word error rate", _share(report["wer"]), "of what was answered"),
        ("Drafts", f"{drafts['released']} of {drafts['made']}", "released of made"),
    ]
    if "peak_rss_mb" in report:
        rows.append(("Memory", f"{report['peak_rss_mb']} MB", "at its peak"))
    for name, value, note in rows:
        yield element("div", element("dt", name), element("dd", value, element("small", note)))


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _legend(entries: Sequence[tuple[str, str]]) -> Element:
    items = [element("li", element("i", class_=kind, aria_hidden="true"), name) for kind, name in entries]
    return element("ul", *items, class_="legend")


def _framed(drawing: Element, *, long: bool = False) -> Element:
    return element("div", drawing, class_="scroll long" if long else "scroll")


def _turns(report: Mapping[str, Any]) -> Iterator[Element]:
    turns = report["each"]
    yield element("h2", "Where the time went")
    yield element(
        "p",
        "A row is a turn. The stages are those of its released draft, as its events tell; the dot is where the sound "
        "has the answer begin. Waiting is what the end of the turn took beyond the work.",
        class_="note",
    )
    yield _legend([*((name, NAMES[name]) for name in STAGES), ("dot", "from the sound")])
    yield _framed(waterfalls(turns, report["budget_ms"]), long=True)
    head = ("turn", "heard", "sound, ms", *(NAMES[name] for name in STAGES))
    rows = [
        (
            turn["name"],
            turn["heard"],
            _number(turn["voice_to_voice_ms"]),
            *(_number(turn["stages_ms"].get(name)) for name in STAGES),
        )
        for turn in turns
    ]
    yield element(
        "details",
        element("summary", "The same as a table"),
        element("div", table(head, rows), class_="scroll"),
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _spread(report: Mapping[str, Any]) -> Iterator[Element]:
    everyone = {"product": report, **report.get("baselines", {})}
    latencies = [
        [t["voice_to_voice_ms"] for t in one["each"] if t["voice_to_voice_ms"]] for one in everyone.values()
    ]
    yield element("h2", "How the answers spread")
    if len(everyone) > 1:
        yield _legend([(f"c{number}", CONTENDERS.get(name, name)) for number, name in enumerate(everyone)])
    yield _framed(histogram(latencies, {key: report["voice_to_voice_ms"][key] for key in ("p50", "p95")}))
    if len(everyone) > 1:
        yield from _contenders(report, everyone)


def _contenders(report: Mapping[str, Any], everyone: Mapping[str, Mapping[str, Any]]) -> Iterator[Element]:
    yield element("h2", "Against the same models without the ideas")
    yield element(
        "p",
        "The same turns in the same run, a few at a time in rotation. The cascade waits for a fixed silence, then "
        "transcribes, writes and speaks, each as a whole.",
        class_="note",
    )
    medians = []
    for name, one in everyone.items():
        p50, times = one["voice_to_voice_ms"]["p50"], one.get("product_is_faster_by")
        faster = f" · the assistant is {times:.1f} × as fast" if times else ""
        medians.append((CONTENDERS.get(name, name), p50, f"{_ms(p50)}{faster} · {one['cut_ins']} cut-ins"))
    yield _framed(speeds(medians))


def _waits(report: Mapping[str, Any]) -> Iterator[Element]:
    points = report["tradeoff"]
    if not any(point["p50_ms"] is not None for point in points):
        return
    yield element("h2", "Answering sooner against cutting in")
    yield element(
        "p",
        "What other waits for the end of a turn would have done: all waits of this run times a factor, gone through "
        "again with the recorded pauses and drafts. A replay, not further runs: a draft that another wait would have "
        "changed stays as it was.",
        class_="note",
    )
    yield _legend([("c0", "p50, ms"), ("c1", "p95, ms"), ("cuts", "turns cut in")])
    yield _framed(tradeoff(points))


def _stages(report: Mapping[str, Any]) -> Iterator[Element]:
    yield element("h2", "Stages")
    late = report["late_stages"]
    rows = [
        (
            NAMES.get(name, "judged over"),
            _number(spans["p50"]),
            _number(spans["p95"]),
            str(late.get(name, "")),
        )
        for name, spans in report["stages"].items()
    ]
    head = ("stage", "p50, ms", "p95, ms", "turns over its allotment")
    yield element("div", table(head, rows), class_="scroll")
    yield element(
        "p",
        "“Judged over” lies beside the others: the turn is judged over while its reply is drafted.",
        class_="note",
    )


def _setting(report: Mapping[str, Any]) -> Iterator[Element]:
    yield element("h2", "Machine and models")
    groups = {key: report[key] for key in ("machine", "models", "declared_ms", "soak") if report.get(key)}
    rows: list[tuple[Child, Child]] = [
        (f"{group}: {name.replace('_', ' ')}", str(value))
        for group, values in groups.items()
        for name, value in values.items()
    ]
    for name in ("session_s", "cpu_s", "ready_s"):
        if name in report:
            rows.append((name, f"{report[name]}"))
    yield element("div", table(("what", "value"), rows, "wide"), class_="scroll")


def _footer(report: Mapping[str, Any]) -> Element:
    return element(
        "footer",
        f"Figures: {report['basis']}. Percentiles of all turns that were answered; a turn in which the assistant spoke "
        "into the user's speech is a cut-in and has no latency. Written by voice-app bench; this page asks for nothing "
        "from anywhere.",
    )
