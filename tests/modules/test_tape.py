"""A network of nodes, trained, checked and saved by what trains, checks and saves modules."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import mlp_numpy.autodiff as vg
from mlp_numpy import SGD, FlatParameters, LinearModule, ReLUModule, Sequential, SoftMaxCrossEntropyModule
from mlp_numpy.arrays import Array
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import CallOrderError, NonFiniteError, ShapeError
from mlp_numpy.gradcheck import gradcheck
from mlp_numpy.modules import TapeModule
from mlp_numpy.optim import n_parameters
from mlp_numpy.training import Trainer


class Net(vg.Module):
    def __init__(self, n_in: int = 5, n_hidden: int = 4, n_out: int = 3) -> None:
        self.layer1 = vg.Linear(n_in, n_hidden, rng=1)
        self.layer2 = vg.Linear(n_hidden, n_out, rng=2)
        self.unused = vg.TensorNode(np.ones(2))

    def forward(self, x: vg.TensorNode) -> vg.TensorNode:
        return self.layer2(vg.relu(self.layer1(x)))

    def __repr__(self) -> str:
        return "Net()"


def twin_of(net: Net) -> Sequential:
    """The same network of modules."""
    twin = Sequential(LinearModule(5, 4), ReLUModule(), LinearModule(4, 3))
    for position, layer in ((0, net.layer1), (2, net.layer2)):
        twin[position].params = {"weight": layer.w.value, "bias": layer.b.value[0]}
    return twin


def batch(n: int = 6) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 5)), rng.integers(3, size=n)


def test_it_behaves_as_the_same_network_of_modules() -> None:
    net = Net()
    twin, module, (x, _) = twin_of(net), TapeModule(net), batch()
    dout = np.random.default_rng(1).normal(size=(6, 3))
    for _ in range(2):
        np.testing.assert_allclose(module.forward(x), twin.forward(x), rtol=1e-14)
        np.testing.assert_allclose(module.backward(dout), twin.backward(dout), rtol=1e-13, atol=1e-15)
    assert list(module.params) == list(module.grads) == ["layer1.w", "layer1.b", "layer2.w", "layer2.b", "unused"]
    np.testing.assert_allclose(module.grads["layer1.w"], twin[0].grads["weight"], rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(module.grads["layer2.b"][0], twin[2].grads["bias"], rtol=1e-13, atol=1e-15)


def test_the_gradient_check_takes_it() -> None:
    x, y = batch()
    report = gradcheck(TapeModule(Net()), x, y, loss=SoftMaxCrossEntropyModule())
    assert {check.name for check in report.checks} >= {"x", "layer1.w", "layer2.b", "unused"}
    assert report.worst.quotient < 1e-14, str(report)


def test_backward_overwrites_and_reaches_what_was_not_used() -> None:
    module, (x, _) = TapeModule(Net()), batch()
    module.grads["unused"] = np.full(2, 9.0)
    module.forward(x)
    first = module.backward(np.ones((6, 3)))
    before = {name: grad.copy() for name, grad in module.grads.items()}
    np.testing.assert_array_equal(module.backward(np.ones((6, 3))), first)
    for name, grad in module.grads.items():
        np.testing.assert_array_equal(grad, before[name])
    assert not module.grads["unused"].any()
    kept = first.copy()
    module.backward(np.full((6, 3), 5.0))
    np.testing.assert_array_equal(first, kept)


def test_an_input_layer_gives_no_gradient_to_the_data() -> None:
    module = TapeModule(Net(), input_layer=True)
    module.forward(batch()[0])
    assert module.backward(np.ones((6, 3))) is None
    assert module.grads["layer1.w"].any()


def test_its_doors() -> None:
    module = TapeModule(Net())
    assert repr(module) == "TapeModule(Net())"
    with pytest.raises(CallOrderError, match="a forward must come first"):
        module.backward(np.ones((6, 3)))
    with pytest.raises(ShapeError, match=r"Linear\(5 → 4\).forward: x must be"):
        module.forward(np.ones((2, 4)))
    module.forward(batch()[0])
    with pytest.raises(ShapeError, match="dout must be"):
        module.backward(np.ones((2, 2)))
    module.clear_cache()
    with pytest.raises(CallOrderError):
        module.backward(np.ones((6, 3)))


def test_state_copies_and_kinds_of_number() -> None:
    module, other, (x, _) = TapeModule(Net()), TapeModule(Net()), batch()
    module.params["layer1.b"] += 1.0
    other.load_state(module.state())
    np.testing.assert_array_equal(other.forward(x), module.forward(x))
    twin = copy.deepcopy(module)
    assert not np.shares_memory(twin.params["layer1.w"], module.params["layer1.w"])
    np.testing.assert_array_equal(twin.forward(x), module.forward(x))
    single = module.astype(np.float32)
    assert single.forward(x.astype(np.float32)).dtype == np.float32
    assert single.network.layer1.w.value.flags.f_contiguous
    assert module.params["layer1.w"].dtype == np.float64


@pytest.mark.parametrize("wrapped", [False, True])
def test_flat_parameters_take_a_network_of_nodes(wrapped: bool) -> None:
    net = Net()
    before = net.layer1.w.value.copy()
    flat = FlatParameters(TapeModule(net) if wrapped else net)
    assert list(flat.slices) == ["layer1.w", "layer1.b", "layer2.w", "layer2.b", "unused"]
    assert len(flat) == n_parameters(net) == 4 * 5 + 4 + 3 * 4 + 3 + 2
    np.testing.assert_array_equal(net.layer1.w.value, before)
    optimizer = SGD(flat, lr=0.1)
    for _ in range(10):
        loss = (net(vg.TensorNode(batch()[0])) ** 2).mean()
        loss.backward()
        optimizer.step()
        loss.zero_grad()
        net.layer1.b.value = net.layer1.b.value * 0.5
    for name, node in net.named_parameters():
        assert np.shares_memory(node.value, flat.values), name
        assert np.shares_memory(node.grad, flat.grads), name
    assert not np.array_equal(net.layer1.w.value, before)


def trainer(model: Sequential | TapeModule, loss: SoftMaxCrossEntropyModule, lr: float = 0.3) -> Trainer:
    rng = np.random.default_rng(3)
    y = rng.integers(3, size=60)
    x = rng.normal(size=(60, 5)) + 3 * np.eye(3, 5)[y]
    split = Split(x, y)
    batches = Batches(split, 20, Preprocessing("none", None, None), dtype=np.float64)
    return Trainer(model, loss, SGD(FlatParameters(model), lr), batches, split, eval_every=5)


def test_the_trainer_trains_it_as_it_trains_modules() -> None:
    net = Net()
    twin = twin_of(net)
    on_tape = list(trainer(TapeModule(net, input_layer=True), SoftMaxCrossEntropyModule()).run(60))
    in_modules = list(trainer(twin, SoftMaxCrossEntropyModule()).run(60))
    for one, other in zip(on_tape, in_modules, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-12)
        assert one.accuracy == other.accuracy
    assert on_tape[-1].accuracy > on_tape[0].accuracy + 0.2


def test_a_divergence_is_noticed() -> None:
    training = trainer(TapeModule(Net()), SoftMaxCrossEntropyModule(), lr=1e200)
    with pytest.raises(NonFiniteError, match="step"), np.errstate(all="ignore"):
        list(training.run(50))


def test_a_gradient_that_is_no_number_stops_the_update() -> None:
    class Spoiled(vg.Op):
        """The identity, with a backward that is not finite."""

        @staticmethod
        def forward(context: vg.Context, x: Array) -> Array:
            return x

        @staticmethod
        def backward(context: vg.Context, dout: Array) -> Array:
            return np.full_like(dout, np.nan)

    class Faulty(Net):
        def forward(self, x: vg.TensorNode) -> vg.TensorNode:
            return self.layer2(Spoiled.do_forward(self.layer1(x)))

    net = Faulty()
    before = net.layer2.w.value.copy()
    with pytest.raises(NonFiniteError, match=r"at step 1, first in the layer1\.w gradient of layer TapeModule"):
        list(trainer(TapeModule(net), SoftMaxCrossEntropyModule()).run(5))
    np.testing.assert_array_equal(net.layer2.w.value, before)


def test_a_network_of_nodes_needs_no_list_of_parameters() -> None:
    class Nested(vg.Module):
        def __init__(self) -> None:
            self.layers = [vg.Linear(2, 2, rng=0), vg.Linear(2, 2, rng=1)]
            self.named = {"scale": vg.TensorNode(2.0)}
            self.again = self.layers[0]
            self.data = vg.TensorNode(np.ones(3), needs_grad=False)
            self.size = 7

        def forward(self, x: vg.TensorNode) -> vg.TensorNode:
            for layer in self.layers:
                x = layer(x)
            return x * self.named["scale"]

    net = Nested()
    names = [name for name, _ in net.named_parameters()]
    assert names == ["layers.0.w", "layers.0.b", "layers.1.w", "layers.1.b", "named.scale"]
    net(vg.TensorNode(np.ones((1, 2)))).sum().backward()
    assert net.named["scale"].grad != 0
    net.zero_grad()
    assert not any(node.grad.any() for node in net.parameters())


def test_a_network_without_a_forward_says_so() -> None:
    with pytest.raises(NotImplementedError, match="Module.forward"):
        vg.Module()(1)
