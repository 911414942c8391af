"""The playback buffer and the loudspeaker made of a file, in virtual time."""

from __future__ import annotations

import asyncio
import shutil
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from inference.types import Samples
from voice_app.bench.virtual_time import run_virtual
from voice_app.core import clock
from voice_app.core.errors import SessionError
from voice_app.core.ports import Played
from voice_app.io.playback import FADE_S, Playback
from voice_app.io.speaker import FileSpeaker

RATE_HZ = 8_000


def count_up(start: int, count: int) -> Samples:
    """Return distinguishable samples: start + 1, start + 2, ... in units of 1e-4."""
    return (np.arange(start + 1, start + count + 1) * 1e-4).astype(np.float32)


def pulled(playback: Playback, count: int, audible_s: float = 0.0) -> Samples:
    """Pull a block."""
    block = np.full(count, np.nan, np.float32)
    playback.pull(block, audible_s)
    return block


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 70)), max_size=60))
def test_what_is_put_comes_out_once_in_order_with_silence_where_nothing_is_queued(
    steps: list[tuple[bool, int]],
) -> None:
    """Against a list as the model: any interleaving of puts and pulls, also across the end of the ring."""
    playback = Playback(100, capacity_s=0.5)
    playback.begin()
    model: list[float] = []
    made = position = 0
    for is_put, count in steps:
        if is_put:
            sound = count_up(made, count)
            fitted = playback.put(sound)
            assert fitted == min(count, 50 - len(model))
            model += sound[:fitted].tolist()
            made += fitted
        else:
            block = pulled(playback, count)
            content, model = model[:count], model[count:]
            position += len(content)
            assert block.tolist() == content + [0.0] * (count - len(content))
        assert (playback.queued, playback.free) == (len(model), 50 - len(model))
        assert (playback.position, playback.empty) == (position, not model)


@given(
    content=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=300),
    taken=st.integers(1, 300),
    block=st.integers(1, 64),
)
def test_a_flush_fades_without_a_step_and_then_is_silent(
    content: list[float], taken: int, block: int
) -> None:
    """After a flush no step is larger than the content's own, plus one of the fade's, and 5 ms later all is 0."""
    playback = Playback(RATE_HZ)
    sound = np.array(content, np.float32)
    playback.begin()
    playback.put(sound)
    heard = pulled(playback, min(taken, len(sound)))
    assert playback.flush() == len(heard)
    fade = round(FADE_S * RATE_HZ)
    after = np.concatenate([pulled(playback, block) for _ in range(fade // block + 2)])
    steps = np.abs(np.diff(np.concatenate((heard[-1:], after))))
    own = np.abs(np.diff(sound)).max(initial=0)
    assert steps.max() <= own + np.abs(sound).max() / fade + 1e-6
    assert not after[fade:].any()
    assert (playback.position, playback.empty) == (len(heard), True)


def test_a_flush_of_a_reply_that_was_not_heard_is_silent() -> None:
    """What has not begun needs no fade: not one sample of it leaves."""
    playback = Playback(RATE_HZ)
    playback.begin()
    playback.put(count_up(0, 1000))
    assert playback.flush() == 0
    assert not pulled(playback, 500).any()


def test_the_next_reply_starts_at_once_under_the_fade_of_the_last() -> None:
    """The fade is mixed into the new reply and does not count in its position."""
    playback = Playback(RATE_HZ)
    playback.begin()
    playback.put(np.full(200, 0.5, np.float32))
    pulled(playback, 100)
    playback.begin()
    playback.put(np.full(100, 0.25, np.float32))
    block = pulled(playback, 100)
    assert block[0] == pytest.approx(0.75, abs=0.02)
    assert block[-1] == 0.25
    assert playback.position == 100


@pytest.mark.parametrize(
    ("played", "underruns"),
    [
        ([], 0),  # nothing has come yet: the assistant thinks
        ([50], 1),
        ([100], 1),
        ([50, 100], 2),
    ],
)
def test_underruns_are_counted_once_each_and_only_inside_a_reply(played: list[int], underruns: int) -> None:
    """Silence before the first sample, more silence in the same gap, and silence after `end` don't count."""
    playback = Playback(RATE_HZ)
    playback.begin()
    pulled(playback, 100)
    for count in played:
        playback.put(count_up(0, count))
        for _ in range(3):
            pulled(playback, 100)
    playback.put(count_up(0, 150))
    playback.end()
    for _ in range(3):
        pulled(playback, 100)
    assert playback.underruns == underruns


def test_heard_is_what_was_pulled_less_what_is_still_in_the_device() -> None:
    """A block pulled now is audible later, sample by sample, and after its end nothing more is."""
    playback = Playback(1000)
    playback.begin()
    assert playback.heard(5.0) == 0
    playback.put(count_up(0, 150))
    pulled(playback, 100, audible_s=10.0)
    assert playback.first_audible_s == 10.0
    assert [playback.heard(at_s) for at_s in (9.9, 10.0, 10.05, 10.1, 20.0)] == [0, 0, 50, 100, 100]
    pulled(playback, 100, audible_s=10.1)
    assert [playback.heard(at_s) for at_s in (10.1, 10.15, 10.2)] == [100, 150, 150]


def read(path: Path) -> tuple[Samples, int]:
    """Return the samples of a WAV and its rate."""
    samples, rate_hz = soundfile.read(path, dtype="float32")
    return samples, rate_hz


async def speak(speaker: FileSpeaker, seconds: float, rate_hz: int, pieces: int = 1) -> Played:
    """Say a constant of 0.5."""
    speaker.begin()
    for _ in range(pieces):
        await speaker.write(np.full(round(seconds * rate_hz / pieces), 0.5, np.float32), rate_hz)
    return await speaker.finish()


def test_times_in_the_file_are_times_of_the_session(tmp_path: Path) -> None:
    """Two replies with pauses around them stand in the WAV where they were said."""
    reported: list[tuple[str, float]] = []

    async def session() -> list[float | None]:
        speaker = FileSpeaker(tmp_path / "out.wav", 10_000)
        speaker.on_started = lambda: reported.append(("started", round(clock.now(), 3)))
        speaker.on_stopped = lambda: reported.append(("stopped", round(clock.now(), 3)))
        await speaker.start()
        firsts = []
        for _ in range(2):
            await asyncio.sleep(0.5)
            assert await speak(speaker, 0.25, 10_000) == Played(0.25, complete=True)
            firsts.append(speaker.first_sound_s)
        await asyncio.sleep(0.1)
        await speaker.close()
        return firsts

    firsts = run_virtual(session())
    samples, rate_hz = read(tmp_path / "out.wav")
    edges = np.flatnonzero(np.diff(samples > 0.4)) / rate_hz
    assert edges == pytest.approx([0.5, 0.75, 1.26, 1.51], abs=0.011)
    assert firsts == pytest.approx(edges[::2], abs=2e-4)
    assert [what for what, _ in reported] == ["started", "stopped"] * 2
    assert [at_s for _, at_s in reported] == pytest.approx(edges, abs=0.03)
    assert rate_hz == 10_000


@given(rate_hz=st.sampled_from([8_000, 16_000, 22_050, 24_000, 48_000]), pieces=st.integers(1, 7))
def test_the_length_of_a_reply_survives_resampling(rate_hz: int, pieces: int) -> None:
    """Whatever the rate and the cuts of the written sound, its seconds are the seconds that are played."""

    async def session() -> Played:
        speaker = FileSpeaker(None, 22_050)
        await speaker.start()
        played = await speak(speaker, 0.7, rate_hz, pieces)
        await speaker.close()
        return played

    played = run_virtual(session())
    assert played.complete
    assert played.seconds == pytest.approx(0.7, abs=2e-3)


def test_a_reply_may_change_its_rate(tmp_path: Path) -> None:
    """Clauses of two voices with two rates follow each other without a hole."""

    async def session() -> Played:
        speaker = FileSpeaker(tmp_path / "out.wav", 22_050)
        await speaker.start()
        speaker.begin()
        for rate_hz in (22_050, 16_000, 48_000, 22_050):
            await speaker.write(np.full(rate_hz // 2, 0.5, np.float32), rate_hz)
        played = await speaker.finish()
        await speaker.close()
        return played

    assert run_virtual(session()).seconds == pytest.approx(2.0, abs=2e-3)
    samples, rate_hz = read(tmp_path / "out.wav")
    assert np.sum(samples > 0.4) / rate_hz == pytest.approx(2.0, abs=0.01)


def test_a_cut_reply_says_how_much_was_played(tmp_path: Path) -> None:
    """The cut is immediate, the rest is dropped, a late write is ignored, and `finish` tells the same."""

    async def session() -> tuple[Played, Played, float]:
        speaker = FileSpeaker(tmp_path / "out.wav")
        await speaker.start()
        speaker.begin()
        await speaker.write(np.full(22_050 * 5, 0.5, np.float32), 22_050)
        ending = asyncio.create_task(speaker.finish())
        await asyncio.sleep(1.0)
        before_s = speaker.played_s
        cut = speaker.cut()
        await speaker.write(np.full(22_050, 0.5, np.float32), 22_050)
        await asyncio.sleep(1.0)
        assert speaker.cut() == cut
        finished = await ending
        await speaker.close()
        return cut, finished, before_s

    cut, finished, before_s = run_virtual(session())
    samples, rate_hz = read(tmp_path / "out.wav")
    assert cut == finished
    assert not cut.complete
    assert before_s == pytest.approx(0.99, abs=1e-3)  # the block that was due at the start held silence
    assert cut.seconds == pytest.approx(1.0, abs=0.011)
    edges = np.flatnonzero(samples)[[0, -1]] / rate_hz
    assert edges[1] - edges[0] == pytest.approx(cut.seconds + FADE_S, abs=1e-3)


def test_a_writer_waits_while_the_buffer_is_full() -> None:
    """Of 40 seconds at once, 30 fit; the writer is held until the rest does."""

    async def session() -> tuple[float, Played]:
        speaker = FileSpeaker(None, 8_000)
        await speaker.start()
        speaker.begin()
        await speaker.write(np.full(40 * 8_000, 0.5, np.float32), 8_000)
        written_s, played = clock.now(), await speaker.finish()
        await speaker.close()
        return written_s, played

    written_s, played = run_virtual(session())
    assert written_s == pytest.approx(10.0, abs=0.05)
    assert played == Played(40.0, complete=True)


def test_a_cut_releases_a_waiting_writer() -> None:
    """A reply that is cut does not leave its writer waiting."""

    async def session() -> float:
        speaker = FileSpeaker(None, 8_000)
        await speaker.start()
        speaker.begin()
        writer = asyncio.create_task(speaker.write(np.full(60 * 8_000, 0.5, np.float32), 8_000))
        await asyncio.sleep(1.0)
        speaker.cut()
        await writer
        released_s = clock.now()
        await speaker.close()
        return released_s

    assert run_virtual(session()) == pytest.approx(1.0, abs=0.05)


def test_a_reply_without_sound_is_over_at_once() -> None:
    """Nothing is reported as audible when nothing is."""
    reported: list[str] = []

    async def session() -> tuple[Played, float | None, float]:
        speaker = FileSpeaker(None)
        speaker.on_started, speaker.on_stopped = (
            lambda: reported.append("started"),
            lambda: reported.append("stopped"),
        )
        await speaker.start()
        speaker.begin()
        played = await speaker.finish()
        await speaker.close()
        return played, speaker.first_sound_s, clock.now()

    assert run_virtual(session()) == (Played(0.0, complete=True), None, 0.0)
    assert reported == []


def test_sound_never_stands_in_the_file_before_it_was_written(tmp_path: Path) -> None:
    """An event loop that was held up does not let a reply begin in the past."""

    async def session() -> tuple[float, float | None]:
        loop = asyncio.get_running_loop()
        speaker = FileSpeaker(tmp_path / "out.wav", 10_000)
        await speaker.start()
        await asyncio.sleep(0.1)
        loop._jumping.now_s += 1.0  # type: ignore[attr-defined]
        speaker.begin()
        written_s = clock.now()
        await speaker.write(np.full(1_000, 0.5, np.float32), 10_000)
        await speaker.finish()
        await speaker.close()
        return written_s, speaker.first_sound_s

    written_s, first_s = run_virtual(session())
    samples, rate_hz = read(tmp_path / "out.wav")
    assert first_s is not None
    assert first_s >= written_s
    assert np.flatnonzero(samples)[0] / rate_hz == pytest.approx(first_s, abs=1e-3)


def test_a_crash_leaves_a_readable_wav(tmp_path: Path) -> None:
    """In the middle of a session the header of the file on disk counts all but the last seconds."""
    copy = tmp_path / "copy.wav"

    async def session() -> None:
        speaker = FileSpeaker(tmp_path / "out.wav", 8_000)
        await speaker.start()
        await asyncio.sleep(12.0)
        shutil.copy(tmp_path / "out.wav", copy)
        await speaker.close()

    run_virtual(session())
    with wave.open(str(copy)) as crashed, wave.open(str(tmp_path / "out.wav")) as whole:
        assert 7.0 <= crashed.getnframes() / 8_000 <= 12.0
        assert whole.getnframes() / 8_000 == pytest.approx(12.0, abs=0.03)


def test_an_unwritable_file_is_refused_at_the_start(tmp_path: Path) -> None:
    """The error names the file."""

    async def session() -> None:
        await FileSpeaker(tmp_path / "absent" / "out.wav").start()

    with pytest.raises(SessionError, match="absent"):
        run_virtual(session())


def test_a_full_disk_does_not_end_the_session_but_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The reply is still timed and finished; `close` says that the recording is not whole."""

    async def session(when_open: Callable[[], None]) -> Played:
        speaker = FileSpeaker(tmp_path / "out.wav")
        await speaker.start()
        when_open()
        played = await speak(speaker, 0.5, 22_050)
        with pytest.raises(SessionError, match="No space left"):
            await speaker.close()
        return played

    def fill() -> None:
        def write(file: object, data: object) -> None:
            raise OSError("No space left on device")

        monkeypatch.setattr(soundfile.SoundFile, "write", write)

    assert run_virtual(session(fill)).complete


def test_a_held_reply_is_silent_and_goes_on_where_it_was() -> None:
    """Between `hold` and `resume` nothing is pulled but the fade; no sample is lost, and none is an underrun."""
    playback = Playback(1000)
    sound = np.arange(1, 101, dtype=np.float32) / 100
    playback.begin()
    playback.put(sound)
    first, held, rest = np.empty(40, np.float32), np.empty(50, np.float32), np.empty(60, np.float32)
    playback.pull(first)
    playback.hold()
    assert playback.pull(held) == 0
    playback.resume()
    playback.pull(rest)

    assert np.array_equal(np.concatenate([first, rest]), sound)
    assert not held[5:].any()
    assert playback.underruns == 0
