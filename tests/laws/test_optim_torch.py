"""Optimizers and clipping against PyTorch itself, where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from optim_table import TABLE, Variant, follow, follow_pytorch

from mlp_numpy import FlatParameters, LinearModule, Muon
from mlp_numpy.optim import clip_norm, clip_value

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("variant", TABLE, ids=str)
@pytest.mark.slow
def test_all_parameters_are_pytorchs(variant: Variant) -> None:
    steps = 10 if variant.kind is Muon else 50  # near a minimum, rounding decides an orthogonalized direction
    ours, theirs = follow(variant.make, steps)[steps], follow_pytorch(torch, variant, steps)[steps]
    assert np.linalg.norm(ours - theirs) <= 1e-13 * np.linalg.norm(theirs)


def test_clipped_gradients_are_pytorchs() -> None:
    flat = FlatParameters(LinearModule(19, 1))
    flat.grads[:] = np.random.default_rng(0).normal(size=20)
    tensor = torch.zeros(20, dtype=torch.float64)
    tensor.grad = torch.tensor(flat.grads)
    assert clip_norm(flat, 0.7) == pytest.approx(float(torch.nn.utils.clip_grad_norm_(tensor, 0.7)), rel=1e-15)
    np.testing.assert_allclose(flat.grads, tensor.grad.numpy(), rtol=1e-15)
    torch.nn.utils.clip_grad_value_(tensor, 0.1)
    clip_value(flat, 0.1)
    np.testing.assert_allclose(flat.grads, tensor.grad.numpy(), rtol=1e-15)
