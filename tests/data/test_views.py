"""Test-time views, each written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlp_numpy import LinearModule, SoftMaxCrossEntropyModule
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.data.views import Views
from mlp_numpy.errors import DTypeError, OptionError, ShapeError
from mlp_numpy.training import evaluate

SHAPE = (2, 3, 4)


def by_hand(f: LinearModule, x: np.ndarray, kind: str) -> np.ndarray:
    out = np.zeros((len(x), f.out_features))
    for n, image in enumerate(x.reshape(-1, *SHAPE)):
        around = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="reflect")
        shifted = [(0.5, around[:, 1:4, 1:5]), (0.25, around[:, 0:3, 0:4]), (0.25, around[:, 2:5, 2:6])]
        for weight, view in shifted if kind == "mirror-shift" else [(1.0, image)]:
            for each in (view, view[:, :, ::-1]):
                out[n] += weight / 2 * f.forward(each.reshape(1, -1))[0]
    return out


@pytest.mark.parametrize("kind", ["mirror", "mirror-shift"])
def test_the_outputs_are_averaged_over_the_views(kind: str) -> None:
    f, x = LinearModule(24, 3, rng=0), np.random.default_rng(0).normal(size=(5, 24))
    kept = x.copy()
    np.testing.assert_allclose(Views(SHAPE, kind).outputs(f.forward, x), by_hand(f, x, kind), rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(x, kept)


def test_a_mirrored_image_has_the_same_scores() -> None:
    f, x = LinearModule(24, 3, rng=0), np.random.default_rng(0).normal(size=(5, 24))
    mirrored = x.reshape(-1, *SHAPE)[..., ::-1].reshape(5, -1)
    views = Views(SHAPE, "mirror")
    np.testing.assert_allclose(views.outputs(f.forward, x), views.outputs(f.forward, mirrored), rtol=1e-12)


def test_an_evaluation_averages_the_scores() -> None:
    f, loss = LinearModule(24, 3, rng=0), SoftMaxCrossEntropyModule()
    images, labels = np.random.default_rng(0).integers(0, 256, (7, 24)).astype(np.uint8), np.arange(7) % 3
    pre, views = Preprocessing.fit("unit", images, SHAPE, np.float64), Views(SHAPE)
    found = evaluate(f, loss, Split(images, labels), pre, chunk=3, views=views)
    scores = by_hand(f, pre.apply(images, np.float64), "mirror-shift")
    np.testing.assert_allclose(found.outputs, scores, rtol=1e-12)
    assert found.loss == pytest.approx(float(loss.forward(scores, labels)), rel=1e-12)


def test_invalid_views() -> None:
    two_sizes: Any = (3, 4)
    with pytest.raises(OptionError, match="kind"):
        Views(SHAPE, "all")
    with pytest.raises(OptionError, match="2 × 2"):
        Views((3, 1, 4))
    with pytest.raises(OptionError, match="image_shape"):
        Views(two_sizes)
    with pytest.raises(ShapeError, match=r"\(N, 24\)"):
        Views(SHAPE).outputs(lambda x: x, np.zeros((2, 23)))


def test_views_of_what_is_no_batch() -> None:
    x: Any = np.arange(48.0).reshape(2, 24)
    views = Views(SHAPE)
    np.testing.assert_array_equal(views.outputs(lambda rows: rows, x.tolist()), views.outputs(lambda rows: rows, x))
    for wrong in (None, "text", x.astype(object), np.ma.masked_greater(x, 3)):
        with pytest.raises(DTypeError, match=r"Views\.outputs: x"):
            views.outputs(lambda rows: rows, wrong)
    no_model: Any = None
    with pytest.raises(OptionError, match="model"):
        views.outputs(no_model, x)
