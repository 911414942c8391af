"""The times of a turn: spans that add up, out of instants in order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_app.core import events
from voice_app.core.stages import Stage, turn_times

MADE = (
    lambda at_s: events.DraftCreated(at_s=at_s, turn=1, revision=2),
    lambda at_s: events.TranscriptCompleted(at_s=at_s, turn=1, revision=2, text="x"),
    lambda at_s: events.EndpointPredicted(
        at_s=at_s, turn=1, revision=2, silence_s=0.2, finished=1, because="finished"
    ),
    lambda at_s: events.ResponseCreated(at_s=at_s, turn=1, revision=2),
    lambda at_s: events.ResponseTextDelta(at_s=at_s, turn=1, revision=2, delta="x", token_id=1),
    lambda at_s: events.ClauseReady(at_s=at_s, turn=1, revision=2, text="x"),
    lambda at_s: events.AudioDelta(at_s=at_s, turn=1, revision=2, audio_s=1),
)
"""What a draft makes, in order."""
END_S = 0.5


def released(at_s: float) -> events.TurnCommitted:
    return events.TurnCommitted(at_s=at_s, turn=1, revision=2, speech_end_s=END_S)


def audible(at_s: float) -> events.PlaybackStarted:
    return events.PlaybackStarted(at_s=at_s, turn=1, revision=2)


def draft(*instants: float) -> list[events.Event]:
    return [kind(at_s) for kind, at_s in zip(MADE, instants, strict=False)]


@given(
    st.lists(st.floats(0, 10), min_size=7, max_size=7), st.floats(0, 80), st.floats(0, 5), st.integers(0, 7)
)
def test_the_spans_add_up(steps: list[float], decision_s: float, device_s: float, reached: int) -> None:
    """Voice to voice is the sum of the spans, whenever the turn is judged over; None where nothing was audible."""
    instants = [END_S + sum(steps[: number + 1]) for number in range(7)]
    end_s = max(instants[-1], END_S + decision_s) + device_s
    log = [*draft(*instants[:reached]), released(END_S + decision_s)]
    if reached == 7:
        log.append(audible(end_s))

    times = turn_times(log, 1)

    if reached == 7:
        assert times.voice_to_voice_s == pytest.approx(end_s - END_S)
        assert times.decision_to_sound_s == pytest.approx(end_s - END_S - decision_s)
        assert all(span_s >= 0 for span_s in times.spans_s.values())
    else:
        assert times.voice_to_voice_s is None


def test_work_during_the_wait_is_not_counted_twice() -> None:
    """A reply that is ready 50 ms before the turn is judged over waits 50 ms; one that is late waits not at all."""
    ready = [*draft(0.6, 0.7, 0.7, 0.7, 0.8, 0.9, 1.0), released(1.05), audible(1.06)]
    late = [*draft(0.6, 0.7, 0.7, 0.7, 0.8, 0.9, 1.0), released(0.72), audible(1.06)]

    early_s, late_s = turn_times(ready, 1).spans_s, turn_times(late, 1).spans_s

    assert (early_s[Stage.HOLD], early_s[Stage.DEVICE]) == (pytest.approx(0.05), pytest.approx(0.01))
    assert (late_s[Stage.HOLD], late_s[Stage.DEVICE]) == (0, pytest.approx(0.06))


def test_only_the_released_draft_counts() -> None:
    """Other drafts, later tokens, and other turns change nothing."""
    log = [*draft(1, 2, 3, 4, 5, 6, 7), released(8), audible(9)]
    earlier = events.TranscriptCompleted(at_s=0.7, turn=1, revision=1, text="half")
    more = [*draft(9, 9, 9, 9, 9, 9, 9)[4:], events.PlaybackStarted(at_s=0, turn=2, revision=2)]

    assert turn_times([earlier, *log, *more], 1) == turn_times(log, 1)


def test_typed_text_has_no_endpoint() -> None:
    """There is no voice to measure from."""
    commit = events.TurnCommitted(at_s=1.0, turn=1, revision=2, speech_end_s=None)
    made = draft(1, 1, 1, 1, 2, 2, 2)

    times = turn_times([commit, made[0], *made[3:], audible(2)], 1)

    assert Stage.ENDPOINT not in times.spans_s
    assert (times.spans_s[Stage.STT], times.spans_s[Stage.LLM_FIRST_TOKEN]) == (0, 1)
    assert times.decision_to_sound_s is times.voice_to_voice_s is None


@pytest.mark.parametrize(
    "log",
    [
        [*draft(1, 2, 3, 4, 6, 5, 7), released(8), audible(9)],  # a clause before its first token
        [*draft(1, 2, 3, 4, 5, 6, 7), released(8), audible(7.5)],  # audible before it was released
        [*draft(0.4, 2, 3, 4, 5, 6, 7), released(8), audible(9)],  # a draft before the last word
        [released(0.4)],
    ],
)
def test_an_impossible_order_is_refused(log: list[events.Event]) -> None:
    """It is a broken log, not a fast machine."""
    with pytest.raises(ValueError, match="out of order"):
        turn_times(log, 1)
