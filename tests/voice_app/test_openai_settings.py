"""An endpoint in the settings: what is refused, who is told to read along, and that the key is told to nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO

import pytest

from inference.llm.first_token import ACTION
from tests.inference.endpoint_server import Script, answers, serving, streams, waits, words
from tests.voice_app.test_cli import FRANCE, refused, voice_app
from voice_app.core.errors import ConfigError
from voice_app.runtime.engines import build_openai, who_reads
from voice_app.runtime.settings import load_settings

KEY = "gsk-very-secret"


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A settings file and a key of the test's own."""
    path = tmp_path / "config.toml"
    path.write_text("")
    monkeypatch.setenv("VOICE_APP_CONFIG", str(path))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def test_nobody_else_reads_unless_configured() -> None:
    """Without `--llm openai` no endpoint is there, whatever its table says; with it the default is this machine."""
    assert load_settings().models.llm_backend == "llama.cpp"
    assert who_reads(load_settings(openai={"base_url": "https://api.groq.com/openai/v1"})) == ""
    assert who_reads(load_settings(models={"llm_backend": "openai"})) == ""


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://api.groq.com/openai/v1", "goes as text to api.groq.com, whose language model some-model"),
        (
            "http://192.168.1.4:8000/v1",
            "goes as text to 192.168.1.4:8000, not encrypted, whose language model",
        ),
    ],
)
def test_who_reads_elsewhere_is_told(url: str, says: str) -> None:
    """In one line, without the key."""
    line = who_reads(
        load_settings(models={"llm_backend": "openai"}, openai={"base_url": url, "model": "some-model"})
    )
    assert says in line
    assert "\n" not in line
    assert KEY not in line


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://a/v1", "openai.base_url"),
        (f"https://me:{KEY}@a/v1", "openai.base_url"),
        ("http://[::1/v1", "the base URL is no address"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, says: str) -> None:
    """A password in it is not told."""
    with pytest.raises(ConfigError, match=says) as raised:
        build_openai(load_settings(openai={"base_url": url}))
    assert KEY not in str(raised.value)


def test_a_key_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not told."""
    monkeypatch.setenv("OPENAI_API_KEY", "schl\xfcssel")
    with pytest.raises(ConfigError, match="the key has characters") as raised:
        build_openai(load_settings())
    assert "schl" not in str(raised.value)


def ask(
    script: Script, tmp_path: Path, *more: str, typed: IO[str] | None = None, **settings: str
) -> tuple[int, str, str]:
    """Return the status, the output and the errors of a question to an endpoint; the key is nowhere, as in no log."""
    with serving(script) as server:
        given = {f"VOICE_APP_OPENAI__{name.upper()}": value for name, value in settings.items()}
        environment = {
            "VOICE_APP_OPENAI__BASE_URL": server.base_url,
            "XDG_STATE_HOME": str(tmp_path / "state"),
            **given,
        }
        command = more or ("ask", "--llm", "openai", "--json", FRANCE)
        result = voice_app(*command, typed=typed, **environment)
        assert server.keys in ([], [f"Bearer {KEY}"])
    logs = [path.read_text() for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert KEY not in "".join([result.stdout, result.stderr, *logs])
    return result.returncode, result.stdout, result.stderr


@pytest.mark.model
def test_an_endpoint_answers(tmp_path: Path) -> None:
    """Alone, without a local model."""
    status, out, err = ask(streams(*words("Par", "is.")), tmp_path, local_model="false")
    assert (status, err) == (0, "")
    assert json.loads(out)["text"] == "Paris."


@pytest.mark.model
def test_a_late_endpoint_has_the_local_model_answer(tmp_path: Path) -> None:
    """And the log says so."""
    log = tmp_path / "events.jsonl"
    lines = tmp_path / "lines"
    lines.write_text(FRANCE + "\n")
    command = ("talk", "--typed", "--llm", "openai", "--out", str(tmp_path / "out.wav"), "--events", str(log))
    with lines.open() as typed:
        status, out, _ = ask(waits, tmp_path, *command, typed=typed, local_after_ms="50")
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    causes = [row["cause"] for row in rows if row["type"] == "budget.action" and row["action"] == ACTION]

    assert (status, causes) == (0, ["no token from elsewhere within 50 ms"])
    assert "Paris" in out


@pytest.mark.model
def test_an_endpoint_that_refuses_is_one_line_and_a_status(tmp_path: Path) -> None:
    """Where there is no local model."""
    script = answers("401 Unauthorized", f'{{"error": {{"message": "bad key {KEY}"}}}}'.encode())
    status, _, err = ask(script, tmp_path, local_model="false")
    assert status == 1
    (line,) = err.splitlines()
    assert line.startswith("voice-app: the language model at 127.0.0.1:")
    assert line.endswith("status 401, bad key ***")


@pytest.mark.model
def test_bad_settings_are_one_line_and_status_3() -> None:
    """Before any model is loaded."""
    bad = voice_app("ask", "--llm", "openai", "hello", VOICE_APP_OPENAI__BASE_URL="http://[::1/v1")
    assert "the base URL is no address" in refused(bad, 3)
