"""A voice activity detector that reads its answers from a list of spans."""

from __future__ import annotations

from collections.abc import Sequence

from inference.types import Samples

_RATE_HZ = 16_000


class ScriptedVad:
    """Fulfils `VoiceActivityDetector`: says 1.0 where a frame's middle lies in a span, else 0.0.

    The spans, (start_s, end_s), lie on the time of all frames given since construction; `reset` does not
    rewind it.
    """

    def __init__(self, spans: Sequence[tuple[float, float]]) -> None:
        self._spans = tuple(spans)
        self._samples = 0

    def probability(self, frame: Samples) -> float:
        """Return 1.0 or 0.0; frames of any length are accepted, their content is not looked at."""
        middle_s = (self._samples + len(frame) / 2) / _RATE_HZ
        self._samples += len(frame)
        return float(any(start_s <= middle_s < end_s for start_s, end_s in self._spans))

    def reset(self) -> None:
        """Do nothing: the script goes on."""
