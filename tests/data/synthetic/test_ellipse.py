"""The drawn ellipse data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlp_numpy.data.sources import load_dataset
from mlp_numpy.data.synthetic import ellipse
from mlp_numpy.errors import OptionError


def test_labels_by_hand() -> None:
    # q = x₁² + 0.95 x₁x₂ + 0.4 x₂²: 0.25, 0.64, 0.4, 0.625 and 2.35 − … at the points below; the boundary is at 0.6
    points = np.array([[0.5, 0.0], [0.8, 0.0], [0.0, 1.0], [0.0, 1.25], [1.0, 1.0], [1.0, -1.0], [0.0, 0.0]])
    np.testing.assert_array_equal(ellipse.labels_of(points), [0, 1, 0, 1, 1, 0, 0])


def test_the_boundary_is_an_ellipse() -> None:
    symmetric = (ellipse.FORMS["ellipse"] + ellipse.FORMS["ellipse"].T) / 2
    assert (np.linalg.eigvalsh(symmetric) > 0).all()


def test_the_same_seed_gives_the_same_points() -> None:
    one, same, other = ellipse.generate(50, 20, 3), ellipse.generate(50, 20, 3), ellipse.generate(50, 20, 4)
    assert one.train.images.shape == (50, 2)
    assert len(one.test) == 20
    np.testing.assert_array_equal(one.train.images, same.train.images)
    assert not np.array_equal(one.train.images, other.train.images)
    assert not np.array_equal(one.train.images[:20], one.test.images)
    assert set(one.train.labels) == {0, 1}


def test_the_points_are_the_streams_of_the_seed() -> None:
    dataset = ellipse.generate(3, 2, 7)
    for stream, split in enumerate((dataset.train, dataset.test)):
        points = np.random.default_rng((7, stream)).normal(size=(len(split), 2))
        np.testing.assert_array_equal(split.inputs, points)
    np.testing.assert_array_equal(ellipse.generate(3, 2).train.inputs, ellipse.generate(3, 2, 0).train.inputs)


@pytest.mark.parametrize("arguments", [(0, 1, 0), (1, 0, 0), (1, 1, -1)])
def test_sizes_and_seeds_that_cannot_be_meant(arguments: tuple[int, int, int]) -> None:
    with pytest.raises(OptionError, match="must be an integer ≥"):
        ellipse.generate(*arguments)


def test_it_has_a_name_among_the_data_sets(tmp_path: Path) -> None:
    found = load_dataset("ellipse", tmp_path, seed=2).dataset
    assert (found.name, found.n_features, found.n_classes, len(found.train)) == ("ellipse", 2, 2, 60_000)
