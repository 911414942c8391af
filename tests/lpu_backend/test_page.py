"""The chip's page: its figures are the performance model's, its HTML is whole, and a browser has no complaint."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpu_backend.chip.floorplan import MEM_QUEUES, QUEUES
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.compiler.steps import CompiledSteps
from lpu_backend.errors import LpuError
from lpu_backend.lpu_command import run_command
from lpu_backend.model.gguf_file import open_gguf
from lpu_backend.model.shape import read_shape
from lpu_backend.page.facts import (
    UNIT_ROWS,
    Step,
    called,
    charges,
    layer_of,
    layer_windows,
    liveliest,
    runs,
    sram_words,
    step_of,
)
from lpu_backend.page.floor_drawing import edges, place
from lpu_backend.page.readout import script
from lpu_backend.page.systems import validation
from tests.browser import NARROW, NEEDS_BROWSER, WIDE, check_page, invalid, opened, used
from tests.lpu_backend.tiny_model import Tiny, write_model

MOST_BYTES = 1_500_000


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two layers, so that it can be cut for two chips."""
    return write_model(tmp_path_factory.mktemp("gguf") / "tiny.gguf", Tiny(layers=2))


@pytest.fixture(scope="module")
def step(gguf: Path) -> Step:
    """Its decode step."""
    return step_of(CompiledSteps(read_shape(open_gguf(gguf)), PRODUCT, 64).program(1, 64), PRODUCT)


@pytest.fixture(scope="module")
def file(gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its page."""
    out = tmp_path_factory.mktemp("page") / "lpu.html"
    run_command(["page", str(out), "--model", str(gguf), "--positions", "64"])
    return out


def test_busy_units_add_up_to_what_the_performance_model_counts(step: Step) -> None:
    """Over all bins, each line of units has the busy cycles of the simulation."""
    counted = step.simulation.busy_cycles
    added = {"MEM read": 0.0, "MEM write": 0.0}
    names = {
        "MXM, weights in": "MXM weights",
        "MXM, products": "MXM activations",
        "MXM, sums out": "MXM accumulators",
    }
    for unit in UNIT_ROWS:
        whole = float(step.busy(unit, (0, step.cycles), step.cycles).sum()) * unit.count
        kind = "MEM read" if "reads" in unit.name else "MEM write" if "writes" in unit.name else unit.name
        name = names.get(kind, kind)
        added[name] = added.get(name, 0.0) + whole

    assert {name: round(cycles) for name, cycles in added.items()} == counted


def test_every_cycle_is_charged_once(step: Step) -> None:
    """The charges of all operations are the length of the step; none is negative."""
    found = charges(step)

    assert sum(one.cycles for one in found) == step.cycles
    assert all(one.cycles >= 0 for one in found)
    assert sum(one.issues for one in found) == sum(span.issues for span in step.simulation.ops)


def test_layers_follow_one_another(step: Step) -> None:
    """Their windows touch, and each ends with the last of its operations that the next one needs."""
    windows = layer_windows(step)
    ends = {layer: span.end for span in step.spans if (layer := layer_of(span.name)) is not None}

    assert list(windows) == [0, 1]
    assert windows[0][1] == windows[1][0]
    assert windows[1][1] == ends[1]
    assert windows[1][1] < step.cycles


def test_words_of_sram_are_counted_once(step: Step) -> None:
    """All kinds of content together are the bytes of the program, and no two share a word."""
    words = sram_words(step.program)

    assert sum(int(held.sum()) for held in words.values()) * PRODUCT.vector_bytes == step.program.sram_bytes()
    assert int(sum(held.astype(int) for held in words.values()).max()) == 1
    assert words["keys and values"].sum() > 0
    assert words["feed-forward matrices"].sum() > 0


@given(st.lists(st.booleans(), max_size=60))
def test_runs_are_what_they_are_runs_of(held: list[bool]) -> None:
    """Written out again they give the same words, and no two of them touch."""
    array, again = np.array(held, bool), np.zeros(len(held), bool)
    found = list(runs(array))
    for first, long in found:
        again[first : first + long] = True

    assert again.tolist() == held
    assert all(first + long < later for (first, long), (later, _) in zip(found, found[1:], strict=False))


def test_the_liveliest_window_is_inside_and_has_most_queues(step: Step) -> None:
    """No window of those that were looked at has more queues that issue something."""
    window = liveliest(step, layer_windows(step)[1], 64)

    def queues(first: int) -> int:
        inside = (step.issues.cycle >= first) & (step.issues.cycle < first + 64)
        return len(np.unique(step.queue[inside]))

    first, last = layer_windows(step)[1]
    assert first <= window[0] < window[1] <= last
    assert queues(window[0]) == max(queues(at) for at in range(first, last - 64 + 1, 8))


def test_the_plan_is_the_floor_plans() -> None:
    """Slots touch from edge to edge, MEM slots are equally wide, slice 0 is next to the VXM on both sides."""
    found = list(edges().values())
    widths = {round(last - first, 9) for slot, (first, last) in edges().items() if 1 <= abs(slot) <= 11}

    assert found[0][0] == 0
    assert found[-1][1] == pytest.approx(1)
    assert all(before[1] == pytest.approx(after[0]) for before, after in zip(found, found[1:], strict=False))
    assert len(widths) == 1
    west, east = place(MEM_QUEUES[0]), place(MEM_QUEUES[44])
    assert west[1] == pytest.approx(edges()[0][0])
    assert east[0] == pytest.approx(edges()[0][1])
    assert all(0 <= place(queue)[0] < place(queue)[1] <= 1 + 1e-9 for queue in range(QUEUES))


def test_the_page_is_whole_small_and_asks_for_nothing(file: Path) -> None:
    """Valid HTML, one script, no address but places in itself, which exist; it says what it is."""
    text = file.read_text()
    inside = set(re.findall(r'href="([^"]*)"', text))

    assert invalid(text) == []
    assert inside == {f"#{name}" for name in re.findall(r'<h2 id="([^"]*)"', text)}
    assert re.findall(r"<script>(.*?)</script>", text, re.DOTALL) == [script()]
    assert len(re.findall("<script", text)) == 2
    assert not [one for one in used(text) if re.match(r"(img|link|iframe|object)\b|.* (on|src)", one)]
    assert not re.search(r"https?:|url\(|@import", text)
    assert len(text.encode()) < MOST_BYTES
    for said in (
        "No real LPU was run for it",
        ">emulated<",
        ">assumed<",
        "2 chips",
        "tiny on an emulated LPU",
    ):
        assert said in text


def test_the_page_shows_every_row_of_the_validation(file: Path) -> None:
    """Each with its verdict: misses are shown as misses."""
    text, rows = file.read_text(), validation()["rows"]
    table = text[text.index("All published figures beside") :]

    assert len(rows) > 26
    for verdict in ("holds", "miss"):
        assert table.count(f">{verdict}</b></td>") == sum(row["verdict"] == verdict for row in rows) > 0


@pytest.mark.slow
def test_the_same_model_gives_the_same_page(gguf: Path, file: Path, tmp_path: Path) -> None:
    """To the byte."""
    run_command(["page", str(tmp_path / "again.html"), "--model", str(gguf), "--positions", "64"])

    assert (tmp_path / "again.html").read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "no-such-model"], "no shape is known"),
        (["--model", "no.gguf"], "no.gguf"),
        (["--model", "llama-3-8b", "--positions", "64"], "chip"),
        (["--positions", "0"], "0"),
    ],
)
def test_what_has_no_page_is_said_in_a_line(words: list[str], said: str, tmp_path: Path) -> None:
    """A model nobody knows, a file that is not there, one that fits no chip, a cache of nothing."""
    with pytest.raises(LpuError, match=said) as failure:
        run_command(["page", str(tmp_path / "x.html"), *words])

    assert "\n" not in str(failure.value)
    assert not (tmp_path / "x.html").exists()


@pytest.mark.slow
def test_a_page_that_cannot_be_written_is_said_in_a_line(gguf: Path, tmp_path: Path) -> None:
    """A folder that is not there."""
    with pytest.raises(LpuError, match="can't be written"):
        run_command(["page", str(tmp_path / "none" / "x.html"), "--model", str(gguf), "--positions", "64"])


@pytest.mark.browser
@NEEDS_BROWSER
@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (NARROW, "dark")])
def test_a_browser_has_no_complaint_and_makes_no_request(file: Path, width: int, scheme: str) -> None:
    """Chromium: an empty console, no request but for the file itself, nothing beside the window, something in it,
    and no fault that axe-core knows of, contrast among them."""
    with opened(file, width, scheme) as visit:
        check_page(visit, file, width, least_px=4000)


@pytest.mark.browser
@NEEDS_BROWSER
def test_the_cursor_tells_what_runs(file: Path, step: Step) -> None:
    """By keyboard and by pointer: the cycle, the operations that run in it, the units that are busy."""
    with opened(file) as visit:
        slider = visit.page.locator(".readout input").first
        slider.fill(str(step.cycles // 2))
        told = visit.page.locator(".readout output").first.inner_text()
        slider.press("ArrowRight")
        next_told = visit.page.locator(".readout output").first.inner_text()
        visit.page.locator(".timeline .drawn").first.hover()
        hovered = visit.page.locator(".readout output").first.inner_text()

        assert visit.complaints == []
    running = {called(span.name)[0] for span in step.spans if span.start <= step.cycles // 2 < span.end}
    assert told.startswith(f"cycle {step.cycles // 2:,}: ")
    assert all(name in told for name in running)
    assert next_told.startswith(f"cycle {step.cycles // 2 + 1:,}: ")
    assert hovered.startswith("cycle ")


@pytest.mark.browser
@NEEDS_BROWSER
def test_without_scripts_nothing_is_missing(file: Path) -> None:
    """All drawings and words are there; only the cursor and its control are not."""
    found = []
    for having in (False, True):
        with opened(file, script=having) as visit:
            found.append(visit.page.locator("main").inner_text().split())
            assert visit.page.locator(".readout").first.is_visible() is having

    assert found[0] == found[1]
