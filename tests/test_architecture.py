"""The shape of the house: arrows between rooms, what the headless path loads, sizes, docstrings.

A budget is raised by editing its number here, with the reason beside it.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("voice_app", "inference", "lpu_backend")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
TOP_LEVEL = {
    "pyproject.toml",
    "README.md",
    "voice_app",
    "inference",
    "lpu_backend",
    "assets",
    "tests",
    "Makefile",
    "LICENSE",
    "requirements.lock",
}


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_the_arrows_between_the_rooms_hold() -> None:
    """voice_app -> inference -> lpu_backend, and one door to PortAudio."""
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True
    )

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("module", ["voice_app.runtime.host", "voice_app.cli.main", "voice_app.core.session"])
def test_the_headless_path_loads_no_screen_and_no_sound_card(module: str) -> None:
    """Importing what a recorded conversation needs loads neither Textual nor sounddevice."""
    code = f"import {module}, sys; print([m for m in ('textual', 'sounddevice') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"


def test_the_command_line_answers_without_loading_a_model_library() -> None:
    """`voice-app --help` is quick because it imports nothing heavy."""
    heavy = ("ctranslate2", "onnxruntime", "llama_cpp", "piper", "huggingface_hub", "faster_whisper", "onnx")
    code = f"import voice_app.cli.main, sys; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short(path: Path) -> None:
    """A file that outgrows a few screens is two files."""
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_are_short_and_modules_say_what_they_are(path: Path) -> None:
    """Functions fit a screen; every module has a docstring."""
    long = [f.name for f in functions(path) if (f.end_lineno or 0) - f.lineno >= LONGEST_FUNCTION]

    assert long == []
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_test_states_the_fact_it_proves(path: Path) -> None:
    """Tests are read as a list of facts."""
    nameless = [f.name for f in functions(path) if f.name.startswith("test_") and not ast.get_docstring(f)]

    assert nameless == []


def test_the_top_level_is_as_agreed() -> None:
    """Nothing else is tracked beside the rooms, but dot-files."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    top = {line.split("/")[0] for line in listed.splitlines()}

    assert {name for name in top if not name.startswith(".")} == TOP_LEVEL


def test_the_lock_names_hashes_and_no_index() -> None:
    """Every package of the lock is pinned with a hash; no address stands in it."""
    lock = (ROOT / "requirements.lock").read_text()
    entries = [line for line in lock.splitlines() if "==" in line and not line.startswith(" ")]

    assert len(entries) > 50
    assert lock.count("--hash=sha256:") >= len(entries)
    assert "://" not in lock


def test_every_declared_dependency_has_its_reason() -> None:
    """One line each, in pyproject.toml."""
    lines = (ROOT / "pyproject.toml").read_text().split("dependencies = [")[1].split("]\n")[0].splitlines()

    assert all("#" in line for line in lines if line.strip())


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_a_door_sign(room: str) -> None:
    """Its README names each of its files."""
    readme = (ROOT / room / "README.md").read_text()
    missing = [
        path.name
        for path in (ROOT / room).rglob("*.py")
        if path.name not in ("__init__.py",) and path.name not in readme
    ]

    assert missing == []
