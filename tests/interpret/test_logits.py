"""Gradients of logits with respect to pixels: known by hand for a linear model, numerically for others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from interpret_helpers import STANDARDIZE, D, linear, mlp

from mlp_numpy import ConvNet
from mlp_numpy.interpret import PixelLogits

RNG = np.random.default_rng(0)


def test_the_gradient_of_a_linear_model_is_its_weight_row_times_the_scale() -> None:
    model, classes = linear(), np.array([2, 0])
    logits = PixelLogits(model, STANDARDIZE)
    images = RNG.uniform(0, 255, (2, D))
    expected = (images - STANDARDIZE.shift) * STANDARDIZE.scale @ model.params["weight"].T
    np.testing.assert_allclose(logits.forward(images), expected, rtol=1e-12)
    np.testing.assert_allclose(logits.backward(classes), model.params["weight"][classes] * STANDARDIZE.scale)


@pytest.mark.parametrize("model", [mlp(), ConvNet((2, 3, 4), 3, rng=3)], ids=["mlp", "conv net"])
def test_the_gradient_is_that_of_small_differences(model: Any) -> None:
    model.forward(RNG.normal(size=(20, D)))  # running statistics that are not 0 and 1
    logits, images, h, pixels = PixelLogits(model, STANDARDIZE), RNG.uniform(0, 255, (1, D)), 1e-4, [0, 9, 23]
    moves = h * np.eye(D)[pixels]
    up, down = np.split(logits.forward(np.concatenate([images + moves, images - moves]))[:, 1], 2)
    logits.forward(images)
    gradient = logits.backward(np.array([1]))[0, pixels]
    np.testing.assert_allclose(gradient, (up - down) / (2 * h), rtol=1e-5, atol=1e-9)
