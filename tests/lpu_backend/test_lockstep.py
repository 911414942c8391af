"""Values through streams: the two programs written by hand, every operation, and what ends a run."""

from __future__ import annotations

import numpy as np

from lpu_backend.chip.lockstep import rows_of, run, values_of
from lpu_backend.chip.spec import PRODUCT
from tests.lpu_backend.examples import matmul_tile, vector_sum


def test_a_vector_sum_takes_26_cycles_from_read_to_readable() -> None:
    """y = (a + b) · 3, wrapping, and row 10 of the validation table: read → 2 ALUs → write is 26."""
    rng = np.random.default_rng(1)
    a, b = rng.integers(-(2**31), 2**31, (2, 4, 320), dtype=np.int32)
    result = run(vector_sum(4), {"a": rows_of(a), "b": rows_of(b)}, PRODUCT)

    np.testing.assert_array_equal(values_of(result.outputs["y"], np.int32), (a + b) * np.int32(3))
    assert run(vector_sum(1), {"a": rows_of(a), "b": rows_of(b)}, PRODUCT).cycles == 26 + PRODUCT.tiles


def test_a_tile_of_a_matrix_product() -> None:
    """320 × 320 INT8 weights against INT8 activations, exact in INT32."""
    rng = np.random.default_rng(2)
    w, x = (rng.integers(-128, 128, (n, 320), dtype=np.int8) for n in (320, 2))
    result = run(matmul_tile(2), {"w": rows_of(w), "x": rows_of(x)}, PRODUCT)

    np.testing.assert_array_equal(
        values_of(result.outputs["y"], np.int32), x.astype(np.int32) @ w.T.astype(np.int32)
    )
