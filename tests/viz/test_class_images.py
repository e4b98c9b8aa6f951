"""Images of classes, and the pixels that count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from viz_helpers import pixels, texts

from mlp_numpy.errors import ShapeError
from mlp_numpy.viz import save_class_images, save_saliency

SHAPE = (3, 4, 5)
D = 60
RNG = np.random.default_rng(0)


def test_class_images(tmp_path: Path, drawn: list[Figure]) -> None:
    images = RNG.uniform(0, 255, (3, D))
    path = tmp_path / "classes.png"
    save_class_images(path, images, SHAPE, ["cat", "dog", "ship"], np.array([1.25, 20.0, -3.0]), "title", "how")
    assert texts(drawn[0]) == ["title", "how", "cat   1.2", "dog   20.0", "ship   -3.0"]
    for axes, image in zip(drawn[0].axes, images, strict=True):
        shown = np.asarray(axes.images[0].get_array())
        np.testing.assert_array_equal(shown, np.rint(image).reshape(SHAPE).transpose(1, 2, 0))
    pixels(path)
    with pytest.raises(ShapeError, match="logits must be as many as the images, 3, got 2"):
        save_class_images(path, images, SHAPE, ["a", "b", "c"], np.zeros(2), "title")


def test_saliency(tmp_path: Path, drawn: list[Figure]) -> None:
    images, maps = RNG.uniform(0, 255, (4, D)), RNG.uniform(0, 1, (4, 4, 5))
    save_saliency(tmp_path / "saliency.png", images, maps, list("abcd"))
    above, below = drawn[0].axes[:4], drawn[0].axes[4:]
    assert [axes.get_title() for axes in above] == list("abcd")
    for top, bottom, each in zip(above, below, maps, strict=True):
        assert top.get_position().x0 == bottom.get_position().x0
        assert top.get_position().y0 > bottom.get_position().y1
        np.testing.assert_array_equal(bottom.images[0].get_array(), each)
        assert bottom.images[0].get_clim() == (0, np.percentile(each, 99))
    pixels(tmp_path / "saliency.png")
    with pytest.raises(ShapeError, match="maps must be as many as the images, 4, got 3"):
        save_saliency(tmp_path / "saliency.png", images, maps[:3], list("abcd"))
