"""The builders: what they are made of, what they learn, and what their summary says."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy import (
    MLP,
    SGD,
    BatchNorm,
    Conv2dModule,
    ConvNet,
    FlatParameters,
    LinearModule,
    ReLUModule,
    ResidualMLP,
    Sequential,
    SmallConvNet,
    SoftMaxCrossEntropyModule,
    TwoLayerNet,
    kaiming,
)
from mlp_numpy.autodiff import TensorNode
from mlp_numpy.checking import reference_forward
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.gradcheck import gradcheck
from mlp_numpy.models import summary


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


def test_what_a_summary_counts() -> None:
    net = Sequential(LinearModule(4, 3), ReLUModule(), BatchNorm(3))
    found = summary(net, (4,), batch=10)
    assert found.n_parameters == 4 * 3 + 3 + 6
    assert found.parameter_bytes == 2 * 8 * found.n_parameters
    # the input of the Linear, a mask of the ReLU, the centered rows of the batch norm; its few statistics beside them
    per_sample = summary(net, (4,), batch=11).kept_bytes - found.kept_bytes
    assert 8 * (4 + 3) <= per_sample <= 8 * (4 + 3 + 3)
    assert net[0]._context is None
    assert "21 parameters" in str(found)
    with pytest.raises(OptionError, match="batch must be"):
        summary(net, (4,), batch=0)
    with pytest.raises(ShapeError):
        summary(net, (5,))


def test_a_summary_leaves_the_model_as_it_was() -> None:
    net = Sequential(Conv2dModule(1, 2, 2, rng=0), BatchNorm(2))
    before = net.state()
    summary(net, (1, 3, 3))
    for name, array in net.state().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("n_blocks", [0, 1.5, True])
def test_residual_blocks_are_counted(n_blocks: int) -> None:
    with pytest.raises(OptionError, match="n_blocks must be"):
        ResidualMLP(4, 3, n_blocks=n_blocks)


def test_two_layers_take_any_functions() -> None:
    net = TwoLayerNet(3, 4, 2, ReLUModule(), ReLUModule(), init=kaiming(), rng=0)
    assert repr(net) == "TwoLayerNet(3, 4, 2, ReLUModule(), ReLUModule())"
    assert net.summary().n_parameters == 3 * 4 + 4 + 4 * 2 + 2
