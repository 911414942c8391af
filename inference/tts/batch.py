"""Speech of a whole text, for files and commands; a reply that comes in pieces is spoken by whoever has the pieces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from threading import Event

from inference.protocols import TextToSpeech
from inference.text import ClauseSplitter
from inference.types import SpeechChunk, Voice

_THOUGHTS = re.compile(r"<(think(?:ing)?|reasoning)>(?:(?!<\1>).){0,100000}?</\1>\s*", re.DOTALL)
_OPENED_BEFORE = re.compile(r"\A(?:(?!<think).){0,100000}?</think(?:ing)?>\s*", re.DOTALL)
"""Templates open the thought in the prompt: the reply has the closing mark alone."""


def words(text: str) -> Iterator[str]:
    """Yield what a voice gets of a text of any length, clause by clause: plain words, no thoughts of a model."""
    if "</" in text:
        text = _OPENED_BEFORE.sub("", _THOUGHTS.sub("", text))
    splitter = ClauseSplitter()
    for clause in chain(splitter.push(text), splitter.flush()):
        if clause.text:
            yield clause.text


def synthesize(tts: TextToSpeech, text: str, voice: Voice = Voice()) -> Iterator[SpeechChunk]:  # noqa: B008 - frozen
    """Yield the sound of a text of any length, clause by clause."""
    for clause in words(text):
        yield from tts.stream(clause, voice, Event())
