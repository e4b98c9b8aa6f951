"""Saliency: the strongest channel of a pixel."""

from __future__ import annotations

import numpy as np
from interpret_helpers import SHAPE, STANDARDIZE, D, linear

from mlp_numpy.interpret import saliency

RNG = np.random.default_rng(0)


def test_saliency_of_a_linear_model_is_its_strongest_channel() -> None:
    model = linear()
    maps = saliency(model, STANDARDIZE, SHAPE, RNG.uniform(0, 255, (2, D)), np.array([1, 2]))
    expected = np.abs(model.params["weight"][[1, 2]] * STANDARDIZE.scale).reshape(2, *SHAPE).max(axis=1)
    np.testing.assert_allclose(maps, expected)
