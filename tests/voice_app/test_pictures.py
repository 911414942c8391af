"""The README's pictures: they are there, small, and of the program as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from lpu_backend.chip.spec import PRODUCT
from lpu_backend.compiler.steps import CompiledSteps
from lpu_backend.markup import document
from lpu_backend.model.gguf_file import open_gguf
from lpu_backend.model.shape import read_shape
from lpu_backend.page.facts import step_of
from tests.bench.pictures import (
    FOLDER,
    LARGEST_BYTES,
    SHARPNESS,
    WIDTH,
    Picture,
    chat_picture,
    chip_picture,
    embedded_step,
    latency_picture,
    readme_line,
    style,
    taken,
)
from tests.browser import NEEDS_BROWSER, invalid
from tests.lpu_backend.tiny_model import Tiny, write_model
from tests.voice_app.tui.shown import recorded
from voice_app.bench.bench_report import Targets
from voice_app.bench.composed import measure_composed
from voice_app.core.stages import Estimates, Stage

FILES = sorted(FOLDER.glob("*.png"))
MACHINE = {"processor": "Xeon", "cores": 2}
MODELS = {"stt": "whisper", "llm": "smollm", "tts": "piper"}


@pytest.fixture(scope="module")
def chip(tmp_path_factory: pytest.TempPathFactory) -> Picture:
    """The picture of a small model's step."""
    gguf = write_model(tmp_path_factory.mktemp("gguf") / "tiny.gguf", Tiny())
    return chip_picture(
        step_of(CompiledSteps(read_shape(open_gguf(gguf)), PRODUCT, 64).program(1, 64), PRODUCT), "tiny"
    )


def test_the_pictures_are_there_and_small() -> None:
    """Light and dark of both pages' pictures, one of the terminal; each as wide as it is shown, and sharp."""
    assert {file.name for file in FILES} == {
        *(f"{name}-{scheme}.png" for name in ("latency", "chip") for scheme in ("light", "dark")),
        "chat.png",
    }
    for file in FILES:
        with Image.open(file) as picture:
            assert picture.width == WIDTH * SHARPNESS
            assert picture.info["Description"]
        assert file.stat().st_size <= LARGEST_BYTES


def test_the_readme_shows_pictures_that_exist() -> None:
    """Every picture it names is a file."""
    root = FOLDER.parents[1]
    named = re.findall(r"assets/pictures/[\w.-]+", (root / "README.md").read_text())

    assert [name for name in named if not (root / name).is_file()] == []


@pytest.mark.model
def test_the_chips_picture_is_of_the_present_programs() -> None:
    """Cycles and digest of the embedded model's decode step; if not: `python -m tests.bench.pictures chip`."""
    about = chip_picture(*embedded_step()).about

    for file in FOLDER.glob("chip-*.png"):
        with Image.open(file) as picture:
            assert picture.info["Description"] == about


def test_the_latency_picture_says_what_was_measured_on_what() -> None:
    """Turns, how many kept the budget, models, cores; and it is valid HTML."""
    report = {
        **measure_composed(4, Targets(), Estimates({Stage.STT: 0.5})),
        "machine": MACHINE,
        "models": MODELS,
    }
    picture = latency_picture(report)

    assert "4 turns in a row, 0 of them within 300 ms" in picture.about
    assert "whisper → smollm → piper on 2 cores of an Xeon" in picture.about
    assert not isinstance(picture.body, str)
    assert invalid(document("latency", style(), picture.body)) == []


def test_the_lines_of_the_readme_name_the_files(chip: Picture) -> None:
    """A source for dark readers and a picture for all others, with words for those who see neither."""
    line = readme_line(chip)

    assert 'srcset="assets/pictures/chip-dark.png"' in line
    assert 'src="assets/pictures/chip-light.png"' in line
    assert re.search(r'alt="Floor plan and timeline\. A token of tiny[^"]*"', line)


@pytest.mark.browser
@NEEDS_BROWSER
def test_a_picture_is_drawn_in_both_schemes(chip: Picture, tmp_path: Path) -> None:
    """On a light and on a dark ground, with what it rests on in the file."""
    grounds = []
    for file in taken(chip, tmp_path):
        with Image.open(file) as picture:
            assert picture.info["Description"] == chip.about
            red, green, blue, _ = picture.convert("RGBA").getpixel((picture.width // 2, 12))  # type: ignore[misc]
            grounds.append(red + green + blue)

    assert grounds[0] > 700
    assert grounds[1] < 150


@pytest.mark.browser
@NEEDS_BROWSER
def test_the_chat_is_drawn_in_the_middle_of_an_answer(tmp_path: Path) -> None:
    """A recorded session as the terminal shows it; it asks for no font from elsewhere."""
    picture = chat_picture(recorded())
    files = list(taken(picture, tmp_path))

    assert isinstance(picture.body, str)
    assert "speaking" in picture.body
    assert not re.search(r"url\((?!#)|src=", picture.body)
    assert [file.name for file in files] == ["chat.png"]
