"""Weights of classes, and weights of single losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlp_numpy import BCEWithLogitsModule, MSEModule, PoissonNLLModule, SoftMaxCrossEntropyModule, class_weights
from mlp_numpy.errors import DomainError, LabelError, OptionError, ShapeError


def test_balanced_classes_count_the_same() -> None:
    y = np.array([0, 0, 0, 2, 2, 1])
    omega = class_weights("balanced", y)
    np.testing.assert_allclose(omega, [6 / 9, 2, 1])
    loss = SoftMaxCrossEntropyModule("none", class_weight=omega)
    losses = loss.forward(np.zeros((6, 3)), y)
    np.testing.assert_allclose([losses[y == c].sum() for c in range(3)], 2 * np.log(3))


def test_they_are_scikit_learns() -> None:
    compute = pytest.importorskip("sklearn.utils.class_weight").compute_class_weight
    y = np.array(["b", "a", "b", "c", "b"])
    np.testing.assert_allclose(class_weights("balanced", y), compute("balanced", classes=np.unique(y), y=y))
    rule = {"a": 3.0, "c": 0}
    np.testing.assert_allclose(class_weights(rule, y), compute(rule, classes=np.unique(y), y=y))


def test_classes_have_an_order_and_may_be_rare() -> None:
    y = np.array([1, 1, 0])
    np.testing.assert_allclose(class_weights({2: 5}, y, classes=[2, 1, 0]), [5, 1, 1])
    np.testing.assert_allclose(class_weights("balanced", y, classes=[1, 0]), [0.75, 1.5])


@pytest.mark.parametrize(
    ("rule", "labels", "classes", "error", "words"),
    [
        ("balance", [0, 1], None, OptionError, "class_weights: rule must be 'balanced' or a dict of classes"),
        (None, [0, 1], None, OptionError, "class_weights: rule must be 'balanced'"),
        ({3: 1.0}, [0, 1], None, OptionError, r"there must be a class 3, got \[0, 1\]"),
        ({1: -1.0}, [0, 1], None, OptionError, "weight of 1 must be a number ≥ 0, got -1.0"),
        ("balanced", [0, 1], [0, 1, 2], OptionError, "must all have examples, got none of 2"),
        ("balanced", [0, 3], [0, 1], LabelError, r"labels must be among \[0, 1\], got 3"),
        ("balanced", [[0, 1]], None, ShapeError, r"labels must be a vector of at least one, got \(1, 2\)"),
        ("balanced", [], None, ShapeError, "labels must be a vector of at least one"),
    ],
)
def test_what_cannot_be_meant(rule: Any, labels: Any, classes: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        class_weights(rule, np.asarray(labels), classes)


def test_weights_of_single_losses() -> None:
    rng = np.random.default_rng(0)
    x, y, v = rng.normal(size=(3, 2)), rng.uniform(size=(3, 2)), np.array([[1.0, 0], [2, 1], [0, 0.5]])
    for module, losses in ((MSEModule, (x - y) ** 2), (BCEWithLogitsModule, np.log1p(np.exp(x)) - y * x)):
        loss = module()
        assert loss.forward(x, y, v) == pytest.approx((v * losses).sum() / v.sum())
        assert loss.total_weight == v.sum()
        assert ((loss.backward() == 0) == (v == 0)).all()
        columns = module().forward(x, y, np.repeat([1.0, 2, 3], 2).reshape(3, 2))
        assert columns == pytest.approx(module().forward(x, y, np.array([1, 2, 3])))


def test_rates_below_0_are_refused() -> None:
    loss = PoissonNLLModule(log_input=False)
    with pytest.raises(DomainError, match=r"PoissonNLLModule.forward: x must hold rates ≥ 0, got -0.5 at \[1\]"):
        loss.forward(np.array([1.0, -0.5]), np.zeros(2))
    assert loss.forward(np.array([1.0, -0.5]), np.zeros(2), np.array([1, 0])) == 1
