"""The tables of rotary embeddings, the same bits on every machine: no libm, float64 operations in a fixed order."""

from __future__ import annotations

import math
from decimal import Context, Decimal

import numpy as np
import numpy.typing as npt

from lpu_backend.model.shape import Pairs

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

HALF_PI = tuple(np.float64(part) for part in (1.57079632673412561417e00, 6.07710050650619224932e-11))
"""π/2 in two parts; the first has 33 bits, so that its products with quarter turns below 2²⁰ are exact."""
TERMS = 10
"""Of each Taylor series; |r| ≤ π/4 leaves a remainder below 1e-19."""


def rope_tables(
    positions: int, width: int, theta: float, pairs: Pairs, factors: F32 | None = None
) -> tuple[F32, F32]:
    """Return cos and sin, shape (positions, width); sin with the sign that `graph.Rope` wants.

    Pair i turns by theta^(−2i/width), divided by its factor where the model has factors, radians a position (Su et al.
    2021, RoFormer, section 3.2). Error below 1e-9 for positions below 10⁶.
    """
    rates = frequencies(width, theta)
    if factors is not None:
        rates = rates / factors.astype(np.float64)
    cos, sin = cos_sin(np.arange(positions, dtype=np.float64)[:, None] * rates)
    first, second = _places(width, pairs)
    signed = np.empty((2, positions, width), np.float32)
    for places, sign in ((first, -1), (second, 1)):
        signed[0, :, places], signed[1, :, places] = cos.T, sign * sin.T
    return signed[0], signed[1]


def partners(width: int, pairs: Pairs) -> npt.NDArray[np.int64]:
    """Return for every element of a head the one it is turned with."""
    first, second = _places(width, pairs)
    partner = np.empty(width, np.int64)
    partner[first], partner[second] = second, first
    return partner


def _places(width: int, pairs: Pairs) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    order = np.arange(width)
    return (order[0::2], order[1::2]) if pairs == "neighbours" else (order[: width // 2], order[width // 2 :])


def frequencies(width: int, theta: float) -> F64:
    """Return theta^(−2i/width) for i < width/2, from 30 decimal digits."""
    context = Context(prec=30)
    logarithm = context.ln(Decimal(theta))
    exponents = (
        context.divide(context.multiply(logarithm, Decimal(-2 * i)), Decimal(width))
        for i in range(width // 2)
    )
    return np.array([float(context.exp(exponent)) for exponent in exponents], np.float64)


def cos_sin(angles: F64) -> tuple[F64, F64]:
    """Return cosine and sine by quarter turns and Taylor series."""
    turns = np.rint(angles * np.float64(2 / math.pi))
    rest = (angles - turns * HALF_PI[0]) - turns * HALF_PI[1]
    square = rest * rest
    cos, sin = np.ones_like(rest), np.ones_like(rest)
    for n in range(TERMS, 0, -1):
        cos = 1 - square / ((2 * n - 1) * (2 * n)) * cos
        sin = 1 - square / (2 * n * (2 * n + 1)) * sin
    sin = sin * rest
    quarter = turns.astype(np.int64) % 4
    turned = [(cos, sin), (-sin, cos), (-cos, -sin), (sin, -cos)]
    return (
        np.choose(quarter, [pair[0] for pair in turned]),
        np.choose(quarter, [pair[1] for pair in turned]),
    )
