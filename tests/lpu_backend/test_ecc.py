"""SECDED on streams: every single flipped bit is corrected, every pair is noticed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpu_backend.chip.ecc import Fault, check_bits, correct
from lpu_backend.chip.lockstep import run
from lpu_backend.chip.spec import PRODUCT
from lpu_backend.errors import ExecutionError
from lpu_backend.estimate.probes import vector_sum
from tests.lpu_backend.examples import matmul_tile
from tests.lpu_backend.zoo import image_of

WORDS = np.random.default_rng(4).integers(0, 256, (2, 320), dtype=np.uint8)
BITS = st.integers(0, 136)


def flipped(
    planes: np.ndarray, checks: np.ndarray, superlane: int, bits: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Copies with bits of a superlane of plane 1 flipped: data, then check bits."""
    planes, checks = planes.copy(), checks.copy()
    for bit in bits:
        if bit < 128:
            planes[1, 16 * superlane + bit // 8] ^= np.uint8(1 << bit % 8)
        else:
            checks[1, superlane] ^= np.uint16(1 << (bit - 128))
    return planes, checks


@pytest.mark.parametrize("superlane", [0, 7, 19])
def test_any_single_bit_is_corrected(superlane: int) -> None:
    """Each of the 128 data bits and the nine check bits of a word."""
    checks = check_bits(WORDS)
    for bit in range(137):
        fixed, words = correct(*flipped(WORDS, checks, superlane, (bit,)))

        assert words == 1
        np.testing.assert_array_equal(fixed, WORDS)


@settings(max_examples=300, deadline=None)
@given(BITS, BITS, st.integers(0, 19))
def test_any_two_bits_of_a_word_are_noticed(first: int, second: int, superlane: int) -> None:
    """Never taken for a single error."""
    if first != second:
        with pytest.raises(ExecutionError, match=f"two bits of superlane {superlane} are wrong"):
            correct(*flipped(WORDS, check_bits(WORDS), superlane, (first, second)))


def test_errors_in_different_words_are_corrected_each() -> None:
    """A word is a superlane of a stream: the code knows nothing of its neighbours."""
    planes, checks = flipped(WORDS, check_bits(WORDS), 3, (5,))
    fixed, words = correct(*flipped(planes, checks, 4, (130,)))

    assert words == 2
    np.testing.assert_array_equal(fixed, WORDS)


def test_a_run_with_flipped_bits_computes_the_same() -> None:
    """Weights and results struck on their way; the count says how often."""
    program = matmul_tile(2)
    image = image_of(program)
    faults = [Fault(3, 0, 7, 5, 77), Fault(8, 9, 10, 0, 0), Fault(60, 32 + 2, 8, 19, 136)]
    struck, clean = run(program, image, PRODUCT, faults), run(program, image, PRODUCT)

    assert (struck.corrected, clean.corrected) == (3, 0)
    np.testing.assert_array_equal(struck.outputs["y"], clean.outputs["y"])


def test_two_flipped_bits_end_the_run() -> None:
    """With the cycle, the unit and the instruction that noticed."""
    program = vector_sum(1)
    faults = [Fault(2, 32, 6, 11, bit) for bit in (1, 2)]
    with pytest.raises(
        ExecutionError, match="cycle 8, VXM0, ADD_I32 W0-3 E4-7: two bits of superlane 11 are wrong"
    ):
        run(program, image_of(program), PRODUCT, faults)


def test_a_fault_where_nothing_is_harms_nothing() -> None:
    """An empty register has no value to spoil."""
    program = vector_sum(1)

    assert run(program, image_of(program), PRODUCT, [Fault(2, 20, 0, 0, 0)]).corrected == 0
    with pytest.raises(ValueError, match="outside the chip"):
        Fault(0, 64, 0, 0, 0)
