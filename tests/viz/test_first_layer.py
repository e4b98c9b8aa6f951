"""The weights of a first layer as images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from viz_helpers import texts

from mlp_numpy.viz import save_first_layer
from mlp_numpy.viz.first_layer import centered


def test_weights_are_centered_unit_by_unit() -> None:
    weights = np.array([[0.0, 2.0, -1.0], [0.0, 0.0, 0.0], [-30.0, 0.0, 15.0]])
    np.testing.assert_array_equal(centered(weights), [[0.5, 1, 0.25], [0.5, 0.5, 0.5], [0, 0.5, 0.75]])


def test_first_layer_is_sorted_by_norm(tmp_path: Path, drawn: list[Figure]) -> None:
    weights = np.zeros((30, 12))
    weights[np.arange(30), 0] = np.arange(1, 31)  # all look the same: their first pixel white
    weights[4] = -8.5  # but for the 2nd largest
    save_first_layer(tmp_path / "first.png", weights, (3, 2, 2), most=25)
    sheet = np.asarray(drawn[0].axes[0].images[0].get_array())
    assert sheet.shape == (2 * 3 - 1, 20 * 3 - 1, 3)
    np.testing.assert_array_equal(sheet[0, 0], [1, 0.5, 0.5])
    np.testing.assert_array_equal(sheet[:2, 3:5], 0)
    assert any("the 25 largest of 30 units by falling norm, 30 to 7," in text for text in texts(drawn[0]))
    page_height, sheet_width = drawn[0].get_size_inches()[1], drawn[0].axes[0].get_position().width * 11
    assert drawn[0].axes[0].get_position().height * page_height / sheet_width == pytest.approx(5 / 59)
