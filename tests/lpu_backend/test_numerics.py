"""The chip's functions: errors against exact values, special cases, and bits that are pinned."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from lpu_backend import numerics


def ulps(result: numerics.F32, exact: np.ndarray) -> float:
    """The largest error in units of the last place of the exact value."""
    spacing = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    return float((np.abs(result.astype(np.float64) - exact) / spacing).max())


def grid(low: float, high: float) -> numerics.F32:
    """Values between the limits, evenly and by magnitude."""
    logs = np.exp(np.linspace(-60, np.log(max(abs(low), abs(high))), 200_001))
    values = np.concatenate([np.linspace(low, high, 400_001), logs, -logs])
    return values[(values >= low) & (values <= high)].astype(np.float32)


@pytest.mark.parametrize(
    ("name", "low", "high", "exact", "bound"),
    [
        ("exp", -87.0, 88.0, np.exp, 1.25),
        ("tanh", -20.0, 20.0, np.tanh, 2.5),
        ("rsqrt", 1e-30, 1e30, lambda x: 1 / np.sqrt(x), 1.5),
        ("inverse", 1e-30, 1e30, lambda x: 1 / x, 3.5),
    ],
)
def test_errors_are_as_documented(name: str, low: float, high: float, exact, bound: float) -> None:
    """In units of the last place, over the whole range in which the function has values."""
    x = grid(low, high)

    assert ulps(getattr(numerics, name)(x), exact(x.astype(np.float64))) <= bound


def test_special_values() -> None:
    """Saturation, zeros of both signs, infinities, NaN."""
    f = np.float32
    special = np.array([-np.inf, -88, -0.0, 0, 89, np.inf, np.nan], f)

    np.testing.assert_array_equal(
        numerics.exp(special), np.array([0, 0, 1, 1, 1.6516363e38, 1.6516363e38, np.nan], f)
    )
    np.testing.assert_array_equal(numerics.tanh(special), np.array([-1, -1, -0.0, 0, 1, 1, np.nan], f))
    assert np.signbit(numerics.tanh(special))[2]
    np.testing.assert_array_equal(
        numerics.rsqrt(np.array([0, 4, -1, np.inf], f)), np.array([np.inf, 0.5, np.nan, 0], f)
    )


def test_conversions_round_to_even_and_saturate() -> None:
    """Float to int32, to FP16, and int32 to 16 and 8 bits."""
    f = np.float32
    x = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 3e9, -3e9, np.nan, np.inf], f)

    assert numerics.f32_to_i32(x).tolist() == [0, 2, 2, 0, -2, 2**31 - 1, -(2**31), 0, 2**31 - 1]
    assert numerics.f32_to_f16(np.array([1e6, -1e6, 2049, 2051], f)).tolist() == [65504, -65504, 2048, 2052]
    assert numerics.saturate_i16(np.array([40000, -40000, 7], np.int32)).tolist() == [32767, -32768, 7]
    assert numerics.saturate_i8(np.array([130, -130, 7], np.int32)).tolist() == [127, -128, 7]


def test_maximum_and_minimum_take_the_second_when_neither_is_greater() -> None:
    """So that the bits of equal zeros and of NaN are defined."""
    a, b = np.array([0.0, -0.0, np.nan, 1], np.float32), np.array([-0.0, 0.0, 2, np.nan], np.float32)

    assert numerics.maximum(a, b).tobytes() == b.tobytes()
    assert numerics.minimum(a, b).tobytes() == b.tobytes()


def test_the_bits_are_the_same_everywhere() -> None:
    """The values of half a million arguments have this digest, on every machine and numpy."""
    x = np.arange(-87 * 4096, 88 * 4096, dtype=np.float32) / np.float32(4096)
    bits = b"".join(f(x).astype("<f4").tobytes() for f in (numerics.exp, numerics.tanh))
    bits += numerics.inverse(x[x > 0]).astype("<f4").tobytes()

    assert (
        hashlib.sha256(bits).hexdigest() == "51d58b56a07d7778bab2204dd803b938f4d349555a2ae80e44e612697059d975"
    )
