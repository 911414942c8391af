"""Published shapes, the room they take, and what a broken file is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpu_backend.chip.spec import PRODUCT
from lpu_backend.errors import EstimateError
from lpu_backend.estimate.capacity import capacity
from lpu_backend.estimate.shapes import find_model, published_models

MODELS = published_models()
COUNTED = [model for model in MODELS.values() if model.parameters]


@pytest.mark.parametrize("model", COUNTED, ids=lambda model: model.name)
def test_dimensions_give_the_published_count_of_parameters(model) -> None:  # type: ignore[no-untyped-def]
    """Every matrix, gain and bias is counted, to a hundredth of a percent of what the publisher states."""
    assert model.parameters is not None
    assert model.counted_parameters == pytest.approx(model.parameters, rel=1e-4)


def test_row_19_70b_fits_576_chips_in_int8_and_not_in_fp16() -> None:
    """INT8 takes at least 300 chips for the weights alone; FP16 more than 576; 7B in FP16 fits a rack of 72."""
    big, small = MODELS["llama-2-70b"], MODELS["llama-2-7b"]
    as_int8 = capacity(big, "int8", 576, 4096, PRODUCT)
    as_fp16 = capacity(big, "fp16", 576, 4096, PRODUCT)

    assert -(-big.weight_bytes("int8") // PRODUCT.sram_bytes) == 300
    assert as_int8.fits
    assert not as_fp16.fits
    assert "the weights alone do not fit" in as_fp16.why
    assert as_fp16.least_chips > 576
    assert capacity(small, "fp16", 72, 4096, PRODUCT).fits


def test_a_cache_too_many_is_the_reason() -> None:
    """Weights that fit and caches that do not are told apart, and the count of users that fit is exact."""
    model = MODELS["llama-2-70b"]
    one = capacity(model, "int8", 576, 4096, PRODUCT)
    full, over = (
        capacity(model, "int8", 576, 4096, PRODUCT, users=one.users_that_fit + more) for more in (0, 1)
    )

    assert full.fits
    assert not over.fits
    assert "the KV caches do not fit" in over.why
    assert over.least_chips in (576 + n for n in range(1, 8))


def test_experts_are_stored_all_and_read_two() -> None:
    """Mixtral reads 2 of 8 experts a token; with many tokens, nearly all of them."""
    model = MODELS["mixtral-8x7b"]

    assert model.read_weights(1) == pytest.approx(12.75e9, rel=0.01)
    assert model.read_weights(1) < model.read_weights(4) < model.read_weights(64) < model.stored_weights
    assert model.operations(1, 1) == pytest.approx(2 * model.read_weights(1), rel=1e-4)


@given(st.integers(1, 4096), st.integers(1, 64))
def test_kv_caches_grow_with_users_and_tokens(positions: int, users: int) -> None:
    """Need is weights plus users times cache; fewer bytes never need more chips."""
    model = MODELS["llama-2-7b"]
    found = capacity(model, "int8", 72, positions, PRODUCT, users=users)

    assert found.need_bytes - found.weight_bytes == users * positions * 524_288
    assert found.fits == (found.least_chips <= 72) == (users <= found.users_that_fit)


GOOD = """[[model]]
name = "own"
source = "me"
style = "llama"
layers = 2
width = 64
heads = 4
kv_heads = 2
head_width = 16
ffn = 128
vocabulary = 100
context = 256
tied = true
"""


def test_a_file_of_ones_own_is_a_model(tmp_path: Path) -> None:
    """A path in the place of a name."""
    path = tmp_path / "own.toml"
    path.write_text(GOOD)

    assert find_model(str(path)).width == 64


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("= what", "is no TOML"),
        ("x = 1", r"has no \[\[model\]\]"),
        (GOOD * 2, "has 2 models"),
        (GOOD.replace("width = 64", 'width = "wide"', 1), "width is 'wide'"),
        (GOOD.replace("\nwidth = 64", ""), "lacks 'width'"),
        (GOOD.replace("kv_heads = 2", "kv_heads = 3"), "make no layer"),
        (GOOD.replace("layers = 2", "layers = 0"), "layers is 0"),
        (GOOD.replace('"llama"', '"camel"'), "style is 'camel'"),
        (GOOD + "speed = 9\n", "'speed' is no field"),
    ],
)
def test_a_broken_file_is_told_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    """The file, what is wrong, what to do."""
    path = tmp_path / "bad.toml"
    path.write_text(text)

    with pytest.raises(EstimateError, match=said) as caught:
        find_model(str(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """Whatever a file holds, it is a model or one line."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.toml"
        path.write_bytes(data)
        with pytest.raises(EstimateError):
            find_model(str(path))


def test_an_unknown_name_brings_the_nearest() -> None:
    """And a context beyond the model's is refused."""
    with pytest.raises(EstimateError, match=r"llama-2-70b"):
        find_model("llama2-70b")
    with pytest.raises(EstimateError, match="4,096"):
        MODELS["llama-2-70b"].check_context(4097)
