"""The contract of the courses: a program written against the hand-out's names runs unchanged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlp_numpy import MLP, CrossEntropyModule, ELUModule, LeakyReLUModule, LinearModule, Sequential, SoftMaxModule
from mlp_numpy.errors import ShapeError


@pytest.mark.parametrize("flag", [True, False, np.True_, np.False_])
def test_the_input_layer_is_the_third_argument(flag: Any) -> None:
    layer = LinearModule(3, 2, flag)
    layer.forward(np.ones((1, 3)))
    assert (layer.backward(np.ones((1, 2))) is None) == bool(flag)


@pytest.mark.parametrize("zero", [0, 0.0, np.float32(0), np.array(0), np.int64(0)])
def test_a_number_fills_a_gradient(zero: Any) -> None:
    layer = LinearModule(3, 2, rng=0)
    layer.grads["weight"] = np.ones((2, 3))
    view = layer.grads["weight"]
    layer.grads["weight"] = zero
    assert view is layer.grads["weight"]
    np.testing.assert_array_equal(view, np.zeros((2, 3)))
    layer.params["bias"] = 2
    np.testing.assert_array_equal(layer.params["bias"], [2, 2])
    with pytest.raises(ShapeError):
        layer.params["bias"] = [2]


def test_layers_and_modules_are_read_only_sequences() -> None:
    net = MLP(4, [3], 2, rng=0)
    assert net.layers == net.modules == tuple(net)
    assert [type(layer).__name__ for layer in net.layers] == [
        "LinearModule", "LeakyReLUModule", "LinearModule", "SoftMaxModule",
    ]  # fmt: skip
    with pytest.raises(AttributeError):
        net.layers = ()


def test_images_are_flattened_and_their_gradient_has_their_shape() -> None:
    net = MLP(2 * 3 * 4, [5], 3, rng=0)
    images = np.random.default_rng(0).normal(size=(6, 2, 3, 4))
    np.testing.assert_array_equal(net.forward(images), net.forward(images.reshape(6, -1)))
    net.forward(images)
    dx = net.backward(np.ones((6, 3)))
    assert dx is not None
    assert dx.shape == images.shape
    np.testing.assert_array_equal(net.logits.forward(images), net.logits.forward(images.reshape(6, -1)))
    with pytest.raises(ShapeError, match=r"x must be \(N, 24\), got \(6, 2, 3, 5\)"):
        net.forward(np.ones((6, 2, 3, 5)))


def test_calling_is_a_forward() -> None:
    x = np.random.default_rng(0).normal(size=(2, 4))
    net, loss = MLP(4, [3], 2, rng=0), CrossEntropyModule()
    np.testing.assert_array_equal(net(x), net.forward(x))
    assert loss(net(x), np.array([0, 1])) == loss.forward(net.forward(x), np.array([0, 1]))


def test_layers_without_parameters_have_empty_ones() -> None:
    for module in (ELUModule(), LeakyReLUModule(0.1), SoftMaxModule(), CrossEntropyModule()):
        assert not module.params
        assert not module.grads


class HandOutMLP:
    """The network of the hand-out as students write it."""

    def __init__(self, n_inputs: int, n_hidden: list[int], n_classes: int) -> None:
        self.modules: list[Any] = []
        sizes = [n_inputs, *n_hidden]
        for i in range(len(n_hidden)):
            self.modules.append(LinearModule(sizes[i], sizes[i + 1], i == 0))
            self.modules.append(ELUModule())
        self.modules.append(LinearModule(sizes[-1], n_classes, len(n_hidden) == 0))
        self.modules.append(SoftMaxModule())
        rng = np.random.default_rng(0)
        for module in self.modules:
            if module.params:
                n_out, n_in = module.params["weight"].shape
                module.params["weight"] = rng.normal(0, np.sqrt(2 / n_in), (n_out, n_in))
                module.params["bias"] = np.zeros(n_out)

    def forward(self, x: Any) -> Any:
        x = x.reshape(x.shape[0], -1)
        for module in self.modules:
            x = module.forward(x)
        return x

    def backward(self, dout: Any) -> None:
        for module in reversed(self.modules):
            dout = module.backward(dout)

    def clear_cache(self) -> None:
        for module in self.modules:
            module.clear_cache()


def test_a_program_of_the_course_trains() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(90, 1, 2, 3))
    y = (x.reshape(90, -1)[:, 0] > 0).astype(int) + (x.reshape(90, -1)[:, 1] > 0)
    net, loss_module = HandOutMLP(6, [20, 10], 3), CrossEntropyModule()
    losses = []
    for step in range(300):
        batch = slice(step % 3 * 30, step % 3 * 30 + 30)
        predictions = net.forward(x[batch])
        losses.append(float(loss_module.forward(predictions, y[batch])))
        net.backward(loss_module.backward(predictions, y[batch]))
        for module in net.modules:
            if module.params:
                for name in module.params:
                    module.params[name] -= 0.3 * module.grads[name]
                    module.grads[name] = 0
        net.clear_cache()
    assert losses[0] > 0.9
    assert np.mean(losses[-10:]) < 0.2


def test_the_library_net_trains_by_the_same_loop() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 4)), np.arange(60) % 2
    x[:, 0] += 3 * y
    net, loss_module = MLP(4, [8], 2, rng=0), CrossEntropyModule()
    for layer in net.layers:
        if layer.params:
            layer.params["weight"] = rng.normal(size=layer.params["weight"].shape) / 2
    for _ in range(200):
        net.backward(loss_module.backward(net(x), y))
        for layer in net.layers:
            for name in layer.params:
                layer.params[name] -= 0.2 * layer.grads[name]
    assert (Sequential(*net.layers).forward(x).argmax(axis=1) == y).mean() > 0.95
