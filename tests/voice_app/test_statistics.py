"""Percentiles, as every room gives them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_app.observe.statistics import percentile

values = st.lists(st.floats(0, 1e6), min_size=1, max_size=50)


@given(values, st.integers(1, 99))
def test_a_percentile_is_numpys(known: list[float], per_cent: int) -> None:
    """Between two values in proportion, as in `numpy.percentile`; one of them where the nearest rank is asked for."""
    exact = np.percentile(known, per_cent, method="inverted_cdf")

    assert percentile(known, per_cent) == pytest.approx(np.percentile(known, per_cent), abs=1e-6)
    assert percentile(known, per_cent, nearest=True) == exact


def test_nothing_has_no_percentile() -> None:
    """None, not 0."""
    assert percentile([], 50) is percentile([], 50, nearest=True) is None
