"""Figures of recipes."""

from __future__ import annotations

import numpy as np

from mlp_numpy.recipes.figures import _above_the_start


def test_a_figure_leaves_the_start_out_where_it_would_press_all_that_comes_after_it() -> None:
    rising = np.array([[0.1, 0.5, 0.52, 0.54, 0.56, 0.58]])
    low, high = _above_the_start([rising]) or (0.0, 0.0)
    assert 0.1 < low < 0.5
    assert 0.58 < high < 0.6
    assert _above_the_start([rising, np.full((1, 6), 0.11)]) is None
