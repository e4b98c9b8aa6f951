"""The tape against PyTorch, where it is installed."""

from __future__ import annotations

import numpy as np
import pytest

import mlp_numpy.autodiff as vg

torch = pytest.importorskip("torch")


def test_a_network_has_pytorchs_gradients() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 5)), rng.integers(3, size=7)
    layer1, layer2, data = vg.Linear(5, 6, rng=1), vg.Linear(6, 3, rng=2), vg.TensorNode(x)
    loss = vg.logceloss(vg.logsoftmax(layer2(vg.tanh(layer1(data)) * vg.sigmoid(layer1(data)))), y)
    loss.backward()
    leaves = [layer1.w, layer1.b, layer2.w, layer2.b, data]
    w1, b1, w2, b2, t = (torch.tensor(leaf.value, requires_grad=True) for leaf in leaves)
    h = t @ w1.T + b1
    theirs = torch.nn.functional.cross_entropy((h.tanh() * h.sigmoid()) @ w2.T + b2, torch.tensor(y), reduction="sum")
    theirs.backward()
    assert loss.item() == pytest.approx(theirs.item(), rel=1e-13)
    for ours, other in zip(leaves, (w1, b1, w2, b2, t), strict=True):
        np.testing.assert_allclose(ours.grad, other.grad.numpy(), rtol=1e-12, atol=1e-14)


def test_a_graph_of_elementary_formulas_has_pytorchs_gradients() -> None:
    rng = np.random.default_rng(1)
    a, b = vg.TensorNode(rng.normal(size=(4, 1, 3))), vg.TensorNode(rng.uniform(0.5, 2, size=(2, 3)))
    ta, tb = (torch.tensor(leaf.value, requires_grad=True) for leaf in (a, b))
    ours = ((2 - a / 3) ** 2 * b.log() + (a * b).exp().sqrt()).max(axis=1)[[0, 0, 3]].mean(axis=0).sum()
    theirs = ((2 - ta / 3) ** 2 * tb.log() + (ta * tb).exp().sqrt()).max(dim=1).values[[0, 0, 3]].mean(dim=0).sum()
    ours.backward()
    theirs.backward()
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-13)
    np.testing.assert_allclose(a.grad, ta.grad.numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(b.grad, tb.grad.numpy(), rtol=1e-12, atol=1e-14)
