"""The benchmark's page: what stands in it, and what a browser says of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from voice_app.bench.composed import Durations, measure_composed
from voice_app.bench.drawing import ticks
from voice_app.bench.page import page
from voice_app.cli import app

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
VOID = {"meta", "br", "hr", "link", "img", "input"}


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """A composed result with baselines, and one turn each that was cut in, missed, and badly named."""
    made = measure_composed(24, 400, Durations())
    slow = measure_composed(24, 400, Durations(stt_s=0.4))
    each = [dict(turn) for turn in made["each"]]  # type: ignore[attr-defined]
    each[0] |= {"voice_to_voice_ms": None, "is_cut_in": True}
    each[1] |= {"voice_to_voice_ms": None, "stages_ms": {}}
    each[2] |= {"name": '<script>alert(1)</script> & "more"', "heard": "</style><b>"}
    baselines = {"serial_cascade": {"product_is_faster_by": 1.5, **slow}}
    return {**made, "each": each, "baselines": baselines, "machine": {"cores": 2}, "models": {"stt": "x"}}


class Reader(HTMLParser):
    """Checks that elements are closed in order, and collects attributes and tags."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_asks_for_nothing(report: dict[str, Any]) -> None:
    """Elements nest, drawings have names, no script, no address; a turn's words can't become markup."""
    text = page(report)
    reader = Reader()
    reader.feed(text)

    assert reader.open == []
    assert "script" not in reader.tags
    assert not {name for name, _ in reader.attributes} & {"src", "href", "onclick", "onload", "srcset"}
    assert not re.search(r"https?:|url\(|@import", text)
    assert "<b>" not in text
    assert reader.tags.count("svg") == sum(name == "aria-label" for name, _ in reader.attributes) == 4


def test_the_page_says_what_the_report_says(report: dict[str, Any]) -> None:
    """The headline with its basis, every turn, the verdict, the baseline."""
    text = page(report)

    for said in (
        f"{report['voice_to_voice_ms']['p50']:.0f}<small>ms at the median",
        "nothing here is a measurement",
        "1.5 × as fast",
        "cut in</text>",
        "missed</text>",
        "Who wrote the play Hamlet?",
    ):
        assert said in text
    assert 'class="bad">missed' in page({**report, "cut_ins": 9})
    assert 'class="good">kept' in text


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


@pytest.mark.skipif(BROWSER is None, reason="no Chromium")
def test_a_browser_has_no_complaint_and_makes_no_request(report: dict[str, Any], tmp_path: Path) -> None:
    """Headless Chromium: nothing on the console, no request but for the file itself, everything laid out."""
    file, net = tmp_path / "page.html", tmp_path / "net.json"
    file.write_text(page(report))
    command = [str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path / 'profile'}"]
    command += [f"--log-net-log={net}", "--dump-dom", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    initiators = set(re.findall(r'"initiator":"([^"]*)"', net.read_text()))

    assert "CONSOLE" not in done.stderr
    assert initiators <= {"not an origin"}  # the browser's own requests; a page's have its origin
    assert done.stdout.count("<svg") == 4
