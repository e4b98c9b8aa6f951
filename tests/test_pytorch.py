"""Every row of ``cases.py`` against PyTorch, where it is installed: the same output, the same gradients."""

from __future__ import annotations

import numpy as np
import pytest
from cases import CASES, Case

from mlp_numpy import LossModule
from mlp_numpy.arrays import Array
from mlp_numpy.checking import in_torch

torch = pytest.importorskip("torch")


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
    params = {name: torch.tensor(array.value, requires_grad=True) for name, array in module.named_parameters()}
    answer = in_torch(torch, module, params, tensor, None if y is None else torch.tensor(y))
    answer.backward(torch.tensor(dout))
    np.testing.assert_allclose(answer.detach().numpy(), out, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(tensor.grad.numpy(), dx, rtol=1e-12, atol=1e-13)
    for name, array in module.named_parameters():
        np.testing.assert_allclose(params[name].grad.numpy(), array.grad, rtol=1e-12, atol=1e-13)
