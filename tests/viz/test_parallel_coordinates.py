"""Trials as lines through their settings."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from mlp_numpy.errors import OptionError
from mlp_numpy.viz import draw_parallel
from mlp_numpy.viz.parallel_coordinates import scale

TRIALS = [
    {"lr": 1e-4, "wd": 0, "act": "relu", "acc": 0.3},
    {"lr": 1e-2, "wd": 4, "act": "tanh", "acc": 0.5},
    {"lr": 1e-3, "wd": 1, "act": "relu", "acc": 0.4},
]


def test_scales_are_straight_logarithmic_or_levels() -> None:
    np.testing.assert_allclose(scale("lr", [1e-4, 1e-2, 1e-3], log=True).places, [0, 1, 0.5])
    assert [text for _, text in scale("lr", [1e-4, 1e-2, 1e-3], log=True).marks] == ["1e-4", "1e-3", "0.01"]
    np.testing.assert_allclose(scale("wd", [0, 4, 1], log=False).places, [0, 1, 0.25])
    assert scale("act", ["relu", "tanh", "relu"], log=False).marks == ((0.0, "relu"), (1.0, "tanh"))
    assert scale("n", [7, 7], log=True).marks == ((0.5, "7"),)
    np.testing.assert_array_equal(scale("bn", [True, False], log=False).places, [0, 1])
    with pytest.raises(OptionError, match="wd must be finite and above 0 on a logarithmic axis, got 0 to 4"):
        scale("wd", [0, 4, 1], log=True)
    assert [text for _, text in scale("seed", [0, 1], log=False).marks] == ["0", "1"]
    with pytest.raises(OptionError, match="acc must be finite"):
        scale("acc", [0.5, float("nan")], log=False)


def test_parallel_lines_pass_through_their_settings() -> None:
    axes = Figure().subplots()
    draw_parallel(axes, TRIALS, ["lr", "wd", "act"], "acc", log=["lr"])
    lines = [line.get_ydata() for line in axes.get_lines()]
    np.testing.assert_allclose(lines[:3], [[0, 0, 0, 0], [0.5, 0.25, 0, 0.5], [1, 1, 1, 1]], atol=1e-12)
    best = axes.get_lines()[2]
    assert best.get_linewidth() > axes.get_lines()[0].get_linewidth()
    below = [text.get_text() for text in axes.texts if text.get_color() == best.get_color()]
    assert below == ["0.01", "4", "tanh", "0.5"]
    with pytest.raises(OptionError, match="trial 1 must have lr, acc, lacks acc"):
        draw_parallel(axes, [TRIALS[0], {"lr": 1}], ["lr"], "acc")
    with pytest.raises(OptionError, match="at least one trial"):
        draw_parallel(axes, [], ["lr"], "acc")


def test_of_equal_trials_the_first_stands_out() -> None:
    axes = Figure().subplots()
    draw_parallel(axes, [{"lr": 1.0, "acc": 0.5}, {"lr": 2.0, "acc": 0.5}], ["lr"], "acc")
    widest = max(axes.get_lines()[:2], key=lambda line: line.get_linewidth())
    np.testing.assert_array_equal(widest.get_ydata(), [0, 0.5])
