"""Silero voice activity detection, streaming, straight on onnxruntime.

The model file (MIT) is the one inside the faster-whisper package, which is found but not imported. Its inputs
are `input` (1, 576): the frame after the last 64 samples of the one before it; and the LSTM's state `h` and
`c`, both (1, 1, 128), which every run returns.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inference.errors import ModelMissing
from inference.types import Samples

FRAME_SAMPLES = 512
RATE_HZ = 16_000
SILENT = 0.3
"""Probability under which a frame is no speech for certain."""
FORGET_FRAMES = 62
"""Silent frames in a row, 2 s, after which the LSTM's state is dropped. It grows deaf in silence: after a minute,
14 questions were noticed 0.16 to 0.74 s into them, and within 0.1 s from a fresh state, which no noise woke."""
_CONTEXT_SAMPLES = 64
_STATE_SHAPE = (1, 1, 128)


class SileroVad:
    """Fulfils `VoiceActivityDetector` with Silero VAD v6 on one thread."""

    def __init__(self) -> None:
        """Load the model; raises ModelMissing."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(
            str(_model_path()), options, providers=["CPUExecutionProvider"]
        )
        self._silent = 0
        self._h: npt.NDArray[np.float32]
        self._c: npt.NDArray[np.float32]
        self.reset()

    def probability(self, frame: Samples) -> float:
        """Return the probability of speech in `frame`, float32 of shape (512,) at 16 kHz."""
        if frame.shape != (FRAME_SAMPLES,):
            raise ValueError(f"a frame has the shape ({FRAME_SAMPLES},), not {frame.shape}")
        self._input[0, :_CONTEXT_SAMPLES] = self._input[0, -_CONTEXT_SAMPLES:]
        self._input[0, _CONTEXT_SAMPLES:] = frame
        inputs = {"input": self._input, "h": self._h, "c": self._c}
        output, self._h, self._c = self._session.run(None, inputs)
        probability = float(output.item())
        self._silent = self._silent + 1 if probability < SILENT else 0
        if self._silent == FORGET_FRAMES:
            self._forget()
        return probability

    def reset(self) -> None:
        """Forget earlier frames."""
        self._input = np.zeros((1, _CONTEXT_SAMPLES + FRAME_SAMPLES), np.float32)
        self._forget()

    def _forget(self) -> None:
        self._silent = 0
        self._h = np.zeros(_STATE_SHAPE, np.float32)
        self._c = np.zeros(_STATE_SHAPE, np.float32)


def _model_path() -> Path:
    spec = find_spec("faster_whisper")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder, "assets").glob("silero_vad*.onnx"), reverse=True):
            return path
    raise ModelMissing("silero-vad", "it is part of the package faster-whisper; install voice-app again")
