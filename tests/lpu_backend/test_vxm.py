"""Every operation of an ALU against scalar Python, and the exact FP16 product against fractions."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpu_backend.chip.isa import SIGNATURES, Opcode, Unit
from lpu_backend.chip.vxm import BINARY, UNARY, compute, from_streams, to_streams
from lpu_backend.numerics import dot_f16

I32_MAX, I32_MIN = 2**31 - 1, -(2**31)
EDGES = np.array(
    [0, 1, -1, 2, 7, -7, 127, 128, -128, -129, 32767, 32768, -32769, I32_MAX, I32_MIN, 123456789]
)
A, B = (np.ascontiguousarray(grid.reshape(-1), np.int32) for grid in np.meshgrid(EDGES, EDGES))


def wrapped(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


def saturated(value: int) -> int:
    return min(max(value, I32_MIN), I32_MAX)


INTEGER: dict[Opcode, Callable[[int, int], int]] = {
    Opcode.ADD_I32: lambda a, b: wrapped(a + b),
    Opcode.SUB_I32: lambda a, b: wrapped(a - b),
    Opcode.MUL_I32: lambda a, b: wrapped(a * b),
    Opcode.ADD_SAT_I32: lambda a, b: saturated(a + b),
    Opcode.SUB_SAT_I32: lambda a, b: saturated(a - b),
    Opcode.MUL_SAT_I32: lambda a, b: saturated(a * b),
    Opcode.MAX_I32: max,
    Opcode.MIN_I32: min,
    Opcode.AND: lambda a, b: a & b,
    Opcode.OR: lambda a, b: a | b,
    Opcode.XOR: lambda a, b: a ^ b,
    Opcode.SHL_I32: lambda a, b: wrapped(a << (b & 31)),
    Opcode.SHR_I32: lambda a, b: a >> (b & 31),
    Opcode.COPY: lambda a, b: a,
    Opcode.NOT: lambda a, b: ~a,
    Opcode.NEG_I32: lambda a, b: wrapped(-a),
    Opcode.I32_TO_I16: lambda a, b: min(max(a, -(2**15)), 2**15 - 1),
    Opcode.I32_TO_I8: lambda a, b: min(max(a, -128), 127),
}


@pytest.mark.parametrize("opcode", INTEGER, ids=lambda opcode: opcode.name)
def test_integer_operations(opcode: Opcode) -> None:
    """Wrapping, saturating, shifting modulo 32, on all pairs of edge values."""
    want = [INTEGER[opcode](int(a), int(b)) for a, b in zip(A, B, strict=True)]

    assert compute(opcode, A, B if opcode in BINARY else None).tolist() == want


FLOATS = np.array([0.0, -0.0, 1.0, -1.5, 3.25e38, 1e-42, 65504.0, 2.5, np.inf, -np.inf], np.float32)
FA, FB = (np.ascontiguousarray(grid.reshape(-1), np.float32) for grid in np.meshgrid(FLOATS, FLOATS))
FLOATING: dict[Opcode, Callable[[np.float32, np.float32], np.float32]] = {
    Opcode.ADD_F32: lambda a, b: a + b,
    Opcode.SUB_F32: lambda a, b: a - b,
    Opcode.MUL_F32: lambda a, b: a * b,
    Opcode.MAX_F32: lambda a, b: a if a > b else b,
    Opcode.MIN_F32: lambda a, b: a if a < b else b,
    Opcode.NEG_F32: lambda a, b: -a,
    Opcode.ABS_F32: lambda a, b: np.float32(math.fabs(a)),
    Opcode.RELU_F32: lambda a, b: a if a > 0 else np.float32(0),
}


@pytest.mark.parametrize("opcode", FLOATING, ids=lambda opcode: opcode.name)
def test_float_operations(opcode: Opcode) -> None:
    """One rounding of IEEE-754 each, subnormals and signed zeros included."""
    result = compute(opcode, FA.view(np.int32), FB.view(np.int32) if opcode in BINARY else None)
    with np.errstate(all="ignore"):
        want = np.array([FLOATING[opcode](a, b) for a, b in zip(FA, FB, strict=True)], np.float32)
    known = ~np.isnan(want)

    np.testing.assert_array_equal(result[known], want.view(np.int32)[known])
    assert np.isnan(result.view(np.float32)[~known]).all()


def test_conversions() -> None:
    """Between int32, float32 and FP16, to nearest even."""
    halves = np.arange(-(2**15), 2**15, dtype=np.int32)
    as_float = compute(Opcode.F16_TO_F32, halves, None).view(np.float32)
    numbers = ~np.isnan(as_float) & ~np.isinf(as_float)

    np.testing.assert_array_equal(as_float, halves.astype(np.int16).view(np.float16).astype(np.float32))
    back = compute(Opcode.F32_TO_F16, np.ascontiguousarray(as_float).view(np.int32), None)
    np.testing.assert_array_equal(back[numbers], halves[numbers])
    np.testing.assert_array_equal(compute(Opcode.I32_TO_F32, A, None).view(np.float32), A.astype(np.float32))


def test_every_operation_of_the_vxm_is_defined_and_tested() -> None:
    """Unary ones take one operand, binary ones two."""
    functions = {Opcode.EXP, Opcode.RSQRT, Opcode.TANH}
    conversions = {Opcode.I32_TO_F32, Opcode.F32_TO_I32, Opcode.F16_TO_F32, Opcode.F32_TO_F16}
    vxm = {opcode for opcode, signature in SIGNATURES.items() if signature.unit is Unit.VXM}

    assert vxm == UNARY.keys() | BINARY.keys() == INTEGER.keys() | FLOATING.keys() | functions | conversions
    assert {opcode for opcode in vxm if SIGNATURES[opcode].b} == BINARY.keys()


@given(st.integers(0, 2**32 - 1), st.sampled_from((1, 2, 4)))
def test_byte_planes_are_little_endian_and_sign_extended(seed: int, width: int) -> None:
    """To streams and back keeps the low bytes with their sign."""
    lanes = np.random.default_rng(seed).integers(I32_MIN, I32_MAX, 320, dtype=np.int32)
    bits = 8 * width

    np.testing.assert_array_equal(
        from_streams(to_streams(lanes, width)), (lanes << (32 - bits)) >> (32 - bits)
    )


HALF = (
    st.integers(0, 2**16 - 1).map(lambda bits: float(np.uint16(bits).view(np.float16))).filter(math.isfinite)
)


def rounded(exact: Fraction) -> np.float32:
    """The nearest float32, ties to even, by search among the neighbours of a float64."""
    near = np.float32(float(exact))
    around = [np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(np.inf))]
    return min(around, key=lambda f: (abs(Fraction(float(f)) - exact), int(f.view(np.int32)) & 1))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(HALF, HALF), min_size=1, max_size=320))
def test_row_8_fp16_products_are_summed_exactly_and_rounded_once(pairs: list[tuple[float, float]]) -> None:
    """0 ulp from the rational sum, rounded to nearest even."""
    exact = sum((Fraction(w) * Fraction(x) for w, x in pairs), Fraction(0))
    w, x = (np.array([pair[i] for pair in pairs], np.float16) for i in range(2))

    assert dot_f16(w[None], x)[0] == rounded(exact)


def test_row_8_cancellation_and_ties() -> None:
    """Sums that a float64 loses, exact ties to even in both directions, and infinities as IEEE sums them."""
    big, tiny = 65504.0, 2.0**-24
    cases = [
        ([big, tiny, -big], [big, tiny, big], tiny * tiny),
        ([1.0, tiny], [1.0, 1.0], 1.0),
        ([1.0, 2.0**-12, 2.0**-23], [1.0, 2.0**-12, 1.0], 1.0 + 2.0**-22),
        ([1.0, 2.0**-12], [1.0, 2.0**-12], 1.0),
        ([-1.0, -(2.0**-12), -(2.0**-23)], [1.0, 2.0**-12, 1.0], -1.0 - 2.0**-22),
        ([np.inf, 1.0], [1.0, 1.0], np.inf),
    ]
    for w, x, want in cases:
        assert dot_f16(np.array([w], np.float16), np.array(x, np.float16))[0] == np.float32(want), (w, x)
