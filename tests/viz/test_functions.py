"""Activations and their derivatives."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from mlp_numpy import GELUModule, LeakyReLUModule
from mlp_numpy.viz import draw_function


def test_functions_are_drawn_with_their_derivatives() -> None:
    axes = Figure().subplots()
    draw_function(axes, LeakyReLUModule(0.25), "leaky")
    _, _, function, derivative, kinks = axes.get_lines()
    x = function.get_xdata()
    np.testing.assert_allclose(function.get_ydata(), np.where(x > 0, x, 0.25 * x))
    drawn = derivative.get_ydata()
    assert set(drawn[np.isfinite(drawn)]) == {0.25, 1.0}
    assert np.isnan(drawn).sum() == 1
    np.testing.assert_array_equal([kinks.get_xdata(), kinks.get_ydata()], [[0], [0.25]])
    smooth = Figure().subplots()
    draw_function(smooth, GELUModule(), "GELU")
    assert not np.isnan(smooth.get_lines()[3].get_ydata()).any()
    assert len(smooth.get_lines()[4].get_xdata()) == 0
