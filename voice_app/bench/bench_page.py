"""A benchmark's result as one self-contained page: no script, no request, light and dark, for paper too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from inference.assets import asset
from lpu_backend.markup import (
    card,
    document,
    element,
    legend,
    more,
    pairs,
    scrolling,
    table,
    tiles,
)
from voice_app.bench.bench_drawing import (
    NAMES,
    Scale,
    speeds,
    spread,
    stages,
    strip,
    tradeoff,
    waterfalls,
)
from voice_app.bench.bench_report import PREMATURE_LIMIT, meets_limits, p95_limit_ms
from voice_app.bench.quality import quality
from voice_app.core.errors import SessionError
from voice_app.core.stages import Stage

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


def write_bench_page(report: Mapping[str, Any], path: Path) -> None:
    """Write the page. Raises SessionError."""
    try:
        path.write_text(page(report), "utf-8")
    except OSError as error:
        raise SessionError(path, f"can't be written ({error.strerror}); choose another file") from None


def page(report: Mapping[str, Any]) -> str:
    """Return the page of a report as `bench` makes it."""
    css = "".join(asset(name).read_text("utf-8") for name in ("lpu/page.css", "bench/page.css"))
    parts = (_turns, _stages, _spread, _quality, _waits, _actions, _setting)
    sections = [part for section in parts for part in section(report)]
    title = f"{TITLE}: {_ms(report['voice_to_voice_ms']['p50'])} at the median, {report['basis']}"
    return document(title, css, _header(report), element("main", *sections), _footer(report))


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"


def _header(report: Mapping[str, Any]) -> Element:
    latency, basis = report["voice_to_voice_ms"], str(report["basis"])
    p50 = "–" if latency["p50"] is None else f"{latency['p50']:.0f}"
    known = [turn["voice_to_voice_ms"] for turn in report["each"] if turn["voice_to_voice_ms"] is not None]
    scale = Scale(1.04 * max([report["budget_ms"], *known]), report["budget_ms"])
    badge = element("span", basis, class_=f"badge {basis}")
    marks = {"p50": latency["p50"], "p95": latency["p95"]}
    return element(
        "header",
        element("p", "Voice to voice", class_="eyebrow"),
        element(
            "h1",
            element("span", p50, element("small", " ms"), class_="figure"),
            element(
                "span",
                " from the user’s last voiced sample to the first audible sample of the answer",
                class_="claim",
            ),
        ),
        element(
            "p",
            badge,
            f"Median of {report['turns']} turns: {BASES.get(basis, '')}. {_who(report)}",
            class_="lead",
        ),
        element("div", strip(known, scale, marks), class_="strip"),
        element("ul", *_limits(report), class_="limits"),
        tiles(_tiles(report)),
    )


def _who(report: Mapping[str, Any]) -> str:
    """Return the machine and the models in a sentence."""
    machine, models = report.get("machine", {}), report.get("models", {})
    cores = f"{machine['cores']} cores" if "cores" in machine else ""
    where = ", ".join(str(part) for part in (machine.get("processor"), cores) if part)
    what = " → ".join(str(models[name]) for name in ("stt", "llm", "tts") if name in models)
    return ". ".join(part for part in (what, where, f"Mode {report['mode']}") if part) + "."


def _limits(report: Mapping[str, Any]) -> Iterator[Element]:
    """Yield whether each limit was kept, and first whether all were: `meets_limits`, part by part."""
    p95, limit_ms, turns = report["voice_to_voice_ms"]["p95"], p95_limit_ms(report), report["turns"]
    good = meets_limits(report)
    verdict = "All limits kept" if good else "Limits missed"
    yield element("li", element("strong", verdict, class_="good" if good else "bad"))
    yield _limit(p95 is not None and p95 <= limit_ms, f"p95 {_ms(p95)}, at most {limit_ms:g} ms")
    few, allowed = report["cut_ins"] <= PREMATURE_LIMIT * turns, f"{PREMATURE_LIMIT:.0%} allowed"
    yield _limit(few, f"{report['cut_ins']} premature endpoints in {turns} turns, {allowed}")
    yield _limit(report["missed"] == 0, f"{report['missed']} turns missed")


def _limit(kept: bool, said: str) -> Element:
    mark = element("span", "✓ kept" if kept else "✗ missed", class_="good" if kept else "bad")
    return element("li", mark, f" {said}")


def _tiles(report: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    drafts, stops, latency = report["drafts"], report["barge_in_stop_ms"], report["voice_to_voice_ms"]
    yield "95th percentile", _ms(latency["p95"]), f"p99 {_ms(latency['p99'])} · slowest {_ms(latency['max'])}"
    if report.get("within_budget") is not None:
        yield (
            "Within the budget",
            f"{report['within_budget']:.0%}",
            f"of the answers in {report['budget_ms']:g} ms",
        )
    yield "Speech stops a reply in", _ms(stops["p95"]), f"p95 of {report['barge_ins']} interruptions"
    yield "Judged over to sound", _ms(report["decision_to_sound_ms"]["p50"]), "median"
    yield "Word error rate", _share(report["wer"]), "of what was answered"
    yield "Drafts", f"{drafts['released']} of {drafts['made']}", "released of made"
    if "peak_rss_mb" in report:
        yield "Memory", f"{report['peak_rss_mb']:,} MB", "at its peak"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _note(text: str) -> Element:
    return element("p", text, class_="note")


def _turns(report: Mapping[str, Any]) -> Iterator[Element]:
    turns = report["each"]
    yield element("h2", "Where the time went")
    yield _note(
        "A row is a turn. The stages are those of its released draft, as its events tell; the dot is where the sound "
        "has the answer begin. Waiting is what the end of the turn took beyond the work."
    )
    yield legend([*((name, NAMES[name]) for name in Stage), ("dot", "from the sound")])
    yield scrolling(waterfalls(turns, report["budget_ms"]), "Stages of every turn", "long")
    head = ("turn", "heard", "sound, ms", *(NAMES[name] for name in Stage))
    body = [
        (
            turn["name"],
            turn["heard"],
            _number(turn["voice_to_voice_ms"]),
            *(_number(turn["stages_ms"].get(name)) for name in Stage),
        )
        for turn in turns
    ]
    yield more("The same as a table", scrolling(table(head, body), "Stages of every turn, as a table"))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _stages(report: Mapping[str, Any]) -> Iterator[Element]:
    allotments, late = report.get("allotments_ms", {}), report["late_stages"]
    yield element("h2", "Stages against their allotments")
    yield _note(
        "A thick bar is the median, the thin one the 95th percentile, the upright line what the budget allots to "
        "the stage; all in milliseconds. “Judged over” lies beside the others: the turn is judged over while its "
        "reply is drafted."
    )
    yield card(stages(report["stages"], allotments, late))
    head = ("stage", "p50, ms", "p95, ms", "allotment, ms", "turns over it")
    body = [
        (
            NAMES.get(name, "judged over"),
            _number(spans["p50"]),
            _number(spans["p95"]),
            _number(allotments.get(name)),
            str(late.get(name, 0)) if name in allotments or name in late else "–",
        )
        for name, spans in report["stages"].items()
    ]
    yield more("The same as a table", scrolling(table(head, body), "Stages as a table"))


def _spread(report: Mapping[str, Any]) -> Iterator[Element]:
    everyone = {"product": report, **report.get("baselines", {})}
    series = {
        CONTENDERS.get(name, name): (
            f"c{number}",
            [turn["voice_to_voice_ms"] for turn in one["each"] if turn["voice_to_voice_ms"] is not None],
        )
        for number, (name, one) in enumerate(everyone.items())
    }
    yield element("h2", "How the answers spread")
    marks = {key: report["voice_to_voice_ms"][key] for key in ("p50", "p95")}
    yield _note("Turns by how long their answer took, in milliseconds.")
    yield card(spread(series, marks))
    if len(everyone) > 1:
        yield from _contenders(everyone)


def _contenders(everyone: Mapping[str, Mapping[str, Any]]) -> Iterator[Element]:
    yield element("h2", "Against the same models without the ideas")
    yield _note(
        "The same turns in the same run, a few at a time in rotation. The cascade waits for a fixed silence, then "
        "transcribes, writes and speaks, each as a whole. Bars are medians; × is over the assistant's."
    )
    medians = []
    for name, one in everyone.items():
        p50, times = one["voice_to_voice_ms"]["p50"], one.get("product_is_faster_by")
        slower = f" · × {times:.1f}" if times else ""
        medians.append((CONTENDERS.get(name, name), p50, f"{_ms(p50)}{slower} · {one['cut_ins']} premature"))
    yield card(speeds(medians))


def _quality(report: Mapping[str, Any]) -> Iterator[Element]:
    yield from quality(report.get("answers", {}))


def _waits(report: Mapping[str, Any]) -> Iterator[Element]:
    points = report["tradeoff"]
    if not any(point["p50_ms"] is not None for point in points):
        return
    yield element("h2", "Answering sooner against answering too early")
    yield _note(
        "What other waits for the end of a turn would have done: all waits of this run times a factor, gone through "
        "again with the recorded pauses and drafts. A replay, not further runs: a draft that another wait would have "
        "changed stays as it was."
    )
    yield legend([("c0", "p50, ms"), ("c1", "p95, ms"), ("cuts", "turns ended too early")])
    yield card(tradeoff(points))
    head = ("waits", "p50, ms", "p95, ms", "turns ended too early")
    body = [
        (
            f"× {one['factor']:g}",
            _number(one["p50_ms"]),
            _number(one["p95_ms"]),
            f"{one['cut_ins']} of {one['turns']}",
        )
        for one in points
    ]
    yield more("The same as a table", scrolling(table(head, body), "Waits as a table"))


def _actions(report: Mapping[str, Any]) -> Iterator[Element]:
    if "actions" not in report:
        return
    yield element("h2", "What the budget did")
    yield _note(
        "Before a reply is drafted, its time is predicted from averages of the stages. Where it would miss the budget, "
        "something is done about it; each line is what was done, in how many of the turns, and a cause as logged."
    )
    if not report["actions"]:
        yield card(element("p", "Nothing: no reply was predicted to be late."))
        return
    head = ("action", "turns", "for example because")
    body = [
        (one["action"], f"{one['turns']} of {report['turns']}", one["cause"]) for one in report["actions"]
    ]
    yield scrolling(table(head, body, "figures words"), "What the budget did")


def _setting(report: Mapping[str, Any]) -> Iterator[Element]:
    yield element("h2", "Machine and models")
    groups = {key: report[key] for key in ("machine", "models", "declared_ms", "soak") if report.get(key)}
    entries = [
        (f"{group.removesuffix('_ms')}: {name.replace('_', ' ')}", str(value))
        for group, values in groups.items()
        for name, value in values.items()
    ]
    entries += [
        (said, f"{report[name]:g} s")
        for name, said in (
            ("session_s", "sessions"),
            ("cpu_s", "processor time"),
            ("ready_s", "models ready after"),
        )
        if name in report
    ]
    yield card(pairs(entries))


def _footer(report: Mapping[str, Any]) -> Element:
    return element(
        "footer",
        f"Figures: {report['basis']}. Percentiles of all turns that were answered; a turn in which the assistant spoke "
        "into the user's speech had a premature endpoint and has no latency. Written by voice-app bench; this page "
        "asks for nothing from anywhere.",
    )
