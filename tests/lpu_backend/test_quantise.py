"""Static scales suffice for every input, sums stay inside INT32, weights are as close as their planes allow."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lpu_backend.errors import CapacityError, GraphError
from lpu_backend.model.fast import FastEngine
from lpu_backend.model.gguf_file import open_gguf, read_tensor
from lpu_backend.model.graph import A16_LIMIT, A24_LIMIT, GROUP_COLUMNS
from lpu_backend.model.kernels import INT32_MAX, LARGEST_INPUT, quantise_rows
from lpu_backend.model.quantise import QuantisedModel, quantise
from lpu_backend.model.rope import cos_sin, rope_tables
from lpu_backend.model.shape import read_shape
from tests.lpu_backend.tiny_model import Tiny, write_model

ROWS = st.tuples(st.integers(1, 3), st.integers(1, 40)).flatmap(
    lambda size: arrays.arrays(np.float32, size, elements=st.floats(-1e4, 1e4, width=32))
)


@settings(deadline=None)
@given(weights=ROWS, planes=st.sampled_from([1, 2]))
def test_weights_are_within_half_a_step(weights: np.ndarray, planes: int) -> None:
    """A weight differs from its planes by at most half a step: of 127 a row with one plane, of 32512 with two."""
    quantised = np.empty((weights.shape[0], planes, weights.shape[1]), np.int8)
    unit = np.empty(weights.shape[0])
    quantise_rows(weights, quantised, unit)
    value = quantised[:, 0] * unit[:, None]
    if planes == 2:
        value += quantised[:, 1] * unit[:, None] / 256
    largest = np.abs(weights.astype(np.float64)).max(axis=1, keepdims=True)
    step = largest / (127 if planes == 1 else A16_LIMIT)
    assert (np.abs(value - weights) <= step * (0.5 + 1e-9)).all()


@pytest.mark.parametrize("planes", [1, 2])
def test_no_sum_of_products_leaves_int32(planes: int) -> None:
    """A row of equal weights, the heaviest there is, is scaled down until the largest inputs fit."""
    weights = np.ones((1, GROUP_COLUMNS + 5), np.float32)
    weights[0, 1::2] = -1.5
    quantised, unit = np.empty((1, planes, weights.shape[1]), np.int8), np.empty(1)
    quantise_rows(weights, quantised, unit)
    sums = np.abs(quantised[0, :, :GROUP_COLUMNS].astype(np.int64)).sum(axis=1)
    worst = int(sums[0]) * LARGEST_INPUT + (128 * int(sums[1]) if planes == 2 else 0)
    assert INT32_MAX * 0.9 < worst <= INT32_MAX


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 99),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    architecture=st.sampled_from(["llama", "qwen2"]),
    spike=st.floats(1, 1e6),
)
def test_activations_stay_within_their_bits(
    tmp_path: Path, seed: int, scale: float, architecture: str, spike: float
) -> None:
    """Whatever the weights and the residual stream, 16-bit values stay in ±32639, 24-bit ones in ±8355711."""
    tiny = Tiny(architecture, heads=4, kv_heads=2, width=40, seed=seed)
    model = adversarial(tmp_path, tiny, scale, spike)
    values = FastEngine(model).values(list(range(8)), 0)
    for name, value in values.items():
        if name.endswith(("n1", "qa", "ka", "va", ".o", "n2", "norm")):
            assert np.abs(value.astype(np.int64)).max() <= A16_LIMIT + 127, name
        if name.endswith(".h"):
            assert np.abs(value.astype(np.int64)).max() <= A24_LIMIT + 32639, name


def adversarial(folder: Path, tiny: Tiny, scale: float, spike: float) -> QuantisedModel:
    """Return a model whose embedding points along rows of its matrices: the inputs with the largest outputs."""
    gguf = open_gguf(write_model(folder / "tiny.gguf", tiny, scale=scale))
    content = bytearray(gguf.path.read_bytes())
    gain = read_tensor(gguf, "blk.0.attn_norm.weight")
    table = read_tensor(gguf, "token_embd.weight").copy()
    for token, name in enumerate(["attn_q", "attn_k", "attn_v", "ffn_gate", "ffn_up"]):
        table[token] = read_tensor(gguf, f"blk.0.{name}.weight")[token] * gain * spike
    table[5] = 0
    table[6, 0] = spike * 100
    at = gguf.data_bytes + gguf.tensors["token_embd.weight"].offset_bytes
    content[at : at + table.nbytes] = table.tobytes()
    gguf.path.write_bytes(content)
    return quantise(gguf, read_shape(gguf), 16)


def test_absurd_weights_are_refused(tmp_path: Path) -> None:
    """Weights that are finite, but drive activations out of float32, are a GraphError."""
    gguf = open_gguf(write_model(tmp_path / "tiny.gguf", Tiny(), scale=1e20))
    with pytest.raises(GraphError, match=r"too large|let activations grow"):
        quantise(gguf, read_shape(gguf), 16)


def test_all_zero_weights_make_zero_logits(tmp_path: Path) -> None:
    """Rows of zeros have a scale and no NaN."""
    gguf = open_gguf(write_model(tmp_path / "tiny.gguf", Tiny(), scale=0.0))
    logits = FastEngine(quantise(gguf, read_shape(gguf), 16)).step([1, 2], 0)
    assert np.array_equal(logits, np.zeros(50, np.float32))


@pytest.mark.parametrize("pairs", ["neighbours", "halves"])
def test_rotary_tables_are_cosines_and_sines(pairs: str) -> None:
    """Tables of 8192 positions are within a rounding of float64's cosines; sines carry the sign of their place."""
    cos, sin = rope_tables(8192, 64, 100000.0, pairs)  # type: ignore[arg-type]
    angles = np.arange(8192)[:, None] * 100000.0 ** (-np.arange(0, 64, 2) / 64)
    first, second = (
        (slice(0, None, 2), slice(1, None, 2)) if pairs == "neighbours" else (slice(32), slice(32, None))
    )
    for place, sign in ((first, -1), (second, 1)):
        assert np.abs(cos[:, place] - np.cos(angles)).max() < 3.1e-8
        assert np.abs(sin[:, place] - sign * np.sin(angles)).max() < 3.1e-8


@settings(deadline=None)
@given(angle=st.floats(0, 1e6))
def test_cosine_and_sine_are_those_of_libm(angle: float) -> None:
    """Below a million radians they differ from libm's by at most two roundings of float64."""
    cos, sin = cos_sin(np.array([angle]))
    assert abs(cos[0] - np.cos(angle)) < 3e-16
    assert abs(sin[0] - np.sin(angle)) < 3e-16


def test_a_model_of_terabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """A sparse file whose matrices take terabytes is a CapacityError; none of it is read."""
    gguf = open_gguf(write_model(tmp_path / "tiny.gguf", Tiny()))
    huge = replace(read_shape(gguf), ffn=1 << 20, width=1 << 20)
    tracemalloc.start()
    with pytest.raises(CapacityError):
        quantise(gguf, huge, 16)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
