"""Every row of ``cases.py`` against PyTorch, where it is installed: the same output, the same gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import CASES, Case
from pytorch_layers import LAYERS
from torch_losses_activations import ACTIVATIONS, LOSSES

from mlp_numpy import LossModule, Module, Sequential
from mlp_numpy.arrays import Array

torch = pytest.importorskip("torch")
functional = torch.nn.functional


def theirs(module: Module, x: Any, y: Any, params: dict[str, Any], prefix: str = "") -> Any:
    """PyTorch's own version of a module, applied to its tensors."""
    kind = type(module).__name__
    if kind in LAYERS:
        return LAYERS[kind](module, x, {name.removeprefix(prefix): params[name] for name in params})
    if kind == "Residual":
        return x + theirs(Sequential(*module), x, y, params, prefix)
    if module.children():
        for name, child in module.children().items():
            x = theirs(child, x, y, params, f"{prefix}{name}.")
        return x
    own = {name: params[f"{prefix}{name}"] for name in module.params}
    if isinstance(module, LossModule):
        return LOSSES[kind](module, x, y)
    return ACTIVATIONS[kind](module, x) if kind in ACTIVATIONS else LEARNED[kind](module, x, **own)


LEARNED = {
    "LinearModule": lambda module, x, weight, bias: functional.linear(x, weight, bias),
    "PReLUModule": lambda module, x, slope: functional.prelu(x, slope),
}


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("n", [1, 6])
def test_output_and_gradients_are_pytorchs(case: Case, n: int) -> None:
    rng = np.random.default_rng(8)
    module, x = case.make(rng), case.sample(rng, n)
    y: Array | None = None if case.labels is None else case.labels(rng, n)
    out = module.forward(x, y) if isinstance(module, LossModule) else module.forward(x)
    dout = np.asarray(rng.normal(size=np.shape(out)))
    dx = module.backward(dout)

    tensor = torch.tensor(x, requires_grad=True)
    params = {name: torch.tensor(array.value, requires_grad=True) for name, array in module.learned()}
    answer = theirs(module, tensor, None if y is None else torch.tensor(y), params)
    answer.backward(torch.tensor(dout))
    np.testing.assert_allclose(answer.detach().numpy(), out, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(tensor.grad.numpy(), dx, rtol=1e-12, atol=1e-13)
    for name, array in module.learned():
        np.testing.assert_allclose(params[name].grad.numpy(), array.grad, rtol=1e-12, atol=1e-13)
