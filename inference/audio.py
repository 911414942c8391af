"""Sound in memory: sample rates, levels, pieces; writing it. `sound_files.py` reads it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from inference.errors import AudioError
from inference.files import in_one_step
from inference.types import Audio, Samples

SILENCE_DBFS = -120.0
"""What `level_dbfs` says of digital silence, and its lowest value."""


def resample(audio: Audio, rate_hz: int) -> Audio:
    """Return the sound at `rate_hz`; the same object when it has that rate already."""
    if audio.rate_hz == rate_hz:
        return audio
    if len(audio.samples) == 0:
        return Audio(audio.samples, rate_hz)
    import soxr

    resampled = soxr.resample(audio.samples.astype(np.float32, copy=False), audio.rate_hz, rate_hz)
    return Audio(resampled, rate_hz)


def write_audio(path: Path, audio: Audio) -> None:
    """Write a 16-bit WAV under `path`, whole or not at all; raises AudioError."""
    import soundfile

    try:
        with in_one_step(path) as part, part.open("xb") as file:
            soundfile.write(file, sane(audio.samples), audio.rate_hz, format="WAV", subtype="PCM_16")
    except (OSError, soundfile.SoundFileError) as error:
        raise AudioError(f"can't be written: {_reason(error)}", path) from error


def level_dbfs(samples: Samples) -> float:
    """Return the RMS level in dB, 0 for a full-scale square wave, SILENCE_DBFS for silence or no samples."""
    if len(samples) == 0:
        return SILENCE_DBFS
    mean_square = float(np.mean(np.square(samples, dtype=np.float64)))
    return max(SILENCE_DBFS, 10 * math.log10(mean_square)) if mean_square > 0 else SILENCE_DBFS


def split_at_quiet(audio: Audio, max_s: float, search_s: float = 8) -> list[Audio]:
    """Cut a sound into pieces of at most `max_s`, each but the last at the quietest 0.2 s of its end.

    The place is searched in the last `search_s` of what a piece may hold. The pieces joined are the sound.
    """
    pieces = []
    rest = audio.samples
    most = int(max_s * audio.rate_hz)
    while len(rest) > most:
        start = max(1, most - int(search_s * audio.rate_hz))
        cut = start + _quietest(rest[start:most], audio.rate_hz // 5)
        pieces.append(Audio(rest[:cut], audio.rate_hz))
        rest = rest[cut:]
    return [*pieces, Audio(rest, audio.rate_hz)]


def _quietest(samples: Samples, width: int) -> int:
    """Return the middle of the window of `width` samples with the least energy; the last one of equals."""
    energy = np.concatenate(([0.0], np.cumsum(np.square(samples, dtype=np.float64))))
    width = max(1, min(width, len(samples)))
    windows = energy[width:] - energy[:-width]
    return int(len(windows) - 1 - np.argmin(windows[::-1])) + width // 2


def sane(samples: Samples) -> Samples:
    """Return samples without NaN and infinity, which become 0, and within [-1, 1]."""
    return np.clip(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), -1, 1)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or getattr(error, "error_string", None) or str(error)
    return " ".join(text.split()).rstrip(".")
