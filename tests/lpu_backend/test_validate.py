"""The validation table: rows computed again, verdicts by their bounds, a page that is not stale."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lpu_backend
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.estimate.assets import asset_folder, read_toml
from lpu_backend.estimate.estimate_page import DATA, files
from lpu_backend.estimate.hand import Lanes, Product, Reduce, bert_steps, cycles, lower_bound, resnet50_steps
from lpu_backend.estimate.rows_chip import Answer
from lpu_backend.estimate.shapes import find_model
from lpu_backend.estimate.validate import answers, row_of
from lpu_backend.lpu_command import run_command

ROOM = Path(lpu_backend.__file__).parent
PUBLISHED = {str(row["id"]): row for row in read_toml(asset_folder() / "published.toml")["row"]}


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """Everything computed again."""
    result: dict[str, Any] = json.loads(run_command(["validate", "--json"]))
    return result


def test_every_published_row_is_answered() -> None:
    """None is left out."""
    assert list(answers()) == list(PUBLISHED)


@pytest.mark.slow
def test_the_table_is_what_it_says(found: dict[str, Any]) -> None:
    """Exact rows hold; every verdict follows from the row's bounds."""
    rows = found["rows"]

    assert all(
        {"id", "tier", "what", "published", "source", "ours", "error", "tolerance", "verdict"} <= row.keys()
        for row in rows
    )
    assert all(row["verdict"] == "holds" for row in rows if row["tier"] == "exact")
    assert all(one["holds"] for one in found["frozen"])
    for row in rows:
        about = PUBLISHED[row["id"]]
        if "low" in about and about.get("value") and row["error"] is not None:
            inside = (
                about["low"] <= about["value"] * (1 + row["error"]) * (1 + 1e-3)
                and about["value"] * (1 + row["error"]) * (1 - 1e-3) <= about["high"]
            )
            assert inside or row["verdict"] == "miss"


@pytest.mark.slow
def test_the_page_is_not_stale(found: dict[str, Any]) -> None:
    """`voice-app lpu validate --page` would write the same files: rows computed now, drawings and text from them."""
    written = json.loads((ROOM / DATA).read_text())

    assert written["rows"] == found["rows"]
    assert written["frozen"] == found["frozen"]
    for name, content in files(written).items():
        assert (ROOM / name).read_text() == content, name


def test_a_miss_is_a_miss() -> None:
    """Outside the bounds, or where the check itself says no; an error is the share of the published figure."""
    about = PUBLISHED["12"]
    near, far = (row_of(about, Answer("x", value)) for value in (30, 40))
    refused = row_of(about, Answer("x", 30, holds=False))

    assert (near.verdict, far.verdict, refused.verdict) == ("holds", "miss", "miss")
    assert (near.error, far.error) == (0.0, 0.3333)


def test_hand_schedules_follow_their_rules() -> None:
    """A full tile takes its rows; tiles share four planes; FP16 takes four times the cycles."""
    spec = PRODUCT
    one, four, five = (cycles([Product(640, 320, 320 * n)], "int8", spec) for n in (4, 4, 5))
    half = cycles([Product(640, 320, 1280)], "fp16", spec)

    assert one == four
    assert five - one == 160, "rows are divided where that fills the planes"
    assert half - one == 3 * 640
    assert cycles([Product(64, 64, 64, made=True)], "int8", spec) > cycles(
        [Product(64, 64, 64)], "int8", spec
    )
    assert cycles([Lanes(400, 4)], "int8", spec) - cycles([Lanes(200, 4)], "int8", spec) == 50
    assert cycles([Reduce(20)], "int8", spec) - cycles([Reduce(10)], "int8", spec) == 9 * 5


def test_networks_by_hand_have_their_published_work() -> None:
    """ResNet-50 multiplies 4.1 billion times; BERT-base with 128 tokens 11 billion; no schedule beats its products."""
    rate = PRODUCT.mxm_planes * 320 * 320
    resnet, bert = resnet50_steps(), bert_steps(find_model("bert-base"), 128)

    assert lower_bound(resnet, "int8", PRODUCT) * rate == pytest.approx(4.1e9, rel=0.02)
    assert lower_bound(bert, "int8", PRODUCT) * rate == pytest.approx(11.2e9, rel=0.02)
    for steps in (resnet, bert):
        assert cycles(steps, "int8", PRODUCT) > lower_bound(steps, "int8", PRODUCT)
