"""What the chip offers to whoever samples tokens from it: values from an engine, cycles from compiled programs.

The adapter in `inference/llm/` tokenises, samples between the statically timed steps, and stamps each token with
emulated time. Values and cycles are apart because cycles never depend on data: tokens of any origin can be timed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt


class Engine(Protocol):
    """The values of a model's steps, with a KV cache for one sequence; `model/fast.py` has one."""

    @property
    def positions(self) -> int:
        """Return the number of tokens the cache holds."""
        ...

    def step(
        self, tokens: Sequence[int], position: int, stop: Callable[[], bool] = ...
    ) -> npt.NDArray[np.float32] | None:
        """Append `tokens` at `position`, where cached ones end; return the logits after the last, shape (vocabulary,).

        What was cached from `position` on is forgotten. None once `stop()` is true, which is asked many times in a
        step; what is cached up to `position` stays valid. Raises ExecutionError for tokens or positions that are
        impossible.
        """
        ...


class StepTiming(Protocol):
    """The time of a compiled model's steps: emulated, exact, known before they run."""

    @property
    def clock_hz(self) -> int:
        """Return the cycles a second of the chip."""
        ...

    @property
    def program_digest(self) -> str:
        """Return the SHA-256 digest of the programs whose times these are."""
        ...

    @property
    def link_s(self) -> float:
        """Return the seconds a step spends on the host link: tokens there, logits back."""
        ...

    def prefill_cycles(self, tokens: int, position: int) -> int:
        """Return the cycles of the program that appends `tokens` at `position`."""
        ...

    def decode_cycles(self, position: int) -> int:
        """Return the cycles of the program that appends one token at `position`."""
        ...
