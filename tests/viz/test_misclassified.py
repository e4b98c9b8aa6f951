"""The most confident mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from viz_helpers import pixels, texts

from mlp_numpy.errors import DataError, ShapeError
from mlp_numpy.viz import most_confident_mistakes, save_misclassified

SHAPE = (3, 4, 5)
D = 60
RNG = np.random.default_rng(0)
PROBABILITIES = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.0, 0.05, 0.95], [0.4, 0.3, 0.3], [0.6, 0.3, 0.1]])
TRUTH = np.array([0, 2, 1, 1, 0])


def test_the_surest_mistakes_come_first(tmp_path: Path, drawn: list[Figure]) -> None:
    np.testing.assert_array_equal(most_confident_mistakes(TRUTH, PROBABILITIES, 9), [2, 1, 3])
    images = RNG.uniform(0, 255, (5, D))
    save_misclassified(tmp_path / "mistakes.png", images, SHAPE, TRUTH, PROBABILITIES, ["cat", "dog", "ship"], most=2)
    found = texts(drawn[0])
    assert found[1].startswith("the surest 2 of 3 in 5;")
    assert found[2:] == ["ship 0.95", "dog 0.05", "dog 0.70", "ship 0.10"]
    shown = np.asarray(drawn[0].axes[0].images[0].get_array())
    np.testing.assert_array_equal(shown, np.rint(images[2]).reshape(SHAPE).transpose(1, 2, 0))
    pixels(tmp_path / "mistakes.png")


def test_no_mistakes_and_others_that_cannot_be_shown(tmp_path: Path) -> None:
    path, images = tmp_path / "none.png", np.zeros((5, D))
    with pytest.raises(DataError, match="there must be a mistake"):
        save_misclassified(path, images, SHAPE, PROBABILITIES.argmax(axis=1), PROBABILITIES, ["cat", "dog", "ship"])
    with pytest.raises(ShapeError, match="must be as many, got 4, 5 and 5"):
        save_misclassified(path, images[:4], SHAPE, TRUTH, PROBABILITIES, ["cat", "dog", "ship"])
    assert not path.exists()
