"""Which sounds interrupt: no vocal noise, no backchannel, no echo of the assistant's own voice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.types import Transcript
from voice_app.core.barge_in import EchoFloor, SpeechStats, is_backchannel, is_echo, is_vocal_noise, words
from voice_app.core.endpointing import Endpointer, EndpointLimits
from voice_app.core.ports import FRAME_S, FRAME_SAMPLES, AudioFrame
from voice_app.core.segmenter import SegmenterSettings, SpeechSegmenter

SAID = "Once upon a time there was a dog who lived by the sea and barked at the waves"


def test_vocal_noises_and_backchannels() -> None:
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


@pytest.mark.parametrize(
    ("heard", "echo"),
    [
        ("who lived by the sea", True),
        ("who lived by the bee", True),  # misheard
        ("Stop.", False),
        ("What is the capital of France?", False),  # "the" alone makes no echo
        ("Time there, by the waves?", False),  # its words in its order, but scattered over it
        ("", False),
    ],
)
def test_an_echo_is_known_by_its_words(heard: str, echo: bool) -> None:
    """In the order in which they were said."""
    assert is_echo(heard, SAID) == echo
    assert not is_echo(heard, "")


@given(st.integers(0, 10), st.integers(1, 8))
def test_any_words_of_the_reply_in_a_row_are_an_echo(start: int, count: int) -> None:
    """Wherever it begins."""
    assert is_echo(" ".join(SAID.split()[start : start + count]), SAID)


def test_only_what_is_louder_than_the_echo_is_listened_to() -> None:
    """By 6 dB; before any echo was heard, nothing is hidden."""
    floor = EchoFloor()
    faint, voice = np.full(FRAME_SAMPLES, 0.02, np.float32), np.full(FRAME_SAMPLES, 0.05, np.float32)

    assert not floor.hides(faint)
    floor.learn(np.concatenate([faint, np.zeros(900, np.float32)]))
    assert floor.hides(faint)
    assert not floor.hides(voice)
