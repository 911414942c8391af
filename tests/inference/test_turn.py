"""Whether a turn is over, by its sound: the real model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.errors import ModelCorrupt
from inference.models.store import ModelStore
from inference.turn.smart_turn import SmartTurn
from inference.types import Audio
from tests.speech import spoken


@pytest.fixture(scope="module")
def smart_turn() -> SmartTurn:
    return SmartTurn(ModelStore().find("smart-turn-v3.2", "turn").path)


@pytest.mark.model
def test_a_whole_question_sounds_finished_and_its_beginning_does_not(smart_turn: SmartTurn) -> None:
    """Of the same recording; and silence that was not heard yet changes nothing."""
    whole = spoken("I would like to know how deep the sea is.")
    question = spoken("What language do people speak in Brazil?")
    beginning = Audio(whole.samples[: round(0.9 * whole.rate_hz)], whole.rate_hz)
    waited = np.concatenate([question.samples, np.zeros(round(0.05 * question.rate_hz), np.float32)])

    assert smart_turn.finished(question) > 0.95
    assert smart_turn.finished(Audio(waited, question.rate_hz)) > 0.95
    assert smart_turn.finished(beginning) < 0.5


@pytest.mark.model
@pytest.mark.parametrize("samples", [0, 1, 160, 20 * 16_000])
def test_any_length_is_judged(smart_turn: SmartTurn, samples: int) -> None:
    """Nothing at all, and more than it takes."""
    assert 0 <= smart_turn.finished(Audio(np.zeros(samples, np.float32), 16_000)) <= 1


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    """In one line with its name."""
    file = tmp_path / "turn.onnx"
    file.write_bytes(b"no model")
    with pytest.raises(ModelCorrupt, match="turn.onnx"):
        SmartTurn(file)
