"""Pictures that compare settings, trials and layers: they hold the numbers and name what they show."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from viz_helpers import pixels

from mlp_numpy import GELUModule, LeakyReLUModule, ReLUModule
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.viz import (
    draw_class_bars,
    draw_function,
    draw_heat_map,
    draw_layer_stats,
    draw_mean_std,
    draw_parallel,
    moving_average,
    save_class_bars,
    save_functions,
    save_heat_map,
    save_layer_stats,
    save_mean_std,
    save_parallel,
)
from mlp_numpy.viz.parallel_coordinates import scale
from mlp_numpy.viz.style import beside, format_value, spread_labels

TABLE = np.array([[0.5, 0.25, np.nan], [0.75, 0.1, 0.3]])
TRIALS = [
    {"lr": 1e-4, "wd": 0, "act": "relu", "acc": 0.3},
    {"lr": 1e-2, "wd": 4, "act": "tanh", "acc": 0.5},
    {"lr": 1e-3, "wd": 1, "act": "relu", "acc": 0.4},
]


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


@pytest.mark.slow
def test_saved_pictures_are_pages(tmp_path: Path) -> None:
    curves = {"ReLU": ([1, 2], np.array([[0.5, 0.6], [0.4, 0.7]]))}
    save_mean_std(tmp_path / "bands.png", curves, "title", limits=(0, 1))
    save_class_bars(tmp_path / "bars.png", {"SGD": np.array([0.2, 0.4])}, ["cat", "dog"], "title")
    save_heat_map(tmp_path / "map.png", TABLE, ["1e-2", "1e-3"], ["a", "b", "c"], "title")
    save_parallel(tmp_path / "parallel.png", TRIALS, ["lr", "act"], "acc", "title", log=["lr"])
    save_functions(tmp_path / "functions.png", {"ReLU": ReLUModule()})
    layers = {"0": [0.5, 0.25], "2": [0.5, 0.75]}
    save_layer_stats(
        tmp_path / "watch.png", {"gradient norm": layers, "dead fraction": layers}, "title", steps=[10, 20]
    )
    for name in ("bands", "bars", "map", "parallel", "functions", "watch"):
        pixels(tmp_path / f"{name}.png")
