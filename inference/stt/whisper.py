"""Whisper on CTranslate2 with a context as short as the utterance allows.

faster-whisper's `transcribe` pads every clip to 30 s, so that a word costs as much as half a minute. The
encoder takes any even number of frames. Two things need care with a short context: the decoder may repeat
the utterance (loops.py finds it, a longer context settles it), and sound without speech becomes words
(the probability of `<|nospeech|>` tells it from speech).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from inference.audio import level_dbfs, resample, split_at_quiet
from inference.errors import ModelCorrupt, ModelError, ModelMissing
from inference.own_cores import OwnCores
from inference.stt.alignment import timed_words, token_starts_s
from inference.stt.batch import RATE_HZ, BatchRecognizer
from inference.stt.loops import cut_repeats, repeats
from inference.threads import single_thread_blas
from inference.types import Audio, HeardWord, Samples, SttCapabilities, Transcript

if TYPE_CHECKING:
    import ctranslate2
    import tokenizers
    from faster_whisper.tokenizer import Tokenizer

SHORT_CONTEXT_S = 8.0
"""Below it words are lost and loops are frequent; above it a decode costs more and hears the same."""
FULL_CONTEXT_S = 30.0
"""What Whisper was trained with (Radford et al. 2022, section 2.2)."""

_RERUN_CONTEXTS_S = (10.0, FULL_CONTEXT_S)
_MARGIN_S = 1.0  # silence after the speech; without it long clips loop more
_PIECE_S = 28.0  # leaves the margin inside the full context
_LEAST_DBFS = -90.0  # the last bit of a 16-bit sample; rooms are louder
_HOP_SAMPLES = 160
_FRAMES_MULTIPLE = 2  # the second convolution halves the frames
_MAX_TOKENS = 224  # half of the decoder's positions; CTranslate2 keeps the other half for the prompt
_FILES = ("model.bin", "config.json", "tokenizer.json")


@dataclass(frozen=True, slots=True)
class Decoded:
    """One pass of the decoder over one context."""

    text: str
    no_speech: float
    """Probability of the token `<|nospeech|>` at the start."""
    mean_log_prob: float
    """Of the tokens, natural logarithm."""
    is_cut_off: bool
    """The cap on tokens ended it, not the model."""


class WhisperSpeechToText:
    """Fulfils `SpeechToText` with a Whisper model in CTranslate2's format, int8, greedy; whole utterances alone.

    The weights are read into anonymous memory, not mapped, so that an idle minute does not page them out. With several
    threads they are there twice, for CTranslate2 fixes the number when it loads them: the decoder always has one, its
    steps being too small to share. Nine tokens take 39 ms with one thread and 47 to 59 with two, the encoder 39 and 24
    (measured, tiny.en, 8 s).
    """

    def __init__(self, model_dir: Path, *, threads: int = 2, context_s: float = SHORT_CONTEXT_S) -> None:
        """Load the model; `context_s` is the shortest context, FULL_CONTEXT_S the slow reference.

        Raises ModelMissing, ModelCorrupt.
        """
        import tokenizers
        from faster_whisper.feature_extractor import FeatureExtractor

        _check_files(model_dir)
        single_thread_blas()
        try:
            vocabulary = tokenizers.Tokenizer.from_file(str(model_dir / "tokenizer.json"))
            self._model = _whisper(model_dir, 1)
            self._all_threads = _whisper(model_dir, threads) if threads > 1 else self._model
        except Exception as error:  # tokenizers raises nothing narrower
            raise ModelCorrupt(model_dir, f"can't be loaded ({error})", "install the model again") from error
        is_multilingual = self._model.is_multilingual
        self._tokenizer = lru_cache(partial(_tokenizer, vocabulary, is_multilingual))
        self.capabilities = SttCapabilities(
            languages=_languages(is_multilingual), word_times=True, log_probs=True, threads=threads
        )
        self._tokenizer("en")
        self._log_mel = FeatureExtractor(feature_size=self._model.n_mels)
        self._context_s = context_s
        self._cores, self._threads = OwnCores(threads), threads

    def recognizer(self, language: str = "en") -> BatchRecognizer:
        """Return what hears one utterance of any length. Raises ModelError for a language the model does not know.

        Its partial words take a single decode, and repetitions in them stay unless they ran away.
        """
        tokenizer = self._tokenizer(language)
        return BatchRecognizer(
            partial(self._pieces, tokenizer, may_rerun=False),
            partial(self._pieces, tokenizer, may_rerun=True),
        )

    def words(self, audio: Audio, language: str = "en") -> tuple[HeardWord, ...]:
        """Return the final words of an utterance of any length and rate, with their times.

        Times come from the decoder's attention to the sound (`align`, dynamic time warping over the model's alignment
        heads); a word borders on the next one, so that what lies between them belongs to one of the two.
        """
        found: list[HeardWord] = []
        start_s = 0.0
        for piece in split_at_quiet(resample(audio, RATE_HZ), _PIECE_S):
            if level_dbfs(piece.samples) >= _LEAST_DBFS:
                found += [word.later(start_s) for word in self._timed(self._tokenizer(language), piece)]
            start_s += piece.seconds
        return tuple(found)

    def keep_warm(self) -> None:
        """Run the whole path once, so that the first utterance does not pay for it."""
        self._decode(self._tokenizer("en"), np.zeros(RATE_HZ, np.float32), self._context_s)

    def use_threads(self, threads: int) -> None:
        """See SpeechToText.use_threads. All threads encode, or one does; one decodes."""
        self._threads = threads

    def _pieces(self, tokenizer: Tokenizer, audio: Audio, *, may_rerun: bool) -> Transcript:
        texts, reruns, mean_log_prob = [], 0, 0.0
        for piece in split_at_quiet(audio, _PIECE_S):
            if level_dbfs(piece.samples) < _LEAST_DBFS:
                continue
            contexts_s = contexts(piece.seconds, self._context_s)
            decode = partial(self._decode, tokenizer, piece.samples)
            heard, extra = settle(decode, contexts_s if may_rerun else contexts_s[:1])
            texts.append(heard.text)
            reruns += extra
            mean_log_prob = min(mean_log_prob, heard.mean_log_prob)
        text = " ".join(filter(None, texts))
        return Transcript(text, audio.seconds, reruns, mean_log_prob, tokenizer.language_code)

    def _timed(self, tokenizer: Tokenizer, piece: Audio) -> list[HeardWord]:
        encoded = []

        def decode(context_s: float) -> Decoded:
            encoded.append(self._encode(piece.samples, context_s))
            return self._generate(tokenizer, encoded[-1], piece.seconds)

        heard, _ = settle(decode, contexts(piece.seconds, self._context_s))
        tokens = tokenizer.encode(f" {heard.text}") if heard.text else []
        if not tokens:
            return []
        frames = len(piece.samples) // _HOP_SAMPLES
        found = self._model.align(encoded[-1], tokenizer.sot_sequence, [tokens], frames)[0]
        parts = tokenizer.split_to_word_tokens([*tokens, tokenizer.eot])
        return timed_words(parts, token_starts_s(found.alignments))

    def _decode(self, tokenizer: Tokenizer, samples: Samples, context_s: float) -> Decoded:
        return self._generate(tokenizer, self._encode(samples, context_s), len(samples) / RATE_HZ)

    def _encode(self, samples: Samples, context_s: float) -> ctranslate2.StorageView:
        from ctranslate2 import StorageView

        padded = np.pad(samples, (0, context_samples(context_s) - len(samples)))
        features: npt.NDArray[np.float32] = self._log_mel(padded, padding=0)[np.newaxis]
        view = StorageView.from_array(np.ascontiguousarray(features, np.float32))
        if self._threads == 1:
            return self._model.encode(view)
        with self._cores.held():
            return self._all_threads.encode(view)

    def _generate(self, tokenizer: Tokenizer, encoded: ctranslate2.StorageView, audio_s: float) -> Decoded:
        cap = token_cap(audio_s)
        result = self._model.generate(
            encoded,
            [[*tokenizer.sot_sequence, tokenizer.no_timestamps]],
            beam_size=1,
            max_length=2 * cap,  # of which CTranslate2 generates half
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        ids = result.sequences_ids[0]
        text = tokenizer.decode(ids).strip()
        return Decoded(text, result.no_speech_prob, result.scores[0], len(ids) >= cap)


def settle(decode: Callable[[float], Decoded], contexts_s: Sequence[float]) -> tuple[Decoded, int]:
    """Return what was heard, and the number of reruns, of sound that `decode` decodes with a context of so many s.

    Repeated words are decoded again with the next longer context. The last context is believed, because it
    counts best what a caller truly repeats; only what the token cap had to end is cut. Words that ran into the cap are
    cut at once: nobody says so many, and in 13 of 14 such clips the longer contexts gave the same words, 0.1 to
    0.6 s later. Digits are not: how many there are matters.
    """
    reruns = 0
    heard = decode(contexts_s[0])
    for context_s in contexts_s[1:]:
        if not (is_speech(heard) and repeats(heard.text)):
            break
        if heard.is_cut_off and not any(map(str.isdigit, heard.text)):
            break
        heard = decode(context_s)
        reruns += 1
    if not is_speech(heard):
        return replace(heard, text=""), reruns
    return (replace(heard, text=cut_repeats(heard.text)) if heard.is_cut_off else heard), reruns


def contexts(audio_s: float, shortest_s: float) -> list[float]:
    """Return the contexts, in s, for so much sound: the first, and those that settle a repetition."""
    first_s = min(max(audio_s + _MARGIN_S, shortest_s), FULL_CONTEXT_S)
    return [first_s, *(longer_s for longer_s in _RERUN_CONTEXTS_S if longer_s > first_s)]


def context_samples(context_s: float) -> int:
    """Return the samples at 16 kHz of a context, rounded up to an even number of frames."""
    step = _HOP_SAMPLES * _FRAMES_MULTIPLE
    return -(-round(context_s * RATE_HZ) // step) * step


def token_cap(audio_s: float) -> int:
    """Return the most tokens so much sound may become: more than a fast speaker says, against runaways."""
    return min(int(8 * audio_s) + 12, _MAX_TOKENS)


def is_speech(heard: Decoded) -> bool:
    """Tell speech from what Whisper makes of silence and noise ("you", ". . .", "I'm going to go").

    Measured with tiny.en: silence, white and brown noise, hum, clicks and some fifty rooms gave no_speech of
    .84 and more, two rooms .70 and .77 with a mean_log_prob below -2.8; 410 clips of speech gave .78 at most,
    and none above .6 had a mean_log_prob below -1.5. Of 31 recorded coughs, 14 became words ("I'm gonna be right
    back."), 12 of them with no_speech of .32 and more and a mean_log_prob below -1.4; of 42 recordings of people, the
    shortest "hello" and "today" included, none with more than .25 was below -1.1.
    """
    if not any(character.isalnum() for character in heard.text):
        return False
    least = -2.1 if heard.no_speech < 0.25 else -1.4
    return heard.no_speech < 0.82 and heard.mean_log_prob > least


def _whisper(model_dir: Path, threads: int) -> ctranslate2.models.Whisper:
    import ctranslate2

    return ctranslate2.models.Whisper(
        str(model_dir), device="cpu", compute_type="int8", inter_threads=1, intra_threads=threads
    )


def _check_files(model_dir: Path) -> None:
    missing = [name for name in _FILES if not (model_dir / name).is_file()]
    if missing:
        raise ModelMissing(
            model_dir.name, f"{model_dir} has no {', '.join(missing)}; give a Whisper model for CTranslate2"
        )


def _languages(is_multilingual: bool) -> tuple[str, ...]:
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    return tuple(_LANGUAGE_CODES) if is_multilingual else ("en",)


def _tokenizer(vocabulary: tokenizers.Tokenizer, is_multilingual: bool, language: str) -> Tokenizer:
    from faster_whisper.tokenizer import Tokenizer

    if not is_multilingual and language != "en":
        raise ModelError(f"this Whisper model knows English alone; {language!r} needs a multilingual one")
    try:
        return Tokenizer(vocabulary, is_multilingual, task="transcribe", language=language)
    except ValueError as error:
        raise ModelError(
            f"Whisper does not know the language {language!r}; give a code such as 'en'"
        ) from error
