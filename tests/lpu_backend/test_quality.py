"""The embedded model on the chip is the model it was made of: against floats on the same weights, on real text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from inference.llm.native import NativeModel
from inference.llm.selftest import EMBEDDED
from inference.models.store import ModelStore
from lpu_backend.model.fast import FastEngine
from lpu_backend.model.gguf_file import Gguf, open_gguf, read_tensor
from lpu_backend.model.quantise import QuantisedModel, quantise
from lpu_backend.model.shape import read_shape
from tests.lpu_backend.reference import Reference, float_model

pytestmark = pytest.mark.model

F32 = npt.NDArray[np.float32]
PASSAGE = Path(__file__).parent.parent / "bench" / "data" / "alice.txt"
SKIPPED, POSITIONS = 32, 200
LOGITS_DIGEST = "ef1b42c1df9afb9cd10fd3868d8dc52f93353cdf620afdfaa8f316fcf80974d1"
"""SHA-256 of the logits after the passage's first eight tokens: the same on every machine."""


@pytest.fixture(scope="module")
def gguf() -> Gguf:
    """The embedded model, as packaged."""
    return open_gguf(ModelStore().find(EMBEDDED, "llm").path)


@pytest.fixture(scope="module")
def model(gguf: Gguf) -> QuantisedModel:
    return quantise(gguf, read_shape(gguf), 256)


@pytest.fixture(scope="module")
def tokens(gguf: Gguf) -> list[int]:
    vocabulary = NativeModel(gguf.path, vocab_only=True)
    found = vocabulary.tokenize(PASSAGE.read_text("utf-8"))[: SKIPPED + POSITIONS]
    vocabulary.close()
    return found


@pytest.fixture(scope="module")
def floats(gguf: Gguf, tokens: list[int]) -> tuple[list[F32], F32]:
    """The residual stream after every layer, and the logits, of the same weights in float32."""
    tensor: Callable[[str], F32] = cache(lambda name: read_tensor(gguf, name))
    return float_model(read_shape(gguf), tensor, tokens)


def test_the_likeliest_tokens_and_the_perplexity_are_those_of_floats(
    model: QuantisedModel, tokens: list[int], floats: tuple[list[F32], F32]
) -> None:
    """On 200 positions of a novel at least 97 % of the likeliest tokens agree, and perplexity is within 1 %."""
    engine = FastEngine(model)
    found = np.array([engine.step([token], place) for place, token in enumerate(tokens[:-1])])[SKIPPED - 1 :]
    expected = floats[1][SKIPPED - 1 : -1]
    agreement = (found.argmax(axis=1) == expected.argmax(axis=1)).mean()
    ratio = perplexity(found, tokens[SKIPPED:]) / perplexity(expected, tokens[SKIPPED:])
    assert len(found) == POSITIONS
    assert agreement >= 0.97
    assert abs(ratio - 1) < 0.01


def perplexity(logits: F32, targets: list[int]) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    scores = shifted[np.arange(len(targets)), targets] - np.log(np.exp(shifted).sum(axis=1))
    return float(np.exp(-scores.mean()))


def test_every_layer_is_close_to_floats(
    model: QuantisedModel, tokens: list[int], floats: tuple[list[F32], F32]
) -> None:
    """Behind every layer a token's residual stream is within 3 % of floats, the median token's within 2 %."""
    values = FastEngine(model).values(tokens[:64], 0)
    for layer, expected in enumerate(floats[0]):
        lengths = np.linalg.norm(expected[:64], axis=1)
        distances = np.linalg.norm(values[f"L{layer}.x2"] - expected[:64], axis=1) / lengths
        assert distances.max() < 0.03, layer
        assert np.median(distances) < 0.02, layer


def test_a_real_layer_equals_the_definition_to_the_bit(model: QuantisedModel, tokens: list[int]) -> None:
    """Every node of a step of the embedded model has the bits of the plain numpy reading of graph.py."""
    found = FastEngine(model).values(tokens[:2], 0)
    expected = Reference(model).step(tokens[:2], 0)
    for name in ("L0.n1", "L0.q", "L0.va", "L0.o", "L0.h", "L0.x2", "L15.h", "L29.x2", "logits"):
        assert np.array_equal(found[name][-1], expected[name][-1]), name


@pytest.mark.parametrize("threads", [1, 2])
def test_the_bits_are_the_same_everywhere(model: QuantisedModel, tokens: list[int], threads: int) -> None:
    """The logits of the first tokens have the digest that other machines, thread counts and runs find."""
    logits = FastEngine(model, threads=threads).step(tokens[:8], 0)
    assert logits is not None
    assert hashlib.sha256(logits.astype("<f4").tobytes()).hexdigest() == LOGITS_DIGEST
