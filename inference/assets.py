"""Finds the files that ship with the program."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def asset(relative: str) -> Path:
    """Return the path of a shipped file: `inference/_assets` of a wheel, `assets` of a checkout.

    Raises FileNotFoundError when the installation lacks it.
    """
    for folder in (_HERE / "_assets", _HERE.parent / "assets"):
        path = folder / relative
        if path.exists():
            return path
    raise FileNotFoundError(f"the installation lacks its file {relative!r}; install voice-app again")
