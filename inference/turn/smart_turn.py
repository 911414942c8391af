"""Has the user finished? Judged by the sound: Smart Turn v3 (pipecat-ai), a Whisper encoder with a head.

It hears the melody that words do not show. Its weights are optional; without them the words alone decide.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inference.audio import resample
from inference.errors import ModelCorrupt
from inference.onnx_session import open_session
from inference.types import Audio

RATE_HZ = 16_000
HEARD_S = 8.0
"""The end of the turn that the model takes."""
PAUSE_S = 0.2
"""Silence after the speech that it was trained with; it is made up where less of it has been heard."""
_FRAMES = 800


class SmartTurn:
    """Fulfils `SoundTurnDetector`; 25 to 50 ms a judgement on two cores."""

    def __init__(self, model: Path, *, threads: int = 2) -> None:
        """Load the ONNX file. Raises ModelCorrupt."""
        from faster_whisper.feature_extractor import FeatureExtractor

        try:
            self._session = open_session(model.read_bytes(), threads)
        except Exception as error:  # onnxruntime raises a dozen types that share no base
            raise ModelCorrupt(model, "is no Smart Turn model", "install it again") from error
        self._log_mel = FeatureExtractor(feature_size=80)

    def finished(self, sound: Audio) -> float:
        """Return the probability that a turn is over after this sound, which ends at most 0.2 s after the speech."""
        samples = resample(sound, RATE_HZ).samples
        heard = np.concatenate((samples, np.zeros(round(PAUSE_S * RATE_HZ), np.float32)))
        heard = heard[-round(HEARD_S * RATE_HZ) :]
        padded = np.pad(heard, (round(HEARD_S * RATE_HZ) - len(heard), 0))
        scaled = (padded - padded.mean()) / np.sqrt(padded.var() + 1e-7)
        features = self._log_mel(scaled.astype(np.float32), padding=0)[np.newaxis, :, :_FRAMES]
        (odds,) = self._session.run(None, {"input_features": features.astype(np.float32)})
        return float(odds.ravel()[0])

    def keep_warm(self) -> None:
        """Judge once, so that the first turn does not pay for it."""
        self.finished(Audio(np.zeros(RATE_HZ, np.float32), RATE_HZ))
