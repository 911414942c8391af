"""`voice-app memory`: everything that is remembered can be seen, changed, forgotten and taken elsewhere."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from voice_app.cli.main import app
from voice_app.core.errors import EntryError, VoiceAppError
from voice_app.skills.memory.entries import KINDS, Entry
from voice_app.skills.memory.transfer import as_json, as_markdown, notes


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep memories in a folder of the test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("VOICE_APP_PERSONA", "plain")


def memory(*arguments: str, input: str | None = None) -> Result:
    result = CliRunner().invoke(app, ["memory", *arguments], input=input)
    assert result.exception is None or isinstance(result.exception, SystemExit | VoiceAppError), result
    return result


def listed(*arguments: str) -> list[dict[str, object]]:
    return json.loads(memory("list", "--json", *arguments).stdout)["entries"]


def test_entries_are_added_changed_and_deleted() -> None:
    """By their number, which `list` shows."""
    assert "remembers nothing" in memory("list").stdout
    memory("add", "my dentist is on Tuesday")
    memory("say", "Igor", "EE-gor")
    memory("edit", "1", "my dentist is on Friday")
    assert [(row["id"], row["kind"], row["word"], row["text"]) for row in listed()] == [
        (1, "fact", "", "my dentist is on Friday"),
        (2, "pronunciation", "Igor", "EE-gor"),
    ]
    assert "Igor: EE-gor" in memory("list").stdout

    memory("delete", "1")
    assert [row["id"] for row in listed()] == [2]


def test_personas_remember_apart() -> None:
    """What one was told, another does not know."""
    memory("add", "my dentist is on Tuesday", "--persona", "friend")

    assert len(listed("--persona", "friend")) == 1
    assert listed() == []


def test_a_shared_memory_is_shown_where_the_settings_want_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless a persona is named."""
    memory("add", "of plain")
    monkeypatch.setenv("VOICE_APP_MEMORY", "shared")
    memory("add", "of all")

    assert [row["text"] for row in listed()] == ["of all"]
    assert [row["text"] for row in listed("--persona", "plain")] == ["of plain"]


def test_everything_is_forgotten_only_after_a_question() -> None:
    """No, and no answer at all, leave all as it is."""
    memory("add", "a fact")
    assert memory("forget-all", input="n\n").exit_code == 1
    assert memory("forget-all", input="").exit_code == 1
    assert len(listed()) == 1

    assert memory("forget-all", input="y\n").exit_code == 0
    assert listed() == []
    memory("add", "a fact")
    assert json.loads(memory("forget-all", "--yes", "--json").stdout) == {"forgotten": 1}


def test_what_is_exported_can_be_taken_in_again(tmp_path: Path) -> None:
    """By another persona, twice without doubling; the file is its owner's alone and never overwritten."""
    memory("add", "my dentist is on Tuesday")
    memory("say", "Igor", "EE-gor")
    file = tmp_path / "memory.json"
    assert memory("export", str(file)).exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "File exists" in str(memory("export", str(file)).exception)
    assert memory("export", "-").stdout == file.read_text()

    for _ in range(2):
        memory("import", str(file), "--persona", "friend")
    assert [row["text"] for row in listed("--persona", "friend")] == [row["text"] for row in listed()]


def test_markdown_is_for_reading() -> None:
    """Names, facts and pronunciations under headings; what looks like markup is shown as it is."""
    memory("add", "the *secret* is <b>")
    memory("say", "Igor", "EE-gor")

    page = memory("export", "-", "--format", "md").stdout
    assert page.splitlines() == [
        "# What plain remembers",
        "",
        "## To remember",
        "",
        "- the \\*secret\\* is \\<b\\>",
        "",
        "## Pronunciation",
        "",
        "- Igor: EE-gor",
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("nonsense", "JSON"),
        ("[]", "not an exported memory"),
        ('{"entries": [{"kind": "secret", "text": "x"}]}', "entries.0.kind"),
        ('{"entries": [{"kind": "fact", "text": 1}]}', "entries.0.text"),
        ('{"entries": [{"kind": "fact", "text": "x", "more": 1}]}', "entries.0.more"),
        ('{"entries": [{"kind": "fact", "text": "good"}, {"kind": "fact", "text": " "}]}', "nothing in it"),
        (json.dumps({"entries": [{"kind": "fact", "text": f"{n}"} for n in range(501)]}), "at most 500"),
        ("[" * 100_000, "JSON"),
        (" " * 3_000_000, "bytes"),
    ],
    ids=lambda value: value[:20],
)
def test_a_bad_import_is_one_line_and_changes_nothing(content: str, reason: str, tmp_path: Path) -> None:
    """Taken in whole or not at all."""
    file = tmp_path / "memory.json"
    file.write_text(content)
    memory("add", "a fact")

    result = memory("import", str(file))

    assert isinstance(result.exception, EntryError)
    assert reason in str(result.exception)
    assert len(listed()) == 1


@given(
    st.lists(
        st.builds(
            Entry,
            st.integers(1, 10**6),
            st.sampled_from(KINDS),
            *[st.text(st.characters(exclude_categories=["Cs"]), max_size=300)] * 5,
        ),
        max_size=20,
    )
)
def test_any_entries_survive_a_file(tmp_path_factory: pytest.TempPathFactory, entries: list[Entry]) -> None:
    """JSON gives back what was written; Markdown has a line for every entry."""
    file = tmp_path_factory.mktemp("export") / "memory.json"
    file.write_text(as_json(entries, "plain"), encoding="utf-8")

    assert [(n.kind, n.text, n.word, n.said) for n in notes(file)] == [
        (e.kind, e.text, e.word, e.said) for e in entries
    ]
    assert as_markdown(entries, "plain").count("\n- ") >= len(entries)


def run(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "voice_app", "memory", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"XDG_DATA_HOME": str(home)},
    )


@pytest.mark.slow
def test_errors_are_one_line_with_their_exit_status(tmp_path: Path) -> None:
    """1 for what is not remembered, 3 for a persona, 7 for a file."""
    for status, arguments, home in (
        (1, ("delete", "7"), tmp_path),
        (1, ("add", " "), tmp_path),
        (3, ("list", "--persona", "nobody"), tmp_path),
        (7, ("list",), Path("/proc/nowhere")),
        (7, ("import", "/nowhere/memory.json"), tmp_path),
    ):
        result = run(*arguments, home=home)
        assert (result.returncode, result.stdout) == (status, "")
        assert len(result.stderr.splitlines()) == 1
        assert result.stderr.startswith("voice-app: ")


def test_a_damaged_memory_is_told_once_and_the_command_goes_on(tmp_path: Path) -> None:
    """On the standard error, with the place where the old one is kept."""
    (tmp_path / "voice-app" / "memory").mkdir(parents=True)
    (tmp_path / "voice-app" / "memory" / "plain.sqlite3").write_bytes(b"damaged" * 100)

    first, second = (run("add", "a fact", home=tmp_path) for _ in range(2))

    assert (first.returncode, second.returncode) == (0, 0)
    assert "it is kept in" in first.stderr
    assert len(first.stderr.splitlines()) == 1
    assert second.stderr == ""
