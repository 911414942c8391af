"""Frames, the sample clock, and the user made of recordings, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import AudioError, ModelMissing
from inference.types import Audio, Samples
from voice_app.bench.virtual_time import run_virtual
from voice_app.core import clock
from voice_app.core.errors import (
    AudioDeviceError,
    ConfigError,
    PersonaError,
    SessionError,
    VoiceAppError,
    exit_code,
)
from voice_app.core.ports import FRAME_RATE_HZ, FRAME_S, FRAME_SAMPLES, AudioFrame
from voice_app.io.frames import FrameCutter, SampleClock
from voice_app.io.recordings import (
    HeardReply,
    Manners,
    RecordedTurn,
    RecordedUser,
    SpokenTurn,
    next_turn_s,
    replies_to,
    voiced_end,
)

MANNERS = Manners(gap_s=0.6, timeout_s=12.0)
TURN = SpokenTurn(start_s=10.0, end_s=13.0, voiced_end_s=12.0)


def tone(seconds: float, silence_s: float = 0.0, rate_hz: int = FRAME_RATE_HZ) -> Audio:
    """Return a tone with silence after it."""
    sound = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate_hz)) / rate_hz)
    return Audio(np.concatenate((sound, np.zeros(round(silence_s * rate_hz)))).astype(np.float32), rate_hz)


@pytest.mark.slow
@given(
    drift=st.floats(-300e-6, 300e-6),
    late_s=st.lists(st.floats(0, 0.03), min_size=400, max_size=400),
    start_s=st.floats(0, 1e5),
)
def test_the_sample_clock_is_never_late_and_steadier_than_arrivals(
    drift: float, late_s: list[float], start_s: float
) -> None:
    """Blocks that come up to 30 ms late, from a drifting card, are dated before they arrive, without jumps."""
    late_s[::20] = [0.0] * len(late_s[::20])
    sample_clock, dated_s, true_s = SampleClock(), [], []
    for number, late in enumerate(late_s, start=1):
        stream_s = number * 0.01
        captured_s = start_s + stream_s * (1 + drift)
        sample_clock.observe(stream_s, captured_s + late)
        dated_s.append(sample_clock.at(stream_s))
        true_s.append(captured_s)
        assert dated_s[-1] <= captured_s + late + 1e-9
    error_s = np.subtract(dated_s, true_s)
    assert np.abs(error_s).max() < 1e-3


def test_the_sample_clock_finds_its_way_after_lost_sound() -> None:
    """Half a second that never arrived is caught up within two seconds."""
    sample_clock = SampleClock()
    for number in range(1, 500):
        lost_s = 0.5 if number > 200 else 0.0
        sample_clock.observe(number * 0.01, 100 + number * 0.01 + lost_s)
    assert sample_clock.at(5.0) == pytest.approx(105.5, abs=1e-3)


@given(st.sampled_from([16_000, 44_100, 48_000]), st.lists(st.integers(1, 3_000), min_size=1, max_size=40))
def test_frames_are_whole_dated_and_in_order_whatever_the_blocks(rate_hz: int, sizes: list[int]) -> None:
    """Frames of 512 follow each other by 32 ms; none is dated after its last block has come."""
    cutter, frames, taken = FrameCutter(rate_hz), [], 0
    for size in sizes:
        taken += size
        new = cutter.push(np.zeros(size, np.float32), 50 + taken / rate_hz)
        assert all(frame.end_s <= 50 + taken / rate_hz + 1e-6 for frame in new)
        frames += new
    assert len(frames) * FRAME_S <= taken / rate_hz + 1e-9
    assert all(frame.samples.shape == (FRAME_SAMPLES,) for frame in frames)
    assert [frame.end_s for frame in frames] == pytest.approx(
        [50 + FRAME_S * (k + 1) for k in range(len(frames))]
    )


def test_resampled_frames_keep_the_sound_and_its_time() -> None:
    """A click at a known second of a 48 kHz stream is in the frame that covers that second."""
    sound = np.zeros(48_000, np.float32)
    sound[24_000:24_048] = 1.0
    cutter = FrameCutter(48_000)
    frames = [
        frame
        for at in range(0, 48_000, 480)
        for frame in cutter.push(sound[at : at + 480], 7 + (at + 480) / 48_000)
    ]
    click = max(frames, key=lambda frame: float(np.abs(frame.samples).max()))
    onset_s = click.end_s - (FRAME_SAMPLES - int(np.argmax(np.abs(click.samples) > 0.4))) / FRAME_RATE_HZ
    assert onset_s == pytest.approx(7.5, abs=1e-3)


@pytest.mark.parametrize(
    ("replies", "counted"),
    [
        ([], 0),
        ([HeardReply(9.0, 14.0)], 0),  # the answer to the turn before, which this one interrupts
        ([HeardReply(11.0, 11.8)], 0),  # a premature reply that was cut off while the user spoke on
        ([HeardReply(12.5, 12.9)], 1),  # inside the silence at the end of the file
        ([HeardReply(11.0, 11.5), HeardReply(13.5)], 1),
    ],
)
def test_a_reply_answers_the_turn_it_follows(replies: list[HeardReply], counted: int) -> None:
    """Old replies and broken-off ones are no answers."""
    assert len(replies_to(TURN, replies)) == counted


@pytest.mark.parametrize(
    ("after", "replies", "due_s"),
    [
        ("reply", [], 25.0),
        ("reply", [HeardReply(14.0, 16.0)], 16.6),
        ("reply", [HeardReply(14.0, 16.0), HeardReply(16.1, 18.0)], 18.6),
        ("reply", [HeardReply(12.2, 12.8)], 13.6),
        ("reply", [HeardReply(14.0)], 134.6),
        ("reply", [HeardReply(9.0, 14.0)], 26.0),
        (1.5, [HeardReply(14.0)], 15.5),
        (1.5, [HeardReply(14.0, 14.5)], 15.1),
        (0.2, [HeardReply(12.3)], 13.0),
        (1.5, [], 25.0),
    ],
)
def test_when_the_next_turn_begins(after: float | str, replies: list[HeardReply], due_s: float) -> None:
    """A gap after the answer, so far into it, or when the timeout is over; never inside the turn before."""
    assert next_turn_s(after, TURN, replies, MANNERS) == pytest.approx(due_s)  # type: ignore[arg-type]


def test_the_voiced_end_leaves_out_trailing_silence() -> None:
    """A tone of 0.5 s ends there, not at the end of its file; silence alone has no other end than its own."""
    assert voiced_end(tone(0.5, 1.0).samples) == pytest.approx(8_000, abs=160)
    assert voiced_end(np.zeros(1_000, np.float32)) == 1_000


class Assistant:
    """Replies a fixed time after each recording has ended, for a fixed time; stops when interrupted."""

    def __init__(self, user: RecordedUser, *, think_s: float, speak_s: float) -> None:
        self.user, self.think_s, self.speak_s = user, think_s, speak_s
        self.frames: list[AudioFrame] = []
        self.arrived_s: list[float] = []

    async def reply(self) -> None:
        await asyncio.sleep(self.think_s)
        self.user.heard_start()
        try:
            await asyncio.sleep(self.speak_s)
        finally:
            self.user.heard_end()

    async def run(self) -> None:
        loud, replying = False, None
        async for frame in self.user.frames():
            self.frames.append(frame)
            self.arrived_s.append(clock.now())
            was_loud, loud = loud, bool(np.abs(frame.samples).max() > 0.1)
            if loud and replying is not None:
                replying.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await replying
                replying = None
            if was_loud and not loud:
                replying = asyncio.create_task(self.reply())

    @property
    def sound(self) -> Samples:
        return np.concatenate([frame.samples for frame in self.frames])


def converse(
    turns: Sequence[RecordedTurn], *, think_s: float = 0.3, speak_s: float = 2.0
) -> tuple[RecordedUser, Assistant]:
    """Hold a whole conversation in virtual time, which starts at 0."""

    async def session() -> tuple[RecordedUser, Assistant]:
        user = RecordedUser(turns)
        assistant = Assistant(user, think_s=think_s, speak_s=speak_s)
        await assistant.run()
        return user, assistant

    return run_virtual(session())


def test_frames_come_in_real_time_without_gaps() -> None:
    """Each frame is dated 32 ms after the one before and handed out at that moment."""
    _, assistant = converse([RecordedTurn(tone(1.0))])
    ends_s = [frame.end_s for frame in assistant.frames]
    assert ends_s == pytest.approx([FRAME_S * (k + 1) for k in range(len(ends_s))])
    assert assistant.arrived_s == pytest.approx(ends_s)
    assert {frame.samples.shape for frame in assistant.frames} == {(FRAME_SAMPLES,)}


def test_turns_follow_the_replies_by_the_gap() -> None:
    """Three recordings: each begins 0.6 s after the answer to the one before, within one frame."""
    user, assistant = converse([RecordedTurn(tone(1.0, 0.2))] * 3)
    assert len(user.spoken) == 3
    for before, turn in pairwise(user.spoken):
        # The assistant notices the end of speech with the next frame, thinks 0.3 s and speaks 2 s.
        assert turn.start_s - before.voiced_end_s == pytest.approx(0.3 + 2.0 + 0.6, abs=3 * FRAME_S)
    assert assistant.frames[-1].end_s == pytest.approx(
        user.spoken[-1].voiced_end_s + 0.3 + 2.0 + 1.6, abs=3 * FRAME_S
    )


def test_spoken_turns_are_where_the_sound_is() -> None:
    """The reported times are those of the samples in the frames, so that latencies can be read off them."""
    user, assistant = converse([RecordedTurn(tone(0.7, 0.3)), RecordedTurn(tone(0.4))])
    loud = np.flatnonzero(np.abs(assistant.sound) > 0.1) / FRAME_RATE_HZ
    first, second = user.spoken
    assert loud[0] == pytest.approx(first.start_s, abs=2e-3)
    assert loud[loud < second.start_s][-1] == pytest.approx(first.voiced_end_s, abs=0.012)
    assert loud[-1] == pytest.approx(second.voiced_end_s, abs=0.012)
    assert (first.end_s - first.start_s, second.end_s - second.start_s) == pytest.approx((1.0, 0.4))


def test_between_the_turns_is_quiet_but_not_digital_silence() -> None:
    """Room noise of about -80 dBFS, so that no stage is tuned to zeros."""
    _, assistant = converse([RecordedTurn(tone(0.5))])
    quiet = assistant.sound[: round(0.5 * FRAME_RATE_HZ)]
    assert 0 < np.sqrt(np.mean(quiet**2)) < 3e-4
    assert all(frame.samples.any() for frame in assistant.frames)


def test_a_barge_in_begins_so_far_into_the_reply() -> None:
    """The second recording starts 0.7 s after the reply began to sound, and is answered before the third."""
    turns = [RecordedTurn(tone(1.0)), RecordedTurn(tone(0.5), 0.7), RecordedTurn(tone(0.5))]
    user, _ = converse(turns, speak_s=5.0)
    first, second, third = user.spoken
    assert second.start_s - first.end_s == pytest.approx(0.3 + 0.7, abs=3 * FRAME_S)
    assert third.start_s - second.end_s == pytest.approx(0.3 + 5.0 + 0.6, abs=3 * FRAME_S)


def test_a_turn_without_a_reply_is_given_up() -> None:
    """An assistant that never answers in time holds nothing up for longer than the timeout."""
    user, assistant = converse([RecordedTurn(tone(1.0)), RecordedTurn(tone(1.0), 0.5)], think_s=1e3)
    first, second = user.spoken
    assert second.start_s - first.end_s == pytest.approx(12.0, abs=2 * FRAME_S)
    assert assistant.frames[-1].end_s - second.end_s == pytest.approx(13.0, abs=2 * FRAME_S)


def test_the_first_turn_waits_for_the_end_of_a_greeting() -> None:
    """An assistant that speaks first is not talked over."""

    async def session() -> RecordedUser:
        user = RecordedUser([RecordedTurn(tone(0.5))])
        user.heard_start()
        asyncio.get_running_loop().call_later(3.0, user.heard_end)
        async for _ in user.frames():
            if user.spoken:
                await user.close()
        return user

    assert run_virtual(session()).spoken[0].start_s == pytest.approx(3.6, abs=2 * FRAME_S)


def test_a_slow_listener_gets_every_frame_with_its_true_date() -> None:
    """A consumer that is held up finds the frames it missed, dated when they were spoken."""

    async def session() -> list[AudioFrame]:
        frames = []
        async for frame in RecordedUser([RecordedTurn(tone(0.5))], timeout_s=0.5).frames():
            frames.append(frame)
            if len(frames) == 5:
                await asyncio.sleep(1.0)
        return frames

    frames = run_virtual(session())
    assert [frame.end_s for frame in frames] == pytest.approx([FRAME_S * (k + 1) for k in range(len(frames))])


def test_recordings_are_resampled_and_an_unusable_one_is_refused_before_the_session(tmp_path: Path) -> None:
    """A 44.1 kHz file keeps its length; an empty or broken file raises at construction and names itself."""
    path, broken = tmp_path / "user.wav", tmp_path / "broken.wav"
    soundfile.write(path, tone(1.0, rate_hz=44_100).samples, 44_100)
    user, _ = converse([RecordedTurn(path)])
    assert user.spoken[0].end_s - user.spoken[0].start_s == pytest.approx(1.0, abs=1e-3)
    broken.write_bytes(b"RIFF and then nothing")
    with pytest.raises(AudioError, match="broken"):
        RecordedUser([RecordedTurn(path), RecordedTurn(broken)])
    with pytest.raises(AudioError, match="empty"):
        RecordedUser([RecordedTurn(Audio(np.zeros(0, np.float32), 16_000))])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 3),
        (PersonaError("x"), 3),
        (AudioDeviceError("x"), 4),
        (AudioError("x"), 5),
        (ModelMissing("x", "y"), 6),
        (SessionError(Path("log"), "x"), 7),
        (VoiceAppError("x"), 1),
        (ValueError("x"), 1),
    ],
)
def test_each_error_has_its_exit_status(error: Exception, code: int) -> None:
    """The table of errors.py holds, for the models' errors too."""
    assert exit_code(error) == code
