"""A program as students write it for vugrad, of which only the import was changed; and the functions it calls."""

from __future__ import annotations

import numpy as np
import pytest

import mlp_numpy.autodiff as vg


def test_a_training_program() -> None:
    class MLP(vg.Module):
        def __init__(self, input_size, output_size, hidden_mult=4):
            super().__init__()
            hidden_size = hidden_mult * input_size
            self.layer1 = vg.Linear(input_size, hidden_size)
            self.layer2 = vg.Linear(hidden_size, output_size)

        def forward(self, input):
            assert len(input.size()) == 2
            hidden = self.layer1(input)
            hidden = vg.sigmoid(hidden)
            output = self.layer2(hidden)
            return vg.logsoftmax(output)

        def parameters(self):
            return self.layer1.parameters() + self.layer2.parameters()

    (xtrain, ytrain), (xval, yval), num_classes = vg.load_synth(num_train=2000, num_val=500)
    num_instances, num_features = xtrain.shape
    mlp = MLP(input_size=num_features, output_size=num_classes)
    n, b = num_instances, 32
    accuracies, losses = [], []
    for _ in range(25):
        o = mlp(vg.TensorNode(xval))
        predictions = np.argmax(o.value, axis=1)
        accuracies.append((predictions == yval).sum() / yval.shape[0])
        o.clear()
        cl = 0.0
        for fr in range(0, n, b):
            to = min(fr + b, n)
            batch, targets = xtrain[fr:to, :], ytrain[fr:to]
            batch = vg.TensorNode(value=batch)
            outputs = mlp(batch)
            loss = vg.logceloss(outputs, targets)
            cl += loss.value
            loss.backward()
            for parm in mlp.parameters():
                parm.value -= 0.02 * parm.grad
            loss.zero_grad()
            loss.clear()
        losses.append(f"   running loss: {cl / n:.4}")
    assert accuracies[-1] > max(0.8, accuracies[0])
    assert float(losses[-1].split()[-1]) < float(losses[0].split()[-1])


def test_a_formula_written_by_a_student() -> None:
    class ReLU(vg.Op):
        @staticmethod
        def forward(context, input):
            context["mask"] = input > 0
            return np.maximum(0, input)

        @staticmethod
        def backward(context, goutput):
            return goutput * context["mask"]

    x = vg.TensorNode(np.array([[1.0, -2.0], [-3.0, 4.0]]))
    vg.Sum.do_forward(ReLU.do_forward(x)).backward()
    np.testing.assert_array_equal(x.grad, [[1, 0], [0, 1]])


def test_questions_five_to_seven() -> None:
    a, b = vg.TensorNode(np.random.default_rng(0).normal(size=(2, 2))), vg.TensorNode(np.ones((2, 2)))
    c = a + b
    np.testing.assert_array_equal(c.value, a.value + b.value)
    assert c.source.op is vg.Add
    assert c.source.inputs[0] is a
    np.testing.assert_array_equal(c.source.inputs[0].value, a.value)
    np.testing.assert_array_equal(a.grad, np.zeros((2, 2)))
    assert c.source.outputs == [c]


def test_formulas_take_a_plain_dict_as_context() -> None:
    context: dict[str, object] = {}
    vg.RowMax.forward(context, np.array([[0.0, 1.0], [4.0, 5.0], [9.0, 0.0]]))
    gradient = vg.RowMax.backward(context, np.array([0.1, 0.2, 0.3]))
    np.testing.assert_array_equal(gradient, [[0, 0.1], [0, 0.2], [0.3, 0]])
    np.testing.assert_array_equal(vg.RowSum.backward(context, np.arange(3.0)), [[0, 0], [1, 1], [2, 2]])


@pytest.mark.parametrize("n", [1, 4])
def test_softmax_and_its_logarithm(n: int) -> None:
    x = np.random.default_rng(1).normal(size=(n, 5))
    expected = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(vg.softmax(vg.TensorNode(x)).value, expected, rtol=1e-14)
    np.testing.assert_allclose(vg.logsoftmax(vg.TensorNode(x)).value, np.log(expected), rtol=1e-13)
    far = vg.TensorNode(x + np.array([0.0, 0, 0, 0, 1e4]))
    assert np.isfinite(vg.softmax(far).value).all()
    assert np.isfinite(vg.logsoftmax(far).value).all()


def test_losses_are_sums_and_have_the_known_gradient() -> None:
    rng = np.random.default_rng(2)
    scores, targets = rng.normal(size=(6, 4)), rng.integers(4, size=6)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    for loss_of in (
        lambda x: vg.logceloss(vg.logsoftmax(x), targets),
        lambda x: vg.celoss(vg.softmax(x), targets),
    ):
        x = vg.TensorNode(scores)
        loss = loss_of(x)
        assert loss.item() == pytest.approx(-np.log(p[np.arange(6), targets]).sum(), rel=1e-13)
        loss.backward()
        np.testing.assert_allclose(x.grad, p - np.eye(4)[targets], rtol=1e-12, atol=1e-15)


def test_the_layer_starts_as_glorot_proposes() -> None:
    layer = vg.Linear(300, 500, rng=0)
    assert layer.w.size() == (500, 300)
    assert layer.b.size() == (1, 500)
    assert layer.w.value.std() == pytest.approx(np.sqrt(2 / 800), rel=0.01)
    assert not layer.b.value.any()
    assert layer.w.value.flags.f_contiguous
    assert repr(layer) == "Linear(300, 500)"
    assert vg.Linear(3, 2, dtype=np.float32).w.dtype == np.float32
    with pytest.raises(ValueError, match="input_size must be an integer ≥ 1, got 0"):
        vg.Linear(0, 2)


def test_bytes_are_taken_as_numbers() -> None:
    layer = vg.Linear(3, 2, rng=0)
    pixels = np.array([[0, 128, 255]], np.uint8)
    np.testing.assert_array_equal(layer(vg.TensorNode(pixels)).value, layer(vg.TensorNode(pixels.astype(float))).value)


@pytest.mark.parametrize("name", ["sigmoid", "relu", "tanh", "exp", "log", "sqrt"])
def test_functions_are_methods(name: str) -> None:
    x = vg.TensorNode([0.5, 2.0])
    np.testing.assert_array_equal(getattr(vg, name)(x).value, getattr(x, name)().value)
