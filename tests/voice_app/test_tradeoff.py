"""Pauses read from a log, and what other waits would have done to them."""

from __future__ import annotations

import pytest

from voice_app.bench.bench_report import Targets
from voice_app.bench.composed import measure_composed
from voice_app.bench.tradeoff import Pause, pauses, replay_waits
from voice_app.core import events
from voice_app.core.stages import Estimates


def draft(revision: int, at_s: float, wait_s: float, ready_s: float) -> list[events.Event]:
    """Return what a draft tells that was begun then."""
    here = {"turn": 1, "revision": revision}
    return [
        events.DraftCreated(at_s=at_s, **here),
        events.EndpointPredicted(at_s=at_s + 0.05, **here, silence_s=wait_s, finished=0.5, because="unsure"),
        events.ResponseCreated(at_s=at_s + 0.05, **here),
        events.AudioDelta(at_s=ready_s, **here, audio_s=0.3),
    ]


LOG: list[events.Event] = [
    events.SpeechStopped(at_s=1.03, turn=1, speech_end_s=1.0),
    *draft(1, 1.03, 0.9, 1.3),
    events.SpeechStarted(at_s=1.7, turn=1, revision=1, speech_start_s=1.6),
    events.DraftDiscarded(at_s=1.7, turn=1, revision=1),
    events.SpeechStopped(at_s=3.03, turn=1, revision=1, speech_end_s=3.0),
    *draft(2, 3.03, 0.448, 3.25),
    events.TurnCommitted(at_s=3.448, turn=1, revision=2, speech_end_s=3.0),
    events.PlaybackStarted(at_s=3.458, turn=1, revision=2),
    events.SpeechStarted(at_s=4.1, turn=1, revision=2, speech_start_s=4.0),  # an echo of the reply
]
"""A turn with a pause of 0.6 s in it, answered 0.458 s after its end at 3 s."""


def test_pauses_are_read_from_the_log() -> None:
    """One is gone on from, the last one ends the turn; what is heard after the turn resumes nothing."""
    inner, last = pauses(LOG, user_end_s=3.0)

    assert (inner.wait_s, inner.ready_s, inner.resumed_s) == (0.9, pytest.approx(0.3), pytest.approx(0.6))
    assert (last.wait_s, last.ready_s, last.resumed_s) == (0.448, pytest.approx(0.25), None)
    assert last.device_s == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("factor", "p50_ms", "cut_ins"),
    [
        (1.0, 500, 0),  # as recorded: the measured latency is kept
        (2.0, 500 + 448, 0),
        (
            0.7,
            500 - 128,
            0,
        ),  # 0.63 s outlast the pause by a block of the loudspeaker: 0.448 -> 0.32 s of wait
        (0.5, None, 1),  # 0.45 s of silence end the turn inside it
    ],
)
def test_shorter_waits_answer_earlier_and_too_early(
    factor: float, p50_ms: float | None, cut_ins: int
) -> None:
    """Latency moves by the wait, in frames of 32 ms; a pause that the wait outlasts does not end the turn."""
    point = replay_waits([(0.5, pauses(LOG, user_end_s=3.0))], factor)

    assert (point.p50_ms, point.cut_ins) == (pytest.approx(p50_ms) if p50_ms else None, cut_ins)


def test_a_reply_is_never_heard_before_it_is_made() -> None:
    """With no wait at all, the draft's own time is left."""
    (_, last) = pauses(LOG, user_end_s=3.0)

    assert last.audible_s(0.0) == pytest.approx(0.26)
    assert Pause(0.0, wait_s=0.2).audible_s(1.0) is None


def test_what_is_not_drafted_moves_with_the_decision() -> None:
    """Work that began at the end of the turn begins earlier when the turn ends earlier."""
    late = Pause(0.0, wait_s=0.64, asked_s=0.64, ready_s=1.0, decided_s=0.64)

    assert late.audible_s(0.5) == pytest.approx(0.32 + 0.36 + 0.01)


@pytest.mark.slow
def test_the_replay_of_a_session_at_its_own_waits_is_the_session() -> None:
    """A whole composed benchmark: factor 1 gives the measured percentiles, longer waits later answers."""
    report = measure_composed(24, Targets(), Estimates())
    points = {point["factor"]: point for point in report["tradeoff"]}  # type: ignore[attr-defined]
    p50s = [point["p50_ms"] for point in points.values()]

    assert points[1.0]["p50_ms"] == report["voice_to_voice_ms"]["p50"]  # type: ignore[index]
    assert points[1.0]["cut_ins"] == 0
    assert p50s == sorted(p50s)
    assert p50s[-1] > p50s[0]
