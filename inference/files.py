"""Files that are written in one step: whoever reads one sees all of it, or the one before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident


def write_whole(path: Path, content: bytes, *, on_disk: bool = False) -> None:
    """Write a file in one step; folders are made. With `on_disk` it survives a loss of power once this returns.

    Raises OSError; then what was at `path` is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with in_one_step(path) as part, part.open("wb") as file:
        file.write(content)
        if on_disk:
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def in_one_step(path: Path) -> Iterator[Path]:
    """Yield the name of a file beside `path`, which takes its place when the block ends without an error."""
    part = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
