"""The assistant among echoes, noises and interruptions, and how that is read off a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.types import Samples
from tests.pulse import CARD_RATE_HZ, require_pulse
from tests.speech import spoken
from voice_app.bench.noise_robustness import (
    NoiseRecord,
    made_noises,
    measure_robustness,
    recorded_noises,
    robustness_figures,
)
from voice_app.bench.noise_robustness import stops as stops_of
from voice_app.core import events
from voice_app.core.errors import ScenarioError


def sounding(*spans: tuple[float, float]) -> Samples:
    samples = np.zeros(20 * CARD_RATE_HZ, np.float32)
    for start_s, end_s in spans:
        samples[round(start_s * CARD_RATE_HZ) : round(end_s * CARD_RATE_HZ)] = 0.5
    return samples


def test_a_stop_is_read_off_both_sides() -> None:
    """From the onset of the question to the last sound before a silence; questions into silence don't count."""
    user = sounding((1, 2.5), (5, 6.5), (10, 11.5))
    speaker = sounding((3, 5.15), (7, 8))  # the second question is spoken into it, the others into silence

    assert stops_of(user, speaker, 1.5) == [pytest.approx(0.15, abs=0.001)]


def test_an_answer_that_nobody_asked_for_is_counted() -> None:
    """More replies than questions; what was held and went on is listed with its length."""
    log = [
        events.PlaybackStarted(at_s=1, turn=1),
        events.SpeechStarted(at_s=2, turn=1, speech_start_s=1.9),
        events.SpeechIgnored(at_s=2.4, turn=1, heard=""),
        events.PlaybackStarted(at_s=9, turn=2),
    ]
    report = robustness_figures(NoiseRecord([("cough", True)], [], asked=1), log, [])

    assert report["replies_nobody_asked_for"] == 1
    assert report["hold_ms"] == {"count": 1, "p50": 400.0, "p95": 400.0}


def test_a_folder_without_sound_is_refused(tmp_path: Path) -> None:
    """In one line with its name."""
    with pytest.raises(ScenarioError, match="no sound file"):
        recorded_noises(tmp_path)


@pytest.mark.card
@pytest.mark.model
def test_a_conversation_in_a_room_that_echoes() -> None:
    """With its own voice in the microphone, coughs and claps: two questions, two answers, one interruption.

    Nothing is ever answered unasked. Where a host that is too busy for real time loses an answer, it has a second try.
    """
    require_pulse()
    noises = {
        name: sound
        for name, sound in made_noises(spoken).items()
        if name in ("cough", "clap", "hum", "knock")
    }

    def held() -> bool:
        report = measure_robustness(1, spoken, noises, -20.0, ())
        assert report["replies_nobody_asked_for"] == 0
        assert report["answered_or_stopped_by"] == []
        stops: dict[str, int] = report["barge_in_stop_ms"]  # type: ignore[assignment]
        return report["replies"] == report["questions"] and report["barge_ins"] == stops["count"] == 1

    assert held() or held()
