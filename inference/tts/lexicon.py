"""How words are pronounced that the voice would say otherwise: names, above all.

A pronunciation is one of three. Phonemes of the International Phonetic Alphabet between slashes, "/ˈiːɡɔːɹ/". A
respelling: syllables with hyphens, the stressed one in capitals, "EE-gor", in the key that English encyclopedias use
(https://en.wikipedia.org/wiki/Help:Pronunciation_respelling_key). Or any spelling that an English reader says right.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

Phonemise = Callable[[str], Sequence[str]]
"""Text to phonemes, one code point each; " " separates words."""

ONSETS = {
    "ch": "tʃ", "sh": "ʃ", "zh": "ʒ", "th": "θ", "dh": "ð", "ph": "f", "wh": "w", "kh": "x", "ng": "ŋ", "ck": "k",
    "qu": "kw", "tch": "tʃ", "dj": "dʒ", "b": "b", "c": "k", "d": "d", "f": "f", "g": "ɡ", "h": "h", "j": "dʒ",
    "k": "k", "l": "l", "m": "m", "n": "n", "p": "p", "q": "k", "r": "ɹ", "s": "s", "t": "t", "v": "v", "w": "w",
    "x": "ks", "y": "j", "z": "z", "ss": "s", "ll": "l", "nn": "n", "tt": "t", "ff": "f", "zz": "z", "rr": "ɹ",
    "mm": "m", "kk": "k", "gg": "ɡ", "bb": "b", "dd": "d", "pp": "p",
}  # fmt: skip
VOWELS = {
    "eer": "ɪɹ", "air": "ɛɹ", "oor": "ʊɹ", "ire": "aɪɚ", "our": "aʊɚ", "eye": "aɪ", "igh": "aɪ", "err": "ɛɹ",
    "urr": "ɜː", "irr": "ɪɹ", "orr": "ɔːɹ", "arr": "æɹ", "uurr": "ʊɹ",
    "ah": "ɑː", "ar": "ɑːɹ", "aw": "ɔː", "ay": "eɪ", "ai": "eɪ", "ee": "iː", "ea": "iː", "eh": "ɛ", "er": "ɚ",
    "ew": "juː", "ey": "eɪ", "ih": "ɪ", "ie": "iː", "oh": "oʊ", "oa": "oʊ", "oo": "uː", "or": "ɔːɹ", "ow": "aʊ",
    "oy": "ɔɪ", "oi": "ɔɪ", "uh": "ə", "ur": "ɜː", "uu": "ʊ", "ou": "uː", "au": "ɔː",
    "a": "æ", "e": "ɛ", "i": "ɪ", "o": "ɑː", "u": "ʌ", "y": "aɪ",
}  # fmt: skip
_OPEN = {"a": "ə", "e": "iː", "i": "iː", "o": "oʊ", "u": "uː"}
"""A single vowel at the end of a syllable: "SO-cheel", "MA-ri-a"."""
_KEYS = "|".join(sorted(ONSETS, key=len, reverse=True))
_VOWEL_KEYS = "|".join(sorted(VOWELS, key=len, reverse=True))
_SYLLABLE = re.compile(rf"(?P<onset>(?:{_KEYS})*?)(?P<vowel>{_VOWEL_KEYS})(?P<coda>(?:{_KEYS})*)(?P<mute>e?)")
_CONSONANT = re.compile(_KEYS)
STAND_INS = {True: "oozhvoozhv", False: "voozhvoozhv"}
"""Stand in a sentence for a word with a pronunciation, by whether that begins with a vowel, on which the sound of "the"
and "a" before it depends; nothing else sounds like them."""
LONGEST_SYLLABLE_CHARS = 8
_VOWEL_SOUNDS = "aeiouɑɒɐæɛəɚɜɝɪɨɔʊʌyøœɵʉɯɤᵻ"


class Lexicon:
    """Words and their pronunciations, as phonemes of one voice."""

    def __init__(
        self, pronunciations: Mapping[str, str], phonemise: Phonemise, known: Mapping[str, object]
    ) -> None:
        """`pronunciations` by word, in any case; one without a sound that the voice knows is left out."""
        self._phonemise = phonemise
        heard = {
            w.casefold(): phonemes(how, phonemise, known) for w, how in pronunciations.items() if w.strip()
        }
        self._sounds = {word: sound for word, sound in heard.items() if any(map(_is_letter, sound))}
        words = "|".join(re.escape(word) for word in sorted(self._sounds, key=len, reverse=True))
        self._words = re.compile(rf"(?<![\w])(?:{words})(?![\w])", re.IGNORECASE) if words else None
        self._stand_ins = lru_cache(maxsize=2)(self._sound_of_stand_in)
        self.word = lru_cache(maxsize=4096)(self.phonemise)
        """Returns the phonemes of a word by itself, soon where it was asked for before."""

    def phonemise(self, text: str) -> Sequence[str]:
        """Return the phonemes of `text`: those of its words' pronunciations where it has them."""
        found = [match[0].casefold() for match in self._words.finditer(text)] if self._words else []
        if not found:
            return self._phonemise(text)
        assert self._words
        sounds = [self._sounds[word] for word in found]
        starts_with_vowel = iter([_starts_with_vowel(sound) for sound in sounds])
        spoken = "".join(self._phonemise(self._words.sub(lambda _: STAND_INS[next(starts_with_vowel)], text)))
        stand_ins = [self._stand_ins(vowel) for vowel in (True, False)]
        parts = re.split("|".join(f"[ˈˌ]?{re.escape(sound)}" for sound in stand_ins if sound), spoken)
        if not all(stand_ins) or len(parts) != len(sounds) + 1:  # a voice that reads them in another way
            return self._in_pieces(text, sounds)
        joined = [*parts[0]]
        for sound, part in zip(sounds, parts[1:], strict=True):
            joined += [*sound, *part]
        return joined

    def _sound_of_stand_in(self, vowel: bool) -> str:
        return "".join(self._phonemise(STAND_INS[vowel])).strip("ˈˌ .")

    def _in_pieces(self, text: str, sounds: Sequence[Sequence[str]]) -> Sequence[str]:
        """Phonemise what is between the words by itself."""
        assert self._words
        pieces = self._words.split(text)
        joined = [*self._phonemise(pieces[0])]
        for sound, piece in zip(sounds, pieces[1:], strict=True):
            gap = [" "] if joined and joined[-1] != " " else []
            joined += [*gap, *sound, *([" "] if piece[:1].isspace() else []), *self._phonemise(piece)]
        return joined


def phonemes(pronunciation: str, phonemise: Phonemise, known: Mapping[str, object]) -> list[str]:
    """Return the phonemes of a pronunciation that the voice knows."""
    bare = pronunciation.strip()
    if len(bare) > 2 and bare[0] == bare[-1] == "/":
        sounds: Sequence[str] = _stressed(unicodedata.normalize("NFD", bare[1:-1]))
    else:
        sounds = respelled(bare) or phonemise(bare.lower())
    return [sound for sound in sounds if sound in known and sound not in ".,;:!?_^$"]


def respelled(text: str) -> str | None:
    """Return the phonemes of a respelling with hyphens; None where it is none, or a syllable is not of the key."""
    syllables = re.split(r"[-\s]+", text.strip(" -"))
    if len(syllables) < 2 or not all(syllables):
        return None
    read = [_syllable(syllable.lower()) for syllable in syllables]
    stressed = [len(syllable) > 1 and syllable.isupper() for syllable in syllables]
    if not any(stressed) or all(stressed):
        stressed = [place == max(0, len(syllables) - 2) for place in range(len(syllables))]
    if any(sound is None for sound in read):
        return None
    return "".join(
        _stress(sound) if stress else sound for sound, stress in zip(read, stressed, strict=True) if sound
    )


def _stressed(ipa: str) -> str:
    """Return phonemes as espeak writes those of English: stress right before its vowel, ɹ and ɡ."""
    plain = ipa.translate(str.maketrans("gr'", "ɡɹˈ", "."))
    moved = re.sub(rf"([ˈˌ])([^{_VOWEL_SOUNDS}ˈˌ]+)(?=[{_VOWEL_SOUNDS}])", r"\2\1", plain)
    return moved if "ˈ" in moved else _stress(moved)


def _stress(sound: str) -> str:
    return re.sub(f"[{_VOWEL_SOUNDS}]", r"ˈ\g<0>", sound, count=1)


def _syllable(text: str) -> str | None:
    found = _SYLLABLE.fullmatch(text) if len(text) <= LONGEST_SYLLABLE_CHARS else None
    if found is None:
        return None
    vowel, coda = found["vowel"], found["coda"]
    sound = _OPEN.get(vowel, VOWELS[vowel]) if not coda else VOWELS[vowel]
    return _consonants(found["onset"]) + sound + _consonants(coda)


def _consonants(text: str) -> str:
    return "".join(ONSETS[key] for key in _CONSONANT.findall(text))


def _is_letter(phoneme: str) -> bool:
    return unicodedata.category(phoneme[0]) in ("Ll", "Lo")


def _starts_with_vowel(sound: Sequence[str]) -> bool:
    return next((phoneme in _VOWEL_SOUNDS for phoneme in sound if _is_letter(phoneme)), False)
