"""Tape and modules give equal gradients, for every row of ``cases.py``: with the fused formulas, and composed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from cases import CASES, Case
from law import hold

from mlp_numpy import LossModule, Module, Residual
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import TensorNode
from mlp_numpy.checking import reference_forward

Way = Callable[[Module, dict[str, TensorNode], TensorNode, Array | None], TensorNode]


def fused(
    module: Module, params: dict[str, TensorNode], x: TensorNode, y: Array | None, prefix: str = ""
) -> TensorNode:
    """A module's forward on nodes, by its own formulas."""
    if module.children():
        out = x
        for name, child in module.children().items():
            out = fused(child, params, out, y, f"{prefix}{name}.")
        return x + out if isinstance(module, Residual) else out
    if isinstance(module, LossModule):
        targets = module.targets(x.value, y)
        return module.op.do_forward(x, **targets, reduction=module.reduction, **module._op_kwargs())
    own = [params[f"{prefix}{name}"] for name in module.params]
    return module._active_op().do_forward(x, *own, **module._op_kwargs())


def agreement(way: Way, n: int) -> Callable[[Case], None]:
    """The law that output and gradients are the same on both sides, of a batch of ``n``."""

    def agree(case: Case) -> None:
        rng = np.random.default_rng(4)
        module, x = case.make(rng), case.sample(rng, n)
        y = None if case.labels is None else case.labels(rng, n)

        out = module.forward(x, y) if isinstance(module, LossModule) else module.forward(x)
        dout = np.asarray(rng.normal(size=np.shape(out)))
        dx = module.backward(dout)

        start = TensorNode(x)
        params = {name: TensorNode(learned.value) for name, learned in module.named_parameters()}
        node = way(module, params, start, y)
        np.testing.assert_allclose(node.value, out, rtol=1e-12, atol=1e-14)
        node.backward(dout)

        np.testing.assert_allclose(start.grad, dx, rtol=1e-12, atol=1e-12)
        for name, learned in module.named_parameters():
            np.testing.assert_allclose(params[name].grad, learned.grad, rtol=1e-12, atol=1e-12)

    agree.__name__ = f"{way.__name__}, batch of {n}"
    return agree


LAWS = [agreement(way, n) for way in (fused, reference_forward) for n in (1, 6)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_tape_and_module_agree(case: Case) -> None:
    hold(LAWS, case)
