"""What of a sound over a reply interrupts it. Pure.

Coughs, hums and laughter that became words do not, nor does a backchannel ("yeah"), nor the assistant's own voice:
where the loudspeaker leaks into the microphone and nothing cancels it, the reply interrupts itself. The first time,
speech to text hears the words that are being said; the reply goes on, and from then on only what is clearly louder than
that interrupts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from inference.types import Samples, Transcript
from voice_app.core.ports import FRAME_SAMPLES

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_PLAIN_WORD = re.compile(r"[^\W_]+")
_VOCAL_NOISE = re.compile(r"u*[hm][hmu]*|(?:h[aeo]){2,}h?|ha+h?|heh|a+h+")
"""However speech to text spells "mhm", "mmmm", "hm", "um", "huh", and laughter, which it makes of coughs as well."""
_BACKCHANNELS = "yeah yes yep ok okay right sure i see aha oh wow nice good cool really thank thanks you"
SHORT_S = 0.8
"""Voice that lasts longer is speech; coughs are shorter."""
SURE_FROM = 0.72
"""Mean of the detector's probability over short voice, and a tenth of the words' mean log probability. 23 recorded
coughs that it took for speech gave .68 and less, short words ("yes", "today", "hello"), spoken and synthesised, .74
and more."""
LAST_WORDS = 40
"""Words of the reply that an echo may be of."""
ALIKE = 0.6
"""Share of the words heard that a stretch of the reply must have, in order: speech to text mishears a faint voice."""
LOUDER = 2.0
"""By how much a person must be louder than the echo: 6 dB."""


@dataclass(frozen=True, slots=True)
class SpeechStats:
    """What the detector made of a turn's sound so far: the frames that it took for speech."""

    seconds: float = 0.0
    mean: float = 1.0
    """Of its probability."""


def words(heard: Transcript, voice: SpeechStats) -> str:
    """Return the words of a sound; empty where noise or humming became words."""
    doubtful = voice.seconds < SHORT_S and voice.mean + heard.mean_log_prob / 10 < SURE_FROM
    return "" if doubtful or is_vocal_noise(heard.text) else heard.text


def is_vocal_noise(text: str) -> bool:
    """Return whether words are only "mhm" and the like, or laughter: they start no turn."""
    spoken = _WORD.findall(text.lower())
    return bool(spoken) and all(map(_VOCAL_NOISE.fullmatch, spoken))


def is_backchannel(text: str) -> bool:
    """Return whether words only show that somebody listens ("yeah", "okay"): they stop no reply.

    Nor does "thank you", which Whisper hears in noise as well.
    """
    spoken = _WORD.findall(text.lower())
    return all(word in _BACKCHANNELS.split() or _VOCAL_NOISE.fullmatch(word) for word in spoken)


def is_echo(heard: str, text_delta: str) -> bool:
    """Return whether the words heard are the ones that the assistant has just said."""
    ours, theirs = (_PLAIN_WORD.findall(text.lower()) for text in (text_delta, heard))
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
        """Return whether a frame is no louder than an echo."""
        return self.level > 0 and float(np.sqrt(np.mean(frame**2))) < self.level
