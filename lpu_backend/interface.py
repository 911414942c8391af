"""What a compiled model on an emulated chip offers to whoever samples tokens from it.

The adapter in `inference/llm/` turns this into a LanguageModel: it tokenises, samples between the statically timed
steps, and stamps each token with `cycles / clock_hz`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """The outcome of one run of a program on the chip."""

    logits: npt.NDArray[np.float32]
    """Scores of the next token, shape (vocabulary,)."""
    cycles: int
    """Cycles from the start of the program to its last result, counted by the simulator."""


class CompiledModel(Protocol):
    """A model whose programs are compiled: prefill for a length, decode for a position."""

    @property
    def clock_hz(self) -> int:
        """Cycles a second of the chip."""
        ...

    def prefill(self, tokens: Sequence[int], position: int) -> Step:
        """Append `tokens` to the sequence at `position`, where cached ones end, and return the last one's step."""
        ...

    def decode(self, token: int, position: int) -> Step:
        """Append one token at `position` and return its step."""
        ...
