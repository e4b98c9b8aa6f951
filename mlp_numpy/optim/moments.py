"""The two moment estimates of optimizers, updated in place."""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.blas import axpby


def update_moment(m: Array, x: Array, beta: float, scratch: Array) -> None:
    """``m ← m + (1 − β)(x − m)``, which is β m + (1 − β) x in the order of operations of PyTorch's ``lerp``."""
    np.subtract(x, m, out=scratch)
    axpby(1 - beta, scratch, 1, m)


def mean_of_squares(v: Array, x: Array, beta: float, scratch: Array) -> None:
    """``v ← β v + (1 − β) x²``."""
    np.multiply(x, x, out=scratch)
    axpby(1 - beta, scratch, beta, v)
