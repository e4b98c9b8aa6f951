"""Modules in a row, and the MLP built of them."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy import MLP, LeakyReLUModule, LinearModule, ReLUModule, Sequential, SoftMaxModule
from mlp_numpy.errors import DTypeError, OptionError, ShapeError


def test_it_is_a_row_of_its_modules() -> None:
    net = Sequential(LinearModule(3, 4), ReLUModule(), LinearModule(4, 2))
    assert len(net) == 3
    assert [type(module) for module in net] == [LinearModule, ReLUModule, LinearModule]
    assert net[1] is list(net)[1]
    part = net[:2]
    assert isinstance(part, Sequential)
    assert part[0] is net[0]
    assert [name for name, _ in Sequential(net, ReLUModule()).leaves()] == ["0.0", "0.1", "0.2", "1"]


def test_it_must_hold_modules() -> None:
    with pytest.raises(OptionError, match="at least one module"):
        Sequential()
    with pytest.raises(OptionError, match="argument 1 must be a module, got function"):
        Sequential(ReLUModule(), lambda x: x)


def test_an_input_layer_in_the_middle_is_named() -> None:
    net = Sequential(LinearModule(2, 2), LinearModule(2, 2, input_layer=True))
    out = net.forward(np.ones((1, 2)))
    with pytest.raises(ShapeError, match="only the first layer that learns may be an input_layer"):
        net.backward(out)


def test_a_mismatch_between_layers_names_the_layer() -> None:
    net = Sequential(LinearModule(3, 4), LinearModule(5, 2))
    with pytest.raises(ShapeError, match=r"LinearModule\(5 → 2\).forward: x must be \(N, …, 5\), got \(1, 4\)"):
        net.forward(np.ones((1, 3)))


def test_the_mlp_of_the_assignment() -> None:
    model = MLP(3072, [100], 10, rng=0)
    assert [type(module) for module in model] == [LinearModule, LeakyReLUModule, LinearModule, SoftMaxModule]
    p = model.forward(np.random.default_rng(0).normal(size=(7, 3072)))
    assert p.shape == (7, 10)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert model[1].neg_slope == 0.02
    assert model.logits[0] is model[0]
    assert model.title == "MLP 3072-100-10"


def test_without_hidden_layers_it_is_logistic_regression() -> None:
    assert [type(module) for module in MLP(4, [], 3)] == [LinearModule, SoftMaxModule]


def test_the_mlp_checks_its_sizes() -> None:
    with pytest.raises(OptionError, match=r"n_hidden must be a list of integers, got 100"):
        MLP(10, 100, 2)
    with pytest.raises(OptionError, match=r"n_hidden\[0\] must be an integer ≥ 1, got 0"):
        MLP(10, [0], 2)


def test_the_same_layer_twice_is_refused() -> None:
    relu = ReLUModule()
    with pytest.raises(OptionError, match="must occur once, but ReLUModule.. occurs twice"):
        Sequential(LinearModule(2, 2), relu, LinearModule(2, 2), relu)
    with pytest.raises(OptionError, match="occurs twice"):
        Sequential(relu, Sequential(relu))


def test_a_gradient_that_is_none_is_refused_by_the_last_module() -> None:
    model = Sequential(LinearModule(3, 2, rng=0), ReLUModule())
    model.forward(np.ones((2, 3)))
    with pytest.raises(DTypeError, match=r"ReLUModule\(\).backward: dout must hold numbers"):
        model.backward(None)
