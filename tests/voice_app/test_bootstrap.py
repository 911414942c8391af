"""Making the environment: reading the lock, and what an environment is for."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def load() -> ModuleType:
    """Return the script as a module; it lies outside the packages, since it runs before they can."""
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / ".make" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bootstrap = load()


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=\[ ]", one)[0] for one in requirements}


def test_no_line_of_the_lock_is_lost() -> None:
    """All packages together are the lock, also those with one entry for each version of Python."""
    lock = bootstrap.LOCK.read_text()
    packages = bootstrap.locked_packages(lock)

    assert sorted("".join(packages.values()).splitlines()) == sorted(lock.splitlines())
    assert packages["numpy"].count("==2.") == 2
    assert bootstrap.BUILT in packages


def test_running_the_program_takes_what_it_declares_and_no_tool_of_its_developers() -> None:
    """The list for `make demo` has every dependency, the models and the editable install; all of it is locked."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras, groups = project["project"]["optional-dependencies"], project["dependency-groups"]
    run = set(bootstrap.RUN.read_text().split())

    assert run <= set(bootstrap.locked_packages(bootstrap.LOCK.read_text()))
    assert run >= names([*project["project"]["dependencies"], *extras["models"], *groups["setup"]])
    assert not run & names([*extras["otel"], *extras["sweep"], *groups["dev"]])


@pytest.mark.parametrize(
    ("installed", "asked", "installs"),
    [
        (None, "run", True),
        ("run", "run", False),
        ("run", "dev", True),
        ("dev", "run", False),
        ("dev", "dev", False),
    ],
)
def test_only_what_is_missing_is_installed(
    installed: str | None, asked: str, installs: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment for developers serves the program too; one for the program is extended, then remembered."""
    done: list[str] = []
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / "stamp")
    monkeypatch.setattr(bootstrap, "check_tools", lambda: None)
    monkeypatch.setattr(bootstrap, "make_environment", lambda: None)
    monkeypatch.setattr(bootstrap, "install", done.append)
    if installed:
        bootstrap.STAMP.write_text(bootstrap.stamp(installed))

    assert bootstrap.main([asked]) == 0
    assert bootstrap.main([asked]) == 0

    assert done == ([asked] if installs else [])
