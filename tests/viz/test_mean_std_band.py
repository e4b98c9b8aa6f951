"""Mean curves and their bands."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from mlp_numpy.errors import ShapeError
from mlp_numpy.viz import draw_mean_std


def test_bands_are_mean_and_standard_deviation() -> None:
    axes = Figure().subplots()
    values = np.array([[0.1, 0.5], [0.3, 0.7], [0.2, 0.9]])
    draw_mean_std(axes, {"three": ([0, 10], values), "one": ([0, 10], values[:1])})
    three, one = axes.get_lines()
    np.testing.assert_allclose(three.get_ydata(), [0.2, 0.7])
    np.testing.assert_allclose(one.get_ydata(), [0.1, 0.5])
    (band,) = axes.collections  # a single seed has no band
    box = band.get_paths()[0].get_extents()
    np.testing.assert_allclose([box.y0, box.y1], [0.1, 0.9])
    assert [text.get_text() for text in axes.texts] == ["three  0.700 ± 0.200", "one  0.500"]
    assert [text.get_color() for text in axes.texts] == [three.get_color(), one.get_color()]
    with pytest.raises(ShapeError, match=r"values of x must be \(seeds, 3\), got \(3, 2\)"):
        draw_mean_std(axes, {"x": ([1, 2, 3], values)})


def test_a_name_stands_at_the_end_of_its_curve() -> None:
    axes = Figure().subplots()
    draw_mean_std(axes, {"low": ([0, 1], np.array([[0.0, 0.0]])), "high": ([0, 1], np.array([[0.0, 8.0]]))})
    bottom, top = axes.get_ylim()
    heights = [text.xy[1] for text in axes.texts]
    np.testing.assert_allclose(heights, [(0 - bottom) / (top - bottom), (8 - bottom) / (top - bottom)])
