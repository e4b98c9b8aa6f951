"""Every line of the specs against PyTorch, where it is installed: the same output, the same gradients."""

from __future__ import annotations

import numpy as np
import pytest
from spec_cases import EVERY_CASE, EVERY_LINE, Line, dout_of, forward, gradients

from mlp_numpy.checking import in_torch

torch = pytest.importorskip("torch")


@EVERY_CASE
@EVERY_LINE
def test_output_and_gradients_are_pytorchs(line: Line, case: int) -> None:
    sample = line.sample(case)
    module, y = sample.module, None if sample.y is None else torch.tensor(sample.y)
    out = forward(module, sample)
    found = gradients(module, dout_of(out))

    tensors = {"x": torch.tensor(sample.x, requires_grad=True)}
    tensors |= {name: torch.tensor(array.value, requires_grad=True) for name, array in module.named_parameters()}
    params = {name: tensor for name, tensor in tensors.items() if name != "x"}
    options = {name: torch.tensor(value) for name, value in sample.options.items()}
    answer = in_torch(torch, module, params, tensors["x"], y, **options)
    answer.backward(torch.tensor(dout_of(out)))
    np.testing.assert_allclose(answer.detach().numpy(), out, rtol=1e-12, atol=1e-14)
    for name, gradient in found.items():
        np.testing.assert_allclose(tensors[name].grad.numpy(), gradient, rtol=1e-12, atol=1e-13, err_msg=name)
