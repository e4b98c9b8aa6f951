"""Convolutional networks: their layers, their gradients, and what they learn."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy import SGD, ConvNet, FlatParameters, SmallConvNet, SoftMaxCrossEntropyModule
from mlp_numpy.autodiff import TensorNode
from mlp_numpy.checking import reference_forward
from mlp_numpy.errors import OptionError
from mlp_numpy.gradcheck import gradcheck


def test_the_conv_net_is_that_of_figure_6() -> None:
    rows = ConvNet(dtype=np.float32, rng=0).summary().rows
    shapes = [(row.layer.split("(")[0].removesuffix("Module"), row.out_shape) for row in rows]
    expected: list[tuple[str, tuple[int, ...]]] = [("Unflatten", (3, 32, 32))]
    size = 32
    for channels in ([64], [128], [256, 256], [512, 512], [512, 512]):
        for n in channels:
            expected += [(name, (n, size, size)) for name in ("Conv2d", "BatchNorm", "ReLU")]
        size //= 2
        expected.append(("MaxPool2d", (channels[-1], size, size)))
    expected += [("Flatten", (512,)), ("Linear", (10,)), ("SoftMax", (10,))]
    assert shapes == expected
    assert sum(row.n_parameters for row in rows) == 9_228_362


def test_the_conv_net_with_two_layers_more() -> None:
    net = ConvNet((3, 8, 8), 4, extra_norm=True, rng=0)
    assert [type(module).__name__ for module in net][-5:] == [
        "BatchNorm", "ReLUModule", "FlattenModule", "LinearModule", "SoftMaxModule",
    ]  # fmt: skip
    assert repr(net) == "ConvNet((3, 8, 8), 4, extra_norm=True)"


def test_the_conv_net_learns_and_its_gradients_are_right() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 3 * 5 * 6)), np.array([0, 1, 1, 0])
    net, loss = ConvNet((3, 5, 6), 2, rng=1, dtype=np.float32, input_layer=True).logits, SoftMaxCrossEntropyModule()
    optimizer = SGD(FlatParameters(net), lr=0.02)
    values = []
    for _ in range(6):
        values.append(float(loss.forward(net.forward(x.astype(np.float32)), y)))
        assert net.backward(loss.backward()) is None
        optimizer.step()
    assert values[-1] < 0.3 * values[0]


def test_the_small_conv_net() -> None:
    net = SmallConvNet((2, 16, 17), 3, rng=0)
    x = np.random.default_rng(0).normal(size=(2, 2 * 16 * 17))
    params = {name: TensorNode(array.value) for name, array in net.named_parameters()}
    np.testing.assert_allclose(net.forward(x), reference_forward(net, params, TensorNode(x)).value, rtol=1e-12)
    assert gradcheck(net, x, max_entries=3).worst.quotient < 1e-12
    assert SmallConvNet(rng=0).summary().n_parameters == 62_006
    with pytest.raises(OptionError, match="at least 16 × 16"):
        SmallConvNet((3, 8, 8))
