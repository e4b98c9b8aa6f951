"""Times that grow with a size, and times in several states."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from mlp_numpy.errors import ShapeError
from mlp_numpy.viz import draw_growth, draw_states
from mlp_numpy.viz.style import color_of


def test_growth_is_drawn_on_logarithmic_scales() -> None:
    axes = Figure().subplots()
    times = {"small": {"here": [2.0, 3.0, 5.0], "there": [2.5, 4.0, 7.0]}, "large": {"here": [20.0, 30.0, 50.0]}}
    draw_growth(axes, [100, 200, 400], times, first_color=1)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["100", "200", "400"]
    curves = [line for line in axes.get_lines() if not line.get_label().startswith("_")]
    assert [line.get_label() for line in curves] == ["small, here", "small, there", "large, here"]
    np.testing.assert_array_equal(curves[1].get_ydata(), [2.5, 4.0, 7.0])
    here, there, large = curves
    assert here.get_linestyle() == large.get_linestyle() != there.get_linestyle()
    assert same_color(here.get_color(), color_of(1))
    assert same_color(there.get_color(), color_of(1))
    assert same_color(large.get_color(), color_of(2))


@pytest.mark.parametrize(("power", "expected"), [(1, [4.0, 8.0]), (2, [4.0, 16.0]), (-1, [4.0, 2.0])])
def test_the_guide_begins_at_the_first_contestant(power: float, expected: list[float]) -> None:
    axes = Figure().subplots()
    draw_growth(axes, [50, 100], {"net": {"here": [4.0, 5.0], "there": [9.0, 9.0]}}, power=power)
    (guide,) = [line for line in axes.get_lines() if line.get_label().startswith("_")]
    np.testing.assert_allclose(guide.get_ydata(), expected)


def test_no_guide_without_a_power() -> None:
    axes = Figure().subplots()
    draw_growth(axes, [1, 2], {"net": {"here": [4.0, 5.0]}}, power=None)
    assert len(axes.get_lines()) == 1


def test_growth_needs_one_time_per_value() -> None:
    with pytest.raises(ShapeError, match=r"draw_growth: net, there must be \(2,\), got \(3,\)"):
        draw_growth(Figure().subplots(), [1, 2], {"net": {"here": [1.0, 2.0], "there": [1.0, 2.0, 3.0]}})


def test_states_are_bars_side_by_side() -> None:
    axes = Figure().subplots()
    draw_states(axes, {"quiet": {"ours": 1.5, "theirs": 2.0}, "busy": {"ours": 2.25, "theirs": 12.0}})
    assert [bar.get_height() for bar in axes.patches] == [1.5, 2.0, 2.25, 12.0]
    assert [text.get_text() for text in axes.texts] == ["1.5", "2", "2.25", "12"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["ours", "theirs"]
    assert axes.get_legend_handles_labels()[1] == ["quiet", "busy"]
    spans = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches)
    assert all(end < start for (_, end), (start, _) in zip(spans[:-1], spans[1:], strict=True))
    colors = [bar.get_facecolor() for bar in axes.patches]
    assert colors[0] == colors[1] != colors[2] == colors[3]


def test_states_have_the_same_contestants() -> None:
    with pytest.raises(ShapeError, match="draw_states: busy must have ours, theirs, got theirs, ours"):
        draw_states(Figure().subplots(), {"quiet": {"ours": 1, "theirs": 2}, "busy": {"theirs": 2, "ours": 1}})
