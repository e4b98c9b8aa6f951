"""Clouds and spirals of the plane."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlp_numpy.data.synthetic import plane
from mlp_numpy.errors import OptionError


@pytest.mark.parametrize("pattern", ["clouds", "spirals"])
def test_points_of_three_classes_in_equal_numbers(pattern: Any) -> None:
    dataset = plane.generate(90, 30, seed=2, pattern=pattern)
    assert dataset.name == pattern
    assert dataset.train.inputs.shape == (90, 2)
    assert np.bincount(dataset.train.labels).tolist() == [30, 30, 30]
    again = plane.generate(90, 30, seed=2, pattern=pattern)
    np.testing.assert_array_equal(again.train.inputs, dataset.train.inputs)
    assert not np.array_equal(plane.generate(90, 30, seed=3, pattern=pattern).test.inputs, dataset.test.inputs)
    assert not np.array_equal(dataset.train.inputs[:30], dataset.test.inputs)


def test_clouds_lie_around_their_centers() -> None:
    train = plane.generate(3000, 3, pattern="clouds").train
    for label, angle in enumerate((0, 2 * np.pi / 3, 4 * np.pi / 3)):
        points = train.inputs[train.labels == label]
        np.testing.assert_allclose(points.mean(axis=0), [2 * np.cos(angle), 2 * np.sin(angle)], atol=0.08)
        np.testing.assert_allclose(points.std(axis=0), 0.6, atol=0.05)


def test_no_line_parts_the_spirals_but_the_nearest_point_does() -> None:
    dataset = plane.generate(300, 300)
    distances = np.linalg.norm(dataset.test.inputs[:, None] - dataset.train.inputs, axis=2)
    assert np.mean(dataset.train.labels[distances.argmin(axis=1)] == dataset.test.labels) > 0.97
    one_hot = np.eye(3)[dataset.train.labels]
    with_ones = np.column_stack((dataset.train.inputs, np.ones(300)))
    weights = np.linalg.lstsq(with_ones, one_hot, rcond=None)[0]
    assert np.mean((with_ones @ weights).argmax(axis=1) == dataset.train.labels) < 0.7


@pytest.mark.parametrize("arguments", [{"n_train": 0}, {"n_test": 0}, {"seed": -1}, {"pattern": "moons"}])
def test_wrong_arguments_are_refused(arguments: Any) -> None:
    with pytest.raises(OptionError, match=r"plane\.generate: "):
        plane.generate(**arguments)
