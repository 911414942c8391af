"""Text to speech: the cut of a voice, its windows, and bad voices."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.errors import InferenceError, ModelCorrupt, ModelMissing
from inference.tts import split
from inference.tts.piper import (
    PiperTextToSpeech,
)
from inference.types import Voice
from tests.inference.tiny_voice import SENTENCES, install, spoken, tiny_voice, untimed


@untimed
@given(frames=st.integers(0, 3000))
def test_windows_cover_all_frames_and_start_small(frames: int) -> None:
    """Windows follow each other without gap, the first is small, none is much larger than LARGEST_FRAMES."""
    spans = list(split.windows(frames))
    assert [0, *(end for _, end in spans)] == [*(start for start, _ in spans), frames]
    sizes = [end - start for start, end in spans]
    assert all(0 < size < split.LARGEST_FRAMES + split.SMALLEST_LAST_FRAMES for size in sizes)
    assert not sizes or sizes[0] < split.FIRST_FRAMES + split.SMALLEST_LAST_FRAMES
    assert len(sizes) < 2 or sizes[-1] >= split.SMALLEST_LAST_FRAMES


@settings(max_examples=12, deadline=None)
@given(half=st.integers(0, 3), dilation=st.integers(1, 6), ids=st.integers(1, 300))
def test_windows_of_any_convolution_equal_the_whole(half: int, dilation: int, ids: int) -> None:
    """The reach found by trying is that of the kernel, and with it the joined windows are the whole sound."""
    cut = split.cut_voice(tiny_voice(2 * half + 1, dilation))
    assert (cut.flow_reach, cut.decoder_reach, cut.samples_per_frame) == (half * dilation, 2, 8)
    voice = split.SplitVoice(cut, threads=1)
    prior, durations = voice.encode(range(ids), (1.0, 1.0, 1.0))
    joined = np.concatenate([sound for sound, _ in voice.decode(prior)])
    assert durations.tolist() == [2.0] * ids
    assert len(joined) == ids * 2 * 8
    np.testing.assert_allclose(joined, voice.decode_whole(prior), rtol=0, atol=1e-5)


@pytest.mark.parametrize("change", ["", "speaker"])
def test_cut_graph_equals_uncut_graph(tmp_path: Path, change: str) -> None:
    """Without noise the three parts give what the one graph gives, also when it asks for a speaker."""
    voice = install(tmp_path, tiny_voice(change=change))
    ours, theirs = (
        np.concatenate([sound for sound, _ in one.speak(range(200), (0.0, 1.0, 0.0)).windows])
        for one in (
            split.SplitVoice(split.load_cut(voice, tmp_path), threads=1, speaker=3),
            split.WholeVoice(voice, threads=1, speaker=3),
        )
    )
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "why"), [("renamed", "VITS"), ("unmasked", "masked"), ("global", "hears the whole clause")]
)
def test_a_voice_that_cannot_be_cut_speaks_whole(tmp_path: Path, change: str, why: str) -> None:
    """Another construction is refused with its reason, and its clauses come in one chunk with word times."""
    engine = PiperTextToSpeech(install(tmp_path, tiny_voice(change=change)), tmp_path / "cache")
    assert engine.whole_because is not None
    assert why in engine.whole_because
    (chunk,) = spoken(engine, SENTENCES[0])
    ends = [word.end_sample for word in chunk.words]
    assert len(ends) == len(SENTENCES[0].split())
    assert 0 < ends[0] < ends[-1] <= len(chunk.samples)


def test_a_cut_is_made_once_a_voice(tmp_path: Path) -> None:
    """The stored cut is used again; a changed voice of the same name gets its own; nothing else is left."""
    cache = tmp_path / "cache"
    voice = install(tmp_path, tiny_voice())
    first = split.load_cut(voice, cache)
    (stored,) = cache.iterdir()
    marked = stored.stat().st_mtime_ns
    assert split.load_cut(voice, cache) == first
    assert stored.stat().st_mtime_ns == marked
    voice.write_bytes(tiny_voice(gain=0.5))
    assert split.load_cut(voice, cache).decoder != first.decoder
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b[:99] + b"x" + b[100:], lambda b: b""])
def test_a_damaged_cut_is_made_again(tmp_path: Path, damage: Any) -> None:
    """A truncated, changed or empty stored cut is replaced by the right one."""
    voice = install(tmp_path, tiny_voice())
    first = split.load_cut(voice, tmp_path / "cache")
    (stored,) = (tmp_path / "cache").iterdir()
    whole = stored.read_bytes()
    stored.write_bytes(damage(whole))
    assert split.load_cut(voice, tmp_path / "cache") == first
    assert stored.read_bytes() == whole


@untimed
@given(st.binary(max_size=40), st.integers(0), st.integers(1, 255))
def test_unpack_returns_what_was_packed_or_nothing(part: bytes, place: int, flip: int) -> None:
    """Packing is reversible, and any changed byte is noticed."""
    cut = split.Cut(part, b"flow", part[::-1], 32, 11, 256)
    packed = bytearray(split.pack(cut))
    assert split.unpack(bytes(packed)) == cut
    packed[place % len(packed)] ^= flip
    assert split.unpack(bytes(packed)) is None


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    """Where the cache folder can't be made, the voice is cut all the same."""
    (tmp_path / "file").write_text("not a folder")
    voice = install(tmp_path, tiny_voice())
    assert split.load_cut(voice, tmp_path / "file" / "cache") == split.cut_voice(voice.read_bytes())


def test_a_full_disk_leaves_no_partial_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the cut can't be written to the end, nothing of it stays."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    voice = install(tmp_path, tiny_voice())
    assert split.load_cut(voice, tmp_path / "cache").samples_per_frame == 8
    assert list((tmp_path / "cache").iterdir()) == []


def test_missing_and_broken_voices_are_named(tmp_path: Path) -> None:
    """Every defect of the two files is one line that names the file."""
    with pytest.raises(ModelMissing, match=r"none\.onnx is not there"):
        PiperTextToSpeech(tmp_path / "none.onnx", tmp_path)
    with pytest.raises(ModelCorrupt, match="not a Piper voice") as caught:
        PiperTextToSpeech(install(tmp_path, b"garbage" * 99), tmp_path)
    assert "\n" not in str(caught.value)
    defects: tuple[dict[str, Any], ...] = (
        {"audio": 7},
        {"phoneme_id_map": {}},
        {"phoneme_type": "pinyin"},
        {"inference": {"noise_scale": "x"}},
        {"espeak": {"voice": "xx-none"}},
    )
    for broken in defects:
        with pytest.raises(ModelCorrupt, match="not the configuration"):
            PiperTextToSpeech(install(tmp_path, tiny_voice(), **broken), tmp_path)
    (tmp_path / "tiny.onnx.json").write_text("[" * 100_000)
    with pytest.raises(ModelCorrupt, match="not the configuration"):
        PiperTextToSpeech(tmp_path / "tiny.onnx", tmp_path)


@pytest.mark.parametrize("speed", [0.0, -1.0, 9.0, float("nan")])
def test_speed_is_bounded(tiny: PiperTextToSpeech, speed: float) -> None:
    """A speed that would make sound endless or unintelligible is refused."""
    with pytest.raises(InferenceError, match="speed must be"):
        spoken(tiny, "Hello.", Voice(speed))


def test_importing_is_cheap() -> None:
    """Importing the engine loads no heavy library."""
    code = "import sys, inference.tts.piper; print({'onnx', 'onnxruntime', 'piper'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
