"""Bars, class by class."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from mlp_numpy.errors import ShapeError
from mlp_numpy.viz import draw_class_bars


def test_bars_stand_side_by_side_over_their_class() -> None:
    axes = Figure().subplots()
    draw_class_bars(axes, {"SGD": np.array([0.2, 0.4]), "Adam": np.array([0.5, 0.9])}, ["cat", "dog"])
    assert [bar.get_height() for bar in axes.patches] == [0.2, 0.4, 0.5, 0.9]
    centers = [bar.get_x() + bar.get_width() / 2 for bar in axes.patches]
    np.testing.assert_allclose(centers, [-0.2, 0.8, 0.2, 1.2])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["SGD, mean 0.300", "Adam, mean 0.700"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "dog"]
    with pytest.raises(ShapeError, match=r"SGD must be \(3,\), one per class, got \(2,\)"):
        draw_class_bars(axes, {"SGD": np.zeros(2)}, ["cat", "dog", "ship"])
