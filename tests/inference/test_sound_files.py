"""Sound files as people have them: what telephones write, what was cut or joined, headers that lie, hostile ones."""

from __future__ import annotations

import io
import logging
import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.audio import level_dbfs
from inference.errors import AudioError
from inference.sound_files import MOST_GAIN_DB, QUIET_DBFS, gain, read_audio, stream_audio
from inference.types import Samples

RATE_HZ = 16_000
CODECS = {
    "m4a": ("ipod", "aac", RATE_HZ),
    "mp4": ("mp4", "aac", RATE_HZ),
    "aac": ("adts", "aac", RATE_HZ),
    "webm": ("webm", "libopus", 48_000),
    "opus": ("ogg", "libopus", 48_000),
    "amr": ("amr", "libopencore_amrnb", 8_000),
    "3gp": ("3gp", "libopencore_amrnb", 8_000),
    "mka": ("matroska", "flac", RATE_HZ),
    "mp3": ("mp3", "libmp3lame", RATE_HZ),
    "aiff": ("aiff", "pcm_s16be", RATE_HZ),
}
"""By extension: FFmpeg's names of the container and of the codec, and the rate."""
ZERO_LENGTH, UNKNOWN_LENGTH = 0, 0xFFFFFFFF


def sung(seconds: float, rate_hz: int = RATE_HZ) -> Samples:
    """Return a tone that rises, so that codecs made for speech keep it."""
    at = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.3 * np.sin(2 * np.pi * (300 + 200 * at) * at)).astype(np.float32)


def encoded(kind: str, seconds: float = 2.0) -> bytes:
    """Return a file as a telephone, a browser or a recorder writes it."""
    container_name, codec, rate_hz = CODECS[kind]
    samples = (sung(seconds, rate_hz) * 32767).astype(np.int16)
    file = io.BytesIO()
    with av.open(file, "w", format=container_name) as container:
        stream = container.add_stream(codec, rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate_hz, 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()


def wav(samples: Samples, data_bytes: int | None = None, subtype: str = "PCM_16") -> bytes:
    """Return a WAV; `data_bytes`: what its header tells."""
    file = io.BytesIO()
    soundfile.write(file, samples, RATE_HZ, format="WAV", subtype=subtype)
    content = file.getvalue()
    if data_bytes is None:
        return content
    at = content.index(b"data") + 4
    return content[:at] + struct.pack("<I", data_bytes) + content[at + 4 :]


def told_frames(content: bytes, frames: int) -> bytes:
    """Return an MP3 whose header tells so many frames."""
    at = max(content.find(b"Info"), content.find(b"Xing")) + 8
    assert at > 8
    return content[:at] + struct.pack(">I", frames) + content[at + 4 :]


def read(folder: Path, content: bytes, name: str = "sound.bin") -> float:
    """Return how many seconds both ways of reading find, which must agree."""
    (folder / name).write_bytes(content)
    audio = read_audio(folder / name)
    with stream_audio(folder / name, RATE_HZ) as stream:
        streamed = sum(map(len, stream.blocks)) / RATE_HZ
    assert streamed == pytest.approx(audio.seconds, abs=0.01)
    assert level_dbfs(audio.samples) > -45
    return audio.seconds


@pytest.mark.parametrize("kind", CODECS)
def test_what_telephones_and_browsers_write_is_read(tmp_path: Path, kind: str) -> None:
    """By its content: the name says nothing."""
    assert read(tmp_path, encoded(kind)) == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("data_bytes", [ZERO_LENGTH, UNKNOWN_LENGTH])
def test_a_wav_that_was_written_as_a_stream_is_read_to_its_end(tmp_path: Path, data_bytes: int) -> None:
    """Its header does not know the length."""
    assert read(tmp_path, wav(sung(2), data_bytes)) == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize("kind", ["wav", "mp3", "opus", "aac", "amr"])
def test_joined_files_are_read_whole(tmp_path: Path, kind: str) -> None:
    """Both halves of what `cat` made."""
    one = wav(sung(2)) if kind == "wav" else encoded(kind)
    joined = one + (one[6:] if kind == "amr" else one)  # an AMR begins with six bytes that no frame has
    assert read(tmp_path, joined) == pytest.approx(4, abs=0.3)


@pytest.mark.parametrize("frames", [10, 1_000_000])
def test_an_mp3_is_as_long_as_it_is(tmp_path: Path, frames: int, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever its header tells; one that promises more is warned of."""
    with caplog.at_level(logging.WARNING):
        assert read(tmp_path, told_frames(encoded("mp3"), frames)) == pytest.approx(2, abs=0.2)
    assert ("ends early" in caplog.text) == (frames > 100)


def test_junk_before_an_mp3_is_passed_over(tmp_path: Path) -> None:
    """As where a page of a portal was saved before it."""
    assert read(
        tmp_path, b"<html><body>Please log in.</body></html>\n" * 100 + encoded("mp3")
    ) == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("kind", ["wav", "m4a", "webm", "opus", "amr", "aiff"])
def test_junk_before_other_files_is_passed_over(tmp_path: Path, kind: str) -> None:
    """Where their mark is found soon; the second of two joined WAVs is still read."""
    content = wav(sung(1)) * 2 if kind == "wav" else encoded(kind)
    assert read(tmp_path, b"\r\n--boundary\r\n" * 20 + content) == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("kind", ["mp3", "aac", "opus", "mka"])
def test_a_cut_file_is_read_as_far_as_it_goes(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A third to two thirds of its sound is there; what tells its length gets a warning."""
    content = encoded(kind, 6)
    with caplog.at_level(logging.WARNING):
        assert 1 < read(tmp_path, content[: len(content) // 2]) < 5
    assert ("ends early" in caplog.text) == (kind in ("mp3", "mka"))


def test_an_m4a_without_its_index_says_so(tmp_path: Path) -> None:
    """It comes at the end of the file, and nothing can be read without it."""
    (tmp_path / "cut.m4a").write_bytes(encoded("m4a")[:3000])
    with pytest.raises(AudioError, match=r"cut\.m4a: not a sound file that can be read"):
        read_audio(tmp_path / "cut.m4a")


@pytest.mark.parametrize("level_db", [-52, -60])
def test_very_quiet_speech_is_amplified(tmp_path: Path, level_db: int) -> None:
    """To a level that the models know; louder recordings keep theirs, and their noise."""
    quiet = sung(2) * 10 ** (level_db / 20)
    assert read(tmp_path, wav(quiet.astype(np.float32), subtype="PCM_24")) == pytest.approx(2)
    loud = np.concatenate([quiet, sung(1)]).astype(np.float32)
    (tmp_path / "loud.wav").write_bytes(wav(loud, subtype="PCM_24"))
    np.testing.assert_allclose(read_audio(tmp_path / "loud.wav").samples, loud, atol=1e-6)


@given(st.floats(-150, 0))
def test_amplification_has_a_limit(loudest: float) -> None:
    """It never goes beyond the wanted level, nor beyond the most."""
    raised_db = 20 * np.log10(gain(loudest))
    assert 0 <= raised_db <= MOST_GAIN_DB + 1e-9
    assert loudest + raised_db <= max(loudest, QUIET_DBFS) + 1e-9


@pytest.mark.parametrize(
    "content",
    [
        b"#EXTM3U\n#EXTINF:3,\n{}\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile '{}'\n",
        b"<?xml version='1.0'?><MPD><Period><BaseURL>{}</BaseURL></Period></MPD>",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    ],
)
def test_a_playlist_opens_no_other_file(tmp_path: Path, content: bytes) -> None:
    """Nor an address: a file is read, and nothing that it names."""
    (tmp_path / "other.wav").write_bytes(wav(sung(1)))
    path = tmp_path / "list.wav"
    path.write_bytes(content.replace(b"{}", str(tmp_path / "other.wav").encode()))
    with pytest.raises(AudioError):
        read_audio(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["m4a", "webm", "mp3", "opus", "amr", "aac", "aiff"]),
    edits=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8),
    keep=st.floats(0, 1),
)
def test_mutated_files_give_sound_or_one_line(
    tmp_path: Path, kind: str, edits: list[tuple[int, int]], keep: float
) -> None:
    """Whatever is changed at their beginning, and wherever they end; sound is finite and in range."""
    content = bytearray(ENCODED[kind])
    for at, value in edits:
        content[at % len(content)] = value
    path = tmp_path / "fuzz"
    path.write_bytes(content[: 1 + int(keep * len(content))])
    try:
        audio = read_audio(path)
    except AudioError:
        return
    assert len(audio.samples) > 0
    assert np.abs(audio.samples).max() <= 1


ENCODED = {kind: encoded(kind, 0.5) for kind in CODECS}
