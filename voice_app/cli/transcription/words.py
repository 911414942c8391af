"""Words with times that fit the speech: an alignment checked against the detected speech."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from inference.types import Audio, HeardWord
from voice_app.cli.transcription.segments import SpeechSegment, SpeechSpan
from voice_app.core.ports import FRAME_RATE_HZ as RATE_HZ

WITHIN_WORD_S = 0.25
"""Shorter silences may be inside a word, before a plosive."""


def timed_words(
    segments: Iterable[SpeechSegment], words: Callable[[Audio], Iterable[HeardWord]]
) -> Iterator[HeardWord]:
    """Yield the words of a sound in order, their times in seconds of the whole and never overlapping."""
    end_s = 0.0
    for segment in segments:
        heard = [word.later(segment.start_s) for word in words(Audio(segment.samples, RATE_HZ))]
        for word in fitted(heard, segment.speech):
            start_s = max(word.start_s, end_s)
            end_s = max(word.end_s, start_s)
            yield replace(word, start_s=start_s, end_s=end_s)


def fitted(words: Sequence[HeardWord], speech: Sequence[SpeechSpan]) -> list[HeardWord]:
    """Return the words without the silence that the alignment gave to one of their ends.

    A word that reaches over a pause is where most of it is spoken; one that no speech was found under stays.
    """
    spans = _joined(speech)
    return [_fit(word, spans) for word in words]


def _fit(word: HeardWord, spans: Sequence[SpeechSpan]) -> HeardWord:
    best = max(spans, key=lambda span: _overlap_s(word, span), default=None)
    if best is None or _overlap_s(word, best) <= 0:
        return word
    return replace(word, start_s=max(word.start_s, best.start_s), end_s=min(word.end_s, best.end_s))


def _overlap_s(word: HeardWord, span: SpeechSpan) -> float:
    return min(word.end_s, span.end_s) - max(word.start_s, span.start_s)


def _joined(speech: Sequence[SpeechSpan]) -> list[SpeechSpan]:
    joined: list[SpeechSpan] = []
    for span in speech:
        if joined and span.start_s - joined[-1].end_s < WITHIN_WORD_S:
            joined[-1] = SpeechSpan(joined[-1].start_s, span.end_s)
        else:
            joined.append(span)
    return joined
