"""Sound files and sample rates: reading hostile files within bounds, resampling, writing, levels."""

from __future__ import annotations

import logging
import math
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from inference.errors import AudioError
from inference.files import in_one_step
from inference.types import Audio, Samples

if TYPE_CHECKING:
    import soundfile

_log = logging.getLogger(__name__)

MIN_RATE_HZ = 4_000
MAX_RATE_HZ = 384_000
MAX_CHANNELS = 64
SILENCE_DBFS = -120.0
"""What `level_dbfs` says of digital silence, and its lowest value."""

_BLOCK_VALUES = 1 << 12  # a read, over all channels; a decoder that fails in a block loses the block
_MAX_SAMPLES = 1 << 28  # 1 GiB of float32 whatever the caller's max_s: 93 minutes at 48 kHz


def read_audio(path: Path, max_s: float = 3600) -> Audio:
    """Return the sound of a file (WAV, FLAC, OGG, MP3, ...) at its own rate, its channels averaged to one.

    A file that ends before its header says is read as far as it goes, and a warning is logged. NaN and
    infinite samples become 0, others are clipped to [-1, 1]. At most `max_s` seconds and 2**28 samples are
    ever held; longer files raise. Raises AudioError for anything that gives no samples.
    """
    try:
        if not path.is_file():
            raise AudioError(_not_a_file(path), path)
        with path.open("rb", buffering=0) as file:  # libsndfile reads on from the descriptor
            return _read_open(file, path, max_s)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise AudioError(f"can't be read: {_reason(error)}", path) from error


@dataclass(frozen=True, slots=True)
class AudioStream:
    """A sound file that is open, to be read once."""

    seconds: float | None
    """Its length; None where the format does not tell it."""
    blocks: Iterator[Samples]
    """The sound in order, its channels averaged to one, at the rate that was asked for."""


@contextmanager
def stream_audio(path: Path, rate_hz: int) -> Iterator[AudioStream]:
    """Open a sound file of any length, held a block at a time; otherwise like `read_audio`. Raises AudioError."""
    try:
        if not path.is_file():
            raise AudioError(_not_a_file(path), path)
        with path.open("rb", buffering=0) as file, _opened(file, path) as (sound, ends_early):
            seconds = sound.frames / sound.samplerate if _tells_length(sound) else None
            yield AudioStream(seconds, _resampled(sound, path, rate_hz, ends_early))
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise AudioError(f"can't be read: {_reason(error)}", path) from error


def _resampled(sound: soundfile.SoundFile, path: Path, rate_hz: int, ends_early: bool) -> Iterator[Samples]:
    import soxr

    stream = soxr.ResampleStream(sound.samplerate, rate_hz, 1, dtype="float32")
    read = 0
    for block in _mono_blocks(sound):
        if block is None:
            ends_early = True
            break
        read += len(block)
        yield stream.resample_chunk(block)
    if read == 0:
        raise AudioError("holds no sound (0 samples)", path)
    if ends_early:
        _log.warning("%s: ends early; using the %.1f s that can be read", path, read / sound.samplerate)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


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
            soundfile.write(file, _sane(audio.samples), audio.rate_hz, format="WAV", subtype="PCM_16")
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


def _read_open(file: FileIO, path: Path, max_s: float) -> Audio:
    with _opened(file, path) as (sound, ends_early):
        limit = min(int(max_s * sound.samplerate), _MAX_SAMPLES)
        samples, broken = _read_all(sound, limit, path)
        rate_hz = int(sound.samplerate)
    if len(samples) == 0:
        raise AudioError("holds no sound (0 samples)", path)
    if ends_early or broken:
        _log.warning("%s: ends early; using the %.1f s that can be read", path, len(samples) / rate_hz)
    return Audio(samples, rate_hz)


@contextmanager
def _opened(file: FileIO, path: Path) -> Iterator[tuple[soundfile.SoundFile, bool]]:
    """Open a sound, and tell whether its file ends before its header says. Raises AudioError."""
    import soundfile

    size_bytes = os.fstat(file.fileno()).st_size
    if size_bytes == 0:
        raise AudioError("the file is empty (0 bytes)", path)
    ends_early = _promised_bytes(file.read(8)) > size_bytes
    file.seek(0)
    try:
        # By descriptor: a name's extension can't make libsndfile take arbitrary bytes for raw samples.
        with _forward_reader(file.fileno()) as sound:
            _check_format(sound.samplerate, sound.channels, path)
            yield sound, ends_early
    except soundfile.SoundFileError as error:
        raise AudioError(
            f"not a sound file that can be read ({_reason(error)}); WAV, FLAC, OGG and MP3 can", path
        ) from error


def _forward_reader(descriptor: int) -> soundfile.SoundFile:
    """Open a sound that is read from start to end.

    soundfile seeks after every block of a seekable file, and a seek spoils the next frames of an MP3 that
    lends bits from frame to frame.
    """
    import soundfile

    class ForwardSoundFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile ships no types
        def seekable(self) -> bool:
            return False

    return ForwardSoundFile(descriptor, closefd=False)


def _read_all(sound: soundfile.SoundFile, limit: int, path: Path) -> tuple[Samples, bool]:
    """Return the mono samples, and whether the decoder gave up before the end."""
    too_long = AudioError(f"longer than {limit / sound.samplerate:.0f} s; cut it into shorter files", path)
    if _tells_length(sound) and sound.frames > limit:
        raise too_long
    held = bytearray()  # grows in place: a list of blocks would need twice the memory when joined
    for block in _mono_blocks(sound):
        if block is None:
            return np.frombuffer(held, np.float32), True
        held += block.tobytes()
        if len(held) > 4 * limit:
            raise too_long
    return np.frombuffer(held, np.float32), False


def _mono_blocks(sound: soundfile.SoundFile) -> Iterator[Samples | None]:
    """Yield the sound, its channels averaged; None where the decoder gives up before the end."""
    import soundfile

    while True:
        try:
            block = sound.read(_BLOCK_VALUES // sound.channels, dtype="float32", always_2d=True)
        except soundfile.SoundFileError:
            yield None
            return
        if len(block) == 0:
            return
        yield _sane(block).mean(axis=1, dtype=np.float32)


def _tells_length(sound: soundfile.SoundFile) -> bool:
    return bool(sound.frames < 1 << 40)  # larger: a format that does not tell its length


def _sane(samples: Samples) -> Samples:
    return np.clip(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), -1, 1)


def _check_format(rate_hz: int, channels: int, path: Path) -> None:
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise AudioError(
            f"its sample rate is {rate_hz} Hz; between {MIN_RATE_HZ} and {MAX_RATE_HZ} can be used", path
        )
    if channels > MAX_CHANNELS:
        raise AudioError(f"has {channels} channels; at most {MAX_CHANNELS} can be used", path)


def _promised_bytes(head: bytes) -> int:
    """Return the file size that the first 8 bytes of a RIFF file promise; 0 when they promise nothing.

    0 and 0xFFFFFFFF stand for "unknown" in files written as a stream.
    """
    if len(head) < 8 or head[:4] != b"RIFF":
        return 0
    (size_bytes,) = struct.unpack("<I", head[4:8])
    return 0 if size_bytes in (0, 0xFFFFFFFF) else int(size_bytes) + 8


def _not_a_file(path: Path) -> str:
    if path.is_dir():
        return "is a directory; give a sound file"
    return "is not a regular file" if path.exists() else "no such file"


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or getattr(error, "error_string", None) or str(error)
    return " ".join(text.split()).rstrip(".")
