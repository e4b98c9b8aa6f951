"""Heat maps of two settings."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mlp_numpy.errors import ShapeError
from mlp_numpy.viz import draw_heat_map

TABLE = np.array([[0.5, 0.25, np.nan], [0.75, 0.1, 0.3]])


def test_a_heat_map_is_darker_where_more_and_frames_the_best() -> None:
    axes = Figure().subplots()
    draw_heat_map(axes, TABLE, ["1e-2", "1e-3"], ["a", "b", "c"], digits=2)
    assert [text.get_text() for text in axes.texts] == ["0.50", "0.25", "–", "0.75", "0.10", "0.30"]
    shown = np.ma.filled(axes.images[0].get_array(), np.nan)
    np.testing.assert_array_equal(np.isnan(shown), np.isnan(TABLE))
    np.testing.assert_array_equal(np.argsort(shown, axis=None), np.argsort(TABLE, axis=None))
    (frame,) = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert frame.get_xy() == (-0.5, 0.5)
    assert axes.texts[3].get_color() == "white"
    assert axes.texts[4].get_color() == "black"
    with pytest.raises(ShapeError, match=r"table must be \(1, 3\), got \(2, 3\)"):
        draw_heat_map(axes, TABLE, ["1"], ["a", "b", "c"])
    draw_heat_map(Figure().subplots(), np.full((1, 1), np.nan), ["1"], ["a"])
