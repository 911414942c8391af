"""The commands as a user runs them: real processes, real models, bad input in one line."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import wave
from pathlib import Path
from typing import IO

import numpy as np
import pytest
import soundfile

from inference.audio import write_audio
from inference.sound_files import read_audio
from inference.types import Audio
from tests.speech import spoken
from voice_app.core.errors import exit_code

pytestmark = pytest.mark.model

FRANCE = "What is the capital of France?"


def voice_app(
    *arguments: str, typed: IO[str] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the program with no sound card in reach."""
    env = os.environ | {"PULSE_SERVER": "unix:/nowhere"} | environment
    return subprocess.run(
        [sys.executable, "-m", "voice_app", *arguments],
        stdin=typed,
        capture_output=True,
        text=True,
        timeout=120,
        env=env,
    )


def refused(result: subprocess.CompletedProcess[str], status: int) -> str:
    """Check for one line on stderr, the exit status, and no traceback; return the line."""
    assert result.returncode == status, result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("voice-app:")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    return lines[0]


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A question, spoken."""
    path = tmp_path_factory.mktemp("speech") / "question.wav"
    write_audio(path, spoken(FRANCE))
    return path


def test_ask_answers_with_its_times() -> None:
    """The answer, its tokens, its time to first token, its speed."""
    row = json.loads(voice_app("ask", FRANCE, "--json").stdout)

    assert "Paris" in row["text"]
    assert row["tokens"] > 0
    assert row["ttft_ms"] > 0
    assert row["tokens_per_s"] > 0


def test_what_is_said_is_transcribed(tmp_path: Path) -> None:
    """`say` writes a WAV that `transcribe` reads back, one JSON line a file."""
    wav = tmp_path / "said.wav"
    assert voice_app("say", "The library opens at nine.", "--out", str(wav)).returncode == 0

    rows = [
        json.loads(line) for line in voice_app("transcribe", "--json", str(wav), str(wav)).stdout.splitlines()
    ]

    assert [row["file"] for row in rows] == [str(wav)] * 2
    assert "library opens" in rows[0]["text"]
    assert rows[0]["seconds"] == pytest.approx(read_audio(wav).seconds, abs=0.01)
    assert rows[0]["compute_ms"] > 0


def test_a_conversation_of_recordings(question: Path, tmp_path: Path) -> None:
    """Two turns from files: `ready` first, both answered, the sound written, the events logged."""
    out, log, second = tmp_path / "out.wav", tmp_path / "events.jsonl", tmp_path / "second.wav"
    write_audio(second, spoken("What do bees make?"))
    result = voice_app("talk", "--in", str(question), str(second), "--out", str(out), "--events", str(log))
    kinds = [json.loads(line)["type"] for line in log.read_text().splitlines()]

    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[0] == "ready"
    assert "Paris" in result.stdout
    assert "What do bees make?" in result.stdout
    assert result.stdout.count(" voice  ") == 2
    assert kinds.count("response.done") == 2
    assert kinds[-1] == "session.closed"
    assert np.abs(read_audio(out).samples).max() > 0.05


def test_typed_lines_are_answered_in_order(tmp_path: Path) -> None:
    """Text from a pipe is a conversation too."""
    result = subprocess.run(
        [sys.executable, "-m", "voice_app", "talk", "--typed", "--out", str(tmp_path / "out.wav")],
        input=f"{FRANCE}\nWhat do bees make?\n",
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert result.returncode == 0, result.stderr
    assert result.stdout.index("Paris") < result.stdout.index("What do bees make?")
    assert result.stdout.count(" voice  ") == 2


def broken_sound(kind: str, path: Path) -> Path:
    """Write a file that is no usable sound."""
    content = {
        "empty": b"",
        "text": b"hello\n" * 100,
        "header": b"RIFF" + struct.pack("<I", 2**31) + b"WAVEfmt " + b"\xff" * 8,
        "no samples": None,
    }[kind]
    if content is None:
        soundfile.write(path, np.zeros(0, np.float32), 16_000)
    else:
        path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", ["empty", "text", "header", "no samples"])
@pytest.mark.parametrize(
    "command", [["transcribe"], ["talk", "--out", os.devnull, "--in"]], ids=["transcribe", "talk"]
)
def test_a_file_that_is_no_sound(command: list[str], kind: str, tmp_path: Path) -> None:
    """One line with the file's name, exit status 5."""
    path = broken_sound(kind, tmp_path / "broken.wav")

    assert "broken.wav" in refused(voice_app(*command, str(path)), 5)


@pytest.mark.parametrize("kind", ["8 kHz", "96 kHz stereo float", "truncated"])
def test_unusual_sound_is_understood(kind: str, tmp_path: Path) -> None:
    """Any rate, any channels, and what is left of a file that was cut off."""
    from inference.audio import resample

    path, speech = tmp_path / "unusual.wav", spoken(FRANCE)
    if kind == "8 kHz":
        write_audio(path, resample(speech, 8_000))
    elif kind == "96 kHz stereo float":
        wide = resample(speech, 96_000).samples
        soundfile.write(path, np.stack([wide, wide], axis=1), 96_000, subtype="FLOAT")
    else:
        write_audio(path, Audio(np.concatenate([speech.samples, speech.samples]), speech.rate_hz))
        path.write_bytes(path.read_bytes()[: 44 + 2 * len(speech.samples)])

    row = json.loads(voice_app("transcribe", "--json", str(path)).stdout)

    assert "capital of France" in row["text"]


def test_silence_is_no_words(tmp_path: Path) -> None:
    """A silent recording is transcribed as nothing, and gets no answer."""
    path = tmp_path / "silence.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 16_000 * 2))

    assert json.loads(voice_app("transcribe", "--json", str(path)).stdout)["text"] == ""


@pytest.mark.parametrize(
    "content", [b"", b"GGUF" + b"\xff" * 100, b"hello" * 1000], ids=["empty", "header", "text"]
)
def test_a_corrupt_gguf(content: bytes, tmp_path: Path) -> None:
    """One line with the file's name, exit status 6."""
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)

    assert "broken.gguf" in refused(voice_app("ask", "Hi", "--model", str(path)), 6)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["ask", "Hi", "--model", "smolm2-135m-instruct"], 6, "did you mean 'smollm2-135m-instruct'"),
        (["ask", "Hi", "--model", "qwen2.5-1.5b-instruct"], 6, "models pull qwen2.5-1.5b-instruct"),
        (["ask", "Hi", "--persona", "plian"], 3, "did you mean 'plain'"),
        (["ask", "word " * 20_000], 1, "too long"),
        (["say", "…", "--out", "x.wav"], 5, "nothing to say"),
        (["say", "Hi", "--out", "/nowhere/x.wav"], 5, "/nowhere/x.wav"),
        (["talk", "--in", "/nowhere/x.wav"], 5, "/nowhere/x.wav"),
        (["talk"], 4, "microphone"),
        (["talk", "--typed", "--events", "/proc/x/y"], 7, "/proc/x/y"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments: list[str], status: int, says: str) -> None:
    """The line says what is wrong and what to do; the exit status is the documented one."""
    assert says in refused(voice_app(*arguments), status)


def test_a_text_of_100_kb_is_spoken_or_refused_but_bounded(tmp_path: Path) -> None:
    """`say` takes any length clause by clause; this one has hardly anything to say."""
    result = subprocess.run(
        [sys.executable, "-m", "voice_app", "say", "-", "--out", str(tmp_path / "x.wav")],
        input="Hello. " + "*" * 100_000,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert result.returncode == 0, result.stderr


def test_bad_settings_are_one_line(tmp_path: Path) -> None:
    """Exit status 3 for a settings file that is not TOML."""
    path = tmp_path / "config.toml"
    path.write_text("x = [")

    assert "not valid TOML" in refused(voice_app("--config", str(path), "ask", "Hi"), 3)


def test_usage_errors_leave_with_2() -> None:
    """What the command line's own parser refuses."""
    assert voice_app("talk", "--nonsense").returncode == 2
    assert voice_app("talk", "x.wav").returncode == 2


def test_doctor_finds_the_models(tmp_path: Path) -> None:
    """Every check has a name and a verdict; the embedded models are there."""
    result = voice_app("doctor", "--json")
    findings = {row["check"]: row for row in json.loads(result.stdout)}

    assert findings["models"]["verdict"] == "ok"
    assert findings["llama"]["verdict"] == "ok"
    assert {"compiler", "cpu", "disk", "sound"} <= set(findings)


def test_models_are_listed_and_verified() -> None:
    """The three embedded models are installed, and their files are the published ones."""
    rows = {row["name"]: row for row in json.loads(voice_app("models", "list", "--json").stdout)}
    result = voice_app("models", "verify", "whisper-tiny.en", "smollm2-135m-instruct")

    assert rows["whisper-tiny.en"]["installed"] == "package"
    assert result.returncode == 0
    assert result.stdout.count("ok") == 2


def test_every_error_has_a_documented_exit_status() -> None:
    """The table in errors.py and the help agree on the numbers in use."""
    import inference.errors
    import voice_app.core.errors

    kinds = [*_subclasses(voice_app.core.errors.VoiceAppError), *_subclasses(inference.errors.InferenceError)]
    statuses = {exit_code(kind.__new__(kind)) for kind in kinds}

    assert statuses == {1, 2, 3, 4, 5, 6, 7}
    assert all(str(status) in voice_app_help() for status in statuses)


def _subclasses(kind: type[Exception]) -> list[type[Exception]]:
    return [kind, *(deeper for direct in kind.__subclasses__() for deeper in _subclasses(direct))]


def voice_app_help() -> str:
    return voice_app("--help").stdout
