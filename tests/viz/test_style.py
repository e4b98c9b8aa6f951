"""Labels that do not overlap, and values as people write them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp_numpy.viz.style import beside, format_value, spread_labels


@given(heights=st.lists(st.floats(0, 1), min_size=1, max_size=12), gap=st.floats(0.01, 0.3))
def test_names_do_not_overlap_and_keep_their_order(heights: list[float], gap: float) -> None:
    placed = spread_labels(np.array(heights), gap)
    order = np.argsort(heights, kind="stable")
    assert all(low + gap <= high + 1e-9 for low, high in pairwise(placed[order]))
    assert placed.mean() == pytest.approx(np.mean(heights))
    if all(low + gap < high for low, high in pairwise(np.sort(heights))):
        np.testing.assert_allclose(placed, heights)


def test_names_stay_beside_the_picture_where_there_is_room() -> None:
    np.testing.assert_allclose(beside(np.array([0.1, -0.1, 0.0, 0.95]), 0.1), [0.2, 0.0, 0.1, 0.95])
    np.testing.assert_allclose(beside(np.array([1.05, 0.95, 0.3]), 0.1), [1.0, 0.9, 0.3])
    np.testing.assert_array_equal(beside(np.array([-0.3, 0.5, 1.3]), 0.8), [-0.3, 0.5, 1.3])
    assert beside(np.empty(0), 0.1).shape == (0,)


def test_numbers_as_people_write_them() -> None:
    written = [format_value(value) for value in (0.0, 1e-5, 8.834e-4, -2.5e-3, 0.25, 0.3333, 200, 12345)]
    assert written == ["0", "1e-5", "8.83e-4", "-2.5e-3", "0.25", "0.333", "200", "12345"]
