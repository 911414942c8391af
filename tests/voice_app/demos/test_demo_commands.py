"""`voice-app demo` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from voice_app.cli.main import app
from voice_app.core.errors import OutputError
from voice_app.demos import questions
from voice_app.demos import table_demo as tables


def test_demo_without_a_name_holds_the_conversation_of_questions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`voice-app demo --out FOLDER` runs it with the options given; its exit status is the conversation's."""
    runs = []

    def run(settings: object, out: Path) -> int:
        runs.append((getattr(settings, "persona", None), out))
        return 1

    monkeypatch.setattr(questions, "run_demo", run)

    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path), "--persona", "friend"])

    assert result.exit_code == 1
    assert runs == [("friend", tmp_path)]


@pytest.mark.parametrize("name", ["itinerary", "table"])
def test_a_script_is_run_on_the_backends_asked_for(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Options reach the demonstration; its exit status is the command's."""
    runs = []

    def run(_: object, demo: tables.TableDemo) -> int:
        runs.append(demo)
        return 1

    monkeypatch.setattr(tables, "run_tables", run)

    result = CliRunner().invoke(
        app, ["demo", name, "--llm", "both", "--no-audio", "--json", "--no-estimates"]
    )

    assert result.exit_code == 1
    assert runs == [tables.TableDemo(name, ("llama.cpp", "lpu"), False, False, None, True, False)]


@pytest.mark.parametrize(
    "arguments", [["table", "--llm", "gpu"], ["compare", " "], ["itinerary", "--llm", ""]]
)
def test_wrong_options_are_refused_in_a_line(arguments: list[str]) -> None:
    """Exit status 2, before a model is loaded."""
    assert CliRunner().invoke(app, ["demo", *arguments]).exit_code == 2


def test_a_folder_that_can_not_be_made_is_said(tmp_path: Path) -> None:
    """Where a file is in its place."""
    (tmp_path / "taken").write_text("")

    with pytest.raises(OutputError, match="can't be made a folder"):
        tables._folder(tmp_path / "taken")
