"""The sound of a turn decides where its words leave open whether it is over."""

from __future__ import annotations

import pytest

from inference.turn.scripted_turn import ScriptedTurnDetector
from inference.types import Audio
from tests.voice_app.scripted_session import ScriptedSession
from voice_app.core import events
from voice_app.core.endpointing import EndpointLimits

LIMITS = EndpointLimits()


class Melody:
    """A sound detector with a declared answer, which counts how often it is asked."""

    def __init__(self, answer: float) -> None:
        self.answer, self.asked_s = answer, list[float]()

    def finished(self, sound: Audio) -> float:
        self.asked_s.append(sound.seconds)
        return self.answer


@pytest.mark.parametrize(
    ("by_words", "by_sound", "silence_s", "asked"),
    [
        (0.05, 0.99, LIMITS.finished_s, True),
        (0.05, 0.5, LIMITS.unsure_s, True),
        (0.9, 0.0, LIMITS.finished_s, False),
        (0.001, 0.99, LIMITS.unsure_s, False),
    ],
)
def test_the_sound_is_asked_only_in_doubt(
    by_words: float, by_sound: float, silence_s: float, asked: bool
) -> None:
    """Of the whole turn so far; the turn ends after the silence that both allow."""
    melody = Melody(by_sound)
    stage = ScriptedSession(
        detector=ScriptedTurnDetector(lambda _: by_words), more={"by_sound": melody}
    ).run()
    (predicted,) = stage.of(events.EndpointPredicted)

    assert predicted.silence_s == silence_s
    assert bool(melody.asked_s) == asked
    assert all(seconds > 1.0 for seconds in melody.asked_s)


@pytest.mark.parametrize(
    ("by_sound", "silence_s"),
    [(Melody(0.99), LIMITS.finished_s), (Melody(0.5), LIMITS.unsure_s), (None, LIMITS.unsure_s)],
)
def test_without_a_detector_by_words_the_sound_decides(by_sound: Melody | None, silence_s: float) -> None:
    """Nor does a long sentence wait as if it were unfinished, where nothing judges it at all."""
    stage = ScriptedSession(heard=("what is the capital of France",), more={"by_sound": by_sound}).run()
    (predicted,) = stage.of(events.EndpointPredicted)

    assert (predicted.silence_s, predicted.finished) == (silence_s, None)
    assert by_sound is None or by_sound.asked_s
