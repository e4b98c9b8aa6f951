"""One vector for all parameters, and plain gradient descent on it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlp_numpy import MLP, SGD, BatchNorm, Conv2dModule, FlatParameters, LinearModule, ReLUModule, Sequential
from mlp_numpy.errors import DTypeError, OptionError
from mlp_numpy.optim import n_parameters


def test_every_array_is_a_slice_of_the_vectors() -> None:
    model = MLP(4, [3], 2, rng=0)
    state = model.state()
    flat = FlatParameters(model)
    assert len(flat) == n_parameters(model) == 4 * 3 + 3 + 3 * 2 + 2
    assert list(flat.slices) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    for name, part in flat.slices.items():
        np.testing.assert_array_equal(flat.values[part].reshape(state[name].shape, order="F"), state[name])
    assert flat.name_of(0) == "0.weight"
    assert flat.name_of(len(flat) - 1) == "2.bias"


def test_a_single_layer_has_undotted_names() -> None:
    assert list(FlatParameters(LinearModule(2, 2)).slices) == ["weight", "bias"]


def test_weights_are_the_arrays_of_two_or_more_dimensions() -> None:
    flat = FlatParameters(Sequential(LinearModule(4, 3), BatchNorm(3), Conv2dModule(3, 2, 3)))
    assert flat.shapes["2.weight"] == (2, 3, 3, 3)
    assert flat.parts("weights") == [flat.slices["0.weight"], flat.slices["2.weight"]]
    assert flat.parts("all") == [slice(0, len(flat))]
    with pytest.raises(OptionError, match="there must be arrays of two or more dimensions, got {'gamma': \\(3,\\)"):
        FlatParameters(BatchNorm(3)).parts("weights")
    with pytest.raises(OptionError, match="parts: unknown over 'some'"):
        flat.parts("some")


def test_what_cannot_be_flattened_is_refused() -> None:
    with pytest.raises(OptionError, match="must have parameters"):
        FlatParameters(Sequential(ReLUModule()))
    with pytest.raises(DTypeError, match="must have one dtype, got \\['float32', 'float64'\\]"):
        FlatParameters(Sequential(LinearModule(2, 2), LinearModule(2, 2, dtype=np.float32)))


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
