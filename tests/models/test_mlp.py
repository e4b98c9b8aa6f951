"""Multilayer perceptrons: where batch norm stands, shared layers, and two layers of any functions."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy import MLP, ConvNet, ReLUModule, ResidualMLP, SmallConvNet, TwoLayerNet, kaiming


@pytest.mark.parametrize(
    "net",
    [
        MLP(4, [5], 3, rng=0),
        ResidualMLP(4, 3, rng=0),
        SmallConvNet((1, 16, 16), 3, rng=0),
        ConvNet((1, 2, 2), 3, rng=0),
    ],
    ids=lambda net: type(net).__name__,
)
def test_logits_share_the_layers(net: MLP) -> None:
    net.eval()
    x = np.random.default_rng(0).normal(size=(2, net.n_inputs))
    scores = net.logits.forward(x)
    np.testing.assert_allclose(net[-1].forward(scores), net.forward(x), rtol=1e-12)
    assert all(ours is theirs for ours, theirs in zip(net, net.logits, strict=False))


def test_batch_norm_stands_before_every_linear_but_the_first() -> None:
    names = [type(module).__name__ for module in MLP(4, [3, 2], 2, batch_norm=True, rng=0)]
    assert names == [
        "LinearModule", "LeakyReLUModule", "BatchNorm",
        "LinearModule", "LeakyReLUModule", "BatchNorm", "LinearModule", "SoftMaxModule",
    ]  # fmt: skip


def test_two_layers_take_any_functions() -> None:
    net = TwoLayerNet(3, 4, 2, ReLUModule(), ReLUModule(), init=kaiming(), rng=0)
    assert repr(net) == "TwoLayerNet(3, 4, 2, ReLUModule(), ReLUModule())"
    assert net.summary().n_parameters == 3 * 4 + 4 + 4 * 2 + 2
