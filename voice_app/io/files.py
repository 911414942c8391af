"""Files that were asked for: written whole or not at all, and nothing lost by accident."""

from __future__ import annotations

import os
from pathlib import Path

from inference import files
from voice_app.core.errors import OutputError


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file in one step, on the disk when this returns; folders are made. Raises OutputError."""
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    try:
        files.write_whole(path, data, on_disk=True)
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None


def write_new(path: Path, text: str) -> None:
    """Write a file that is its owner's alone. Raises OSError, FileExistsError where there is one already."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def refuse_existing(path: Path, force: bool) -> None:
    """Raise OutputError where a file can't be written, because something else is there."""
    try:
        if path.is_dir():
            raise OutputError(path, "is a folder; give a file")
        if path.exists() and not force:
            raise OutputError(path, "exists; give --force to overwrite it, or choose another file")
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: Exception) -> OutputError:
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(path, f"can't be written ({reason}); choose another place")
