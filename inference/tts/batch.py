"""Speech of a whole text, for files and commands; a reply that comes in pieces is spoken by whoever has the pieces."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from threading import Event

from inference.protocols import TextToSpeech
from inference.text import ClauseSplitter
from inference.types import SpeechChunk, Voice


def synthesize(tts: TextToSpeech, text: str, voice: Voice = Voice()) -> Iterator[SpeechChunk]:  # noqa: B008 - frozen
    """Yield the sound of a text of any length, clause by clause."""
    splitter = ClauseSplitter()
    for clause in chain(splitter.push(text), splitter.flush()):
        if clause.text:
            yield from tts.stream(clause.text, voice, Event())
