"""The user's own notes: a folder of Markdown and text files, searched through an index (SQLite FTS5) in the cache.

The notes are only read. The index holds nothing that can't be made again: a damaged one is thrown away.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from voice_app.core.errors import ToolError
from voice_app.skills.word_lists import word_set, words_of

SUFFIXES = (".md", ".markdown", ".txt")
MOST_FILES = 5_000
MOST_FOLDERS = 1_000
LARGEST_NOTE_BYTES = 1_000_000
"""What of a note is beyond this is not looked at."""
READ_AT_ONCE_BYTES = 8_000_000
"""Of notes that are new or changed, in one search; the rest waits for the next one."""
LONGEST_PASSAGE = 600
"""Characters."""
LONGEST_SPOKEN = 240
"""Characters of a passage that are said."""
FOUND_AT_ONCE = 30
FIRST_SEARCH_S = 2.0
"""What the first search of a session may take, while the index is made."""
VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (id INTEGER PRIMARY KEY, path TEXT UNIQUE, modified_ns INTEGER, bytes INTEGER);
CREATE VIRTUAL TABLE IF NOT EXISTS passages USING fts5(text, file UNINDEXED, tokenize = 'porter unicode61');
"""
_COMMON_WORDS = (
    "a about an and any are as at be been but by can could did do does for from had has have how i if in is it its "
    "me my of on or our put say said should so some tell that the their them there these they this those to was we "
    "were what when where which who whose why will with would write written wrote you your note notes noted search "
    "look find check according down up see please get got s t anything something there say says mention own tell show "
    "contain read"
)
_COMMON = word_set(_COMMON_WORDS)
"""Words that say nothing about what is looked for."""
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?]+(?=\s|$)|\n|$)|[.!?]+")
_MARKUP = re.compile(
    r"^\s*(?:#{1,6} |[-*+] (?:\[[ xX]\] )?|\d+[.)] |> )|[*_`]{1,3}|!?\[([^\]]*)\]\([^)]*\)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a note that answers best."""

    text: str
    file: str
    """Path in the folder."""

    def title(self) -> str:
        """Return the file's name as it is said."""
        return re.sub(r"[-_\s]+", " ", Path(self.file).stem).strip() or self.file


@dataclass(slots=True)
class Notes:
    """A folder of notes and its index. Not for two threads at once."""

    folder: Path
    cache: Path
    """The folder where the index is kept."""
    _searched: bool = field(default=False, init=False)

    def takes_s(self) -> float:
        """Return what a search may take: the first one reads what has changed."""
        return 0.1 if self._searched else FIRST_SEARCH_S

    def search(self, query: str) -> Passage | None:
        """Return the passage that has most of a query's words, None where none has half of them.

        Raises ToolError where the folder or the index can't be used, or the query says nothing.
        """
        wanted = terms(query)
        if not wanted:
            raise ToolError("Say what to look for in your notes.")
        if not self.folder.is_dir():
            raise ToolError(
                f"There is no folder of notes at {self.folder}. Name one in the settings, under notes."
            )
        try:
            found = self._found(wanted)
        except sqlite3.Error as error:
            raise ToolError(f"The index of your notes can't be used: {error}.") from None
        except OSError as error:
            raise ToolError(f"Your notes can't be read: {error.strerror}.") from None
        self._searched = True
        return best(found, wanted)

    def _index(self) -> Path:
        key = hashlib.sha256(f"{VERSION}:{self.folder.resolve()}".encode()).hexdigest()[:16]
        return self.cache / f"notes-{key}.db"

    def _found(self, wanted: list[str]) -> list[Passage]:
        """Search the index; a damaged one is made again, one that another session is writing is left alone."""
        try:
            return self._searched_in_index(wanted)
        except sqlite3.DatabaseError as error:
            if not _damaged(error):
                raise
        self._index().unlink(missing_ok=True)
        return self._searched_in_index(wanted)

    def _searched_in_index(self, wanted: list[str]) -> list[Passage]:
        self.cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_private(self._index())
        with closing(sqlite3.connect(self._index(), timeout=5)) as database:
            database.executescript(_SCHEMA)
            self._refresh(database)
            query = " OR ".join(f'"{term}"' for term in wanted)
            rows = database.execute(
                "SELECT p.text, f.path FROM passages p JOIN files f ON f.id = p.file WHERE passages MATCH ? "
                "ORDER BY rank LIMIT ?",
                (query, FOUND_AT_ONCE),
            )
            return [Passage(text, path) for text, path in rows]

    def _refresh(self, database: sqlite3.Connection) -> None:
        """Read what is new or changed, forget what is gone, in one transaction."""
        known = {
            path: (row, modified, size)
            for row, path, modified, size in database.execute("SELECT * FROM files")
        }
        left = READ_AT_ONCE_BYTES
        with database:
            for path, facts in _files(self.folder):
                name = path.relative_to(self.folder).as_posix()
                row, *before = known.pop(name, (None, 0, 0))
                if before == [facts.st_mtime_ns, facts.st_size] or left <= 0:
                    continue
                left -= min(facts.st_size, LARGEST_NOTE_BYTES)
                _forget(database, row)
                _read(database, path, name, facts)
            for row, *_ in known.values():
                _forget(database, row)


def _damaged(error: sqlite3.Error) -> bool:
    """Return whether a file is no database, or a malformed one: the low byte is the primary result code."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _make_private(path: Path) -> None:
    """Make a file its owner's alone, empty where there is none: an index has the notes' whole text."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        if path.is_file() and path.stat().st_mode & 0o077:
            path.chmod(0o600)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the notes, hidden files and folders left out; links are not followed."""
    files = 0
    for folders, (place, inner, names) in enumerate(os.walk(folder)):
        if folders >= MOST_FOLDERS:
            return
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            if name.startswith(".") or path.suffix.lower() not in SUFFIXES or path.is_symlink():
                continue
            files += 1
            if files > MOST_FILES:
                return
            if path.is_file():
                yield path, path.stat()


def _forget(database: sqlite3.Connection, row: int | None) -> None:
    database.execute("DELETE FROM passages WHERE file = ?", (row,))
    database.execute("DELETE FROM files WHERE id = ?", (row,))


def _read(database: sqlite3.Connection, path: Path, name: str, facts: os.stat_result) -> None:
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_NOTE_BYTES).decode(errors="replace")
    except OSError:
        return  # tried again with the next search
    row = database.execute(
        "INSERT INTO files (path, modified_ns, bytes) VALUES (?, ?, ?)",
        (name, facts.st_mtime_ns, facts.st_size),
    ).lastrowid
    database.executemany(
        "INSERT INTO passages VALUES (?, ?)", [(passage, row) for passage in passages(text, name)]
    )


def passages(text: str, name: str) -> Iterator[str]:
    """Yield a note's paragraphs, each under its heading, the first of which is the note's name; long ones in pieces."""
    heading = re.sub(r"[-_]+", " ", Path(name).stem)
    for paragraph in re.split(r"\n\s*\n", text.replace("\0", " ")):
        lines = paragraph.strip("\n").split("\n")
        if lines[0].lstrip().startswith("#"):
            heading = lines.pop(0).strip("# ").strip()
        body = "\n".join(lines).strip()
        for start in range(0, len(body), LONGEST_PASSAGE):
            yield f"{heading}\n{body[start : start + LONGEST_PASSAGE]}"


def terms(query: str) -> list[str]:
    """Return the words of a query that say what is looked for, each once, at most a dozen."""
    words = [word.replace("'s", "").replace("'", "") for word in words_of(query)]
    return list(dict.fromkeys(word for word in words if word and word not in _COMMON))[:12]


def best(found: list[Passage], wanted: list[str]) -> Passage | None:
    """Return the passage with most of the wanted words, the first of equals; None where none has half of them."""
    scored = [(len(_present(passage.text, wanted)), passage) for passage in found]
    most = max((score for score, _ in scored), default=0)
    if not most or 2 * most < len(wanted):
        return None
    return next(passage for score, passage in scored if score == most)


def _present(text: str, wanted: list[str]) -> set[str]:
    """Return the wanted words that a text has, whatever their endings."""
    stems = {_stem(word) for word in words_of(text)}
    return {term for term in wanted if _stem(term) in stems}


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "es", "ed", "s", "y", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word


def spoken_part(passage: Passage, wanted: list[str], longest: int = LONGEST_SPOKEN) -> str:
    """Return the sentences of a passage around the one with most of the wanted words, short enough to be said."""
    heading, _, body = passage.text.partition("\n")
    plain = _MARKUP.sub(lambda match: match[1] or "", body)
    sentences = [sentence.strip() for sentence in _SENTENCE.findall(plain) if sentence.strip()]
    if not sentences:
        return heading
    scores = [len(_present(sentence, wanted)) for sentence in sentences]
    start = end = scores.index(max(scores)) if any(scores) else 0
    size = len(sentences[start])
    while end + 1 < len(sentences) and size + len(sentences[end + 1]) + 1 <= longest:
        end += 1
        size += len(sentences[end]) + 1
    said = [
        sentence if sentence[-1] in ".!?:;," else sentence + "." for sentence in sentences[start : end + 1]
    ]
    text = " ".join(said)
    return (
        text if len(text) <= longest + 1 else text[:longest].rsplit(" ", 1)[0].rstrip(" ,;:") + " and so on."
    )
