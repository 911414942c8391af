"""How long a silence ends a turn: by its words, by how finished they are, by the speaker's patience."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_app.core.endpointing import (
    AdaptiveDelay,
    Ask,
    EndpointDecision,
    Endpointer,
    EndpointLimits,
    endpoint,
    is_open,
)

LIMITS = EndpointLimits()


@pytest.mark.parametrize(
    ("words", "finished", "silence_s"),
    [
        ("What is the capital of France?", 0.9, LIMITS.finished_s),
        ("Is it going to rain?", 0.1, LIMITS.unsure_s),
        ("What is the capital of", 0.3, LIMITS.unfinished_s),  # "of" wants more
        ("I'd like to know how deep the sea is.", 0.8, LIMITS.finished_s),  # but "is" may end it
        ("Tell me about the very...", 0.5, LIMITS.unfinished_s),
        ("I want to go", 0.002, LIMITS.unfinished_s),
        ("Two people.", 0.001, LIMITS.unsure_s),  # short answers have no sentence around them
        ("Half an hour", 0.02, LIMITS.unsure_s),
        ("Can I get", 0.001, LIMITS.unfinished_s),  # which these open
        ("", 0.0, LIMITS.unsure_s),
    ],
)
def test_silence_by_words(words: str, finished: float, silence_s: float) -> None:
    """Finished words are answered soon, unfinished ones waited for."""
    assert endpoint(words, finished, LIMITS).silence_s == silence_s


@pytest.mark.parametrize(
    ("words", "finished", "asked"),
    [
        ("Please tell me the short story.", 0.04, True),
        ("Can I get", 0.001, False),  # surely unfinished
        ("What time is it?", 0.7, False),  # surely finished
        ("What is the capital of", 0.1, False),  # "of" wants more, however it sounds
    ],
)
def test_the_sound_is_asked_where_the_words_leave_it_open(words: str, finished: float, asked: bool) -> None:
    """And only what sounds finished beyond doubt is then answered soon."""
    assert is_open(words, finished, LIMITS) == asked
    if asked:
        assert endpoint(words, finished, LIMITS, sounds=0.99).silence_s == LIMITS.finished_s
        assert endpoint(words, finished, LIMITS, sounds=0.9) == endpoint(words, finished, LIMITS)


@given(st.text(max_size=60), st.floats(0, 1), st.floats(1, 3))
def test_silence_stays_within_its_limits(words: str, finished: float, delay_factor: float) -> None:
    """Whatever the words: never shorter than for finished ones, never longer than for unfinished ones."""
    patient = endpoint(words, finished, LIMITS, delay_factor).silence_s

    assert LIMITS.finished_s <= endpoint(words, finished, LIMITS).silence_s <= patient <= LIMITS.unfinished_s


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_more_finished_the_shorter(one: float, other: float) -> None:
    """Silence falls as the probability rises."""
    low, high = sorted((one, other))
    words = "Which of these trains goes home"

    assert endpoint(words, high, LIMITS).silence_s <= endpoint(words, low, LIMITS).silence_s


def test_patience_grows_with_interrupted_speakers_and_wears_off() -> None:
    """It has an upper limit, and returns to where it was."""
    delay_factor = AdaptiveDelay()
    for _ in range(9):
        delay_factor.went_on()
    assert delay_factor.factor == delay_factor.most
    for _ in range(30):
        delay_factor.was_over()
    assert delay_factor.factor == 1


@pytest.mark.parametrize(
    ("words", "sounds", "silence_s"),
    [
        ("What is the capital of France?", None, LIMITS.unsure_s),
        ("What is the capital of France?", 0.99, LIMITS.finished_s),
        ("What is the capital of France?", 0.5, LIMITS.unsure_s),
        ("What is the capital of", 0.99, LIMITS.unfinished_s),
        ("Tell me about the very...", None, LIMITS.unfinished_s),
        ("Two people.", None, LIMITS.unsure_s),
        ("", None, LIMITS.unsure_s),
    ],
)
def test_silence_where_nothing_judges_the_words(words: str, sounds: float | None, silence_s: float) -> None:
    """Unknown is not unfinished: the sound decides where it was asked, and a word that ends no sentence still waits."""
    found = endpoint(words, None, LIMITS, sounds=sounds)

    assert (found.silence_s, found.finished) == (silence_s, None)
    assert is_open("What is the capital of France?", None, LIMITS)
    assert not is_open("What is the capital of", None, LIMITS)


@given(st.text(max_size=30), st.none() | st.floats(0, 1), st.none() | st.floats(0, 1))
def test_the_endpointer_decides_with_the_detectors_there_are(
    words: str, by_words: float | None, by_sound: float | None
) -> None:
    """It remembers what it returns, until somebody speaks again; one that is absent is as one that can't tell."""
    endpointer = Endpointer(LIMITS)

    async def answer(probability: float | None) -> float | None:
        return probability

    def decided(*asks: Ask | None) -> EndpointDecision:
        return asyncio.run(endpointer.decide(words, *asks))

    found = decided(lambda: answer(by_words), lambda: answer(by_sound))
    assert endpointer.silence_s == found.silence_s
    endpointer.begin()
    assert endpointer.silence_s == LIMITS.unheard_s
    assert decided(None, None) == decided(lambda: answer(None), lambda: answer(None))
    assert decided(lambda: answer(by_words), None) == endpoint(words, by_words if words else None, LIMITS)
