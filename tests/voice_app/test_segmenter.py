"""From frames to starts, pauses and ends of speech."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_app.core.endpointing import Endpointer, EndpointLimits
from voice_app.core.ports import FRAME_S, FRAME_SAMPLES, AudioFrame
from voice_app.core.segmenter import GrowingSound, SegmenterSettings, SpeechSegmenter
from voice_app.core.turn_table import Input


def segmenting(settings: SegmenterSettings) -> SpeechSegmenter:
    return SpeechSegmenter(settings, Endpointer(EndpointLimits()))


def hear(segmenter: SpeechSegmenter, *frames: tuple[float, float]) -> list[tuple[int, Input]]:
    """Push frames of (level, probability of speech); return what happened, with the number of its frame."""
    happened = []
    for number, (level, probability) in enumerate(frames):
        frame = AudioFrame(np.full(FRAME_SAMPLES, level, np.float32), (number + 1) * FRAME_S)
        happened += [(number, input_) for input_ in segmenter.push(frame, probability)]
        if (number, Input.SPEECH_STARTED) in happened and not len(segmenter.turn_so_far().samples):
            segmenter.open_turn()
    return happened


VOICE, QUIET, LATE = (0.1, 0.9), (0.0001, 0.1), (0.0001, 0.9)


def test_a_pause_is_noticed_by_level_before_the_detector_does() -> None:
    """40 dB below the voice is silence, though the detector still says speech."""
    by_level = hear(segmenting(SegmenterSettings()), *[VOICE] * 5, *[LATE] * 2)
    by_detector = hear(segmenting(SegmenterSettings(quiet_db=90)), *[VOICE] * 5, *[LATE] * 2, QUIET)

    assert by_level == [(2, Input.SPEECH_STARTED), (5, Input.SPEECH_PAUSED)]
    assert by_detector == [(2, Input.SPEECH_STARTED), (7, Input.SPEECH_PAUSED)]


def test_a_noisy_room_leaves_it_to_the_detector() -> None:
    """Noise 20 dB below the voice is not silence by its level."""
    assert hear(segmenting(SegmenterSettings()), *[VOICE] * 5, (0.01, 0.9)) == [(2, Input.SPEECH_STARTED)]


def test_going_on_takes_fewer_frames_than_starting() -> None:
    """A click starts no turn; two frames of voice go on with one."""
    assert hear(segmenting(SegmenterSettings()), VOICE, VOICE, QUIET) == []
    assert hear(segmenting(SegmenterSettings()), *[VOICE] * 3, QUIET, QUIET, VOICE, VOICE) == [
        (2, Input.SPEECH_STARTED),
        (3, Input.SPEECH_PAUSED),
        (6, Input.SPEECH_STARTED),
    ]


def test_the_turn_ends_after_the_silence_its_words_ask_for() -> None:
    """0.6 s while nothing is known; less once the words are finished."""
    segmenter, soon = segmenting(SegmenterSettings()), segmenting(SegmenterSettings())
    hear(segmenter, *[VOICE] * 5, QUIET)
    hear(soon, *[VOICE] * 5, QUIET)
    soon.endpointer.silence_s = 0.2
    silence = [AudioFrame(np.zeros(FRAME_SAMPLES, np.float32), (7 + n) * FRAME_S) for n in range(30)]

    def end(of: SpeechSegmenter) -> float:
        return next(f.end_s for f in silence if Input.TURN_OVER in of.push(f, 0.0)) - of.speech_end_s

    assert end(segmenter) == pytest.approx(0.608)
    assert end(soon) == pytest.approx(0.224)


def test_over_a_reply_speech_starts_sooner() -> None:
    """Two frames hold the reply; three start a turn in silence."""
    eager = segmenting(SegmenterSettings())
    eager.start_frames = eager.settings.barge_in_frames

    assert hear(eager, VOICE, VOICE) == [(1, Input.SPEECH_STARTED)]
    assert hear(segmenting(SegmenterSettings()), VOICE, VOICE) == []


@given(st.lists(st.integers(0, 60_000), max_size=12))
def test_sound_that_grows_leaves_its_past_alone(lengths: list[int]) -> None:
    """What was taken of it earlier, without a copy, stays the beginning of all that was added."""
    all_of_it = np.arange(sum(lengths), dtype=np.float32)
    sound, end, taken = GrowingSound(), 0, []
    for length in lengths:
        sound.append(all_of_it[end : end + length])
        end += length
        taken.append((end, sound.so_far()))

    for end, so_far in taken:
        np.testing.assert_array_equal(so_far, all_of_it[:end])
