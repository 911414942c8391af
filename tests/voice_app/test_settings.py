"""Settings: who wins, and what is refused in which words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voice_app.core.errors import ConfigError
from voice_app.runtime.settings import load_settings


@pytest.fixture(autouse=True)
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings file of the test's own."""
    path = tmp_path / "config.toml"
    path.write_text("")
    monkeypatch.setenv("VOICE_APP_CONFIG", str(path))
    return path


def test_flags_beat_environment_beats_file_beats_defaults(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each source overrides only what it names."""
    settings_file.write_text('[models]\nstt = "file"\nllm = "file"\ntts = "file"\n')
    monkeypatch.setenv("VOICE_APP_MODELS__LLM", "environment")
    monkeypatch.setenv("VOICE_APP_MODELS__TTS", "environment")

    models = load_settings(models={"tts": "flag"}).models

    assert (models.stt, models.llm, models.tts, models.threads) == ("file", "environment", "flag", 2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('personna = "plain"', "unknown setting 'personna'; did you mean 'persona'?"),
        ("[models]\nthreds = 1", "unknown setting 'models.threds'; did you mean 'models.threads'?"),
        ("persona = 3", "setting 'persona': Input should be a valid string, not 3"),
        ("[models]\nthreads = 0", "setting 'models.threads'"),
        ("x = [", "not valid TOML"),
        ("persona = '\udcff'", "not valid TOML"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(settings_file: Path, text: str, says: str) -> None:
    """The line names the key, and the nearest known one."""
    settings_file.write_bytes(text.encode(errors="surrogateescape"))

    with pytest.raises(ConfigError) as caught:
        load_settings()

    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_settings_file_that_was_named_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that leads nowhere is not taken for "no settings"."""
    monkeypatch.setenv("VOICE_APP_CONFIG", "/nowhere/config.toml")

    with pytest.raises(ConfigError, match="there is no such settings file"):
        load_settings()


def test_an_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip in a variable's name does not go unnoticed."""
    monkeypatch.setenv("VOICE_APP_PERSONNA", "plain")

    with pytest.raises(ConfigError, match="did you mean 'VOICE_APP_PERSONA'"):
        load_settings()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_file_is_settings_or_a_config_error(content: bytes) -> None:
    """No content of the file raises anything else."""
    import os

    Path(os.environ["VOICE_APP_CONFIG"]).write_bytes(content)
    message = ""
    try:
        load_settings()
    except ConfigError as error:
        message = str(error)

    assert "\n" not in message
