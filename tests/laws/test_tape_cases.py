"""Tape and modules give equal numbers, for every line of the specs: with the fused formulas, and composed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from spec_cases import EVERY_CASE, EVERY_LINE, Line, dout_of, forward, gradients

from mlp_numpy import LossModule, Module, Residual
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import TensorNode
from mlp_numpy.checking import reference_forward

Way = Callable[..., TensorNode]


def fused(
    module: Module,
    params: dict[str, TensorNode],
    x: TensorNode,
    y: Array | None,
    prefix: str = "",
    **options: Any,
) -> TensorNode:
    """A module's forward on nodes, by its own formulas."""
    if module.children():
        out = x
        for name, child in module.children().items():
            out = fused(child, params, out, y, f"{prefix}{name}.")
        return x + out if isinstance(module, Residual) else out
    if isinstance(module, LossModule):
        targets = module.targets(x.value, y, **options)
        return module.op.do_forward(x, **targets, reduction=module.reduction, **module._op_kwargs())
    own = [params[f"{prefix}{name}"] for name in module.params]
    return module._active_op().do_forward(x, *own, **module._op_kwargs())


@pytest.mark.parametrize("way", [fused, reference_forward])
@EVERY_CASE
@EVERY_LINE
def test_tape_and_module_agree(line: Line, case: int, way: Way) -> None:
    sample = line.sample(case)
    module = sample.module
    out = forward(module, sample)
    dout = dout_of(out)
    found = gradients(module, dout)

    start = TensorNode(sample.x)
    params = {name: TensorNode(learned.value) for name, learned in module.named_parameters()}
    node = way(module, params, start, sample.y, **sample.options)
    np.testing.assert_allclose(node.value, out, rtol=1e-12, atol=1e-14)
    node.backward(dout)

    on_tape = {"x": start.grad} | {name: node.grad for name, node in params.items()}
    for name, gradient in found.items():
        np.testing.assert_allclose(on_tape[name], gradient, rtol=1e-12, atol=1e-12, err_msg=name)
