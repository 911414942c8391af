"""The shape of the house: arrows between rooms, what the headless path loads, sizes, docstrings.

A budget is raised by editing its number here, with the reason beside it.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("voice_app", "inference", "lpu_backend")
SOURCES = sorted(path for folder in (*ROOMS, ".make") for path in (ROOT / folder).rglob("*.py"))
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


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


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


def test_files_are_short() -> None:
    """A file that outgrows a few screens is two files."""
    lengths = {name(path): len(path.read_text().splitlines()) for path in [*SOURCES, *TESTS]}

    assert {file: lines for file, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_functions_are_short() -> None:
    """A function fits a screen."""
    long = [
        f"{name(path)}: {f.name}"
        for path in SOURCES
        for f in functions(path)
        if (f.end_lineno or 0) - f.lineno >= LONGEST_FUNCTION
    ]

    assert long == []


def test_modules_say_what_they_are() -> None:
    """Every module has a docstring."""
    assert [name(path) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_every_test_states_the_fact_it_proves() -> None:
    """Tests are read as a list of facts."""
    nameless = [
        f"{name(path)}: {f.name}"
        for path in TESTS
        for f in functions(path)
        if f.name.startswith("test_") and not ast.get_docstring(f)
    ]

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
    """Its README has every file in the first column of a table, by its path in the room, once, and no other.

    Read from the left, a folder or a path sets the folder of the bare names after it in the row: `core/` `session.py`
    `draft.py`, or `core/session.py` `draft.py`. At the start of a row that is the room itself.
    """
    signs = signed((ROOT / room / "README.md").read_text())
    files = {str(path.relative_to(ROOT / room)) for path in (ROOT / room).rglob("*.py")}

    assert {file for file in files if not file.endswith("__init__.py")} - set(signs) == set()
    assert set(signs) - files == set()
    assert [file for file, times in Counter(signs).items() if times > 1] == []


def signed(readme: str) -> list[str]:
    """Return the paths of Python files in the first columns of a README's tables."""
    found = []
    for row in re.findall(r"^\|([^|]*)\|", readme, flags=re.MULTILINE):
        folder = ""
        for path in re.findall(r"`([\w./]+(?:\.py|/))`", row):
            folder = path[: path.rindex("/") + 1] if "/" in path else folder
            if path.endswith(".py"):
                found.append(path if "/" in path else folder + path)
    return found
