"""The user's notes: found by their words, named as sources, read only, whatever state index and folder are in."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.voice_app.skills.talk import Talk
from voice_app.core import events
from voice_app.core.errors import ToolError
from voice_app.skills.notes import notes as module
from voice_app.skills.notes.note_search import NoteQuery, answer, notes_skill
from voice_app.skills.notes.notes import LONGEST_SPOKEN, Notes, Passage, passages, spoken_part, terms
from voice_app.skills.router import route
from voice_app.skills.utterance import Utterance


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A few notes."""
    place = tmp_path / "notes"
    (place / "garden").mkdir(parents=True)
    (place / "house-and-home.md").write_text(
        "# Internet\n\nThe **wifi** password is blue giraffe 42.\nThe router stands in the hall.\n\n"
        "# Heating\n\n- The boiler was serviced in March.\n- Call Peter about the [boiler](http://x.test).\n"
    )
    (place / "garden" / "plants.txt").write_text("Plant the tomatoes in May. Water them every evening.\n")
    (place / ".secret.md").write_text("the wifi password of the neighbours")
    (place / "picture.png").write_bytes(b"wifi password")
    return place


def ask(folder: Path, text: str) -> tuple[str, tuple[str, ...]]:
    outcome = answer(NoteQuery(query=text), Notes(folder, folder.parent / "cache"))
    return outcome.text, outcome.sources


@pytest.mark.parametrize(
    ("text", "said", "source"),
    [
        (
            "Search my notes for the wifi password.",
            "Your note house and home says: The wifi password is blue giraffe 42. The router stands in the hall.",
            "house-and-home.md",
        ),
        (
            "What did I write about planting tomatoes?",
            "Your note plants says: Plant the tomatoes in May. Water them every evening.",
            "garden/plants.txt",
        ),
        (
            "Do my notes say when the boiler was serviced?",
            "Your note house and home says: The boiler was serviced in March. Call Peter about the boiler.",
            "house-and-home.md",
        ),
    ],
)
def test_the_best_passage_is_said_with_its_source(folder: Path, text: str, said: str, source: str) -> None:
    """Without its markup; the file is named aloud and in the sources."""
    assert ask(folder, text) == (said, (source,))


def test_what_is_not_in_the_notes_is_not_made_up(folder: Path) -> None:
    """One word of three is not enough; hidden files and other files are no notes."""
    assert ask(folder, "the price of the boiler insurance") == (
        "I found nothing about price boiler insurance in your notes.",
        (),
    )
    assert "neighbours" not in ask(folder, "wifi password")[0]


def test_changes_are_found_at_once(folder: Path) -> None:
    """A note that is changed, new or gone, with the same index."""
    notes = Notes(folder, folder.parent / "cache")
    first = notes.search("wifi password")
    path = folder / "house-and-home.md"
    path.write_text("The wifi password is red lion 7.")
    os.utime(path, ns=(1, 1))
    changed = notes.search("wifi password")
    path.unlink()

    assert first is not None
    assert changed is not None
    assert "blue giraffe" in first.text
    assert "red lion" in changed.text
    assert notes.search("wifi password") is None


def test_a_damaged_index_is_made_anew(folder: Path) -> None:
    """It holds nothing that is not in the notes."""
    ask(folder, "wifi password")
    (index,) = (folder.parent / "cache").iterdir()
    index.write_bytes(b"no database at all" * 1000)

    assert ask(folder, "wifi password")[1] == ("house-and-home.md",)


def test_the_index_is_its_owners_alone(folder: Path) -> None:
    """It has the notes' whole text; one that others could read is closed to them."""
    cache = folder.parent / "cache"
    ask(folder, "dough rise")
    (index,) = cache.iterdir()

    assert (cache.stat().st_mode & 0o777, index.stat().st_mode & 0o777) == (0o700, 0o600)

    index.chmod(0o644)
    ask(folder, "dough rise")

    assert index.stat().st_mode & 0o777 == 0o600


def test_an_index_that_another_session_writes_is_left_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A locked index is told of, not thrown away."""
    ask(folder, "dough rise")
    (index,) = (folder.parent / "cache").iterdir()
    before = index.stat().st_ino
    (folder / "late.md").write_text("A note that is not in the index yet.")
    connect = sqlite3.connect
    with closing(connect(index, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr(sqlite3, "connect", lambda path, timeout: connect(path, timeout=0))
        with pytest.raises(ToolError, match="locked"):
            Notes(folder, folder.parent / "cache").search("dough rise")

    assert index.stat().st_ino == before


def test_a_damaged_index_that_cannot_be_removed_is_told_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The conversation goes on."""

    def refuse(path: Path, missing_ok: bool) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    ask(folder, "dough rise")
    (index,) = (folder.parent / "cache").iterdir()
    index.write_bytes(b"no database" * 1000)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(ToolError, match="Permission denied"):
        Notes(folder, folder.parent / "cache").search("dough rise")


def test_a_folder_that_is_missing_is_told_so(tmp_path: Path) -> None:
    """And so is one that is not set."""
    with pytest.raises(ToolError, match="There is no folder of notes at"):
        ask(tmp_path / "none", "wifi password")
    with pytest.raises(ToolError, match="No folder of notes is set"):
        answer(NoteQuery(query="wifi"), None)


def test_large_folders_are_read_in_steps(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one search leaves unread the next one reads."""
    monkeypatch.setattr(module, "READ_AT_ONCE_BYTES", 10)
    notes = Notes(folder, folder.parent / "cache")

    assert notes.search("tomatoes evening") is None or notes.search("wifi password") is not None
    assert notes.search("tomatoes evening") is not None
    assert notes.search("wifi password") is not None


def test_the_notes_are_left_as_they_are(folder: Path) -> None:
    """Links out of the folder are not followed, and nothing is written."""
    (folder / "link.md").symlink_to("/etc/hostname")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    ask(folder, "wifi password")

    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@given(st.text(max_size=300), st.binary(max_size=2000))
def test_hostile_notes_and_queries_are_harmless(query: str, content: bytes) -> None:
    """Any bytes are a note, any text a query; what is said stays short."""
    text = content.decode(errors="replace")
    wanted = terms(query) or ["x"]
    for piece in passages(text, "a-note.md"):
        said = spoken_part(Passage(piece, "a-note.md"), wanted)
        assert len(said) <= LONGEST_SPOKEN + len(" and so on.") or said == piece.partition("\n")[0]


@pytest.mark.parametrize(
    "query", ['" OR "', "NEAR(a b)", "wifi*", "text:wifi", "'; DROP TABLE files; --", "\0", "-wifi ^"]
)
def test_a_query_is_words_alone(folder: Path, query: str) -> None:
    """No operator of the index's language reaches it."""
    notes = Notes(folder, folder.parent / "cache")
    try:
        notes.search(query)
    except ToolError as error:
        refusal = str(error)
    else:
        refusal = ""

    assert refusal in ("", "Say what to look for in your notes.")
    assert notes.search("wifi password") is not None


@pytest.mark.parametrize(
    "text",
    [
        "Play a high note.",
        "What is a note?",
        "Take a note: buy milk",
        "Who wrote Hamlet?",
        "Add this to my notes",
        "x" * 500,
    ],
)
def test_other_notes_are_not_searched(text: str) -> None:
    """Music, and what the tool can't do."""
    assert route(Utterance.of(text), (notes_skill("", Path()),)) is None


def test_a_spoken_question_names_its_sources(folder: Path) -> None:
    """In the event as in the sentence."""
    talk = Talk((notes_skill(str(folder), folder.parent / "cache"),))
    said = asyncio.run(talk.say("What is the wifi password in my notes?"))
    (answered,) = talk.of(events.ToolAnswered)

    assert answered.sources == ("house-and-home.md",)
    assert answered.output == said
    assert "blue giraffe 42" in said
