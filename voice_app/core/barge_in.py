"""What of a sound was words to the assistant: coughs, hums and laughter that became words are none. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from inference.types import Transcript

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_HUM = re.compile(r"u*[hm][hmu]*|(?:h[aeo]){2,}h?|ha+h?|heh|a+h+")
"""However speech to text spells "mhm", "mmmm", "hm", "um", "huh", and laughter, which it makes of coughs as well."""
_NODS = "yeah yes yep ok okay right sure i see aha oh wow nice good cool really thank thanks you"
SHORT_S = 0.8
"""Voice that lasts longer is speech; coughs are shorter."""
SURE_FROM = 0.72
"""Mean of the detector's probability over short voice, and a tenth of the words' mean log probability. 23 recorded
coughs that it took for speech gave .68 and less, short words ("yes", "today", "hello"), spoken and synthesised, .74
and more."""


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
    """Tell whether words are only "mhm" and the like, or laughter: they start no turn."""
    spoken = _WORD.findall(text.lower())
    return bool(spoken) and all(map(_HUM.fullmatch, spoken))


def is_backchannel(text: str) -> bool:
    """Tell whether words only show that somebody listens ("yeah", "okay"): they stop no reply.

    Nor does "thank you", which Whisper hears in noise as well.
    """
    spoken = _WORD.findall(text.lower())
    return all(word in _NODS.split() or _HUM.fullmatch(word) for word in spoken)
