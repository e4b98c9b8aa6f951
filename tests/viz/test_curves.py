"""Pictures say what they show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from mlp_numpy.training import EvaluationRecord, History, StepRecord
from mlp_numpy.viz import draw_accuracy, draw_confusion, draw_loss, moving_average, save_confusion, save_curves


def history(steps: int = 120) -> History:
    found = History()
    for step in range(1, steps + 1):
        found.add(StepRecord(step, 2 / step, 1 - 1 / step))
    for step in range(0, steps + 1, 40):
        found.add(EvaluationRecord(step, 2 / (step + 1), step / 200))
    return found


@given(values=st.lists(st.floats(-10, 10), min_size=1, max_size=40), width=st.integers(1, 50))
def test_running_mean(values: list[float], width: int) -> None:
    expected = [np.mean(values[max(0, i + 1 - width) : i + 1]) for i in range(len(values))]
    np.testing.assert_allclose(moving_average(values, width), expected, atol=1e-9)


def test_small_numbers_behind_large_ones_are_not_lost() -> None:
    np.testing.assert_allclose(moving_average([1e20, 1.0, 3.0], 2)[2], 2)


@pytest.mark.parametrize(("draw", "label"), [(draw_loss, "cross-entropy loss"), (draw_accuracy, "accuracy")])
def test_curves_are_labelled_and_hold_the_numbers(draw, label: str) -> None:
    axes = Figure().subplots()
    draw(axes, history(), width=10)
    assert axes.get_xlabel() == "step"
    assert axes.get_ylabel() == label
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["train, each batch", "train, mean of 10 batches", "test, whole set"]
    batches, mean, test = axes.get_lines()
    key = label.split()[-1]
    np.testing.assert_array_equal(batches.get_ydata(), [getattr(record, key) for record in history().steps])
    np.testing.assert_allclose(mean.get_ydata(), moving_average([getattr(r, key) for r in history().steps], 10))
    np.testing.assert_array_equal(test.get_xdata(), [0, 40, 80, 120])
    np.testing.assert_array_equal(test.get_ydata(), [getattr(record, key) for record in history().evaluations])


def test_the_best_test_accuracy_is_named() -> None:
    axes = Figure().subplots()
    draw_accuracy(axes, history())
    assert [text.get_text() for text in axes.texts] == ["best test 0.600 at step 120"]


def test_a_history_without_steps_can_be_drawn(tmp_path: Path) -> None:
    save_curves(tmp_path / "empty.png", History(), "nothing yet")
    with Image.open(tmp_path / "empty.png") as picture:
        assert picture.format == "PNG"


@pytest.mark.slow
def test_confusion(tmp_path: Path) -> None:
    counts = np.array([[5, 1], [0, 4]])
    axes = Figure().subplots()
    draw_confusion(axes, counts, ["cat", "dog"])
    assert [text.get_text() for text in axes.texts] == ["5", "1", "0", "4"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]
    assert axes.get_xlabel() == "predicted class"
    save_confusion(tmp_path / "confusion.png", counts, ["cat", "dog"], "title")
    with Image.open(tmp_path / "confusion.png") as picture:
        assert picture.format == "PNG"
