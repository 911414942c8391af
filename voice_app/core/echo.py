"""The assistant's own voice in the microphone: known by its words, then by its level. Pure.

Where the loudspeaker leaks into the microphone and nothing cancels it, the reply interrupts itself. The first time,
speech to text hears the words that are being said: the reply goes on, and from then on only what is clearly louder
than that interrupts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from inference.types import Samples
from voice_app.core.ports import FRAME_SAMPLES

LAST_WORDS = 40
"""Words of the reply that an echo may be of."""
ALIKE = 0.6
"""Share of the words heard that a stretch of the reply must have, in order: speech to text mishears a faint voice."""
LOUDER = 2.0
"""By how much a person must be louder than the echo: 6 dB."""
_WORD = re.compile(r"[^\W_]+")


def is_echo(heard: str, text_delta: str) -> bool:
    """Tell whether the words heard are the ones that have just been said."""
    ours, theirs = (_WORD.findall(text.lower()) for text in (text_delta, heard))
    ours, stretch = ours[-LAST_WORDS:], len(theirs) + 1
    starts = range(max(1, len(ours) - stretch + 1)) if theirs and ours else ()
    return any(_alike(ours[start : start + stretch], theirs) >= ALIKE * len(theirs) for start in starts)


def _alike(ours: list[str], theirs: list[str]) -> int:
    """Return how many words are the same, in the same order."""
    blocks = SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks)


@dataclass(slots=True)
class EchoFloor:
    """The level below which sound during a reply is taken for its echo; 0 until one was heard."""

    level: float = 0.0

    def learn(self, echo: Samples) -> None:
        """Take in the sound of an echo."""
        blocks = echo[: len(echo) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
        loudest = float(np.sqrt(np.mean(blocks**2, axis=1)).max(initial=0.0))
        self.level = max(self.level, LOUDER * loudest)

    def hides(self, frame: Samples) -> bool:
        """Tell whether a frame is no louder than an echo."""
        return self.level > 0 and float(np.sqrt(np.mean(frame**2))) < self.level
