"""Downloads a model of the manifest from Hugging Face, when asked to; nothing else here uses the network.

A file is written to `.partial/<its SHA-256>` in the cache, continued there after a broken connection, checked
against its hash, and only then renamed into the folder of its model.
"""

from __future__ import annotations

import errno
import io
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inference.errors import DownloadFailed, ModelCorrupt
from inference.models.manifest import HubSource, Model, ModelFile
from inference.models.verify import content_problem, size_of

Progress = Callable[[str, int, int], None]
"""Called with the file's name, its bytes on the disk, and its bytes in all."""

_SPARE_BYTES = 64 << 20
_SHA256_DIGITS = 64
_HTTP_RANGE_NOT_SATISFIABLE = 416


def pull(model: Model, cache: Path, progress: Progress) -> tuple[Path, ...]:
    """Bring all files of `model` to `cache/<name>` and return their paths; those already right are kept.

    `HF_ENDPOINT` names another hub. An interrupted download is continued by the next call; calls for one
    cache wait for each other, also across processes.
    Raises DownloadFailed (network, hub, disk) and ModelCorrupt (a hash that differs).
    """
    if model.hub is None:
        raise DownloadFailed(f"the model {model.name!r} is not on a hub; install its Python package")
    from filelock import FileLock

    folder, partial = cache / model.name, cache / ".partial"
    with _disk_errors(cache):
        partial.mkdir(parents=True, exist_ok=True)
        with FileLock(partial / "lock"):
            missing = [file for file in model.files if content_problem(folder / file.path, file)]
            _check_room(missing, partial)
            for file in missing:
                _fetch(model.hub, file, partial / file.sha256, progress)
            for file in missing:
                _move(partial / file.sha256, folder / file.path)
    return tuple(folder / file.path for file in model.files)


def _check_room(files: list[ModelFile], partial: Path) -> None:
    needed = sum(max(file.size_bytes - (size_of(partial / file.sha256) or 0), 0) for file in files)
    free = shutil.disk_usage(partial).free
    if files and needed + _SPARE_BYTES > free:
        raise DownloadFailed(
            f"{partial.parent} has {free >> 20} MB free and {(needed + _SPARE_BYTES) >> 20} MB are needed; "
            "free some, or set VOICE_APP_CACHE to another disk"
        )


def _fetch(hub: HubSource, file: ModelFile, part: Path, progress: Progress) -> None:
    """Complete the partial file and compare its hash; a file whose hash differs is removed."""
    if (size_of(part) or 0) > file.size_bytes:
        part.unlink()
    if size_of(part) != file.size_bytes:
        with _hub_errors(hub, file, part):
            _transfer(hub, file, part, progress)
    problem = content_problem(part, file)
    if problem:
        part.unlink(missing_ok=True)
        how = "it was removed; try again, and if it repeats, the network or the hub changes the file"
        raise ModelCorrupt(Path(file.path), f"what was downloaded {problem}", how)


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
            raise DownloadFailed(f"{self._expected.path}: the hub sends too many bytes; try again")
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
