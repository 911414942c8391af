"""`voice-app transcribe` as a user runs it: real sound, real models, files that must not be lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from inference.audio import resample, write_audio
from inference.errors import AudioError
from inference.sound_files import read_audio, stream_audio
from inference.types import Audio
from tests.speech import spoken
from voice_app.cli.transcribe_command import transcribe
from voice_app.cli.transcription.timed_stt import Transcriber
from voice_app.runtime.settings import Settings

SENTENCES = ("The library opens every morning.", "What is the capital of France?", "Please close the window.")
PAUSE_S = 2.0


def voice_app(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program."""
    command = [sys.executable, "-m", "voice_app", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[float, float]]]:
    """Three sentences with pauses between them, and when each is spoken."""
    parts, times, at_s = [np.zeros(8_000, np.float32)], [], 0.5
    for sentence in SENTENCES:
        sound = resample(spoken(sentence), 16_000)
        times.append((at_s, at_s + sound.seconds))
        parts += [sound.samples, np.zeros(round(PAUSE_S * 16_000), np.float32)]
        at_s += sound.seconds + PAUSE_S
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    write_audio(path, Audio(np.concatenate(parts), 16_000))
    return path, times


@pytest.mark.model
def test_subtitles_fit_the_speech(talk: tuple[Path, list[tuple[float, float]]], tmp_path: Path) -> None:
    """Every sentence is a subtitle that starts and ends with it, to a third of a second; nothing is overwritten."""
    path, times = talk
    out = tmp_path / "talk.json"
    done = voice_app("transcribe", str(path), "--format", "json", "--out", str(out))
    row = json.loads(out.read_text())
    again = voice_app("transcribe", str(path), "--format", "srt", "--out", str(out))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [cue["lines"][-1].split()[-1] for cue in row["cues"]] == ["morning.", "France?", "window."]
    assert [cue["start_s"] for cue in row["cues"]] == pytest.approx([start for start, _ in times], abs=0.3)
    last_words = [word for word in row["words"] if word["text"].endswith((".", "?"))]
    assert [word["end_s"] for word in last_words] == pytest.approx([end for _, end in times], abs=0.35)
    assert again.returncode == 7
    assert "--force" in again.stderr
    assert json.loads(out.read_text()) == row


@pytest.mark.model
def test_a_folder_of_transcripts_and_a_broken_file(
    talk: tuple[Path, list[tuple[float, float]]], tmp_path: Path
) -> None:
    """What can be read is written, the other has its line, and the status is the first failure's."""
    path, _ = talk
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    result = voice_app(
        "transcribe",
        str(broken),
        str(path),
        str(tmp_path / "none.wav"),
        "--format",
        "vtt",
        "--out",
        str(tmp_path),
    )

    assert result.returncode == 5
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["voice-app"] * 2
    assert (tmp_path / "talk.vtt").read_text().startswith("WEBVTT\n\n00:00:00.")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["broken.wav", "talk.vtt"]


@pytest.mark.model
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Twenty minutes take no more memory than one: a tenth of what the sound itself would need."""
    peaks = []
    for minutes in (1, 20):
        path = tmp_path / f"{minutes}.flac"
        speech = resample(spoken(SENTENCES[0]), 16_000).samples
        soundfile.write(path, np.resize(np.append(speech, np.zeros(480_000)), minutes * 960_000), 16_000)
        code = (
            "import re, sys; from pathlib import Path; from voice_app.runtime.settings import Settings\n"
            "from voice_app.cli.transcription.timed_stt import Transcriber\n"
            "words = Transcriber.load(Settings()).transcript(Path(sys.argv[1])).words\n"
            "peak = re.search(r'VmHWM:\\s*(\\d+)', Path('/proc/self/status').read_text())\n"
            "print(len(words), peak[1])"
        )
        run = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
        )
        words, peak_kb = map(int, run.stdout.split())
        peaks.append(peak_kb)

        assert words >= 4 * minutes

    assert peaks[1] - peaks[0] < 8_000


@pytest.mark.model
def test_the_same_file_gives_the_same_transcript(talk: tuple[Path, list[tuple[float, float]]]) -> None:
    """A transcriber remembers nothing of the file before."""
    transcriber = Transcriber.load(Settings())

    assert transcriber.transcript(talk[0]).words == transcriber.transcript(talk[0]).words


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["a.wav", "b.wav", "--format", "srt"], "--out FOLDER"),
        (["a.wav", "x/a.mp3", "--out", "folder"], "two files"),
        (["a.wav", "--json", "--format", "text"], "--json goes alone"),
        (["a.wav", "b.wav", "--out", __file__], "need a folder"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_work(options: list[str], said: str) -> None:
    """One line, status 2, no model loaded."""
    import typer

    app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(transcribe)
    result = CliRunner().invoke(app, options, env=os.environ | {"COLUMNS": "200"})

    assert result.exit_code == 2
    assert said in result.stderr


def test_a_file_is_streamed_as_it_is_read(tmp_path: Path) -> None:
    """Blocks joined are the whole file, resampled; its length is told before."""
    sound = Audio(np.sin(np.arange(50_000) / 9).astype(np.float32) * 0.5, 48_000)
    write_audio(tmp_path / "a.wav", sound)
    with stream_audio(tmp_path / "a.wav", 16_000) as stream:
        joined = np.concatenate(list(stream.blocks))
    whole = resample(read_audio(tmp_path / "a.wav"), 16_000).samples

    assert stream.seconds == pytest.approx(sound.seconds)
    assert len(joined) == pytest.approx(len(whole), abs=2)
    assert np.abs(joined[: len(whole)] - whole[: len(joined)]).max() < 1e-3


@pytest.mark.parametrize("content", [b"", b"hello" * 100, b"RIFF\xff\xff\xff\xffWAVEfmt "])
def test_a_file_that_is_no_sound_is_refused(content: bytes, tmp_path: Path) -> None:
    """With its name."""
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(AudioError, match=r"x\.wav"), stream_audio(tmp_path / "x.wav", 16_000) as stream:
        list(stream.blocks)
