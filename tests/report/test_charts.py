"""Charts: round ticks, no lost peak, gaps where nothing is finite."""

from __future__ import annotations

import math
import re

import pytest

from mlp_numpy.report.charts import MOST_POINTS, Chart, Series, chart_html, spans_decades, tick_text, ticks


@pytest.mark.parametrize(
    ("low", "high", "log", "values"),
    [
        (0.0, 1500.0, False, [0, 500, 1000, 1500]),
        (0.18, 0.61, False, [0.2, 0.3, 0.4, 0.5, 0.6]),
        (-2.3, -1.9, True, [0.006, 0.008, 0.01, 0.012]),
        (-0.5, 1.2, True, [0.5, 1, 2, 5, 10]),
        (-9.0, 3.0, True, [1e-9, 1e-6, 1e-3, 1, 1e3]),
    ],
)
def test_ticks_are_round_and_within(low: float, high: float, log: bool, values: list[float]) -> None:
    found = ticks(low, high, log=log)
    assert [value for value, _ in found] == pytest.approx(values)
    for value, place in found:
        assert place == pytest.approx(((math.log10(value) if log else value) - low) / (high - low))


def test_texts_of_ticks() -> None:
    texts = [tick_text(value) for value in (0, 0.30000000000000004, 1500, 1e-6, 2.5e-4, 100000, -0.5)]
    assert texts == ["0", "0.3", "1,500", "1e-6", "2.5e-4", "1e5", "-0.5"]


def test_a_long_curve_keeps_its_peaks() -> None:
    y = [1.0] * 50_000
    y[31_234], y[40_001] = 9.0, -9.0
    page = chart_html(Chart("t", "x", "y", [Series("s", range(50_000), y, "red")], limits=(-10, 10)))
    places = re.findall(r"[ML]([\d.]+) ([\d.]+)", page)
    assert len(places) <= MOST_POINTS
    assert {float(y) for _, y in places} == {50.0, 450.0, 950.0}


def test_gaps() -> None:
    y = [1.0, 2.0, math.nan, 3.0, math.inf, 4.0]
    page = chart_html(Chart("t", "x", "y", [Series("s", range(6), y, "red")]))
    path = re.findall(r' d="([^"]*)"', page)[0]
    assert re.sub(r"[\d. ]+", "", path) == "MLMM"
    assert "No finite value." in chart_html(Chart("t", "x", "y", [Series("s", [1, 2], [math.nan] * 2, "red")]))
    assert "No finite value." in chart_html(Chart("t", "x", "y", [Series("s", [1, 2], [0, -1], "red")], log=True))


def test_one_point_and_a_constant_are_visible() -> None:
    assert 'class="dots"' in chart_html(Chart("t", "x", "y", [Series("s", [3], [0.0], "red")]))
    assert "500.00" in chart_html(Chart("t", "x", "y", [Series("s", [1, 2], [7.0, 7.0], "red")]))


def test_which_losses_need_a_logarithmic_axis() -> None:
    assert spans_decades([100.0, 1.0, math.nan])
    assert not spans_decades([2.3, 1.2, math.inf, 0.0])
