"""Devices that are exchanged while they are used, a microphone's switch, and a session's sound on one clock."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
import soundfile

from inference.types import Samples
from voice_app.bench.virtual_time import run_virtual
from voice_app.core import clock
from voice_app.core.errors import AudioDeviceError, SessionError
from voice_app.core.ports import FRAME_S, FRAME_SAMPLES, AudioFrame
from voice_app.io.hot_swap import QUIETEST_DB, SwappableSource, SwappableSpeaker, level_db
from voice_app.io.session_sound import SessionSound
from voice_app.io.speaker import FileSpeaker


class Tone:
    """A source of frames with one value."""

    def __init__(self, value: float, frames: int = 10_000, failing: bool = False) -> None:
        self.value, self.left, self.failing, self.closed = value, frames, failing, False

    async def frames(self) -> AsyncIterator[AudioFrame]:
        if self.failing:
            raise AudioDeviceError("the microphone is gone")
        while self.left and not self.closed:
            self.left -= 1
            await asyncio.sleep(FRAME_S)
            yield AudioFrame(np.full(FRAME_SAMPLES, self.value, np.float32), clock.now())

    async def close(self) -> None:
        self.closed = True


def loud(samples: Samples) -> float:
    return round(float(np.abs(samples).max()), 3)


def test_another_microphone_goes_on_where_the_first_one_stopped() -> None:
    """The old one is closed; no frame is heard twice."""

    async def listen() -> list[float]:
        first, second = Tone(0.1), Tone(0.2, frames=2)
        source, heard = SwappableSource(first, lambda message: None), []
        async for frame in source.frames():
            heard.append(loud(frame.samples))
            if len(heard) == 3:
                await source.plug_in(second)
        assert first.closed
        return heard

    assert run_virtual(listen()) == [0.1, 0.1, 0.1, 0.2, 0.2]


def test_a_closed_microphone_is_silent_and_still_shows_its_level() -> None:
    """So that a user sees that somebody could be heard."""

    async def listen() -> tuple[list[float], float]:
        source, heard = SwappableSource(Tone(0.1, frames=4), lambda message: None), []
        async for frame in source.frames():
            heard.append(loud(frame.samples))
            source.open = len(heard) != 2
        return heard, source.level_db

    heard, level = run_virtual(listen())

    assert heard == [0.1, 0.1, 0.0, 0.1]
    assert level == pytest.approx(-20.0, abs=0.01)


def test_a_microphone_that_fails_is_reported_and_leaves_silence() -> None:
    """The session goes on: one can still type."""

    async def listen() -> tuple[list[str], bool, float]:
        reported: list[str] = []
        source = SwappableSource(Tone(0.1, failing=True), reported.append)
        async for frame in source.frames():
            await source.close()
            return reported, source.is_missing, loud(frame.samples)
        raise AssertionError

    assert run_virtual(listen()) == (["the microphone is gone"], True, 0.0)


def test_a_loudspeaker_that_does_not_open_is_reported_and_leaves_a_silent_one() -> None:
    """Replies go on being made, and are shown."""

    class Busy(FileSpeaker):
        async def start(self) -> None:
            raise AudioDeviceError("the loudspeaker is busy")

    async def speak() -> tuple[list[str], float]:
        reported: list[str] = []
        speaker = SwappableSpeaker(Busy(None, 16_000), reported.append)
        await speaker.start()
        speaker.begin()
        await speaker.write(np.full(8_000, 0.25, np.float32), 16_000)
        return reported, (await speaker.finish()).seconds

    reported, seconds = run_virtual(speak())

    assert reported == ["the loudspeaker is busy. Replies are shown, not heard."]
    assert seconds == pytest.approx(0.5, abs=0.02)


def test_silence_has_the_least_level() -> None:
    """Instead of minus infinity."""
    assert level_db(np.zeros(512, np.float32)) == QUIETEST_DB


def test_the_sound_of_a_session_has_both_sides_where_they_were_heard(tmp_path: Path) -> None:
    """The user is left; of a reply that was cut only what was played is right."""
    path = tmp_path / "session.wav"

    async def talk() -> None:
        sound = SessionSound()
        source = SwappableSource(Tone(0.5, frames=63), lambda message: None, sound)
        speaker = SwappableSpeaker(FileSpeaker(None, 16_000), lambda message: None, sound)
        await speaker.start()
        count = 0
        async for _ in source.frames():
            count += 1
            if count == 10:
                speaker.begin()
                await speaker.write(np.full(16_000, 0.25, np.float32), 16_000)
            if count == 30:
                speaker.cut()
        sound.write(path)
        await speaker.close()

    run_virtual(talk())
    sound, rate_hz = soundfile.read(path)
    spoken = np.flatnonzero(sound[:, 1] > 0.2)

    assert (rate_hz, sound.shape[1]) == (16_000, 2)
    assert np.allclose(sound[:, 0], 0.5, atol=1e-3)
    assert spoken[0] / rate_hz == pytest.approx(10 * FRAME_S, abs=0.03)
    assert (spoken[-1] - spoken[0]) / rate_hz == pytest.approx(20 * FRAME_S, abs=0.03)
    assert path.stat().st_mode & 0o077 == 0


def test_sound_is_written_while_the_session_goes_on(tmp_path: Path) -> None:
    """Frames come in another thread than that of `write`; each file has a whole number of them."""
    sound, over = SessionSound(), Event()
    samples = np.zeros(FRAME_SAMPLES, np.float32)

    def listen() -> None:
        for number in range(1, 20_000):
            sound.hear(AudioFrame(samples, number * FRAME_S))
            if over.is_set():
                return

    sound.hear(AudioFrame(samples, 0.0))
    session, interval_s = Thread(target=listen), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    session.start()
    try:
        lengths_s = [sound.write(tmp_path / "session.wav") for _ in range(20)]
    finally:
        over.set()
        session.join()
        sys.setswitchinterval(interval_s)

    assert lengths_s == sorted(lengths_s)
    assert all(length_s / FRAME_S == pytest.approx(round(length_s / FRAME_S)) for length_s in lengths_s)


def test_a_session_without_sound_writes_no_file(tmp_path: Path) -> None:
    """The user is told why."""
    with pytest.raises(SessionError, match="no sound"):
        SessionSound().write(tmp_path / "nothing.wav")
