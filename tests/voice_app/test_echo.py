"""The assistant's own voice in the microphone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_app.core.barge_in import EchoFloor, is_echo
from voice_app.core.ports import FRAME_SAMPLES

SAID = "Once upon a time there was a dog who lived by the sea and barked at the waves"


@pytest.mark.parametrize(
    ("heard", "echo"),
    [
        ("who lived by the sea", True),
        ("who lived by the bee", True),  # misheard
        ("Stop.", False),
        ("What is the capital of France?", False),  # "the" alone makes no echo
        ("Time there, by the waves?", False),  # its words in its order, but strewn over it
        ("", False),
    ],
)
def test_an_echo_is_known_by_its_words(heard: str, echo: bool) -> None:
    """In the order in which they were said."""
    assert is_echo(heard, SAID) == echo
    assert not is_echo(heard, "")


@given(st.integers(0, 10), st.integers(1, 8))
def test_any_stretch_of_the_reply_is_an_echo(start: int, count: int) -> None:
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
