"""Sweeps: every cell once, problems as rows, resumed where they stopped; the smallest system for a wish."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lpu_backend.errors import EstimateError
from lpu_backend.estimate.estimate import Question
from lpu_backend.estimate.shapes import find_model
from lpu_backend.estimate.smallest import smallest_system
from lpu_backend.estimate.sweep import By, answer, cells, sweep
from lpu_backend.lpu_command import run_command

SHAPE = """[[model]]
name = "toy"
source = "test"
style = "llama"
layers = 2
width = 320
heads = 4
kv_heads = 2
head_width = 64
ffn = 640
vocabulary = 640
context = 256
tied = true
"""


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model as a file."""
    path = tmp_path_factory.mktemp("shape") / "toy.toml"
    path.write_text(SHAPE)
    return str(path)


def swept(toy: str, folder: Path, by: By = "processes", told: Any = None) -> list[dict[str, Any]]:
    return sweep(cells([toy], ["int8", "fp16"], [1, 2, 7], [64, 512]), folder, by, 2, told)


@pytest.mark.slow
def test_a_sweep_has_every_cell_in_the_grids_order(toy: str, tmp_path: Path) -> None:
    """What can't be estimated is a row with its reason; processes give what one alone gives."""
    told: list[tuple[int, int]] = []
    rows = swept(toy, tmp_path, told=lambda done, of: told.append((done, of)))

    assert [(row["precision"], row["context"], row["chips"]) for row in rows] == [
        (precision, context, chips)
        for precision in ("int8", "fp16")
        for context in (64, 512)
        for chips in (1, 2, 7)
    ]
    assert [row["problem"] == "" for row in rows] == [True, True, *[False] * 10]
    assert rows == [answer(cell) for cell in cells([toy], ["int8", "fp16"], [1, 2, 7], [64, 512])]
    assert told[-1] == (12, 12)
    assert len((tmp_path / "sweep.csv").read_text().splitlines()) == 13
    assert "<svg" in (tmp_path / "sweep.svg").read_text()


@pytest.mark.slow
def test_a_stopped_sweep_goes_on(toy: str, tmp_path: Path) -> None:
    """Rows that are there are not computed again, a line that was cut off is; the table is the same."""
    rows = swept(toy, tmp_path)
    log = tmp_path / "rows.jsonl"
    lines = log.read_text().splitlines()
    log.write_text("\n".join([*lines[:7], lines[7][:30]]) + "\n")
    told: list[int] = []

    assert swept(toy, tmp_path, told=lambda done, of: told.append(done)) == rows
    assert told == [8, 9, 10, 11, 12]
    told.clear()
    assert swept(toy, tmp_path, told=lambda done, of: told.append(done)) == rows
    assert told == []


@pytest.mark.slow
def test_ray_gives_what_processes_give(toy: str, tmp_path: Path) -> None:
    """Where it is installed."""
    pytest.importorskip("ray")

    assert swept(toy, tmp_path / "ray", "ray") == swept(toy, tmp_path / "processes")


def test_the_command_line_sweeps(toy: str, tmp_path: Path) -> None:
    """A table with a line a cell, and JSON."""
    words = [
        "sweep",
        "--models",
        toy,
        "--chips",
        "1,2",
        "--contexts",
        "64",
        "--out",
        str(tmp_path),
        "--by",
        "processes",
    ]

    assert len(run_command(words).splitlines()) == 1 + 2 + 1
    assert [row["chips"] for row in json.loads(run_command([*words, "--json"]))] == [1, 2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--chips", "many"), "no numbers"),
        (("--precisions", "int3"), "no precision"),
        (("--models", "lama"), "no shape is known"),
        (("--workers", "0"), "0 workers"),
        (("--out", "/proc/nowhere"), "can't be written"),
    ],
)
def test_bad_sweeps_are_told_in_one_line(
    toy: str, tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    """Before anything is computed."""
    words = ["sweep", "--models", toy, "--chips", "1", "--out", str(tmp_path), "--by", "processes", *change]
    with pytest.raises(EstimateError) as caught:
        run_command(words)

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_smallest_system_that_meets_a_wish(toy: str, tmp_path: Path) -> None:
    """One chip for a modest one, more for a token in less; none for the impossible, and then the quickest is told."""
    question = Question(model=find_model(toy), chips=1, context=64, prompt=16)
    alone, is_met = smallest_system(question, lambda found: True, folder=tmp_path)
    quicker, is_quicker = smallest_system(
        question, lambda found: found.tpot_s < alone.tpot_s, folder=tmp_path
    )
    best, is_possible = smallest_system(question, lambda found: False, folder=tmp_path)

    assert (alone.question.chips, is_met, is_possible) == (1, True, False)
    assert quicker.question.chips == 2 or not is_quicker
    assert best.tpot_s <= alone.tpot_s
    with pytest.raises(EstimateError, match="context"):
        smallest_system(Question(model=find_model(toy), chips=1, context=999, prompt=16), lambda found: True)
