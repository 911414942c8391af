"""What the chip computes lane by lane, to the bit: float32 and int32 without libm, FMA or an order that could vary.

Both engines call these, or repeat them operation by operation. Every operation is one of IEEE-754 single precision,
rounded to nearest even, in the order written, so the same bits come out on every machine. The real chip's functions
are not published: these are our definitions. Errors against exact values: tests/lpu_backend/test_numerics.py.

Arrays may have any shape. NaN stays NaN (payloads are not defined) and becomes 0 as an integer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

ROUND_MAGIC = np.float32(1.5 * 2**23)
"""x + ROUND_MAGIC − ROUND_MAGIC is x rounded to an integer, to nearest even, for |x| < 2²²."""

EXP_MAX = np.float32(88.0)
"""exp saturates at exp(88) = 1.65e38, and is 0 below EXP_MIN, where it would be 1.6e-38."""
EXP_MIN = np.float32(-87.0)
LOG2_E = np.float32(1.4426950408889634)
LN2_HIGH = np.float32(22713 / 32768)
"""ln 2 in two parts: the first has 15 bits, so that its products with |k| ≤ 128 are exact."""
LN2_LOW = np.float32(0.6931471805599453 - 22713 / 32768)
EXP_TERMS = tuple(np.float32(1 / n) for n in (5040, 720, 120, 24, 6, 2, 1, 1))
"""The Taylor series of degree 7, highest first; |r| ≤ 0.347, so that its remainder is below 6e-9."""

TANH_SMALL = np.float32(0.625)
TANH_LARGE = np.float32(9.125)
"""From here on tanh is 1 in float32."""
TANH_TERMS = tuple(
    np.float32(term)
    for term in (
        -0.005704967770725489,
        0.020639069378376007,
        -0.05373970791697502,
        0.13331441581249237,
        -0.3333328068256378,
    )
)
"""tanh(x) = x + x·z·P(z), z = x², for |x| < 0.625: a minimax fit of ours, highest first, relative error 5e-9."""


def exp(x: F32) -> F32:
    """Return e^x: 2^k · P(r), k = round(x · log2 e), r = x − k · ln 2. Error ≤ 1.25 ulp; see EXP_MIN, EXP_MAX."""
    known = np.where(np.isnan(x), np.float32(0), x)
    within = np.minimum(np.maximum(known, EXP_MIN), EXP_MAX)
    k = (within * LOG2_E + ROUND_MAGIC) - ROUND_MAGIC
    r = (within - k * LN2_HIGH) - k * LN2_LOW
    p = np.full_like(r, EXP_TERMS[0])
    for term in EXP_TERMS[1:]:
        p = p * r + term
    scaled = (p.view(np.int32) + (k.astype(np.int32) << 23)).view(np.float32)
    return np.where(np.isnan(x), x, np.where(known < EXP_MIN, np.float32(0), scaled))


def rsqrt(x: F32) -> F32:
    """Return 1 / √x by a rounded root and a rounded division: error ≤ 1.5 ulp. Infinite at 0, NaN below."""
    with np.errstate(divide="ignore", invalid="ignore"):
        root: F32 = np.divide(np.float32(1), np.sqrt(x))
    return root


def inverse(x: F32) -> F32:
    """Return 1 / x for x > 0, as the chip makes it, which has no division: rsqrt(x)². Error ≤ 3.5 ulp."""
    root = rsqrt(x)
    return root * root


def tanh(x: F32) -> F32:
    """Return the hyperbolic tangent: a polynomial below 0.625, else 1 − 2 / (1 + exp(2|x|)). Error ≤ 2.5 ulp."""
    magnitude = np.abs(x)
    z = x * x
    p = np.full_like(z, TANH_TERMS[0])
    with np.errstate(over="ignore", invalid="ignore"):
        for term in TANH_TERMS[1:]:
            p = p * z + term
        small = x + (x * z) * p
    near_one = np.float32(1) - np.float32(2) * inverse(np.float32(1) + exp(magnitude + magnitude))
    large = np.where(magnitude < TANH_LARGE, near_one, np.float32(1))
    signed = np.copysign(np.where(magnitude < TANH_SMALL, np.abs(small), large), x)
    return np.where(np.isnan(x), x, signed)


def maximum(a: F32, b: F32) -> F32:
    """Return a where a > b, else b (which decides for zeros of both signs and for NaN)."""
    return np.where(a > b, a, b)


def minimum(a: F32, b: F32) -> F32:
    """Return a where a < b, else b."""
    return np.where(a < b, a, b)


def f32_to_i32(x: F32) -> I32:
    """Round to nearest even, saturate to −2³¹ … 2³¹ − 1; NaN gives 0."""
    known = np.where(np.isnan(x), np.float32(0), x).astype(np.float64)
    return np.clip(np.rint(known), -(2**31), 2**31 - 1).astype(np.int32)


def f32_to_f16(x: F32) -> npt.NDArray[np.float16]:
    """Round to nearest even, saturate to ±65504."""
    return np.clip(x, np.float32(-65504), np.float32(65504)).astype(np.float16)


def saturate_i16(x: I32) -> I32:
    """Clip to −2¹⁵ … 2¹⁵ − 1."""
    return np.clip(x, -(2**15), 2**15 - 1)


def saturate_i8(x: I32) -> I32:
    """Clip to −128 … 127."""
    return np.clip(x, -128, 127)


def dot_i8(weights: npt.NDArray[np.float32], x: npt.NDArray[np.int8]) -> I32:
    """Return weights · x for INT8 values, weights (n, 320) as float32: every partial sum is an integer below 2²⁴."""
    return (weights @ x.astype(np.float32)).astype(np.int32)


def dot_f16(weights: npt.NDArray[np.float16], x: npt.NDArray[np.float16]) -> F32:
    """Return weights · x for FP16 values, weights (n, k), k ≤ 320: the exact sum of products, rounded once to even.

    A finite FP16 value is an integer below 2⁴¹ times 2⁻²⁴. Split at 2²⁰, the products of halves sum exactly in float64;
    their 90-bit total is rounded as an integer. Rows with infinities or NaN take IEEE's sum of products.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        products = weights.astype(np.float64) * x.astype(np.float64)
        exact = np.atleast_1d(np.isfinite(products).all(axis=1))
        plain: F32 = products.sum(axis=1).astype(np.float32)
    w_high, w_low = _halves(np.where(exact[:, None], weights, np.float16(0)))
    x_high, x_low = _halves(np.where(np.isfinite(x), x, np.float16(0)))
    parts = (w_high @ x_high, w_high @ x_low + w_low @ x_high, w_low @ x_low)
    for row in np.flatnonzero(exact):
        high, middle, low = (int(part[row]) for part in parts)
        plain[row] = _round((high << 40) + (middle << 20) + low)
    return plain


def _halves(values: npt.NDArray[np.float16]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return v as v · 2²⁴ = high · 2²⁰ + low with 0 ≤ low < 2²⁰."""
    scaled = values.astype(np.float64) * 2.0**24
    high = np.floor(scaled / 2.0**20)
    return high, scaled - high * 2.0**20


def _round(units: int) -> np.float32:
    """Round an integer times 2⁻⁴⁸ to float32, to nearest even."""
    size = abs(units)
    drop = max(size.bit_length() - 24, 0)
    kept, rest = size >> drop, size & ((1 << drop) - 1)
    half = (1 << drop) >> 1
    kept += drop > 0 and (rest > half or (rest == half and kept & 1))
    value = np.ldexp(np.float32(kept), drop - 48)
    return np.float32(-value if units < 0 else value)
