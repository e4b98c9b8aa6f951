"""The specs of the fully connected layer, normalization and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mlp_numpy.autodiff import TensorNode
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.specs.spec import Params, Spec, Tensor, functional, no_rows_of
from mlp_numpy.modules import BatchNorm, Dropout, LayerNorm, LinearModule

# The curvature at a constant feature grows as ε^(-3/2): a small ε would only suit the complex step.
_EPS: Final = (1 / 16, 1 / 4, 1.0)


def _linear_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """x Wᵀ + b"""
    weight, bias = params
    return x @ weight.T + bias


def _batch_norm_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """γ (x − μ) / √(σ² + ε) + β, with the batch's statistics or the running ones"""
    axes = (0,) if x.ndim == 2 else (0, 2, 3)
    if module.training or not module.running:
        centered = x - x.mean(axis=axes, keepdims=True)
        variance: Any = (centered * centered).mean(axis=axes, keepdims=True)
    else:
        centered = x - _channels(module.buffers["running_mean"], x)
        variance = TensorNode(_channels(module.buffers["running_variance"], x), needs_grad=False)
    gamma, beta = (_channels(node, x) for node in params)
    out: TensorNode = gamma * centered / (variance + module.eps).sqrt() + beta
    return out


def _layer_norm_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """The same over the features of each row"""
    gamma, beta = params
    centered = x - x.mean(axis=-1, keepdims=True)
    variance = (centered**2).mean(axis=-1, keepdims=True)
    out: TensorNode = centered * gamma / (variance + module.eps).sqrt() + beta
    return out


def _dropout_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """m ⊙ x / (1 − p), with the mask of the module's last forward; x in evaluation"""
    if not module.training:
        return x + 0.0
    kept = module.mask(int(module.buffers["step"]) - 1, x.shape)
    out: TensorNode = x * kept.astype(x.dtype) * (1 / (1 - module.p))
    return out


def _channels(array: Any, x: TensorNode) -> Any:
    """One value per feature (C,), reshaped to broadcast along the features of ``x``."""
    return array if x.ndim == 2 else array.reshape(-1, 1, 1)


def _batch_norm_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """γ (x − μ) / √(σ² + ε) + β"""
    if module.training or not module.running:
        # torch.nn.functional refuses a single value per channel; the underlying function does not.
        return torch.native_batch_norm(x, *params, None, None, True, module.momentum, module.eps)[0]
    mean, variance = (torch.tensor(module.buffers[f"running_{name}"]) for name in ("mean", "variance"))
    return torch.nn.functional.batch_norm(x, mean, variance, *params, eps=module.eps)


def _layer_norm_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """The same over the features of each row"""
    return torch.nn.functional.layer_norm(x, (module.n_features,), *params, module.eps)


def _dropout_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """m ⊙ x / (1 − p), with our mask: PyTorch's own would differ"""
    if not module.training:
        return x + 0.0
    return x * torch.tensor(module.mask(int(module.buffers["step"]) - 1, tuple(x.shape))) / (1 - module.p)


def _linear(draws: Sampler, variant: str) -> Sample:
    n, d, m = draws.shape(3)
    layer = LinearModule(d, m, input_layer=variant == "input layer")
    return Sample(draws.filled(layer), draws.numbers(n, d))


def _batch_norm(draws: Sampler, variant: str) -> Sample:
    n, c = draws.shape(2)
    size = draws.shape(2, most=3) if variant == "images" else ()
    eps = float(draws.rng.choice(_EPS))
    layer = draws.filled(BatchNorm(c, eps, 0.25, running=variant != "always the batch"))
    if layer.buffers:
        layer.buffers["running_mean"][...] = draws.numbers(c)
        layer.buffers["running_variance"][...] = 1 / 4 + draws.numbers(c) ** 2
    return Sample(layer, draws.numbers(n, c, *size))


def _layer_norm(draws: Sampler, variant: str) -> Sample:
    shape = draws.shape(2 + int(draws.rng.integers(2)))
    layer = draws.filled(LayerNorm(shape[-1], float(draws.rng.choice(_EPS))))
    return Sample(layer, draws.numbers(*shape))


def _dropout(draws: Sampler, variant: str) -> Sample:
    x = draws.numbers(*draws.shape(int(draws.rng.integers(1, 4, endpoint=True)), most=3))
    p = float(draws.rng.choice([0.0, 0.25, 0.5, 0.75]))
    return Sample(Dropout(p, rng=draws.rng), x)


_BOTH: Final = ("train", "eval")

LAYERS: Final = (
    Spec(
        "linear",
        LinearModule,
        _linear,
        _linear_reference,
        functional("linear"),
        ("", "input layer"),
        wrong_shapes=lambda module: [*no_rows_of(module.in_features), (2, 1, module.in_features)],
    ),
    Spec(
        "batch norm",
        BatchNorm,
        _batch_norm,
        _batch_norm_reference,
        _batch_norm_in_torch,
        ("rows", "images", "always the batch"),
        _BOTH,
        wrong_shapes=lambda module: [
            *no_rows_of(module.n_features),
            *((2, module.n_features + 1, 3, 1), (2, module.n_features, 3), (2, module.n_features, 0, 1)),
        ],
        rows_interact=lambda module: module.training or not module.running,
    ),
    Spec(
        "layer norm",
        LayerNorm,
        _layer_norm,
        _layer_norm_reference,
        _layer_norm_in_torch,
        wrong_shapes=lambda module: [*no_rows_of(module.n_features), (2, 0, module.n_features)],
    ),
    Spec(
        "dropout",
        Dropout,
        _dropout,
        _dropout_reference,
        _dropout_in_torch,
        modes=_BOTH,
        rows_interact=lambda module: module.training,
    ),
)
