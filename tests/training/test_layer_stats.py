"""A module with a shortcut is one step of a model: watched as a whole, and named as a whole where it fails."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy import CrossEntropyModule, FlatParameters, ResidualMLP
from mlp_numpy.training.diagnosis import first_nonfinite
from mlp_numpy.training.layer_stats import LayerStats

X = np.random.default_rng(0).normal(size=(5, 6))


def test_what_follows_a_shortcut_is_measured_with_it() -> None:
    model = ResidualMLP(6, 3, 8, rng=0)
    watch = LayerStats(model, FlatParameters(model))
    watch.before(X)
    measures = watch.after()
    assert measures["4 SoftMaxModule"]["std"] == pytest.approx(model.forward(X).std())
    assert measures["2 Residual"]["std"] == pytest.approx(model[:3].forward(X).std())
    assert measures["2.0"].keys() == {"gradient", "weight", "update"}


def test_the_statistics_are_those_of_the_last_step() -> None:
    model = ResidualMLP(6, 3, 8, rng=0)
    parameters = FlatParameters(model)
    watch = LayerStats(model, parameters)
    watch.before(X)
    first = watch.after()
    parameters.values *= 2
    watch.before(X)
    parameters.values += 1
    parameters.grads[...] = 3
    measures = watch.after()
    assert measures.keys() == first.keys()
    n = model[0].params["weight"].size + model[0].params["bias"].size
    assert measures["0 LinearModule"]["update"] == pytest.approx(np.sqrt(n))
    assert measures["0 LinearModule"]["gradient"] == pytest.approx(3 * np.sqrt(n))
    assert measures["0 LinearModule"]["weight"] == pytest.approx(2 * first["0 LinearModule"]["weight"])


def test_a_shortcut_that_fails_is_named() -> None:
    model = ResidualMLP(6, 3, 8, rng=0)
    model[2][0].params["bias"][1] = np.nan
    labels = np.zeros(5, np.int64)
    found = first_nonfinite(model, CrossEntropyModule(), X, labels)
    assert found is not None
    assert found.startswith("the 0.bias of layer 2 Residual(")
    model[2][0].params["bias"][1] = 1e308
    model[0].params["bias"][...] = 1e308
    model[0].params["weight"][...] = 0
    model[2][0].params["weight"][...] = 0
    found = first_nonfinite(model, CrossEntropyModule(), X, labels)
    assert found is not None
    assert found.startswith("the output of layer 2 Residual(")
    assert found.endswith("at [0, 1], inf")
