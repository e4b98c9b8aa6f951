"""The layer statistics of a run, from its history to the axes."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from mlp_numpy.errors import ShapeError
from mlp_numpy.experiment.artifacts import layer_measures
from mlp_numpy.viz import draw_layer_stats, moving_average


def test_a_single_look_is_a_dot() -> None:
    axes = Figure().subplots()
    draw_layer_stats(axes, "gradient norm", {"0": [1.0]}, [1])
    assert axes.get_lines()[0].get_marker() == "o"
    draw_layer_stats(axes, "gradient norm", {"0": [1.0, 2.0]}, [1, 2])
    assert axes.get_lines()[1].get_marker() == "None"


def test_what_is_watched_layer_by_layer() -> None:
    axes = Figure().subplots()
    values = {"0": [1.0, 0.1, 0.01], "2": [0.0, 0.0, 10.0]}
    draw_layer_stats(axes, "gradient norm", values, [1, 2, 3])
    assert axes.get_yscale() == "log"
    first, second = (line.get_ydata() for line in axes.get_lines())
    np.testing.assert_array_equal(first, values["0"])
    np.testing.assert_array_equal(second, [np.nan, np.nan, 10])
    assert [text.get_text() for text in axes.texts] == ["0", "2"]
    assert axes.texts[0].xy[1] < 0.1 < 0.9 < axes.texts[1].xy[1]


def test_shares_stand_between_0_and_1() -> None:
    axes = Figure().subplots()
    draw_layer_stats(axes, "dead fraction", {"1": [0.0, 0.5, 1.0]}, [1, 2, 3], width=2)
    assert axes.get_yscale() == "linear"
    assert axes.get_ylim() == (-0.02, 1.02)
    np.testing.assert_array_equal(axes.get_lines()[0].get_ydata(), moving_average([0.0, 0.5, 1.0], 2))
    draw_layer_stats(Figure().subplots(), "gradient norm", {"0": [0.0, 0.0]}, [1, 2])
    with pytest.raises(ShapeError, match="dead fraction of 1 must be 2 numbers, ≥ 1, got 3"):
        draw_layer_stats(axes, "dead fraction", {"1": [0.0, 0.5, 1.0]}, [1, 2])


def test_no_dead_unit_is_a_line_at_0_and_no_empty_panel() -> None:
    norms = {"gradient": [1.0, 2.0], "update": [0.1, 0.2], "weight": [1.0, 1.0]}
    measures = layer_measures({"step": [1, 11], "0 LinearModule": norms, "1 ReLUModule": {"dead": [0.0, 0.0]}})
    scales = {}
    for name, layers in measures.items():
        axes = Figure().subplots()
        draw_layer_stats(axes, name, layers, [1, 11])
        assert len(axes.texts) == len(layers), f"{name}: every line has its label"
        scales[name] = axes.get_yscale()
    assert scales == {"gradient norm": "log", "update / weight": "log", "dead fraction": "linear"}
