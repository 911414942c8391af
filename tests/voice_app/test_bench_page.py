"""The benchmark's page: what stands in it, and what a browser says of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from lpu_backend.markup import ticks
from tests.browser import NARROW, NEEDS_BROWSER, WIDE, check_page, invalid, opened, used
from voice_app.bench.bench_page import page
from voice_app.bench.bench_report import Targets
from voice_app.bench.composed import measure_composed
from voice_app.cli.main import app
from voice_app.core.stages import Estimates, Stage


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """A composed result with baselines, and one turn each that was answered too early, missed, and badly named."""
    targets = Targets(400, p95_limit_ms=450)
    made = measure_composed(24, targets, Estimates())
    slow = measure_composed(24, targets, Estimates({Stage.STT: 0.4}))
    each = [dict(turn) for turn in made["each"]]  # type: ignore[attr-defined]
    each[0] |= {"voice_to_voice_ms": None, "is_cut_in": True}
    each[1] |= {"voice_to_voice_ms": None, "stages_ms": {}}
    each[2] |= {"name": '<script>alert(1)</script> & "more"', "heard": "</style><b>"}
    baselines = {"serial_cascade": {"product_is_faster_by": 1.5, **slow}}
    return {**made, "each": each, "baselines": baselines, "machine": {"cores": 2}, "models": {"stt": "x"}}


@pytest.fixture(scope="module")
def file(report: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page on disk."""
    path = tmp_path_factory.mktemp("page") / "bench.html"
    path.write_text(page(report), "utf-8")
    return path


def test_the_page_is_whole_and_asks_for_nothing(report: dict[str, Any]) -> None:
    """The HTML standard's parser has no complaint; no script, no address; a turn's words can't become markup."""
    text = page(report)

    assert invalid(text) == []
    assert used(text) >= {"svg aria-label", "th scope", "div tabindex"}
    assert not [
        one for one in used(text) if re.match(r"(script|img|link|iframe|object)\b|.* (on|src|href)", one)
    ]
    assert not re.search(r"https?:|url\(|@import", text)


def test_what_is_invalid_is_found() -> None:
    """A tag left open, an attribute twice, and nesting that can't be."""
    for wrong in ("<p><b>x</p>", '<p id="a" id="b">x</p>', "<table><p>x</p></table>"):
        assert invalid(f"<!doctype html><title>x</title>{wrong}")


def test_the_page_says_what_the_report_says(report: dict[str, Any]) -> None:
    """The headline with its basis, every turn, the verdict, the baseline."""
    text = page(report)

    for said in (
        f"{report['voice_to_voice_ms']['p50']:.0f}<small> ms</small>",
        "nothing here is a measurement",
        " ms · × 1.5 · ",
        "too early</b>",
        "missed</b>",
        "Who wrote the play Hamlet?",
    ):
        assert said in text
    assert "budget 400 ms" in text
    assert ", at most 450 ms" in text
    assert "All limits kept" in text
    assert "Limits missed" in page({**report, "cut_ins": 9})


def test_a_stage_stands_beside_what_it_is_allotted(report: dict[str, Any]) -> None:
    """The allotments are the budget's, scaled; together they are all of it."""
    allotted = report["allotments_ms"]

    assert sum(allotted.values()) == pytest.approx(400, abs=0.5)
    assert f"p95 {report['stages']['stt']['p95']:.0f} · of {allotted['stt']:.0f}" in page(report)


def test_what_was_done_to_be_in_time_is_told_with_its_cause() -> None:
    """Stages so slow that replies are predicted to be late: the first clause is short, in all turns but the first ones;
    stages that are quick enough: nothing."""
    slow, quick = (measure_composed(6, Targets(), Estimates({Stage.STT: stt_s})) for stt_s in (0.3, 0.01))

    assert [one["action"] for one in slow["actions"]] == ["short first clause"]  # type: ignore[attr-defined]
    assert "predicted" in page(slow)
    assert quick["actions"] == []
    assert "Nothing: no reply was predicted to be late." in page(quick)


def test_a_run_in_which_nothing_was_answered_has_its_page(report: dict[str, Any]) -> None:
    """Dashes where there are no figures; the limits are missed."""
    nothing = {"voice_to_voice_ms": None, "stages_ms": {}, "is_cut_in": False}
    none = dict.fromkeys(("p50", "p95", "p99", "max"))
    silent = {
        **{name: value for name, value in report.items() if name != "baselines"},
        "each": [{**turn, **nothing} for turn in report["each"]],
        "voice_to_voice_ms": none,
        "stages": dict.fromkeys(report["stages"], none),
        "decision_to_sound_ms": none,
        "within_budget": None,
        "wer": None,
        "tradeoff": [{**point, "p50_ms": None, "p95_ms": None} for point in report["tradeoff"]],
        "missed": report["turns"],
    }

    assert invalid(page(silent)) == []
    assert '<span class="figure">–' in page(silent)
    assert "Limits missed" in page(silent)


def test_a_result_without_allotments_and_actions_still_has_its_page(report: dict[str, Any]) -> None:
    """A saved result of before they were recorded, and of when the limit of the 95th percentile was called budget."""
    late = ("allotments_ms", "actions", "p95_limit_ms")
    short = {name: value for name, value in report.items() if name not in late}

    assert ", at most 400 ms" in page(short)
    assert "What the budget did" not in page(short)
    assert invalid(page(short)) == []


def test_the_command_writes_the_page_of_its_own_json(tmp_path: Path) -> None:
    """Composed figures are reproducible, so that the file is the page of what was printed."""
    out = tmp_path / "page.html"
    options = ["bench", "--mode", "composed", "--turns", "6", "--html", str(out), "--json"]
    printed = CliRunner().invoke(app, options).stdout

    assert out.read_text() == page(json.loads(printed))


@given(st.floats(0.001, 1e7), st.integers(1, 12))
def test_ticks_are_round_and_within(most: float, about: int) -> None:
    """From 0, evenly, never beyond the end, never many more than wanted."""
    found = ticks(most, about)

    assert found[0] == 0
    assert found[-1] <= most * (1 + 1e-6)
    assert 1 <= len(found) <= about + 1


@pytest.mark.browser
@NEEDS_BROWSER
@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light")])
def test_a_browser_has_no_complaint_and_makes_no_request(file: Path, width: int, scheme: str) -> None:
    """Chromium: an empty console, no request but for the file itself, nothing beside the window, something in it,
    and no fault that axe-core knows of, contrast among them."""
    with opened(file, width, scheme) as visit:
        check_page(visit, file, width, least_px=2000)


@pytest.mark.browser
@NEEDS_BROWSER
def test_the_keyboard_reaches_the_tables_and_what_scrolls(file: Path) -> None:
    """Tab goes through every summary and every frame that scrolls; Enter opens the table."""
    with opened(file) as visit:
        stops = visit.page.locator("summary, .scroll:visible").count()
        reached = set()
        for _ in range(stops):
            visit.page.keyboard.press("Tab")
            reached.add(
                visit.page.evaluate("document.activeElement.tagName + document.activeElement.ariaLabel")
            )
        visit.page.keyboard.press("Enter")

        assert "BODYnull" not in reached
        assert visit.page.locator("details[open] table").count() == 1


@pytest.mark.browser
@NEEDS_BROWSER
def test_faults_of_a_page_are_noticed(tmp_path: Path) -> None:
    """A page with a picture from elsewhere, a script that fails, faint words and too wide a box fails every check."""
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<!doctype html><html><title>x</title><body style='background:#fff'><img src='http://127.0.0.1:9/x.png'>"
        "<p style='color:#ccc'>faint</p><div style='width:2000px'>wide</div>"
        "<svg width='50' height='20'><text y='12' fill='#bbb'>dim</text></svg><script>nothing.at.all</script>"
    )
    with opened(bad, NARROW) as visit:
        assert len(visit.requests) == 2
        assert visit.complaints
        assert visit.overflow_px() > 1000
        assert visit.faint_words() == ["dim"]
        assert {"color-contrast", "image-alt"} <= {one.split(":")[0] for one in visit.violations()}
