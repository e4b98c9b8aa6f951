"""The specs of the fully connected layer and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mlp_numpy.autodiff import TensorNode
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.specs.spec import Params, Spec, Tensor, functional, no_rows_of
from mlp_numpy.modules import Dropout, LinearModule


def _linear_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """x Wᵀ + b"""
    weight, *bias = params
    if x.ndim == 2:
        out = x @ weight.T
    else:
        out = (x.reshape(-1, x.shape[-1]) @ weight.T).reshape(*x.shape[:-1], weight.shape[0])
    return out + bias[0] if bias else out


def _dropout_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """m ⊙ x / (1 − p), with the mask of the module's last forward; x in evaluation"""
    if not module.training:
        return x + 0.0
    kept = module.mask(int(module.buffers["step"]) - 1, x.shape)
    out: TensorNode = x * kept.astype(x.dtype) * (1 / (1 - module.p))
    return out


def _dropout_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """m ⊙ x / (1 − p), with our mask: PyTorch's own would differ"""
    if not module.training:
        return x + 0.0
    return x * torch.tensor(module.mask(int(module.buffers["step"]) - 1, tuple(x.shape))) / (1 - module.p)


def _linear(draws: Sampler, variant: str) -> Sample:
    n, d, m = draws.shape(3)
    between = draws.shape(int(draws.rng.integers(1, 3)), most=3) if variant == "several axes" else ()
    layer = LinearModule(d, m, input_layer=variant == "input layer", bias=variant != "no bias")
    return Sample(draws.filled(layer), draws.numbers(n, *between, d))


def _dropout(draws: Sampler, variant: str) -> Sample:
    x = draws.numbers(*draws.shape(int(draws.rng.integers(1, 4, endpoint=True)), most=3))
    p = float(draws.rng.choice([0.0, 0.25, 0.5, 0.75]))
    return Sample(Dropout(p, rng=draws.rng), x)


LAYERS: Final = (
    Spec(
        "linear",
        LinearModule,
        _linear,
        _linear_reference,
        functional("linear"),
        ("", "input layer", "no bias", "several axes"),
        wrong_shapes=lambda module: [*no_rows_of(module.in_features), (2, 0, module.in_features)],
    ),
    Spec(
        "dropout",
        Dropout,
        _dropout,
        _dropout_reference,
        _dropout_in_torch,
        modes=("train", "eval"),
        rows_interact=lambda module: module.training,
    ),
)
