"""The memory: what is kept, what is refused, what other programs see."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_app.core.errors import EntryError, MemoryFileError
from voice_app.skills.memory.database import SESSION_BUSY_S
from voice_app.skills.memory.entries import KINDS, LONGEST_TEXT_CHARS, MOST_ENTRIES, Note, checked
from voice_app.skills.memory.store import Memory, memory_path


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path / "memory" / "plain.sqlite3")


def texts(memory: Memory) -> list[str]:
    return [entry.text for entry in memory.entries()]


def test_what_is_remembered_is_there_at_the_next_start(memory: Memory) -> None:
    """Text, kind, the words it comes from, its times."""
    memory.remember(Note("fact", "my dentist is on Tuesday", said="Remember that my dentist is on Tuesday."))
    before = memory.entries()
    memory.close()

    (entry,) = Memory(memory.path).entries()

    assert (entry,) == before
    assert (entry.kind, entry.text) == ("fact", "my dentist is on Tuesday")
    assert entry.said == "Remember that my dentist is on Tuesday."
    assert entry.created == entry.changed != ""


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    """Folder 0700, files 0600, also under a generous umask."""
    old = os.umask(0)
    try:
        memory = Memory(tmp_path / "memory" / "plain.sqlite3")
        memory.remember(Note("fact", "a secret"))
        files = list(memory.path.parent.iterdir())
    finally:
        os.umask(old)

    assert stat.S_IMODE(memory.path.parent.stat().st_mode) == 0o700
    assert len(files) >= 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_commit_is_synced_before_it_returns(memory: Memory) -> None:
    """A write-ahead log, synced at every commit: what survives a loss of power."""
    pragmas = [
        memory._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    ]

    assert pragmas == ["wal", 2]


def test_there_is_one_name_and_one_pronunciation_a_word(memory: Memory) -> None:
    """A correction takes the place of what it corrects; what is said twice is kept once."""
    for note in (
        Note("name", "Eager"),
        Note("name", "Igor"),
        Note("pronunciation", "eager", "Igor"),
        Note("pronunciation", "EE-gor", "igor"),
        Note("fact", "My dog is Rex"),
        Note("fact", "my dog is Rex"),
    ):
        memory.remember(note)

    assert memory.name() == "Igor"
    assert memory.pronunciations() == {"Igor": "EE-gor"}
    assert [entry.text for entry in memory.facts()] == ["my dog is Rex"]


def test_entries_are_changed_and_forgotten_by_number(memory: Memory) -> None:
    """Numbers are never used again; one that is unknown is one line, and nothing is forgotten."""
    first, second = memory.take((Note("fact", "one thing"), Note("fact", "another")))
    assert memory.edit(second.id, "the other").text == "the other"
    memory.delete([first.id])
    third = memory.remember(Note("fact", "a third"))
    assert third.id > second.id

    with pytest.raises(EntryError, match=f"no entry {first.id}"):
        memory.delete([third.id, first.id])
    assert texts(memory) == ["the other", "a third"]
    assert memory.forget_all() == 2
    assert texts(memory) == []


def test_what_is_forgotten_is_gone_from_the_files(memory: Memory) -> None:
    """Not only from the list."""
    memory.remember(Note("fact", "the xylophone is stolen"))
    memory.delete([memory.entries()[0].id])

    assert all(b"xylophone" not in file.read_bytes() for file in memory.path.parent.iterdir())


def test_two_programs_see_each_others_changes(memory: Memory) -> None:
    """The command line changes what a session that runs remembers."""
    other = Memory(memory.path)
    memory.remember(Note("fact", "from one"))
    assert texts(other) == ["from one"]

    other.remember(Note("fact", "from the other"))
    assert texts(memory) == ["from one", "from the other"]


def test_a_file_that_was_replaced_is_followed(memory: Memory, tmp_path: Path) -> None:
    """Nothing is written to a file that was moved away."""
    memory.remember(Note("fact", "old"))
    memory.path.parent.rename(tmp_path / "away")
    memory.remember(Note("fact", "new"))

    assert texts(Memory(memory.path)) == ["new"]
    assert texts(Memory(tmp_path / "away" / memory.path.name)) == ["old"]


def test_a_full_memory_says_so_and_stays_as_it_is(memory: Memory) -> None:
    """One more than the bound is refused; so is a list whose last one doesn't fit, as a whole."""
    memory.take([Note("fact", f"fact {number}") for number in range(MOST_ENTRIES - 1)])
    with pytest.raises(EntryError, match="forget some first"):
        memory.take([Note("fact", "one"), Note("fact", "two")])
    assert len(memory.entries()) == MOST_ENTRIES - 1

    memory.remember(Note("fact", "one"))
    with pytest.raises(EntryError, match="forget some first"):
        memory.remember(Note("fact", "two"))


@pytest.mark.parametrize(
    "note",
    [
        Note("fact", "  \n\x00"),
        Note("fact", "…"),
        Note("fact", "a" * (LONGEST_TEXT_CHARS + 1)),
        Note("name", "a" * 100),
        Note("pronunciation", "EE-gor"),
        Note("pronunciation", "EE-gor", "two words"),
        Note("fact", "a fact", "word"),
    ],
)
def test_what_cannot_be_remembered_is_one_line(note: Note, memory: Memory) -> None:
    """And nothing is kept."""
    with pytest.raises(EntryError) as refused:
        memory.remember(note)

    assert "\n" not in str(refused.value)
    assert memory.entries() == ()


@given(st.sampled_from(KINDS), st.text(), st.text(), st.text())
def test_any_text_is_refused_or_kept_on_one_line(kind: str, text: str, word: str, said: str) -> None:
    """Control characters and lone surrogates don't get in; keeping it again changes nothing."""
    try:
        note = checked(Note(kind, text, word, said))
    except EntryError:
        return

    assert all(
        part.isprintable() or max(part) >= "\xad" for part in (note.text, note.word, note.said) if part
    )
    assert not any("\n" in part or "\x1b" in part for part in (note.text, note.word, note.said))
    (note.text + note.word + note.said).encode()
    assert checked(note) == note


def test_personas_have_memories_of_their_own(tmp_path: Path) -> None:
    """By any name a persona's file may give; no name leaves the folder."""
    names = ["plain", "Plain", "friend", "../plain", "a/b", "a.b", "", "ä" * 100]
    paths = [memory_path(name, tmp_path) for name in names]

    assert len(set(paths)) == len(names)
    assert {path.parent for path in paths} == {tmp_path}
    assert all(len(path.name) < 80 for path in paths)


def test_a_locked_memory_is_one_line(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program that writes for long is named as the reason."""
    memory._connection.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(memory.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(MemoryFileError, match="in use by another program"):
        memory.remember(Note("fact", "a fact"))
    other.execute("ROLLBACK")
    other.close()

    memory.remember(Note("fact", "a fact"))


def test_a_session_waits_shortly_for_another_program(memory: Memory) -> None:
    """Also once the file is another one; forgetting waits twice, and stays within three tenths of a second."""
    session = Memory(memory.path, busy_s=SESSION_BUSY_S)
    os.replace(shutil.copy(memory.path, memory.path.with_name("copy")), memory.path)
    session.entries()
    (waits_ms,) = session._connection.execute("PRAGMA busy_timeout").fetchone()
    (patient_ms,) = memory._connection.execute("PRAGMA busy_timeout").fetchone()

    assert 2 * waits_ms <= 300 < patient_ms


def test_a_full_disk_is_one_line_and_loses_nothing(memory: Memory) -> None:
    """What was there stays; with room again, writing goes on."""
    memory.remember(Note("fact", "before"))
    pages = memory._connection.execute("PRAGMA page_count").fetchone()[0]
    memory._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(MemoryFileError, match="the disk is full"):
        memory.take([Note("fact", f"{number} {'x' * 200}") for number in range(100)])
    assert texts(memory) == ["before"]

    memory._connection.execute("PRAGMA max_page_count = 1000000")
    memory.remember(Note("fact", "after"))
    assert texts(Memory(memory.path)) == ["before", "after"]


FILLER = """
import resource, sys
from pathlib import Path
from voice_app.core.errors import MemoryFileError
from voice_app.skills.memory.entries import Note
from voice_app.skills.memory.store import Memory
memory = Memory(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
try:
    for number in range(400):
        memory.remember(Note("fact", f"{number} " + "x" * 200))
        print(number, flush=True)
except MemoryFileError as error:
    print(error)
"""


def test_a_limit_of_the_system_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Where files may not grow, writing fails with one line, and all before it is there."""
    path = tmp_path / "plain.sqlite3"
    done = subprocess.run([sys.executable, "-c", FILLER, path], capture_output=True, text=True, check=True)
    *acknowledged, failure = done.stdout.splitlines()
    memory = Memory(path)

    assert "the memory can't be" in failure
    assert 0 < len(acknowledged) < 400
    assert [text.split()[0] for text in texts(memory)] == acknowledged
    assert memory.notice == ""


def test_a_folder_that_cannot_be_made_is_one_line() -> None:
    """With the system's reason."""
    with pytest.raises(MemoryFileError, match="can't be written"):
        Memory(Path("/proc/nowhere/memory/plain.sqlite3"))
