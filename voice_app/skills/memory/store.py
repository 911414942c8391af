"""A memory: entries in SQLite, on disk before a call returns."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from voice_app.core import clock
from voice_app.core.errors import EntryError, MemoryFileError
from voice_app.skills.memory.database import BUSY_S, open_database, trouble
from voice_app.skills.memory.entries import MOST_ENTRIES, Entry, Note, checked

T = TypeVar("T")
SHARED = "shared"
"""Name of the one memory of all personas."""
_COLUMNS = "id, kind, text, word, said, created, changed"


def memory_path(persona: str, folder: Path) -> Path:
    """Return the file of a persona's memory in a folder of memories."""
    plain = re.sub(r"[^a-z0-9_-]+", "-", persona.lower())[:40]
    name = plain if plain == persona else f"{plain}-{sha256(persona.encode()).hexdigest()[:8]}"
    return folder / f"{name}.sqlite3"


class Memory:
    """What is remembered. Other programs may change it meanwhile; any thread may use it.

    All methods that write raise MemoryFileError where the disk fails, and EntryError for what can't be remembered;
    nothing is changed then. When they return, the change survives the end of the program and of the machine's power.
    """

    def __init__(self, path: Path, *, busy_s: float = BUSY_S) -> None:
        """Open the memory at `path`, or begin one. Raises MemoryFileError.

        `busy_s` is how long another program that holds it is waited for, once it is open.
        """
        self.path = path
        self._busy_s = busy_s
        self.notice = ""
        """What the user should know about its opening: it was damaged and moved aside, it can't be written."""
        self._lock = threading.RLock()
        self._open(BUSY_S)

    def _open(self, busy_s: float) -> None:
        opened = open_database(self.path, busy_s)
        self._connection, self.notice = opened.connection, opened.notice or self.notice
        self._connection.execute(f"PRAGMA busy_timeout = {round(self._busy_s * 1000)}")
        self._read_only = opened.read_only
        self._version: int | None = None
        """Of the data that `_entries` are; SQLite's own count of other connections' changes."""
        self._entries: tuple[Entry, ...] = ()
        self._file = self._identity()

    def _identity(self) -> tuple[int, int] | None:
        with contextlib.suppress(OSError):
            found = os.stat(self.path)
            return found.st_dev, found.st_ino
        return None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    # Reading.

    def entries(self) -> tuple[Entry, ...]:
        """Return all entries, the oldest first. Raises MemoryFileError."""
        with self._lock, self._failing_clearly():
            self._follow_file()
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            if version != self._version:
                rows = self._connection.execute(
                    f"SELECT {_COLUMNS} FROM entry ORDER BY id LIMIT ?", (MOST_ENTRIES,)
                )
                self._entries = tuple(Entry(*row) for row in rows)
                self._version = version
            return self._entries

    def facts(self) -> tuple[Entry, ...]:
        """Return what was asked to be remembered, without names and pronunciations."""
        return tuple(entry for entry in self.entries() if entry.kind == "fact")

    def name(self) -> str | None:
        """Return the user's name."""
        return next((entry.text for entry in self.entries() if entry.kind == "name"), None)

    def pronunciations(self) -> Mapping[str, str]:
        """Return how words are pronounced: a respelling, or phonemes between slashes."""
        return {entry.word: entry.text for entry in self.entries() if entry.kind == "pronunciation"}

    # Writing.

    def remember(self, note: Note) -> Entry:
        """Keep `note`. A name takes the place of the earlier one, as a pronunciation of the same word does."""
        return self.take((note,))[0]

    def take(self, notes: Sequence[Note]) -> tuple[Entry, ...]:
        """Keep all of `notes`, or none."""
        clean = [checked(note) for note in notes]
        return self._write(lambda: tuple(self._keep(note) for note in clean))

    def edit(self, number: int, text: str, said: str = "") -> Entry:
        """Give an entry another text."""
        old = self.entry(number)
        note = checked(Note(old.kind, text, old.word, said or old.said))
        return self._write(lambda: self._change(number, note))

    def delete(self, numbers: Sequence[int]) -> tuple[Entry, ...]:
        """Forget entries; return them."""
        old = tuple(self.entry(number) for number in numbers)
        self._write(
            lambda: self._connection.executemany("DELETE FROM entry WHERE id = ?", [(n,) for n in numbers])
        )
        self._wipe_log()
        return old

    def forget_all(self) -> int:
        """Forget everything; return how many entries that are."""
        forgotten = self._write(lambda: self._connection.execute("DELETE FROM entry").rowcount)
        self._wipe_log()
        return forgotten

    def entry(self, number: int) -> Entry:
        """Return the entry of this number. Raises EntryError where there is none."""
        for entry in self.entries():
            if entry.id == number:
                return entry
        raise EntryError(f"there is no entry {number}; `memory list` shows the numbers")

    def _keep(self, note: Note) -> Entry:
        for entry in self._current():
            if entry.kind == note.kind and _same_place(entry, note):
                return self._change(entry.id, note)
        if len(self._current()) >= MOST_ENTRIES:
            raise EntryError(f"the memory is full: it holds {MOST_ENTRIES} entries; forget some first")
        now = _now()
        values = (note.kind, note.text, note.word, note.said, now, now)
        self._connection.execute(
            "INSERT INTO entry (kind, text, word, said, created, changed) VALUES (?, ?, ?, ?, ?, ?)", values
        )
        (number,) = self._connection.execute("SELECT last_insert_rowid()").fetchone()
        return Entry(number, *values)

    def _change(self, number: int, note: Note) -> Entry:
        self._connection.execute(
            "UPDATE entry SET text = ?, said = ?, changed = ? WHERE id = ?",
            (note.text, note.said, _now(), number),
        )
        row = self._connection.execute(f"SELECT {_COLUMNS} FROM entry WHERE id = ?", (number,)).fetchone()
        if row is None:
            raise EntryError(f"there is no entry {number}; another program has deleted it")
        return Entry(*row)

    def _current(self) -> list[Entry]:
        return [Entry(*row) for row in self._connection.execute(f"SELECT {_COLUMNS} FROM entry ORDER BY id")]

    def _write(self, change: Callable[[], T]) -> T:
        """Make a change in a transaction of its own."""
        with self._lock, self._failing_clearly():
            self._follow_file()
            if self._read_only:
                raise MemoryFileError(self.path, "the memory can't be written")
            self._version = None
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                result = change()
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                raise
            return result

    def _wipe_log(self) -> None:
        """Take what was forgotten out of the write-ahead log, too; when a reader is in the way, that comes later."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _follow_file(self) -> None:
        """Open the file anew where another one has taken its place: else writes would go to one moved aside."""
        if not self._read_only and self._identity() != self._file:
            self._connection.close()
            self._open(self._busy_s)

    @contextlib.contextmanager
    def _failing_clearly(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            damaged = MemoryFileError(
                self.path,
                f"the memory is damaged ({error}); start anew: it will be kept, and a fresh one begun",
            )
            raise trouble(self.path, error) or damaged from None


def _same_place(entry: Entry, note: Note) -> bool:
    """Return whether `note` takes the place of `entry`, of the same kind."""
    if note.kind == "name":
        return True
    if note.kind == "pronunciation":
        return entry.word.casefold() == note.word.casefold()
    return entry.text.casefold() == note.text.casefold()


def _now() -> str:
    return clock.wall().isoformat(timespec="seconds")
