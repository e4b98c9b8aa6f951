"""Drawn digits of 8×8 pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlp_numpy.data.synthetic import digits
from mlp_numpy.errors import OptionError


def test_images_of_ten_classes() -> None:
    dataset = digits.generate(200, 50, seed=1)
    assert dataset.train.inputs.shape == (200, 64)
    assert dataset.image_shape == (1, 8, 8)
    assert np.bincount(dataset.train.labels).tolist() == [20] * 10
    assert dataset.train.inputs.min() == 0
    assert 0.99 < dataset.train.inputs.max() <= 1
    np.testing.assert_array_equal(digits.generate(200, 50, seed=1).test.inputs, dataset.test.inputs)
    assert not np.array_equal(digits.generate(200, 50, seed=2).train.inputs, dataset.train.inputs)


def test_no_two_are_alike_and_yet_the_nearest_is_of_the_same_class() -> None:
    dataset = digits.generate(1000, 300)
    assert len(np.unique(dataset.train.inputs, axis=0)) == 1000
    squares = np.sum((dataset.test.inputs[:, None] - dataset.train.inputs) ** 2, axis=2)
    assert np.mean(dataset.train.labels[squares.argmin(axis=1)] == dataset.test.labels) > 0.95


def test_the_distance_to_a_segment() -> None:
    segment = np.array([[[[-0.5, 0.0], [0.5, 0.0]]]])
    centers = (np.arange(8) + 0.5) / 8 - 0.5
    np.testing.assert_allclose(digits._distances(segment)[0].reshape(8, 8), np.abs(centers)[:, None] * np.ones(8))


def test_a_one_is_higher_than_wide() -> None:
    dataset = digits.generate(400, 10)
    ones = dataset.train.inputs[dataset.train.labels == 1].reshape(-1, 8, 8) > 0.5
    assert np.mean(ones.any(axis=2).sum(axis=1)) > np.mean(ones.any(axis=1).sum(axis=1)) + 1


@pytest.mark.parametrize("arguments", [{"n_train": 0}, {"n_test": -1}, {"seed": -1}])
def test_wrong_arguments_are_refused(arguments: Any) -> None:
    with pytest.raises(OptionError, match=r"digits\.generate: "):
        digits.generate(**arguments)
