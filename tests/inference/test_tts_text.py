"""Text to speech: any text, word times, silence."""

from __future__ import annotations

from itertools import islice, pairwise, zip_longest
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from inference.types import Voice, WordEnd
from tests.inference.tiny_voice import RATE_HZ, SENTENCES, install, phoneme_ids, spoken, tiny_voice, untimed


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
    stream = tiny.stream(huge, Voice(), cancelled)
    assert len(next(stream).samples)
    cancelled.set()
    assert list(stream) == []


def test_cancelling_ends_between_windows(tiny: PiperTextToSpeech) -> None:
    """A clause of several windows ends at the next one; one cancelled before it starts yields nothing."""
    assert len(spoken(tiny, SENTENCES[3])) > 2
    cancelled = Event()
    got = []
    for chunk in tiny.stream(SENTENCES[3], Voice(), cancelled):
        got.append(chunk)
        cancelled.set()
    assert len(got) == 1
    assert list(tiny.stream(SENTENCES[3], Voice(), cancelled)) == []


def test_voices_of_one_engine_do_not_hear_of_each_other(tiny: PiperTextToSpeech) -> None:
    """Clauses in two voices, piece by piece in turns, are as long as each by itself, and have its words' ends."""
    text = " ".join(["Please tell Igor that it is late, and that Igor was here."] * 4)
    voices = (Voice(), Voice(pronunciations={"igor": "ee-gor-ee-gor-ee-GOR"}))
    alone = [[(len(chunk.samples), chunk.words) for chunk in spoken(tiny, text, voice)] for voice in voices]
    together: list[list[tuple[int, tuple[WordEnd, ...]]]] = [[], []]
    for pair in zip_longest(*(tiny.stream(text, voice, Event()) for voice in voices)):
        for said, chunk in zip(together, pair, strict=True):
            said += [(len(chunk.samples), chunk.words)] if chunk else []

    assert together == alone
    assert sum(length for length, _ in alone[0]) < sum(length for length, _ in alone[1])


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
