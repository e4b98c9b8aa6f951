"""Small models whose gradients with respect to pixels are known, and the preprocessing before them."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy import MLP, LinearModule
from mlp_numpy.data.preprocessing import Preprocessing

SHAPE = (2, 3, 4)
D = 24
_RNG = np.random.default_rng(0)
STANDARDIZE = Preprocessing("standardize", _RNG.uniform(90, 150, D), 1 / _RNG.uniform(40, 70, D))


def linear() -> LinearModule:
    return LinearModule(D, 3, rng=1, input_layer=True)


def mlp(**options: Any) -> MLP:
    return MLP(D, [7], 3, rng=2, input_layer=True, batch_norm=True, **options)
