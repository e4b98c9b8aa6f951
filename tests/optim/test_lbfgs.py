"""L-BFGS on problems whose minimum is known."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from mlp_numpy import MLP, FlatParameters, LinearModule, MSEModule, SoftMaxCrossEntropyModule
from mlp_numpy.errors import DTypeError, NonFiniteError, OptionError
from mlp_numpy.optim import L2Penalty, minimize


@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-6), (np.float32, 1e-2)])
def test_it_finds_the_least_squares_solution(dtype: type, atol: float) -> None:
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=(50, 3)).astype(dtype), rng.normal(size=(50, 2)).astype(dtype)
    layer, loss = LinearModule(3, 2, rng=0, dtype=dtype), MSEModule()
    flat = FlatParameters(layer)

    def objective() -> float:
        value = float(loss.forward(layer.forward(x), target))
        layer.backward(loss.backward())
        return value

    found = minimize(flat, objective, tolerance=1e-9)
    best, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(50)]), target, rcond=None)
    np.testing.assert_allclose(layer.params["weight"], best[:3].T, atol=atol)
    assert found.converged
    assert 0 < found.iterations < 100
    assert "CONVERGENCE" in found.message
    assert found.value == pytest.approx(objective(), rel=1e-6)
    assert flat.values.dtype == dtype


def test_a_penalized_classification_ends_where_its_gradient_is_zero() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, 4)), rng.integers(0, 3, 40)
    model, loss = MLP(4, [], 3, rng=0), SoftMaxCrossEntropyModule()
    flat = FlatParameters(model)
    penalty = L2Penalty(flat, 0.01, over="all")

    def objective() -> float:
        value = float(loss.forward(model.logits.forward(x), y))
        model.logits.backward(loss.backward())
        return value + penalty.add()

    found = minimize(flat, objective)
    assert found.converged
    left = flat.grads.copy()
    assert np.abs(left).max() <= 1e-6
    objective()
    np.testing.assert_array_equal(flat.grads, left)


def test_iterations_are_limited() -> None:
    flat = FlatParameters(LinearModule(1, 1))
    flat.values[:] = [-1.2, 1]
    calls = 0

    def rosenbrock() -> float:
        nonlocal calls
        calls += 1
        a, b = flat.values
        flat.grads[:] = -2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)
        return float((1 - a) ** 2 + 100 * (b - a * a) ** 2)

    some = minimize(flat, rosenbrock, max_iterations=5)
    assert (some.iterations, some.converged) == (5, False)
    assert calls < 20
    assert minimize(flat, rosenbrock).converged
    np.testing.assert_allclose(flat.values, 1, atol=1e-5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        some.value = 0.0


def test_an_error_leaves_the_parameters_as_they_were() -> None:
    flat = FlatParameters(LinearModule(2, 2, rng=0))
    start, calls = flat.values.copy(), 0

    def fails_later() -> float:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise ZeroDivisionError
        flat.grads[:] = flat.values
        return float(flat.values @ flat.values) / 2

    with pytest.raises(ZeroDivisionError):
        minimize(flat, fails_later, tolerance=1e-300)
    np.testing.assert_array_equal(flat.values, start)
    with pytest.raises(NonFiniteError, match="the loss must be finite at the start, got nan"):
        minimize(flat, lambda: math.nan)
    np.testing.assert_array_equal(flat.values, start)


def test_settings_are_checked() -> None:
    flat = FlatParameters(LinearModule(1, 1))
    for wrong in (0, 1.5, True):
        with pytest.raises(OptionError, match="max_iterations must be an integer ≥ 1"):
            minimize(flat, lambda: 0.0, max_iterations=wrong)
    with pytest.raises(OptionError, match="tolerance must be a number > 0"):
        minimize(flat, lambda: 0.0, tolerance=0)
    with pytest.raises(OptionError, match="must be FlatParameters"):
        minimize(LinearModule(1, 1), lambda: 0.0)


def test_calls_are_limited() -> None:
    layer = LinearModule(3, 2, rng=0)
    flat, calls = FlatParameters(layer), []

    def objective() -> float:
        calls.append(1)
        flat.grads[...] = 4 * (flat.values - 1) ** 3
        return float(((flat.values - 1) ** 4).sum())

    found = minimize(flat, objective, max_calls=5, tolerance=1e-30)
    assert not found.converged
    assert len(calls) <= 10  # SciPy ends after the step in which the limit is passed
    with pytest.raises(OptionError, match="max_calls must be an integer"):
        minimize(flat, objective, max_calls=0)


def test_complex_parameters_are_refused() -> None:
    flat = FlatParameters(LinearModule(1, 1, dtype=np.complex128))
    with pytest.raises(DTypeError, match="must be real"):
        minimize(flat, lambda: 0.0)
