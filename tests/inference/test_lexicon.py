"""Words pronounced as told: by phonemes, in the times of words, and in what speech to text hears."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.models.store import ModelStore, cache_folder
from inference.stt import transcribe
from inference.tts.lexicon import STAND_INS, Lexicon, phonemes, respelled
from inference.tts.piper import PiperTextToSpeech, _phonemiser, _read_config
from inference.types import Audio, Voice
from tests.inference.tiny_voice import spoken
from tests.speech import stt


@pytest.fixture(scope="module")
def joe() -> Path:
    return ModelStore().find("piper-en_US-joe-medium", "tts").path


@pytest.mark.parametrize(
    ("text", "ipa"),
    [
        ("EE-gor", "ˈiːɡɔːɹ"),
        ("ee-gor", "ˈiːɡɔːɹ"),
        ("shi-VAWN", "ʃiːvˈɔːn"),
        ("wih-TEHK", "wɪtˈɛk"),
        ("SO-cheel", "sˈoʊtʃiːl"),
        ("her-MY-oh-nee", "hɚmˈaɪoʊniː"),
        ("nuh WIN", "nəwˈɪn"),
        ("eager", None),
        ("hmm-zz", None),
        ("-", None),
        ("", None),
    ],
)
def test_respellings_are_read_by_their_key(text: str, ipa: str | None) -> None:
    """Capitals carry the stress, before the vowel as the voice learnt it; what is no respelling is left to others."""
    assert respelled(text) == ipa


@given(st.text(max_size=100))
def test_any_respelling_is_read_or_refused(text: str) -> None:
    """Without an error, whatever is typed."""
    respelled(text)
    phonemes(text, list, dict.fromkeys("ˈabc"))


def letters(text: str) -> Sequence[str]:
    """A phonemiser that says every letter as it is."""
    return [*text]


@given(
    st.lists(st.sampled_from(["Igor", "igor's", "the", "Vigor,", "Siobhan!", "—", "IGOR-like"])),
    st.dictionaries(st.sampled_from(["Igor", "siobhan", "", " ", "a|b", "\\"]), st.text(max_size=10)),
)
def test_whole_words_alone_are_changed(words: list[str], told: dict[str, str]) -> None:
    """Text without a word of the lexicon is phonemised as ever; with one, everything else keeps its phonemes."""
    text = " ".join(words)
    lexicon = Lexicon(told, letters, dict.fromkeys("ˈabcdefghijklmnopqrstuvwyzɡɹ"))
    if not any(word.casefold().startswith(("igor", "siobhan")) for word in words):
        assert lexicon.phonemise(text) == letters(text)
    assert [*lexicon.phonemise("Vigor, Igorman")] == letters("Vigor, Igorman")


def test_a_voice_that_reads_the_stand_ins_in_another_way_says_the_words_all_the_same() -> None:
    """Then the text between the words is phonemised by itself."""

    def forgetful(text: str) -> Sequence[str]:
        return [*text.replace(STAND_INS[True], "?").replace(STAND_INS[False], "?")]

    lexicon = Lexicon({"Igor": "/iɡɔ/"}, forgetful, dict.fromkeys("ˈiɡɔ"))

    assert "".join(lexicon.phonemise("Hello Igor.")) == "Hello ˈiɡɔ."


@pytest.mark.model
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nice to meet you, Siobhan.", "nˈaɪs tə mˈiːt juː, sˈaɪoʊbhæn."),
        ("siobhan's dog", "sˈaɪoʊbhænz dˈɑːɡ"),
        ("The Igor, and a Nguyen!", "ðɪʲ ˈiːɡɚ, ænd ɐ wˈɪn!"),
        ("Vigor and Igorman", "vˈɪɡɚɹ ænd ˈaɪɡɔːɹmən"),
    ],
)
def test_real_words_are_said_as_told_inside_a_sentence(text: str, expected: str, joe: Path) -> None:
    """In any case, with endings; the words around them as they are before a word that begins so."""
    config = _read_config(joe)
    told = {"siobhan": "SY-ohb-han", "Igor": "eager", "NGUYEN": "/wɪn/", "mute": "//", "none": "…"}
    lexicon = Lexicon(told, _phonemiser(config), config.phoneme_id_map)

    assert "".join(lexicon.phonemise(text)) == expected


@pytest.mark.model
def test_real_words_keep_their_places_and_times(joe: Path) -> None:
    """The ends of words are those of the text, in order, also behind a word that is said in another way."""
    engine = PiperTextToSpeech(joe, cache_folder() / "voices")
    text = "Please tell Nguyen that Igor is here."
    before = [word.text_end for chunk in spoken(engine, text) for word in chunk.words]
    told = Voice(pronunciations={"Nguyen": "WIN", "Igor": "EE-go-ree"})
    words = [word for chunk in spoken(engine, text, told) for word in chunk.words]
    ends = [word.end_sample for word in words]

    assert [word.text_end for word in words] == before == [6, 11, 18, 23, 28, 31, 37]
    assert ends == sorted(ends)
    assert len(set(ends)) == len(ends)


@pytest.mark.model
def test_real_speech_is_heard_as_told_by_the_voice_that_was_told(joe: Path) -> None:
    """Speech to text writes down what the word sounds like in each of two voices of one engine."""
    engine = PiperTextToSpeech(joe, cache_folder() / "voices")

    def heard(voice: Voice) -> str:
        sound = [chunk.samples for chunk in spoken(engine, "The capital of France is Zorbl.", voice)]
        return transcribe(stt(), Audio(np.concatenate(sound), engine.rate_hz)).text

    told = Voice(pronunciations={"Zorbl": "PAIR-iss"})

    assert any("Paris" in heard(told) for _ in range(4))  # the voice draws noise: of 12 takes one was "Pears"
    assert not any("Paris" in heard(Voice()) for _ in range(4))
