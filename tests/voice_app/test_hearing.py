"""Which sounds are words to the assistant."""

from __future__ import annotations

import numpy as np
import pytest

from inference.types import Transcript
from voice_app.core.barge_in import SpeechStats, is_backchannel, is_vocal_noise, words
from voice_app.core.endpointing import Endpointer, EndpointLimits
from voice_app.core.ports import FRAME_S, FRAME_SAMPLES, AudioFrame
from voice_app.core.segmenter import SegmenterSettings, SpeechSegmenter


def test_hums_and_nods() -> None:
    """ "mhm" starts no turn; "yeah, okay" stops no reply, but may be an answer."""
    assert all(
        map(is_vocal_noise, ("Mm-hmm.", "Mhm.", "MMMM.", "Um", "Huh?", "ha ha ha", "Hehe", "Ah!", "HUH HUH"))
    )
    assert not is_vocal_noise("")
    assert not any(map(is_vocal_noise, ("Yeah.", "He", "Hey!", "Ha, what is that?", "Hello.")))
    assert is_backchannel("Yeah, okay.")
    assert is_backchannel("Thank you.")
    assert not is_backchannel("Thank you, that is enough.")
    assert is_backchannel("")
    assert not is_backchannel("Stop.")
    assert not is_backchannel("Yeah, but why?")


@pytest.mark.parametrize(
    ("heard", "log_prob", "seconds", "mean", "believed"),
    [
        ("Come here!", -0.96, 0.22, 0.67, False),  # a recorded cough
        ("Good", -3.77, 0.38, 0.67, False),  # another
        ("ha ha", -0.57, 0.54, 0.71, False),  # and one that became laughter
        ("Hello.", -0.66, 0.48, 0.91, True),
        ("Today", -1.27, 0.54, 0.96, True),
        ("louder", -1.81, 0.32, 0.94, True),  # hard to understand, but a voice
        ("I want that.", -0.42, 0.38, 0.81, True),
        ("Make me alive.", -0.76, 0.81, 0.68, True),  # too long for a cough
    ],
)
def test_short_doubtful_words_are_noise(
    heard: str, log_prob: float, seconds: float, mean: float, believed: bool
) -> None:
    """By the voice and by the words together; measured on recordings."""
    assert words(Transcript(heard, seconds, mean_log_prob=log_prob), SpeechStats(seconds, mean)) == (
        heard if believed else ""
    )


def test_the_voice_of_a_turn_is_that_of_its_own_frames() -> None:
    """The frames of its onset count; what sounded before, without becoming a turn, does not."""
    segmenter = SpeechSegmenter(SegmenterSettings(start_frames=3), Endpointer(EndpointLimits()))
    frame = AudioFrame(np.full(FRAME_SAMPLES, 0.1, np.float32), 0.0)
    for probability in (0.6, 0.1, 0.9, 0.7, 0.8):
        segmenter.push(frame, probability)
    segmenter.open_turn()

    assert segmenter.stats_so_far() == SpeechStats(pytest.approx(3 * FRAME_S), pytest.approx(0.8))
    assert SpeechSegmenter(SegmenterSettings(), Endpointer(EndpointLimits())).stats_so_far() == SpeechStats()
