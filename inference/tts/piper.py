"""Text to speech with Piper: the sound of a clause starts before the clause is computed.

clause → pronounceable text → pieces → phonemes (espeak) → windows of sound (split.py) → chunks with word times
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache, partial
from itertools import accumulate, pairwise
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.errors import InferenceError, ModelCorrupt, ModelMissing
from inference.tts.lexicon import Lexicon, Phonemise
from inference.tts.split import NotDivisible, Scales, SplitVoice, WholeVoice, load_cut
from inference.types import Samples, SpeechChunk, Voice, WordEnd

MAX_IDS = 400
"""Phoneme ids of one run: bounds memory, and the wait for the text part (about 0.15 ms an id)."""
MAX_CHARS = 180
"""Characters of one run, MAX_IDS for English; fewer when digits or symbols make them long."""
GAIN = 1.25
"""The same for every chunk. Highest raw peak of 42 clauses of en_US-joe-medium: 0.77, so 0.96 after it.
A clause's own maximum, which Piper divides by, is not known while it is being computed."""
SILENCE = 10 ** (-50 / 20)
"""RMS of a block that counts as silence: -50 dBFS."""
BLOCK_S = 0.01
LEAD_S = 0.005
"""Silence kept before the first sound; a voice brings up to 70 ms."""
PAUSE_S = 0.25
"""Silence kept at most after a piece that ends with punctuation: the pause at a comma inside a clause."""
SEAM_S = 0.08
"""Silence kept at most after a piece that ends without: speech goes on."""
MAX_CONFIG_BYTES = 1_000_000
MAX_VOICE_BYTES = 1_000_000_000
"""The largest Piper voices have 115 MB."""
MIN_SPEED, MAX_SPEED = 0.25, 4.0
LEXICONS = 32
"""Voices' pronunciations that are kept as phonemes."""


class PiperTextToSpeech:
    """Speaks clauses with a Piper voice: the .onnx file `voice`, its .onnx.json beside it.

    `cache` is the folder that keeps the cut of the voice. Voices of several speakers use their default one.
    Raises ModelMissing, ModelCorrupt.
    """

    whole_because: str | None
    """Why this voice is computed a clause at a time, without exact word times; None when it streams."""

    def __init__(self, voice: Path, cache: Path, *, threads: int = 2) -> None:
        self._config = _read_config(voice)
        known = self._config.phoneme_id_map
        self._lexicon = lru_cache(maxsize=LEXICONS)(partial(_lexicon, _phonemiser(self._config), known))
        self._voice, self.whole_because = _load_voice(voice, cache, threads, self._config.default_speaker_id)

    @property
    def rate_hz(self) -> int:
        """Sample rate of the voice."""
        return int(self._config.sample_rate)

    def keep_warm(self) -> None:
        """Run everything once: the first run allocates and loads what later ones reuse."""
        for _ in self.stream("This is a short sentence.", Voice(), Event()):
            pass

    def stream(self, text: str, voice: Voice, cancelled: Event) -> Iterator[SpeechChunk]:
        """Yield the sound of `text`, the first ~0.3 s as early as possible; nothing for unspeakable text.

        A text longer than MAX_CHARS is spoken in pieces: the words of each stand on the first chunk of that
        piece, their `end_sample` counted from the start of all the sound. Raises InferenceError, with the first
        chunk, for a speed below MIN_SPEED or above MAX_SPEED.
        """
        scales = self._scales(voice.speed)
        lexicon = self._lexicon(tuple(voice.pronunciations.items()))
        spoken_samples = 0
        for piece in pieces(pronounceable(text), lexicon.phonemise):
            if cancelled.is_set():
                return
            for samples, words in self._speak(piece, lexicon, scales):
                moved = tuple(WordEnd(w.text_end, w.end_sample + spoken_samples) for w in words)
                spoken_samples += len(samples)
                yield SpeechChunk(samples, self.rate_hz, moved)
                if cancelled.is_set():
                    return

    def _scales(self, speed: float) -> Scales:
        if not MIN_SPEED <= speed <= MAX_SPEED:
            raise InferenceError(f"speed must be between {MIN_SPEED} and {MAX_SPEED}, not {speed}")
        config = self._config
        return float(config.noise_scale), float(config.length_scale) / speed, float(config.noise_w_scale)

    def _speak(
        self, piece: Piece, lexicon: Lexicon, scales: Scales
    ) -> Iterator[tuple[Samples, tuple[WordEnd, ...]]]:
        """Yield the trimmed sound of `piece`; its words, counted from its first sample, come first."""
        ids, last_ids = to_ids(piece.phonemes, self._config.phoneme_id_map)
        spoken = self._voice.speak(ids, scales)
        phoneme_ends = np.cumsum(spoken.samples_per_id)[last_ids]
        words: tuple[WordEnd, ...] | None = None
        lead = 0
        for raw, last in spoken.windows:
            samples = np.clip(raw * np.float32(GAIN), -1, 1)
            if words is None:
                dropped = leading_silence(samples, self.rate_hz)
                lead, samples = lead + dropped, samples[dropped:]
            if last:
                samples = samples[: sound_end(samples, self.rate_hz, piece.pause_s)]
            if len(samples):
                yield samples, _words(piece, lexicon, phoneme_ends - lead) if words is None else ()
                words = ()


def _read_config(voice: Path) -> Any:
    """Return the piper.PiperConfig beside `voice`. Raises ModelMissing, ModelCorrupt."""
    from piper.config import PhonemeType, PiperConfig

    path = voice.with_name(voice.name + ".json")
    for file in (voice, path):
        if not file.is_file():
            raise ModelMissing(voice.stem, f"{file} is not there")
    if voice.stat().st_size > MAX_VOICE_BYTES:
        raise ModelCorrupt(voice, "too large for a Piper voice", "use another one")
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ValueError(f"larger than {MAX_CONFIG_BYTES} bytes")
        config = PiperConfig.from_dict(json.loads(path.read_text("utf-8")))
        if config.phoneme_type not in (PhonemeType.ESPEAK, PhonemeType.TEXT):
            raise ValueError(f"{config.phoneme_type.value} phonemes are not supported")
        if not 8_000 <= config.sample_rate <= 48_000 or not {"^", "_", "$"} <= config.phoneme_id_map.keys():
            raise ValueError("sample rate or phonemes are missing")
        if not all(math.isfinite(s) for s in (config.noise_scale, config.length_scale, config.noise_w_scale)):
            raise ValueError("a scale is not a number")
        np.array(to_ids(list(config.phoneme_id_map), config.phoneme_id_map)[0], np.int64)
        _phonemiser(config)("a")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, RuntimeError) as error:
        how = "use another voice, or its original configuration"
        raise ModelCorrupt(path, f"not the configuration of a Piper voice ({error})", how) from error
    return config


def _lexicon(
    phonemes: Phonemise, known: Mapping[str, object], pronunciations: tuple[tuple[str, str], ...]
) -> Lexicon:
    return Lexicon(dict(pronunciations), phonemes, known)


def _phonemiser(config: Any) -> Phonemise:
    """Return the function from text to the phonemes that the voice knows, its sentences joined."""
    from piper import PiperVoice

    piper = PiperVoice(session=None, config=config)
    known = config.phoneme_id_map

    def phonemise(text: str) -> list[str]:
        sentences: list[list[str]] = piper.phonemize(text)
        joined = (p for i, sentence in enumerate(sentences) for p in [" "] * bool(i) + sentence)
        return [phoneme for phoneme in joined if phoneme in known]

    return phonemise


def _load_voice(
    voice: Path, cache: Path, threads: int, speaker: int
) -> tuple[SplitVoice | WholeVoice, str | None]:
    """Return the voice, cut if it can be, else whole with the reason."""
    try:
        try:
            return SplitVoice(load_cut(voice, cache), threads, speaker), None
        except NotDivisible as reason:
            return WholeVoice(voice, threads, speaker), str(reason)
    except Exception as error:  # onnxruntime raises a dozen types that share no base
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelCorrupt(voice, f"not a Piper voice ({why})", "install it again") from error


# --- text -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """What one run of the voice speaks."""

    text: str
    start: int
    """Characters of the clause before `text`."""
    phonemes: Sequence[str]

    @property
    def pause_s(self) -> float:
        """Silence that may follow it."""
        return PAUSE_S if self.text.rstrip(" \n\"'”’)").endswith((".", "!", "?", ",", ";", ":")) else SEAM_S


def pronounceable(text: str) -> str:
    """Replace by a space what espeak reads by its name or can't take, one to one: places stay.

    That is control and unassigned characters, lone surrogates, emoji, and the brackets around raw phonemes.
    """
    return "".join(" " if _is_unspeakable(char) else char for char in text)


def _is_unspeakable(char: str) -> bool:
    kind = unicodedata.category(char)
    picture = kind in ("So", "Sk") and ord(char) >= 0x2190  # below stand ° © ™ and the like
    return kind in ("Cc", "Cs", "Co", "Cn") or picture or char in "[]\u200d\u20e3\ufe0f"


def pieces(text: str, phonemise: Phonemise) -> Iterator[Piece]:
    """Cut `text` into pieces that are bounded runs of the voice; those without a sound are left out."""
    start = 0
    while start < len(text):
        limit = MAX_CHARS
        while True:
            end = cut_before(text, start, limit)
            phonemes = phonemise(text[start:end])
            # Every phoneme brings a blank; start mark, its blank and end mark come on top.
            if 2 * len(phonemes) + 3 <= MAX_IDS or end - start <= 1:
                break
            limit = (end - start) // 2
        if any(map(_is_sound, phonemes)):
            yield Piece(text[start:end], start, phonemes)
        start = end


def cut_before(text: str, start: int, limit: int) -> int:
    """Return where to end a piece of at most `limit` characters: a sentence, else a comma, else a word."""
    if len(text) - start <= limit:
        return len(text)
    window = text[start : start + limit]
    for pattern, least in ((r"[.!?]\s+", limit // 3), (r"[,;:]\s+", limit // 3), (r"\s+", 1)):
        ends = [match.end() for match in re.finditer(pattern, window) if match.end() >= least]
        if ends:
            return start + ends[-1]
    return start + limit


# --- words ----------------------------------------------------------------------------------------------


def _words(piece: Piece, lexicon: Lexicon, phoneme_ends: npt.NDArray[np.float64]) -> tuple[WordEnd, ...]:
    """Return where the words of `piece` end, given the sample where each phoneme does."""
    tokens = [
        (piece.start + match.end(), lexicon.word(match[0])) for match in re.finditer(r"\S+", piece.text)
    ]
    return tuple(
        WordEnd(text_end, max(0, round(phoneme_ends[phoneme])))
        for text_end, phoneme in align(tokens, piece.phonemes)
    )


def _is_sound(phoneme: str) -> bool:
    """Tell letters of the phonetic alphabet, and what lengthens them, from stress, punctuation and spaces."""
    return unicodedata.category(phoneme[0]) in ("Ll", "Lu", "Lo", "Lm", "Mn") and phoneme not in ("ˈ", "ˌ")


def align(tokens: Sequence[tuple[int, Sequence[str]]], phonemes: Sequence[str]) -> list[tuple[int, int]]:
    """Return (text_end, index of the last phoneme) of each word in `phonemes`.

    `tokens` are the words as (text_end, phonemes when spoken alone). In a sentence espeak joins words ("of
    the" is one) and changes sounds, so the two are matched sound by sound (Ratcliff and Obershelp, difflib).
    Where they differ, the end of a phonetic word is preferred, else the proportional place is taken. Words
    without a sound are left out.
    """
    heard = [i for i, phoneme in enumerate(phonemes) if _is_sound(phoneme)]
    alone = [(text_end, [p for p in word if _is_sound(p)]) for text_end, word in tokens]
    alone = [(text_end, word) for text_end, word in alone if word]
    if not heard or not alone:
        return []
    word_ends = [k for k, (i, j) in enumerate(pairwise(heard), 1) if " " in phonemes[i:j]] + [len(heard)]
    expected = [phoneme for _, word in alone for phoneme in word]
    blocks = SequenceMatcher(None, expected, [phonemes[i] for i in heard], False).get_matching_blocks()
    same = [(a + i, b + i) for a, b, size in blocks for i in range(size)]
    anchors = [(-1, -1), *same, (len(expected), len(heard))]
    ends = [_place(end, anchors, word_ends) for end in accumulate(len(word) for _, word in alone)]
    ends[-1] = len(heard)
    return [(text_end, heard[max(k, 1) - 1]) for (text_end, _), k in zip(alone, ends, strict=True)]


def _place(end: int, anchors: Sequence[tuple[int, int]], word_ends: Sequence[int]) -> int:
    """Return how many heard sounds belong to the first `end` expected ones.

    `anchors` are (expected, heard) places of the same sound, in order; `word_ends` counts of heard sounds.
    """
    behind = bisect_left(anchors, (end,))
    (expected_low, low), (expected_high, high) = anchors[behind - 1], anchors[behind]
    share = (end - expected_low - 1) / max(expected_high - expected_low - 1, 1)
    guess = low + 1 + round(share * (high - low - 1))
    return min((k for k in word_ends if low < k <= high), key=lambda k: abs(k - guess), default=guess)


def to_ids(phonemes: Sequence[str], id_map: Mapping[str, Sequence[int]]) -> tuple[list[int], list[int]]:
    """Return the ids a Piper voice takes, and the index of the last id of each phoneme.

    As in training: a blank "_" follows the start mark "^" and every phoneme; "$" ends the run.
    """
    blank = id_map["_"]
    ids = [*id_map["^"], *blank]
    last_ids = []
    for phoneme in phonemes:
        ids += [*id_map[phoneme], *blank]
        last_ids.append(len(ids) - 1)
    return [*ids, *id_map["$"]], last_ids


# --- silence --------------------------------------------------------------------------------------------


def _loud_blocks(samples: Samples, block: int) -> npt.NDArray[np.intp]:
    """Return the indices of the blocks of `block` samples that are not silence; the last may be shorter."""
    starts = np.arange(0, len(samples), block)
    if not len(starts):
        return starts
    energy = np.add.reduceat(np.square(samples, dtype=np.float64), starts)
    sizes = np.minimum(block, len(samples) - starts)
    return np.flatnonzero(energy > SILENCE**2 * sizes)


def leading_silence(samples: Samples, rate_hz: int) -> int:
    """Return how many samples to drop to leave LEAD_S of silence; all of them when nothing is heard."""
    block = round(BLOCK_S * rate_hz)
    loud = _loud_blocks(samples, block)
    return max(0, int(loud[0]) * block - round(LEAD_S * rate_hz)) if len(loud) else len(samples)


def sound_end(samples: Samples, rate_hz: int, pause_s: float) -> int:
    """Return how many samples to keep so that at most `pause_s` of silence follows the last sound."""
    block = round(BLOCK_S * rate_hz)
    loud = _loud_blocks(samples, block)
    heard = (int(loud[-1]) + 1) * block if len(loud) else 0
    return min(len(samples), heard + round(pause_s * rate_hz))
