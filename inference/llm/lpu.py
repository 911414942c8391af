"""The emulated LPU as a LanguageModel: values by its engine, tokens by llama.cpp's vocabulary and samplers.

Chats, the cache of their prefix and cancellation are `LlamaCpp`'s; what decodes is `LpuContext`. Tokens carry emulated
time where the model is compiled (`pace.py`); without programs there are no cycles, and nothing is invented.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from inference.errors import ModelCorrupt, ModelError
from inference.llm.llamacpp import LlamaCpp
from inference.llm.native import NativeModel, NativeSampler
from inference.llm.pace import Pace
from inference.types import ChatRequest, Token
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.errors import GgufError, LpuError
from lpu_backend.interface import Engine
from lpu_backend.model.gguf_file import open_gguf
from lpu_backend.model.shape import ModelShape, read_shape

if TYPE_CHECKING:
    from lpu_backend.system.pipeline_steps import Steps

BUCKETS = (2048, 1024, 512, 256, 128)
"""KV lengths programs are compiled for."""


@dataclass(frozen=True, slots=True)
class ChipUse:
    """A token's step on the emulated chips."""

    cycles: int = 0
    utilisation: Mapping[str, float] = field(default_factory=dict)
    """Of each kind of unit, the share of the cycles in which it works."""


def chip_use(pace: Pace) -> ChipUse:
    """Return what the step of the last token was to the chips; zeros where none are emulated."""
    timing = pace.timing
    if timing is None:
        return ChipUse()
    cycles, told = timing.decode_cycles(pace.position), ChipUse().utilisation
    if isinstance(timing, Summarised):
        told = timing.summary(*next(iter(timing.cut(1, pace.position))))["utilisation"]
    return ChipUse(cycles, told)


@runtime_checkable
class Summarised(Protocol):
    """Times of compiled programs, which say more than times."""

    def cut(self, tokens: int, position: int) -> Iterator[tuple[int, int]]:
        """Return the steps that append tokens at a position, as rows and bucket."""
        ...

    def summary(self, rows: int, positions: int) -> Mapping[str, Any]:
        """Return what a step costs."""
        ...


class Lpu(LlamaCpp):
    """A GGUF model on emulated chips, one or a pipeline. Not for two threads at once; `request.cancelled` may be set
    from any.

    The context is the largest bucket that the chips' SRAM holds beside the weights, up to `context_tokens`. Raises
    ModelCorrupt for a file that is not sound, ModelError for a model that can't be built or does not fit, and for an
    impossible number of chips.
    """

    guesses = False

    def __init__(
        self,
        path: Path,
        *,
        context_tokens: int = 2048,
        threads: int = 2,
        chips: int = 1,
        pace: Pace | None = None,
    ) -> None:
        self.pace = pace or Pace(None)
        self.shape = chip_shape(path)
        positions = bucket(self.shape, context_tokens, chips)
        engine = _engine(path, self.shape, positions, (threads, chips))
        self._begin(NativeModel(path, vocab_only=True), LpuContext(engine), path, None)

    @property
    def late_tokens(self) -> int:
        """Tokens of the last reply that came later than the chip would have had them, where it is paced."""
        return self.pace.overrun.late_tokens

    @property
    def chip_use(self) -> ChipUse:
        """What the step of the last token was to the chips."""
        return chip_use(self.pace)

    def stream(self, request: ChatRequest) -> Iterator[Token]:
        """Yield the reply's tokens with their emulated time; see LanguageModel.stream."""
        yield from self.pace.stamped(self, super().stream(request), request.cancelled)


class DelegatedLpu(LlamaCpp):
    """llama.cpp's tokens at the emulated pace of a chip with a model of any shape: values are not the chip's."""

    def __init__(self, path: Path, pace: Pace, *, context_tokens: int = 2048, threads: int = 2) -> None:
        super().__init__(path, context_tokens=context_tokens, threads=threads)
        self.pace = pace

    @property
    def late_tokens(self) -> int:
        """Tokens of the last reply that came later than the chip would have had them, where it is paced."""
        return self.pace.overrun.late_tokens

    @property
    def chip_use(self) -> ChipUse:
        """What the step of the last token was to the chips."""
        return chip_use(self.pace)

    def stream(self, request: ChatRequest) -> Iterator[Token]:
        """Yield the reply's tokens with their emulated time; see LanguageModel.stream."""
        yield from self.pace.stamped(self, super().stream(request), request.cancelled)


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


class StopFlag:
    """What ends a decode between two operations."""

    def __init__(self) -> None:
        self._event = Event()
        self.is_raised = self._event.is_set

    def raise_(self) -> None:
        self._event.set()

    def lower(self) -> None:
        self._event.clear()


class LpuContext:
    """One sequence of tokens in the emulated chip's KV cache; see `NativeContext`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.size = engine.positions
        self.abort = StopFlag()
        self._logits: dict[int, npt.NDArray[np.float32]] = {}

    def decode(self, tokens: Sequence[int], at: int = 0, asked: Sequence[int] = ()) -> bool:
        """Append tokens at position `at`; return False when aborted. Where logits are asked for, a step ends."""
        self._logits = {}
        first = 0
        for last in sorted({*asked, len(tokens) - 1} & set(range(len(tokens)))):
            logits = self._engine.step(tokens[first : last + 1], at + first, self.abort.is_raised)
            if logits is None:
                return False
            self._logits[last] = logits
            first = last + 1
        self._logits[-1] = self._logits[len(tokens) - 1]
        return True

    def sampled(self, sampler: NativeSampler, place: int) -> int:
        """Return a token to follow the one at `place` of the last decode; -1: the last."""
        return sampler.choose(self._logits[place])

    def probabilities(self, place: int) -> npt.NDArray[np.float32]:
        """Return the probability of every token to follow the one at `place`; shape (vocabulary,)."""
        logits = self._logits[place]
        odds = np.exp(logits - logits.max(), dtype=np.float32)
        probabilities: npt.NDArray[np.float32] = odds / odds.sum()
        return probabilities

    def keep(self, tokens: int) -> bool:
        """Every step says where it begins: rows behind that are not read."""
        return True

    def state(self) -> bytes:
        """Nothing is saved."""
        return b""

    def set_state(self, state: bytes) -> bool:
        """Nothing was saved."""
        return False

    def close(self) -> None:
        """Python frees the arrays."""
