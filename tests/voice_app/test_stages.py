"""The times of a turn: spans that add up, out of instants in order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_app import events
from voice_app.stages import turn_times

KINDS = (
    lambda at_s: events.TurnCommitted(at_s=at_s, turn=1, speech_end_s=0.5),
    lambda at_s: events.TranscriptCompleted(at_s=at_s, turn=1, text="x"),
    lambda at_s: events.ResponseTextDelta(at_s=at_s, turn=1, delta="x", token_id=1),
    lambda at_s: events.ClauseReady(at_s=at_s, turn=1, text="x"),
    lambda at_s: events.AudioDelta(at_s=at_s, turn=1, audio_s=1),
    lambda at_s: events.PlaybackStarted(at_s=at_s, turn=1),
)


@given(st.lists(st.floats(0, 10), min_size=6, max_size=6), st.integers(0, 6))
def test_the_spans_add_up(steps: list[float], reached: int) -> None:
    """Voice to voice is the sum of the spans, and None for a turn that nobody heard an answer to."""
    instants = [0.5 + sum(steps[: number + 1]) for number in range(6)]
    log = [kind(at_s) for kind, at_s in zip(KINDS, instants, strict=True)][:reached]

    times = turn_times(log, 1)

    if reached == 6:
        assert times.voice_to_voice_s == pytest.approx(instants[-1] - 0.5)
    else:
        assert times.voice_to_voice_s is None


def test_only_the_first_token_clause_and_sound_count() -> None:
    """Later tokens, clauses and pieces change nothing, nor do other turns."""
    log = [kind(1.0 + number) for number, kind in enumerate(KINDS)]
    more = [kind(20.0) for kind in KINDS[2:5]] + [events.PlaybackStarted(at_s=0, turn=2)]

    assert turn_times([*log, *more], 1) == turn_times(log, 1)


def test_typed_text_has_no_endpoint() -> None:
    """Time runs from the commit; there is no voice to measure from."""
    log = [events.TurnCommitted(at_s=1.0, turn=1, speech_end_s=None), *(kind(2.0) for kind in KINDS[2:])]

    times = turn_times(log, 1)

    assert (times.endpoint_s, times.stt_s, times.decision_to_sound_s, times.voice_to_voice_s) == (
        None,
        0.0,
        1.0,
        None,
    )


def test_an_impossible_order_is_refused() -> None:
    """A sound before its clause is a broken log, not a fast machine."""
    log = [kind(at_s) for kind, at_s in zip(KINDS, (1, 2, 3, 5, 4, 6), strict=True)]

    with pytest.raises(ValueError, match="out of order"):
        turn_times(log, 1)
