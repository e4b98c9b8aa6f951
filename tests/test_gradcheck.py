"""The gradient check: it must praise what is right, catch what is wrong, and say where."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlp_numpy import MLP, CrossEntropyModule, LinearModule, SoftMaxCrossEntropyModule, kaiming
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context
from mlp_numpy.errors import DTypeError, OptionError
from mlp_numpy.gradcheck import GradCheck, gradcheck
from mlp_numpy.modules import Linear, Module

X = np.random.default_rng(0).normal(size=(4, 3))


class SlightlyWrong(Linear):
    """Linear with an error of a chosen relative size in one entry of the weight's gradient."""

    error = 0.0

    @classmethod
    def backward(cls, context: Context, dout: Array) -> Any:
        dx, dweight, dbias = Linear.backward(context, dout)
        dweight = dweight.copy()
        dweight[1, 2] += cls.error * np.linalg.norm(dweight)
        return dx, dweight, dbias


def layer_with_error(error: float) -> Module:
    layer = LinearModule(3, 2, init=kaiming(), rng=0)
    layer.op = type("Wrong", (SlightlyWrong,), {"error": error})
    return layer


@pytest.mark.parametrize("method", ["complex", "central"])
@pytest.mark.parametrize(
    ("error", "verdict"), [(0.0, "fine"), (2e-8, "fine"), (2e-5, "suspicious"), (2e-3, "wrong"), (2.0, "wrong")]
)
def test_the_verdict_follows_the_ballparks(error: float, verdict: str, method: str) -> None:
    report = gradcheck(layer_with_error(error), X, method=method)
    assert report.verdict == verdict
    if verdict != "fine":
        assert report.worst.name == "weight"
        assert report.worst.worst == (1, 2)
        assert "weight[1, 2]" in str(report)
        # ‖n − a‖ is the planted error, and ‖n‖ + ‖a‖ about twice the gradient
        assert report.worst.quotient == pytest.approx(error / (1 + np.hypot(1, error)), rel=0.6)


@pytest.mark.parametrize(
    ("quotient", "verdict"),
    [(0.0, "fine"), (9e-7, "fine"), (2e-6, "suspicious"), (9e-5, "suspicious"), (2e-4, "wrong"), (np.nan, "wrong")],
)
def test_fences_lie_half_way_between_the_ballparks(quotient: float, verdict: str) -> None:
    assert GradCheck("w", quotient, (0,), 0.0, 0.0, 1).verdict == verdict


def test_a_nan_is_the_worst_of_all() -> None:
    layer = layer_with_error(float("nan"))
    report = gradcheck(layer, X)
    assert report.worst.name == "weight"
    assert report.worst.worst == (1, 2)
    assert report.verdict == "wrong"


def test_the_module_is_left_as_it_was() -> None:
    layer = LinearModule(3, 2, init=kaiming(), rng=0)
    layer.forward(X)
    layer.backward(np.ones((4, 2)))
    weight, grad = layer.params["weight"].copy(), layer.grads["weight"].copy()
    x = X.copy()
    gradcheck(layer, X, method="central")
    np.testing.assert_array_equal(layer.params["weight"], weight)
    np.testing.assert_array_equal(layer.grads["weight"], grad)
    np.testing.assert_array_equal(X, x)
    layer.backward(np.ones((4, 2)))  # the cache, too


def test_a_whole_network_with_its_loss_in_every_precision() -> None:
    y = np.array([0, 1, 2, 0])
    for dtype in (np.float32, np.float64):
        model = MLP(3, [5], 3, init=kaiming(), rng=1, dtype=dtype, input_layer=True)
        report = gradcheck(model, X, y, loss=CrossEntropyModule())
        assert [check.name for check in report.checks] == ["0.weight", "0.bias", "2.weight", "2.bias"]
        assert report.worst.quotient < 1e-14
    assert gradcheck(model.logits, X, y, loss=SoftMaxCrossEntropyModule()).verdict == "fine"


def test_only_some_entries_of_a_large_array() -> None:
    report = gradcheck(LinearModule(300, 200, init=kaiming(), rng=0), np.ones((2, 300)), max_entries=15)
    assert [check.n_checked for check in report.checks] == [15, 15, 15]
    assert report.verdict == "fine"


def test_wrong_uses_are_refused() -> None:
    layer = LinearModule(3, 2)
    with pytest.raises(OptionError, match="unknown method 'centrel'. Did you mean 'central'"):
        gradcheck(layer, X, method="centrel")
    with pytest.raises(DTypeError, match="x must be float64, got float32"):
        gradcheck(layer, X.astype(np.float32))
    with pytest.raises(OptionError, match="a loss needs labels"):
        gradcheck(CrossEntropyModule(), X)
    with pytest.raises(OptionError, match="max_entries must be an integer ≥ 1"):
        gradcheck(layer, X, max_entries=0)
