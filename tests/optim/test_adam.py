"""Adam: its equation, written out slowly, and PyTorch's own trajectory."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlp_numpy import FlatParameters, LinearModule
from mlp_numpy.errors import OptionError
from mlp_numpy.optim import Adam, AdamW

# Made by torch.optim.Adam (2.13, float64): w = (0.5, −1.2, 2.0), gradient of ½ Σ k w² with k = (1, 10, 0.1),
# lr 0.05: weight_decay → step → weights.
GOLDEN = {
    0.0: {
        1: [0.450000001, -1.1500000000416666, 1.9500000025],
        10: [0.03812458532272039, -0.70952804695227, 1.5049558621997374],
        100: [0.001468336823834938, 0.00357464741200202, -0.010715181920049811],
    },
    0.1: {
        1: [0.4500000009090909, -1.150000000041254, 1.95000000125],
        10: [0.03812458441129446, -0.7095280469479229, 1.5049558492438557],
        100: [0.0014683369470732974, 0.0035746474129124393, -0.010715176994723023],
    },
}


def quadratic(weight_decay: float, steps: int, dtype: type = np.float64) -> dict[int, np.ndarray]:
    """Weights after each step of Adam on ½ Σ k w²."""
    layer = LinearModule(2, 1, dtype=dtype)
    flat = FlatParameters(layer)
    flat.values[:] = [0.5, -1.2, 2.0]
    optimizer = Adam(flat, lr=0.05, weight_decay=weight_decay)
    found = {}
    for step in range(1, steps + 1):
        flat.grads[:] = np.array([1, 10, 0.1]) * flat.values
        optimizer.step()
        found[step] = flat.values.copy()
    return found


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_the_trajectory_is_pytorchs(weight_decay: float) -> None:
    found = quadratic(weight_decay, 100)
    for step, weights in GOLDEN[weight_decay].items():
        np.testing.assert_allclose(found[step], weights, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
@pytest.mark.parametrize("n", [1, 40_000, 70_001])
def test_it_is_its_equation_whatever_the_length(n: int, weight_decay: float) -> None:
    rng = np.random.default_rng(n)
    layer = LinearModule(n, 1)
    flat = FlatParameters(layer)
    flat.values[:] = rng.normal(size=n + 1)
    optimizer = Adam(flat, lr=0.01, weight_decay=weight_decay)
    w, m, v = flat.values.copy(), np.zeros(n + 1), np.zeros(n + 1)
    for t in range(1, 4):
        grads = rng.normal(size=n + 1)
        flat.grads[:] = grads
        optimizer.step()
        np.testing.assert_array_equal(flat.grads, grads)
        g = grads + weight_decay * w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w = w - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(flat.values, w, rtol=1e-10, atol=1e-12)


def test_the_first_step_has_the_length_of_the_learning_rate() -> None:
    first = quadratic(0.0, 1)[1]
    np.testing.assert_allclose(first, [0.45, -1.15, 1.95], rtol=1e-6)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"lr": 0.0}, "lr must be a number > 0"),
        ({"lr": math.nan}, "lr must be a number > 0"),
        ({"beta1": 1.0}, r"beta1 must be a number in \[0, 1\)"),
        ({"beta2": -0.1}, r"beta2 must be a number in \[0, 1\)"),
        ({"eps": 0.0}, "eps must be a number > 0"),
        ({"weight_decay": -1.0}, "weight_decay must be a number ≥ 0"),
    ],
)
def test_settings_are_checked(setting: dict[str, float], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        Adam(FlatParameters(LinearModule(1, 1)), **setting)
    with pytest.raises(OptionError, match="must be FlatParameters"):
        Adam(LinearModule(1, 1))


def test_the_defaults_are_pytorchs() -> None:
    flat = FlatParameters(LinearModule(2, 3))
    adam, adamw = Adam(flat), AdamW(flat)
    assert (adam.lr, adam.beta1, adam.beta2, adam.eps, adam.weight_decay) == (1e-3, 0.9, 0.999, 1e-8, 0.0)
    assert (adamw.lr, adamw.beta1, adamw.beta2, adamw.eps, adamw.weight_decay) == (1e-3, 0.9, 0.999, 1e-8, 1e-2)
