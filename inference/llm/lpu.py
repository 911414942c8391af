"""The emulated LPU as a LanguageModel: values by its engine, tokens by llama.cpp's vocabulary and samplers.

Its chat is a `LlamaChat`; what decodes is `LpuContext`. When its tokens are due is told by `pace.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from inference.errors import ModelCorrupt, ModelError
from inference.llm.llamacpp import SequenceModel
from inference.llm.native import Logits, NativeModel
from inference.llm.saved import SavedPrefixes
from inference.types import Cancel
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.errors import GgufError, LpuError
from lpu_backend.interface import Engine
from lpu_backend.model.gguf_file import open_gguf
from lpu_backend.model.shape import ModelShape, read_shape

if TYPE_CHECKING:
    from lpu_backend.system.pipeline_steps import Steps

BUCKETS = (2048, 1024, 512, 256, 128)
"""KV lengths programs are compiled for."""


class Lpu(SequenceModel):
    """A GGUF model on emulated chips, one or a pipeline; it holds one chat.

    The context is the largest bucket that the chips' SRAM holds beside the weights, up to `context_tokens`. Raises
    ModelCorrupt for a file that is not sound, ModelError for a model that can't be built or does not fit, and for an
    impossible number of chips.
    """

    def __init__(self, path: Path, *, context_tokens: int = 2048, threads: int = 2, chips: int = 1) -> None:
        self.shape = chip_shape(path)
        positions = bucket(self.shape, context_tokens, chips)
        context = LpuContext(_engine(path, self.shape, positions, (threads, chips)))
        prefixes = SavedPrefixes(None, "")
        super().__init__(NativeModel(path, vocab_only=True), context, prefixes, guesses=False)


def chip_shape(path: Path) -> ModelShape:
    """Return the dimensions of a model, whose weights need not be there. Raises ModelCorrupt, ModelError."""
    with _model_errors(path):
        return read_shape(open_gguf(path))


def chip_steps(shape: ModelShape, positions: int, chips: int = 1) -> Steps:
    """Return the emulated times of a model on one chip or a pipeline. Raises ModelError where programs do not fit.

    Programs that are not in the cache are compiled when a token first needs them.
    """
    from lpu_backend.system.pipeline_steps import steps_on

    with _model_errors(None):
        return steps_on(shape, PRODUCT, positions, chips)


@contextmanager
def _model_errors(path: Path | None) -> Iterator[None]:
    """Turn errors of the chip into those of a model."""
    try:
        yield
    except GgufError as error:
        raise ModelCorrupt(path or error.path, error.what, error.how) from error
    except LpuError as error:
        raise ModelError(str(error)) from error


def bucket(shape: ModelShape, most: int, chips: int = 1) -> int:
    """Return the largest KV length up to `most` that so many chips hold with the model. Raises ModelError."""
    from lpu_backend.system.pipeline import pipeline

    wanted = [length for length in BUCKETS if length <= min(most, shape.context)] or [
        min(most, shape.context)
    ]
    with _model_errors(None):
        for length in wanted:
            parts = pipeline(shape, chips, length).parts
            if all(part.sram_bytes(shape, length) <= PRODUCT.sram_bytes for part in parts):
                return length
        for part in parts:
            part.check_fits(shape, length, PRODUCT.sram_bytes)
    return wanted[-1]


def _engine(path: Path, shape: ModelShape, positions: int, means: tuple[int, int]) -> Engine:
    """Quantise the model; compiling the kernels, once a machine, takes ten seconds. `means`: threads and chips."""
    from lpu_backend.model.quantise import quantise
    from lpu_backend.system.pipeline import pipeline
    from lpu_backend.system.pipeline_engine import PipelineEngine

    threads, chips = means
    with _model_errors(path):
        parts = pipeline(shape, chips, positions).parts
        return PipelineEngine(quantise(open_gguf(path), shape, positions), parts, threads=threads)


class LpuContext:
    """The one sequence of tokens in the emulated chips' KV caches; see `NativeContext`."""

    sequences = 1

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.size = engine.positions
        self._end = 0
        """Where the next token is appended."""

    def decode(
        self, sequence: int, tokens: Sequence[int], at: int, asked: Sequence[int], cancelled: Cancel
    ) -> list[Logits] | None:
        """Append tokens at position `at`; return None when cancelled. Where logits are asked for, a step ends."""
        rows: dict[int, Logits] = {}
        first = 0
        for last in sorted({*asked, len(tokens) - 1}):
            logits = self._engine.step(tokens[first : last + 1], at + first, cancelled.is_set)
            if logits is None:
                return None
            rows[last], first = logits.copy(), last + 1
        self._end = at + len(tokens)
        return [rows[place] for place in asked]

    def keep(self, sequence: int, tokens: int) -> bool:
        """Every step says where it begins: rows after that are not read."""
        self._end = tokens
        return True

    def keep_warm(self) -> None:
        """Append a token that the next one overwrites."""
        if self._end < self.size:
            self._engine.step([0], self._end)

    def use_threads(self, threads: int) -> None:
        """Keep those it has: Numba's."""

    def state(self, sequence: int) -> bytes:
        """Nothing is saved."""
        return b""

    def set_state(self, sequence: int, state: bytes) -> bool:
        """Nothing was saved."""
        return False

    def close(self) -> None:
        """Python frees the arrays."""
