"""The fast engine computes what graph.py says, to the bit, and a model's floats, to what 8-bit weights allow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpu_backend import numerics
from lpu_backend.errors import ExecutionError
from lpu_backend.model import kernels
from lpu_backend.model.fast import FastEngine
from lpu_backend.model.gguf_file import open_gguf, read_tensor
from lpu_backend.model.quantise import QuantisedModel, quantise
from lpu_backend.model.shape import read_shape
from tests.lpu_backend.reference import Reference, float_model
from tests.lpu_backend.tiny_model import Tiny, write_model

TINY = st.builds(
    lambda group, kv_heads, **more: Tiny(heads=group * kv_heads, kv_heads=kv_heads, **more),
    group=st.integers(1, 3),
    kv_heads=st.integers(1, 3),
    architecture=st.sampled_from(["llama", "qwen2"]),
    layers=st.integers(1, 2),
    head_width=st.sampled_from([2, 8, 34]),
    width=st.sampled_from([5, 64, 352]),
    ffn=st.sampled_from([7, 96, 2300]),
    vocabulary=st.just(40),
    tied=st.booleans(),
    rope_factors=st.booleans(),
    seed=st.integers(0, 1000),
)
TOKENS = st.lists(st.integers(0, 39), min_size=1, max_size=7)


def tiny_model(folder: Path, tiny: Tiny, *, scale: float = 1.0, positions: int = 16) -> QuantisedModel:
    gguf = open_gguf(write_model(folder / "tiny.gguf", tiny, scale=scale))
    return quantise(gguf, read_shape(gguf), positions)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tiny=TINY, tokens=TOKENS, scale=st.sampled_from([0.01, 1.0, 30.0]))
def test_the_engine_equals_the_definition_to_the_bit(
    tmp_path: Path, tiny: Tiny, tokens: list[int], scale: float
) -> None:
    """Every node of random models has the bits that the docstrings of graph.py give, computed in plain numpy."""
    model = tiny_model(tmp_path, tiny, scale=scale)
    expected = Reference(model).step(tokens, 0)
    found = FastEngine(model).values(tokens, 0)
    for name, value in found.items():
        for row, want in zip(rows_of(name, value, len(tokens)), rows_wanted(name, expected), strict=True):
            assert np.array_equal(row.reshape(-1), want.reshape(-1)), name


def rows_of(name: str, value: Any, tokens: int) -> list[Any]:
    """Return a node's value a token; caches joined from their planes, masked positions left out."""
    if name.endswith(("keys", "values")):
        return [value[0, :tokens].astype(np.int64) * 256 + value[1, :tokens]]
    if name.endswith((".s", ".p")):
        return [value[t, :, : t + 1] for t in range(tokens)]
    return list(value)


def rows_wanted(name: str, expected: dict[str, list[Any]]) -> list[Any]:
    return (
        expected[name][-1:]
        if name.endswith(("keys", "values", "last", "logits")) or name == "norm"
        else expected[name]
    )


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tiny=TINY, tokens=TOKENS, cuts=st.lists(st.integers(0, 7)), threads=st.sampled_from([1, 2]))
def test_prefill_in_any_parts_equals_decode(
    tmp_path: Path, tiny: Tiny, tokens: list[int], cuts: list[int], threads: int
) -> None:
    """Logits do not depend on how a sequence is cut, on stale rows of the cache, on its size, or on threads."""
    whole = FastEngine(tiny_model(tmp_path, tiny), threads=3 - threads)
    whole.step([39 - token for token in tokens] * 2, 0)
    expected = whole.step(tokens, 0)
    parts = FastEngine(tiny_model(tmp_path, tiny, positions=9), threads=threads)
    bounds = sorted({0, len(tokens), *(cut for cut in cuts if cut < len(tokens))})
    for first, last in zip(bounds, bounds[1:], strict=False):
        found = parts.step(tokens[first:last], first)
    assert np.array_equal(expected, found)


def test_prefill_beyond_the_largest_part_equals_decode(tmp_path: Path) -> None:
    """A prefill that runs in several parts has the same bits."""
    tokens = [(7 * n) % 50 for n in range(150)]
    model = tiny_model(tmp_path, Tiny(layers=2), positions=150)
    engine = FastEngine(model)
    expected = [engine.step([token], at) for at, token in enumerate(tokens)][-1]
    assert np.array_equal(FastEngine(model).step(tokens, 0), expected)


@pytest.mark.parametrize("name", ["exp", "tanh", "rsqrt"])
def test_compiled_functions_equal_the_numerics_of_the_chip(name: str) -> None:
    """exp, tanh, rsqrt as kernels have the bits of numerics.py on numbers of all magnitudes."""
    rng = np.random.default_rng(1)
    wild = rng.integers(0, 1 << 32, 1_000_000, np.uint32).view(np.float32)
    usual = rng.normal(0, 20, 1_000_000).astype(np.float32)
    edges = np.array([0, -0.0, np.inf, -np.inf, 88, -87, 0.625, -0.625, 9.125], np.float32)
    x = np.concatenate([wild[~np.isnan(wild)], usual, edges])
    x = np.abs(x) if name == "rsqrt" else x
    compiled = getattr(kernels, name)
    found = np.array([compiled(number) for number in x[::8]], np.float32)
    with np.errstate(over="ignore"):
        expected = getattr(numerics, name)(x[::8])
    assert np.array_equal(found.view(np.int32), expected.view(np.int32))


@pytest.mark.parametrize(
    "tiny",
    [
        Tiny(layers=3, heads=6, kv_heads=2, width=192, ffn=512),
        Tiny("qwen2", layers=3, heads=4, kv_heads=2, width=128, ffn=384, tied=False),
        Tiny(layers=2, heads=4, kv_heads=4, width=128, ffn=384, rope_factors=True),
    ],
    ids=["llama", "qwen2", "factors"],
)
def test_every_layer_is_close_to_the_model_in_floats(tmp_path: Path, tiny: Tiny) -> None:
    """With weights that INT8 holds, the residual stream and the logits differ by what rounding activations makes."""
    gguf = open_gguf(write_model(tmp_path / "tiny.gguf", replace(tiny, whole=True)))
    shape = read_shape(gguf)
    tokens = [(11 * n) % 50 for n in range(24)]
    factors = read_tensor(gguf, "rope_freqs.weight") if tiny.rope_factors else 1.0
    layers, logits = float_model(shape, lambda name: read_tensor(gguf, name), tokens, factors)
    found = FastEngine(quantise(gguf, shape, 64)).values(tokens, 0)
    for layer, expected in enumerate(layers):
        assert distance(found[f"L{layer}.x2"], expected) < 0.02, layer
    assert distance(found["logits"][0], logits[-1]) < 0.03


def distance(found: Any, expected: Any) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize(
    ("tokens", "position"), [([], 0), ([50], 0), ([-1], 0), ([1], -1), ([1], 16), ([1, 2], 15)]
)
def test_impossible_steps_are_refused(tmp_path: Path, tokens: list[int], position: int) -> None:
    """No tokens, unknown tokens, and positions outside the cache are an ExecutionError."""
    engine = FastEngine(tiny_model(tmp_path, Tiny()))
    with pytest.raises(ExecutionError):
        engine.step(tokens, position)
