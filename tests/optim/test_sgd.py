"""Plain gradient descent."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlp_numpy import SGD, FlatParameters, LinearModule
from mlp_numpy.errors import OptionError


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sgd_is_its_equation_in_place(dtype: type) -> None:
    flat = FlatParameters(LinearModule(300, 300, rng=0, dtype=dtype))
    values, address = flat.values.copy(), flat.values.ctypes.data
    flat.grads[:] = np.random.default_rng(1).normal(size=len(flat))
    SGD(flat, lr=0.25).step()
    np.testing.assert_allclose(flat.values, values - dtype(0.25) * flat.grads, rtol=4 * np.finfo(dtype).eps)
    assert flat.values.ctypes.data == address


@pytest.mark.parametrize("lr", [0.0, -1e-3, math.nan, math.inf])
def test_the_learning_rate_must_be_positive(lr: float) -> None:
    with pytest.raises(OptionError, match="lr must be a number > 0"):
        SGD(FlatParameters(LinearModule(1, 1)), lr)


def test_gradient_descent_goes_down_to_the_least_squares_solution() -> None:
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    layer = LinearModule(3, 2, rng=0)
    optimizer = SGD(FlatParameters(layer), lr=0.01)
    for _ in range(2000):
        layer.backward(layer.forward(x) - target)
        optimizer.step()
    best, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(50)]), target, rcond=None)
    np.testing.assert_allclose(layer.params["weight"], best[:3].T, atol=1e-12)
    np.testing.assert_allclose(layer.params["bias"], best[3], atol=1e-12)


@pytest.mark.parametrize("wrong", [None, "a", True, -1, float("nan"), float("inf"), [0.1], 1j])
def test_a_learning_rate_that_is_set_later_is_checked(wrong: object) -> None:
    optimizer = SGD(FlatParameters(LinearModule(2, 2)), 0.1)
    with pytest.raises(OptionError, match="SGD: lr must be a number ≥ 0"):
        optimizer.lr = wrong
    assert optimizer.lr == 0.1
    optimizer.lr = np.float32(0.5)
    assert type(optimizer.lr) is float
