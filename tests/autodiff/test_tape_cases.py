"""Tape and modules give equal gradients, for every row of ``cases.py``: with the fused formulas, and composed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from cases import CASES, Case
from compositions import composed, fused

from mlp_numpy import LossModule, Module, Residual
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import TensorNode

Way = Callable[[Module, list[TensorNode], TensorNode, Array | None], TensorNode]


def on_nodes(
    way: Way, module: Module, name: str, node: TensorNode, y: Array | None, found: dict[str, TensorNode]
) -> TensorNode:
    """A module's forward on nodes; the parameters' nodes go into ``found``."""
    if not module.children():
        params = {f"{name}.{key}": TensorNode(array) for key, array in module.params.items()}
        found |= params
        return way(module, list(params.values()), node, y)
    start = node
    for key, child in module.children().items():
        node = on_nodes(way, child, f"{name}.{key}".lstrip("."), node, y, found)
    return start + node if isinstance(module, Residual) else node


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("n", [1, 6])
@pytest.mark.parametrize("way", [fused, composed])
def test_tape_and_module_agree(case: Case, n: int, way: Way) -> None:
    rng = np.random.default_rng(4)
    module, x = case.make(rng), case.sample(rng, n)
    y = None if case.labels is None else case.labels(rng, n)

    out = module.forward(x, y) if isinstance(module, LossModule) else module.forward(x)
    dout = np.asarray(rng.normal(size=np.shape(out)))
    dx = module.backward(dout)

    start = TensorNode(x)
    found: dict[str, TensorNode] = {}
    node = on_nodes(way, module, "", start, y, found)
    np.testing.assert_allclose(node.value, out, rtol=1e-12, atol=1e-14)
    node.backward(dout)

    np.testing.assert_allclose(start.grad, dx, rtol=1e-12, atol=1e-12)
    expected = {f"{name}.{key}": grad for name, layer in module.leaves() for key, grad in layer.grads.items()}
    assert found.keys() == expected.keys()
    for name, grad in expected.items():
        np.testing.assert_allclose(found[name].grad, grad, rtol=1e-12, atol=1e-12)
