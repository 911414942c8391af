"""The values of a pipeline: the fast engine runs the parts of a model in turn, each with the caches of its chip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from lpu_backend.model.fast import FastEngine, stretches
from lpu_backend.model.kernels import F32
from lpu_backend.model.part import Part
from lpu_backend.model.quantise import QuantisedModel


class PipelineEngine:
    """A model in parts, with a KV cache for one sequence; see `interface.Engine`. Not for two threads at once.

    Its bits are those of one `FastEngine` with the whole: what crosses is the residual stream, float32, as it is.
    """

    def __init__(self, model: QuantisedModel, parts: Sequence[Part], *, threads: int = 2) -> None:
        self.model = model
        self.positions = model.positions
        self._engines = tuple(FastEngine(model, threads=threads, part=part) for part in parts)

    def step(
        self, tokens: Sequence[int], position: int, stop: Callable[[], bool] = lambda: False
    ) -> F32 | None:
        """Append tokens; see `interface.Engine`. `stop` is asked before every operation."""
        self._engines[0].check(tokens, position)
        value: F32 | None = None
        for rows in stretches(tokens, position):
            value = None
            for engine in self._engines:
                value = engine.run(replace(rows, received=value), stop)
                if value is None:
                    return None
        assert value is not None
        logits: F32 = value[0]
        return logits
