"""A memory that can't be trusted: moved aside, never deleted, the user told, a fresh one begun."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from voice_app.core.errors import MemoryFileError
from voice_app.skills.memory.database import LARGEST_FILE_BYTES
from voice_app.skills.memory.entries import Entry, Note
from voice_app.skills.memory.store import Memory

NOTES = [Note("fact", f"fact number {number} " + "abc " * 40) for number in range(40)]


def sound(folder: Path) -> Path:
    """A memory of several pages."""
    memory = Memory(folder / "plain.sqlite3")
    memory.take(NOTES)
    memory.close()
    return memory.path


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return sound(tmp_path_factory.mktemp("sound")).read_bytes()


def content_by_name(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def begun_afresh(path: Path) -> Path:
    """Check that the memory is fresh, works, and says where the old one is; return that."""
    memory = Memory(path)
    (aside,) = [folder for folder in path.parent.iterdir() if ".aside-" in folder.name]
    assert memory.entries() == ()
    assert str(aside) in memory.notice
    assert "\n" not in memory.notice
    memory.remember(Note("fact", "goes on"))
    memory.close()
    again = Memory(path)
    assert again.notice == ""
    assert [entry.text for entry in again.entries()] == ["goes on"]
    again.close()
    return aside


def hostile(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 5000)


def fill_with_noise(path: Path) -> None:
    path.write_bytes(os.urandom(5000))


def grow(path: Path) -> None:
    os.truncate(path, LARGEST_FILE_BYTES + 1)


def make_newer(path: Path) -> None:
    hostile(path, "PRAGMA user_version = 2")


def add_trigger(path: Path) -> None:
    hostile(path, "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry; END")


def be_of_another_program(path: Path) -> None:
    path.unlink()
    hostile(path, "CREATE TABLE bookmarks (url)")


def break_a_rule(path: Path) -> None:
    hostile(
        path, "PRAGMA ignore_check_constraints = ON", "UPDATE entry SET text = randomblob(9) WHERE id = 7"
    )


def be_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("kept")


def be_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def be_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def have_a_huge_log(path: Path) -> None:
    log = path.with_name(path.name + "-wal")
    log.touch()
    os.truncate(log, 1 << 40)


DAMAGES = [
    truncate,
    fill_with_noise,
    grow,
    make_newer,
    add_trigger,
    be_of_another_program,
    break_a_rule,
    be_a_folder,
    be_a_link,
    be_a_pipe,
    have_a_huge_log,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_it_is_moved_aside_as_it_is(damage: Callable[[Path], None], tmp_path: Path) -> None:
    """Nothing of it is deleted or changed; what is begun in its place works."""
    path = sound(tmp_path)
    damage(path)
    before = os.lstat(path)

    aside = begun_afresh(path)

    after = os.lstat(aside / path.name)
    assert (after.st_ino, after.st_size, after.st_mode) == (before.st_ino, before.st_size, before.st_mode)


def test_a_newer_programs_memory_is_named_as_such(tmp_path: Path) -> None:
    """It is not damaged: the newer program can read it where it is kept."""
    path = sound(tmp_path)
    make_newer(path)

    assert "newer program" in Memory(path).notice


def test_each_is_moved_to_a_place_of_its_own(tmp_path: Path) -> None:
    """Damaged twice in a second, both are kept."""
    path = tmp_path / "plain.sqlite3"
    for number in range(3):
        path.write_bytes(b"%d is no database" % number * 100)
        Memory(path).close()

    kept = {file.read_bytes()[:1] for file in tmp_path.glob("plain.aside-*/plain.sqlite3")}
    assert kept == {b"0", b"1", b"2"}


def test_a_log_beside_a_damaged_database_goes_with_it(tmp_path: Path) -> None:
    """Entries that are in the write-ahead log alone are not lost with what they belong to."""
    path = sound(tmp_path)
    memory = Memory(path)
    memory.remember(Note("fact", "in the log alone"))
    shutil.copytree(tmp_path, tmp_path / "killed")  # as a killed program leaves it
    memory.close()
    path = tmp_path / "killed" / path.name
    with path.open("r+b") as file:
        file.write(b"no header of a database")

    aside = begun_afresh(path)

    assert b"in the log alone" in (aside / f"{path.name}-wal").read_bytes()


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_at_random_it_is_read_right_or_moved_aside(content: bytes, data: st.DataObject) -> None:
    """Cut, or with bits flipped, or followed by noise: no other error, and no entry that breaks a rule."""
    damaged = bytearray(content)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=20)):
        damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    damaged = damaged[: data.draw(st.sampled_from([len(content), *range(0, len(content), 997)]))]
    damaged += data.draw(st.binary(max_size=100))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plain.sqlite3"
        path.write_bytes(damaged)
        memory = Memory(path)
        entries = memory.entries()
        memory.remember(Note("name", "Igor"))
        assert memory.name() == "Igor"
        memory.close()

        assert all(isinstance(entry, Entry) and 0 < len(entry.text) <= 300 for entry in entries)
        asides = list(Path(folder).glob("plain.aside-*"))
        assert bool(asides) == bool(memory.notice)
        assert all((aside / path.name).read_bytes() == damaged for aside in asides)


@given(st.binary(max_size=5000))
@example(b"SQLite format 3\0")
@example(b"SQLite format 3\0" + b"\xff" * 1000)
@settings(deadline=None)
def test_any_bytes_in_its_place_are_kept(content: bytes) -> None:
    """Whatever stands there is moved aside, but for an empty file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plain.sqlite3"
        path.write_bytes(content)
        memory = Memory(path)
        memory.remember(Note("fact", "goes on"))
        memory.close()

        kept = [file.read_bytes() for file in Path(folder).glob("*.aside-*/plain.sqlite3")]
        assert kept == ([content] if content else [])


def test_a_memory_that_may_not_be_written_is_read() -> None:
    """The user is told that nothing new can be kept; trying is one line."""
    with tempfile.TemporaryDirectory() as folder:
        path = sound(Path(folder) / "memory")
        path.with_name(path.name + ".lock").unlink()
        path.chmod(0o444)
        path.parent.chmod(0o555)
        Path(folder).chmod(0o755)
        user = os.geteuid()
        os.seteuid(user or 65534)  # to root everything may be written
        try:
            memory = Memory(path)
            entries = memory.entries()
            with pytest.raises(MemoryFileError, match="can't be written"):
                memory.remember(Note("fact", "new"))
        finally:
            os.seteuid(user)
            path.parent.chmod(0o755)

    assert "nothing new can be remembered" in memory.notice
    assert len(entries) == len(NOTES)


def test_a_damaged_one_that_cannot_be_moved_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays where it is, as it is."""
    path = tmp_path / "plain.sqlite3"
    path.write_bytes(b"no database at all")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(MemoryFileError, match="Permission denied"):
        Memory(path)
    assert path.read_bytes() == b"no database at all"
