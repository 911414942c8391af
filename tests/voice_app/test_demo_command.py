"""`voice-app demo` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from voice_app.cli import app
from voice_app.demos import questions


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
