"""Opens a memory's database: checked, made where it is missing, moved aside where it can't be trusted.

What was acknowledged survives `kill -9` and the loss of power: a commit returns when its pages are synced to the
write-ahead log (https://sqlite.org/pragma.html#pragma_synchronous, FULL in WAL mode).
"""

from __future__ import annotations

import os
import sqlite3
import stat
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from voice_app.core import clock
from voice_app.core.errors import MemoryFileError

SCHEMA = (
    """
    CREATE TABLE entry (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL CHECK (kind IN ('fact', 'name', 'pronunciation')),
        text TEXT NOT NULL CHECK (typeof(text) = 'text' AND length(text) BETWEEN 1 AND 300),
        word TEXT NOT NULL CHECK (typeof(word) = 'text' AND length(word) <= 60),
        said TEXT NOT NULL CHECK (typeof(said) = 'text' AND length(said) <= 300),
        created TEXT NOT NULL CHECK (typeof(created) = 'text' AND length(created) <= 40),
        changed TEXT NOT NULL CHECK (typeof(changed) = 'text' AND length(changed) <= 40)
    )
    """,
)
"""What makes version n of the database of version n - 1; `PRAGMA user_version` is n."""
LARGEST_FILE_BYTES = 16 << 20
"""Far more than MOST_ENTRIES of the longest; a larger file is not a memory, and would take long to check."""
CHECK_STEPS = 20_000_000
"""Of SQLite's virtual machine, for all of the check: seconds at most. A file of the largest size takes a tenth."""
BUSY_S = 2.0
"""How long another program may hold the database where nobody waits for a sound."""
SESSION_BUSY_S = 0.15
"""The same in a conversation, which stands still meanwhile; forgetting waits twice, for the log as well."""
MAGIC = b"SQLite format 3\0"
SIDECARS = ("-wal", "-shm", "-journal")
_SURROUNDINGS = {
    sqlite3.SQLITE_PERM: "is not yours to use",
    sqlite3.SQLITE_BUSY: "is in use by another program; try again",
    sqlite3.SQLITE_LOCKED: "is in use by another program; try again",
    sqlite3.SQLITE_NOMEM: "can't be used: this machine has no memory left",
    sqlite3.SQLITE_READONLY: "can't be written; check the permissions of the file and its folder",
    sqlite3.SQLITE_IOERR: "can't be read or written: the disk fails, or its limit is reached",
    sqlite3.SQLITE_FULL: "can't be written: the disk is full; make room on it",
    sqlite3.SQLITE_CANTOPEN: "can't be opened; check the permissions of the file and its folder",
}
"""What is no fault of the file."""
_OF_THE_FILE = {sqlite3.SQLITE_IOERR_SHORT_READ}


@dataclass(frozen=True, slots=True)
class Opened:
    """A database that can be trusted."""

    connection: sqlite3.Connection
    notice: str = ""
    """What the user should know, on one line."""
    read_only: bool = False


class _Untrusted(Exception):
    """The file is not a memory, or is damaged."""


def trouble(path: Path, error: sqlite3.Error) -> MemoryFileError | None:
    """Return what is wrong around the file; None where the file itself is."""
    code = getattr(error, "sqlite_errorcode", 0)
    what = None if code in _OF_THE_FILE else _SURROUNDINGS.get(code & 0xFF)
    return MemoryFileError(path, f"the memory {what}") if what else None


def open_database(path: Path, busy_s: float = BUSY_S) -> Opened:
    """Open the memory at `path`; make it, and its folder, where there is none.

    A file that is damaged, of a newer version or something else is moved aside, never deleted, and a fresh one begun.
    Another program that holds it is waited for `busy_s`. Raises MemoryFileError where neither is possible.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(path.with_name(path.name + ".lock"), timeout=busy_s, mode=0o600):
            return _open_locked(path, busy_s)
    except Timeout:
        raise MemoryFileError(path, f"the memory {_SURROUNDINGS[sqlite3.SQLITE_BUSY]}") from None
    except OSError as error:
        return _open_for_reading(path, error)


def _open_locked(path: Path, busy_s: float) -> Opened:
    notice = ""
    try:
        connection = _trusted(path, busy_s)
    except _Untrusted as reason:
        aside = _move_aside(path)
        notice = f"the memory {path} {reason}: it is kept in {aside}, and a fresh one is begun"
        connection = _trusted(path, busy_s)
    return Opened(connection, notice)


def _trusted(path: Path, busy_s: float) -> sqlite3.Connection:
    """Return the checked, writable database. Raises _Untrusted, MemoryFileError."""
    _look_at(path)
    is_new = not path.exists()
    if is_new:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        connection = _connect(f"{path.absolute().as_uri()}?mode=rw", busy_s)
        try:
            _check(connection)
            connection.execute("PRAGMA journal_mode = WAL")
            _migrate(connection)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise trouble(path, error) or _Untrusted("is damaged") from None
    if is_new:
        _sync(path.parent)
    return connection


def _look_at(path: Path) -> None:
    """Raise _Untrusted for what is not a file of a sensible size, and a database by its first bytes."""
    for file in (path, *(path.with_name(path.name + ending) for ending in SIDECARS)):
        try:
            found = file.lstat()
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(found.st_mode):
            raise _Untrusted("is no regular file")
        if found.st_size > LARGEST_FILE_BYTES:
            raise _Untrusted(f"is larger than {LARGEST_FILE_BYTES >> 20} MB")
    if path.exists():
        with path.open("rb") as start:
            if start.read(len(MAGIC)) not in (MAGIC, b""):
                raise _Untrusted("is no database")


def _connect(uri: str, busy_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=busy_s, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")  # what is forgotten is gone from the file
    return connection


def _check(connection: sqlite3.Connection) -> None:
    """Raise _Untrusted or sqlite3.Error unless the database is empty, or a sound one of a known version."""
    chunk = 10_000
    steps = count(chunk, chunk)
    connection.set_progress_handler(lambda: next(steps) > CHECK_STEPS, chunk)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        schema = _schema(connection)
        if version > len(SCHEMA):
            raise _Untrusted(f"is of a newer program (version {version} of the file)")
        if version < 0 or schema != _schemas()[version]:
            raise _Untrusted("is the database of another program, or damaged")
        if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise _Untrusted("is damaged")
    finally:
        connection.set_progress_handler(None, 0)


def _schema(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name LIMIT 100")
    return rows.fetchall()


@cache
def _schemas() -> list[list[tuple[object, ...]]]:
    """Return what `sqlite_master` holds in every version."""
    connection = sqlite3.connect(":memory:")
    schemas = [_schema(connection)]
    for change in SCHEMA:
        connection.execute(change)
        schemas.append(_schema(connection))
    connection.close()
    return schemas


def _migrate(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == len(SCHEMA):
        return
    connection.execute("BEGIN IMMEDIATE")
    for change in SCHEMA[version:]:
        connection.execute(change)
    connection.execute(f"PRAGMA user_version = {len(SCHEMA)}")
    connection.execute("COMMIT")


def _move_aside(path: Path) -> Path:
    """Move the database and what belongs to it into a folder of its own, beside it."""
    stem = f"{path.stem}.aside-{clock.wall():%Y-%m-%d_%H-%M-%S}"
    for number in count(1):
        aside = path.with_name(f"{stem}_{number}")
        try:
            aside.mkdir(mode=0o700)
            break
        except FileExistsError:
            continue
    # The database comes last: should this be interrupted, SQLite would delete a log that no database belongs to.
    for ending in (*SIDECARS, ""):
        file = path.with_name(path.name + ending)
        if os.path.lexists(file):
            file.rename(aside / file.name)
    _sync(path.parent)
    return aside


def _open_for_reading(path: Path, error: OSError) -> Opened:
    """Open a memory that can be read, but not written because of `error`. Raises MemoryFileError."""
    reason = f"the memory can't be written ({error.strerror})"
    try:
        _look_at(path)
        if not path.exists():
            raise MemoryFileError(path, reason)
        connection = _connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", busy_s=0)
        try:
            _check(connection)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError, _Untrusted):
        raise MemoryFileError(path, reason) from None
    return Opened(connection, f"{path}: {reason}: nothing new can be remembered", read_only=True)


def _sync(folder: Path) -> None:
    """Make new names in `folder` survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
