"""Sound files: what can be read is read, what can't says why in one line, and both within bounds."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.audio import SILENCE_DBFS, level_dbfs, resample, split_at_quiet, write_audio
from inference.errors import AudioError
from inference.sound_files import read_audio
from inference.types import Audio

RATE_HZ = 16_000
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def tone(seconds: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    """A 440 Hz sine at half scale."""
    at_s = np.arange(int(seconds * rate_hz)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * 440 * at_s)).astype(np.float32)


def wav_bytes(samples: np.ndarray, rate_hz: int = RATE_HZ, subtype: str = "PCM_16") -> bytes:
    """A WAV file in memory."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format="WAV", subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_usual_formats_are_read(tmp_path: Path, name: str, rate_hz: int) -> None:
    """WAV, FLAC, OGG and MP3 come back at their own rate and level, as mono float32.

    A pure tone leaves MP3 frames bits to lend, so that reading it in blocks shows whether they are found.
    """
    soundfile.write(tmp_path / name, np.stack([tone(1, rate_hz)] * 2, axis=1), rate_hz)
    audio = read_audio(tmp_path / name)
    assert audio.rate_hz == rate_hz
    assert audio.samples.dtype == np.float32
    assert audio.seconds == pytest.approx(1, abs=0.11)  # MP3 pads to whole frames
    assert level_dbfs(audio.samples) == pytest.approx(level_dbfs(tone(1)), abs=1)


def test_channels_are_averaged(tmp_path: Path) -> None:
    """One silent channel halves the other; of opposite ones, which would cancel, one is taken."""
    left = tone(0.1)
    soundfile.write(tmp_path / "opposite.wav", np.stack([left, -left], axis=1), RATE_HZ, subtype="FLOAT")
    soundfile.write(tmp_path / "half.wav", np.stack([left, 0 * left], axis=1), RATE_HZ, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "opposite.wav").samples, left, atol=1e-6)
    np.testing.assert_allclose(read_audio(tmp_path / "half.wav").samples, left / 2, atol=1e-6)


def test_wild_samples_are_tamed(tmp_path: Path) -> None:
    """NaN and infinity become 0, samples beyond full scale are clipped, the others stay."""
    wild = np.array([0.25, np.nan, np.inf, -np.inf, 3e38, -7.0, -0.5], np.float32)
    soundfile.write(tmp_path / "wild.wav", wild, RATE_HZ, subtype="FLOAT")
    np.testing.assert_array_equal(read_audio(tmp_path / "wild.wav").samples, [0.25, 0, 0, 0, 1, -1, -0.5])


def test_truncated_wav_is_read_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A WAV that ends before its header says gives the samples it has and one line in the log."""
    whole = wav_bytes(tone(1))
    (tmp_path / "cut.wav").write_bytes(whole[: 44 + 2 * 4000])
    (tmp_path / "whole.wav").write_bytes(whole)
    assert len(read_audio(tmp_path / "whole.wav").samples) == RATE_HZ
    assert not caplog.records
    assert len(read_audio(tmp_path / "cut.wav").samples) == 4000
    assert "ends early" in caplog.text


def test_truncated_flac_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """Half a FLAC file gives about half of its sound, or says it can't be read; never silence or a hang."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 4 * RATE_HZ).astype(np.float32)
    soundfile.write(tmp_path / "a.flac", noise, RATE_HZ)
    content = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(content[: len(content) // 2])
    assert 1 < read_audio(tmp_path / "a.flac").seconds < 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello, this is text\n" * 50, "not a sound file"),
        (bytes(4000), "not a sound file"),
        (wav_bytes(np.zeros(0, np.float32)), "no sound"),
        (wav_bytes(tone(0.1))[:44], "no sound"),
        (wav_bytes(tone(0.1))[:30], "not a sound file"),
        (wav_bytes(tone(0.1), 2000), "2000 Hz"),
    ],
)
@pytest.mark.parametrize("name", ["a.wav", "a.raw", "a.vox"])
def test_useless_content_says_why(tmp_path: Path, content: bytes, words: str, name: str) -> None:
    """Empty, foreign and cut files raise one line with the path and the reason, whatever their extension."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AudioError, match=words) as caught:
        read_audio(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_paths_that_are_no_files_say_so(tmp_path: Path) -> None:
    """A missing file, a directory, a pipe (without waiting for it) and an impossible name are named as such."""
    os.mkfifo(tmp_path / "pipe")
    for path, words in [
        (tmp_path / "none.wav", "no such file"),
        (tmp_path, "directory"),
        (tmp_path / "pipe", "not a regular file"),
        (tmp_path / "nul\0.wav", "nul"),
        (tmp_path / ("x" * 5000), "xxx"),
    ]:
        with pytest.raises(AudioError, match=words):
            read_audio(path)


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_longer_than_allowed_is_refused(tmp_path: Path, name: str) -> None:
    """A sound longer than max_s raises; one of just that length is read."""
    soundfile.write(tmp_path / name, tone(2), RATE_HZ)
    assert read_audio(tmp_path / name, max_s=2).seconds == 2
    with pytest.raises(AudioError, match="longer than 1 s"):
        read_audio(tmp_path / name, max_s=1)


@FUZZ
@given(
    edits=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), min_size=1, max_size=6),
    keep=st.integers(0, 2000),
)
def test_mutated_headers_give_sound_or_an_error(
    tmp_path: Path, edits: list[tuple[int, int]], keep: int
) -> None:
    """Whatever a WAV's header says, reading ends with sane samples or an AudioError."""
    content = bytearray(wav_bytes(tone(0.05)))
    for at, value in edits:
        content[at] = value
    (tmp_path / "fuzz.wav").write_bytes(content[: keep + 12])
    check_sane(tmp_path / "fuzz.wav")


@FUZZ
@given(
    riff=st.integers(0, 2**32 - 1),
    data=st.integers(0, 2**32 - 1),
    rate_hz=st.sampled_from([0, 1, 4000, 16_000, 384_000, 2**31 - 1, 2**32 - 1]),
    channels=st.sampled_from([0, 1, 2, 64, 1024, 65_535]),
    bits=st.sampled_from([0, 1, 8, 16, 24, 32, 64, 65_535]),
    kind=st.sampled_from([1, 2, 3, 6, 7, 0x11, 0x31, 0x55, 0xFFFE]),
)
def test_lying_headers_stay_within_bounds(tmp_path: Path, **fields: int) -> None:
    """Sizes, rates, channels and codecs that no sound has do not make the reader believe them."""
    rate_hz, channels, bits = fields["rate_hz"], fields["channels"], fields["bits"]
    block = channels * bits // 8 & 0xFFFF
    content = b"RIFF" + struct.pack("<I", fields["riff"]) + b"WAVEfmt " + struct.pack("<I", 16)
    content += struct.pack(
        "<HHIIHH", fields["kind"], channels, rate_hz, rate_hz * block & 0xFFFFFFFF, block, bits
    )
    content += b"data" + struct.pack("<I", fields["data"]) + bytes(range(256)) * 20
    (tmp_path / "lie.wav").write_bytes(content)
    check_sane(tmp_path / "lie.wav")


def check_sane(path: Path) -> None:
    """Read the file; sound is finite, in range and not longer than its bytes could hold."""
    try:
        audio = read_audio(path)
    except AudioError:
        return
    assert 0 < len(audio.samples) <= 64 * path.stat().st_size
    assert np.abs(audio.samples).max() <= 1


def test_written_wav_reads_back(tmp_path: Path) -> None:
    """What is written is read back within half a step of 16 bits, loud samples clipped; no other file stays."""
    path = tmp_path / "out.wav"
    path.write_bytes(b"old")
    write_audio(path, Audio(np.append(tone(0.2), np.float32(2)), 22_050))
    back = read_audio(path)
    assert back.rate_hz == 22_050
    np.testing.assert_allclose(back.samples, np.append(tone(0.2), 1), atol=1 / 32_000)
    assert list(tmp_path.iterdir()) == [path]


def test_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """A rate no WAV can hold, or a folder that is not there, raises AudioError and changes nothing."""
    path = tmp_path / "out.wav"
    path.write_bytes(b"old")
    with pytest.raises(AudioError, match="can't be written"):
        write_audio(path, Audio(tone(0.1), -1))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(AudioError, match="can't be written"):
        write_audio(tmp_path / "none" / "out.wav", Audio(tone(0.1), RATE_HZ))


@given(st.sampled_from([8_000, 16_000, 22_050, 24_000, 44_100, 48_000]), st.integers(0, 3_000))
@settings(deadline=None)
def test_resampling_keeps_length_in_seconds(rate_hz: int, samples: int) -> None:
    """The length in seconds stays within one sample, for any length including none."""
    audio = Audio(tone(1)[:samples], RATE_HZ)
    there = resample(audio, rate_hz)
    assert there.rate_hz == rate_hz
    assert there.samples.dtype == np.float32
    assert abs(there.seconds - audio.seconds) <= 1 / rate_hz


def test_resampling_keeps_a_tone() -> None:
    """A 440 Hz tone resampled is the 440 Hz tone of the other rate, edges aside; the same rate costs nothing."""
    there = resample(Audio(tone(1, 48_000), 48_000), RATE_HZ)
    np.testing.assert_allclose(there.samples[500:-500], tone(1)[500:-500], atol=1e-3)
    assert resample(there, RATE_HZ) is there


@given(st.floats(1e-4, 1))
def test_level_follows_the_gain(gain: float) -> None:
    """A gain shifts the level by its decibels; a full-scale square wave has 0 dB, silence the floor."""
    shifted = level_dbfs((tone(0.1) * gain).astype(np.float32))
    assert shifted == pytest.approx(level_dbfs(tone(0.1)) + 20 * np.log10(gain), abs=1e-2)
    assert level_dbfs(np.array([1, -1], np.float32)) == 0
    assert level_dbfs(np.zeros(5, np.float32)) == level_dbfs(np.zeros(0, np.float32)) == SILENCE_DBFS


@given(st.integers(0, 5_000), st.floats(0.2, 3), st.integers(0, 9))
def test_pieces_join_to_the_sound(samples: int, max_s: float, seed: int) -> None:
    """Pieces are no longer than allowed, none but an only one is empty, and joined they are the sound."""
    sound = np.random.default_rng(seed).standard_normal(samples).astype(np.float32)
    pieces = split_at_quiet(Audio(sound, 1000), max_s)
    assert all(piece.seconds <= max_s for piece in pieces)
    assert len(pieces) == 1 or all(len(piece.samples) for piece in pieces)
    np.testing.assert_array_equal(np.concatenate([piece.samples for piece in pieces]), sound)


def test_cut_lies_in_the_pause() -> None:
    """A sound too long for one piece is cut inside its only pause."""
    sound = np.concatenate([tone(7), np.zeros(RATE_HZ // 2, np.float32), tone(4)])
    first, second = split_at_quiet(Audio(sound, RATE_HZ), 10)
    assert 7 <= first.seconds <= 7.5
    assert first.seconds + second.seconds == pytest.approx(11.5)
