"""Reading sound files as people have them, hostile ones included, within bounds: FFmpeg by PyAV.

FFmpeg reads what follows the length that a header tells, finds the first frame of an MP3 after junk, and goes on after
a frame that is broken, as where two files were joined. What it opens is a file that is open already, in one of
`FORMATS`: a playlist must not make it open others.
"""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inference.audio import SILENCE_DBFS, level_dbfs, resample, sane
from inference.errors import AudioError
from inference.types import Audio, Samples

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.container import InputContainer

_log = logging.getLogger(__name__)

MIN_RATE_HZ = 4_000
MAX_RATE_HZ = 384_000
MAX_CHANNELS = 64
FORMATS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dts,eac3,flac,flv,iff,ircam,latm,loas,matroska,mov,mp3,mpeg,"
    "mpegts,nistsphere,ogg,tta,voc,w64,wav,wv"
)
"""FFmpeg's names of what may be read: none of them names other files, and each has sound."""
BEGINNINGS = {b"RIFF": 0, b"fLaC": 0, b"OggS": 0, b"FORM": 0, b"#!AMR": 0, b"\x1aE\xdf\xa3": 0, b"ftyp": 4}
"""Marks at the beginning of a file that has sound, and how many bytes stand before them."""
MOST_JUNK_BYTES = 1 << 16
MANY_BROKEN = 1000
"""Packets in a row that can't be decoded, after which a file has ended."""
ENDS_EARLY_S = 0.5
"""How much less than its header tells a file may hold without a warning: codecs pad and cut."""
MAX_PARTS = 1000
OPPOSITE = 0.1
"""Share of the channels' mean energy that their average has left where they are opposite; two voices leave half."""
MEMORY = 0.95
"""Of what was heard of the channels: of a block of 20 ms, so that a second decides."""
QUIET_DBFS = -40.0
"""Recordings whose loudest block is quieter are amplified to this level: speech at -60 dB is words again. What is
loudest decides, so that the noise of other recordings stays as it is."""
MOST_GAIN_DB = 40.0
_MAX_SAMPLES = 1 << 28  # 1 GiB of float32 whatever the caller's max_s: 93 minutes at 48 kHz
_OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}


def read_audio(path: Path, max_s: float = 3600) -> Audio:
    """Return the sound of a file (WAV, FLAC, OGG, MP3, M4A, …) at its own rate, its channels made one.

    A file that ends before its header says is read as far as it goes, and a warning is logged. Channels are averaged,
    or the loudest is taken where they cancel each other. NaN and infinite samples become 0, others are clipped to
    [-1, 1]. At most `max_s` seconds and 2**28 samples are ever held; longer files raise. Raises AudioError for
    anything that gives no samples.
    """
    held = bytearray()  # grows in place: a list of blocks would need twice the memory when joined
    loudest = SILENCE_DBFS
    with _opened(path) as sound:
        limit = min(int(max_s * sound.rate_hz), _MAX_SAMPLES)
        for block in sound.blocks():
            held += block.tobytes()
            loudest = max(loudest, level_dbfs(block))
            if len(held) > 4 * limit:
                raise AudioError(
                    f"longer than {limit / sound.rate_hz:.0f} s; cut it into shorter files", path
                )
        samples = np.frombuffer(held, np.float32)
        return Audio(samples if loudest >= QUIET_DBFS else sane(samples * gain(loudest)), sound.rate_hz)


@dataclass(frozen=True, slots=True)
class AudioStream:
    """A sound file that is open, to be read once."""

    seconds: float | None
    """Its length as its header tells it, which may be wrong; None where it does not."""
    blocks: Iterator[Samples]
    """The sound in order, its channels made one, at the rate that was asked for."""


@contextmanager
def stream_audio(path: Path, rate_hz: int) -> Iterator[AudioStream]:
    """Open a sound file of any length, held a block at a time; otherwise like `read_audio`. Raises AudioError."""
    factor = gain(_loudest(path))
    with _opened(path) as sound:
        yield AudioStream(sound.told_s, _resampled(sound, rate_hz, factor))


def gain(loudest: float) -> float:
    """Return the factor that brings a very quiet recording, whose loudest block has so many dBFS, to QUIET_DBFS."""
    return float(10 ** (min(max(QUIET_DBFS - loudest, 0.0), MOST_GAIN_DB) / 20))


def _loudest(path: Path) -> float:
    """Return the level of the loudest block, or of the first that is not quiet."""
    loudest = SILENCE_DBFS
    with _opened(path) as sound:
        for block in sound.blocks(tell=False):
            loudest = max(loudest, level_dbfs(block))
            if loudest >= QUIET_DBFS:
                break
    return loudest


def _resampled(sound: _Sound, rate_hz: int, factor: float) -> Iterator[Samples]:
    import soxr

    stream = soxr.ResampleStream(sound.rate_hz, rate_hz, 1, dtype="float32")
    for block in sound.blocks():
        yield stream.resample_chunk(block if factor == 1 else sane(block * factor))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


@contextmanager
def _opened(path: Path) -> Iterator[_Sound]:
    """Open a file that is to be read once. Raises AudioError."""
    try:
        if not path.is_file():
            raise AudioError(_not_a_file(path), path)
        with path.open("rb", buffering=0) as file:
            size_bytes = os.fstat(file.fileno()).st_size
            if size_bytes == 0:
                raise AudioError("the file is empty (0 bytes)", path)
            with _first_container(file, path) as (first, start):
                yield _Sound(path, file, size_bytes, first, start)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise AudioError(f"can't be read: {_reason(error)}", path) from error


@contextmanager
def _first_container(file: FileIO, path: Path) -> Iterator[tuple[InputContainer, int]]:
    """Open a file, where something else stands before its sound after that; return where it begins, too."""
    with ExitStack() as stack:
        try:
            first, start = stack.enter_context(_container(file, 0, path)), 0
        except AudioError:
            start = _after_junk(file)
            if not start:
                raise
            first = stack.enter_context(_container(file, start, path))
        yield first, start


def _after_junk(file: FileIO) -> int:
    """Return where in the first bytes of a file something begins that has sound; 0 where nothing does."""
    file.seek(0)
    head = file.read(MOST_JUNK_BYTES) or b""
    found = [head.find(mark) - before for mark, before in BEGINNINGS.items()]
    return min((place for place in found if place > 0), default=0)


@contextmanager
def _container(file: FileIO, start: int, path: Path) -> Iterator[InputContainer]:
    """Open what begins so many bytes into a file. Raises AudioError."""
    import av

    av.logging.set_level(av.logging.PANIC)  # what is wrong with a file is told here
    try:
        container: Any = av.open(_Part(file, start), options=_OPTIONS, metadata_errors="ignore")
    except (av.error.FFmpegError, UnicodeError) as error:
        raise AudioError(f"not a sound file that can be read ({_reason(error)})", path) from error
    with container:
        streams = container.streams.audio
        if not streams or streams[0].codec_context is None:
            raise AudioError(
                "holds no sound" if not streams else "its sound is in no form that is known", path
            )
        yield container


class _Part:
    """A file from a place on, as FFmpeg reads it."""

    def __init__(self, file: FileIO, start: int) -> None:
        self._file, self._start = file, start
        file.seek(start)

    def read(self, size: int) -> bytes:
        return self._file.read(size) or b""

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(place + (self._start if whence == os.SEEK_SET else 0), whence) - self._start

    def tell(self) -> int:
        return self._file.tell() - self._start


class _Sound:
    """The sound of an open file: its rate is known, its blocks are read once."""

    def __init__(self, path: Path, file: FileIO, size_bytes: int, first: InputContainer, start: int) -> None:
        self._path, self._file, self._size_bytes = path, file, size_bytes
        self._first, self._start = first, start
        self._mix = _Mix()
        self._broken = _promised_bytes(file, start) > size_bytes - start
        stream = first.streams.audio[0]
        self.rate_hz = int(stream.rate or 0)
        self.told_s = float(first.duration / 1e6) if first.duration else None
        channels = stream.codec_context.layout.nb_channels
        if not MIN_RATE_HZ <= self.rate_hz <= MAX_RATE_HZ:
            raise AudioError(
                f"its sample rate is {self.rate_hz} Hz; between {MIN_RATE_HZ} and {MAX_RATE_HZ} can be used",
                path,
            )
        if channels > MAX_CHANNELS:
            raise AudioError(f"has {channels} channels; at most {MAX_CHANNELS} can be used", path)

    def blocks(self, *, tell: bool = True) -> Iterator[Samples]:
        """Yield the sound; `tell` of less than was told, as a warning. Raises AudioError for none at all."""
        read, start = 0, self._start
        for _ in range(MAX_PARTS):
            for block in self._blocks_from(start):
                read += len(block)
                yield block
            start = self._end_of_riff(start)
            if not start:
                break
        read_s = read / self.rate_hz
        if read == 0:
            raise AudioError("holds no sound (0 samples)", self._path)
        if tell and (self._broken or (self.told_s or 0.0) > read_s + ENDS_EARLY_S):
            _log.warning("%s: ends early; using the %.1f s that can be read", self._path, read_s)

    def _blocks_from(self, start: int) -> Iterator[Samples]:
        if start == self._start:
            yield from self._decoded(self._first)
            return
        with _container(self._file, start, self._path) as more:
            yield from self._decoded(more)

    def _decoded(self, container: InputContainer) -> Iterator[Samples]:
        """Yield the blocks that can be decoded; what is broken between them is left out."""
        from av.error import EOFError as Ended
        from av.error import FFmpegError

        broken = 0
        packets = container.demux(container.streams.audio[0])
        while broken < MANY_BROKEN:
            try:
                frames = next(packets).decode()
            except (StopIteration, Ended):
                break
            except (FFmpegError, ValueError):  # ValueError: a frame whose form PyAV does not know
                broken += 1
                continue
            broken = 0
            for frame in frames:
                mono = self._mix(_samples(frame))
                yield resample(Audio(mono, frame.sample_rate), self.rate_hz).samples
        self._broken = self._broken or broken > 0

    def _end_of_riff(self, start: int) -> int:
        """Return where another WAV begins, after one that begins at `start`; 0 where none does."""
        self._file.seek(start)
        head = self._file.read(8) or b""
        if len(head) < 8 or head[:4] != b"RIFF":
            return 0
        end = start + 8 + int(struct.unpack("<I", head[4:])[0])
        self._file.seek(end)
        return end if end < self._size_bytes and self._file.read(4) == b"RIFF" else 0


@dataclass(slots=True)
class _Mix:
    """Makes one channel of several: their average, or the loudest where they are opposite."""

    _energies: Samples = field(default_factory=lambda: np.zeros(0, np.float32))
    _left: float = 0.0

    def __call__(self, channels: Samples) -> Samples:
        """Return one channel, shape (n,), of a block of shape (channels, n)."""
        channels = sane(channels)
        average: Samples = channels.mean(axis=0, dtype=np.float32)
        if len(channels) == 1:
            return average
        energies = np.square(channels).sum(axis=1)
        if len(energies) != len(self._energies):
            self._energies = np.zeros(len(channels), np.float32)
        self._energies = MEMORY * self._energies + energies
        self._left = MEMORY * self._left + float(np.square(average).sum())
        opposite = self._left < OPPOSITE * float(self._energies.mean())
        return channels[int(self._energies.argmax())] if opposite else average


def _samples(frame: AudioFrame) -> Samples:
    """Return a frame's samples, shape (channels, n), full scale 1."""
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):  # a number too large for float32 is infinite: `sane` knows that
            return values.astype(np.float32)
    middle = 128 if values.dtype == np.uint8 else 0
    return ((values.astype(np.float64) - middle) / 2.0 ** (8 * values.dtype.itemsize - 1)).astype(np.float32)


def _promised_bytes(file: FileIO, start: int) -> int:
    """Return the size that the head of a RIFF file promises; 0 for others, and for one that was written as a stream.

    FFmpeg believes the file's own size. The place in the file stays as it was.
    """
    place = file.tell()
    file.seek(start)
    head = file.read(8) or b""
    file.seek(place)
    size_bytes = int(struct.unpack("<I", head[4:])[0]) if len(head) == 8 and head[:4] == b"RIFF" else 0
    return 0 if size_bytes in (0, 0xFFFFFFFF) else size_bytes + 8


def _not_a_file(path: Path) -> str:
    if path.is_dir():
        return "is a directory; give a sound file"
    return "is not a regular file" if path.exists() else "no such file"


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(text.split()).rstrip(".")
