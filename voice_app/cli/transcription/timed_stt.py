"""A sound file of any length → its words with times; holds one block of sound and one segment of speech at a time."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from inference.protocols import TimedSpeechToText, VoiceActivityDetector
from inference.sound_files import stream_audio
from inference.types import Samples
from voice_app.cli.transcription.formats import FileTranscript, clean_words
from voice_app.cli.transcription.segments import CutSettings, frames_of, speech_segments
from voice_app.cli.transcription.words import timed_words
from voice_app.core.ports import FRAME_RATE_HZ, FRAME_SAMPLES
from voice_app.runtime.engines import build_stt, build_vad
from voice_app.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Transcriber:
    """The detector of speech and speech to text, loaded."""

    vad: VoiceActivityDetector
    stt: TimedSpeechToText
    cutting: CutSettings = CutSettings()

    @classmethod
    def load(cls, settings: Settings) -> Transcriber:
        """Load the models. Raises ModelError."""
        stt = build_stt(settings)
        stt.keep_warm()
        return cls(build_vad(), stt)

    def transcript(self, file: Path) -> FileTranscript:
        """Return what is said in a file. Raises AudioError."""
        self.vad.reset()
        started_s = time.perf_counter()
        with stream_audio(file, FRAME_RATE_HZ) as sound, _progress(file, sound.seconds) as passed:
            counted = _Counted(frames_of(sound.blocks), passed)
            pieces = speech_segments(counted, self.vad.probability, self.cutting)
            words = tuple(clean_words(timed_words(pieces, self.stt.words)))
            seconds = sound.seconds if sound.seconds is not None else counted.seconds
        return FileTranscript(str(file), words, seconds, (time.perf_counter() - started_s) * 1000)


class _Counted:
    """Frames passed on, with how many seconds they are."""

    def __init__(self, frames: Iterator[Samples], passed: Callable[[float], None]) -> None:
        self._frames = frames
        self._passed = passed
        self.seconds = 0.0

    def __iter__(self) -> Iterator[Samples]:
        for number, frame in enumerate(self._frames, 1):
            self.seconds = number * FRAME_SAMPLES / FRAME_RATE_HZ
            self._passed(self.seconds)
            yield frame


@contextmanager
def _progress(file: Path, seconds: float | None) -> Iterator[Callable[[float], None]]:
    """Show on the standard error, where it is a terminal, how far into a file so many seconds are."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(file.name, total=seconds)
        yield lambda passed_s: progress.update(task, completed=passed_s)
