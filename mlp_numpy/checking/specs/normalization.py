"""The specs of normalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mlp_numpy.autodiff import TensorNode
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.specs.spec import Params, Spec, Tensor, no_rows_of
from mlp_numpy.modules import BatchNorm, GroupNorm, LayerNorm, RMSNorm

# The curvature at a constant feature grows as ε^(-3/2): a small ε would only suit the complex step.
_EPS: Final = (1 / 16, 1 / 4, 1.0)


def _batch_norm_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """γ (x − μ) / √(σ² + ε) + β, with the batch's statistics or the running ones"""
    axes = (0, *range(2, x.ndim))
    if module.training or not module.running:
        centered = x - x.mean(axis=axes, keepdims=True)
        variance: Any = (centered * centered).mean(axis=axes, keepdims=True)
    else:
        centered = x - _channels(module.buffers["running_mean"], x)
        variance = TensorNode(_channels(module.buffers["running_variance"], x), needs_grad=False)
    return _scaled(centered / (variance + module.eps).sqrt(), [_channels(node, x) for node in params])


def _layer_norm_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """The same over the features of each row"""
    centered = x - x.mean(axis=-1, keepdims=True)
    variance = (centered**2).mean(axis=-1, keepdims=True)
    return _scaled(centered / (variance + module.eps).sqrt(), params)


def _group_norm_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """The same over the values of each group of channels"""
    rows = x.reshape(x.shape[0], module.n_groups, -1)
    centered = rows - rows.mean(axis=-1, keepdims=True)
    variance = (centered**2).mean(axis=-1, keepdims=True)
    return _scaled(
        (centered / (variance + module.eps).sqrt()).reshape(*x.shape), [_channels(node, x) for node in params]
    )


def _rms_norm_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """γ x / √(mean of x² + ε)"""
    return _scaled(x / ((x**2).mean(axis=-1, keepdims=True) + module.eps).sqrt(), params)


def _scaled(x_hat: TensorNode, params: Sequence[Any]) -> TensorNode:
    """γ x̂ + β, as far as there are γ and β."""
    out: TensorNode = x_hat
    for node, apply in zip(params, (TensorNode.__mul__, TensorNode.__add__), strict=False):
        out = apply(out, node)
    return out


def _channels(array: Any, x: TensorNode) -> Any:
    """One value per feature (C,), reshaped to broadcast along the features of ``x``."""
    return array.reshape(-1, *(1,) * (x.ndim - 2))


def _batch_norm_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """γ (x − μ) / √(σ² + ε) + β"""
    gamma, beta = params or (None, None)
    if module.training or not module.running:
        # torch.nn.functional refuses a single value per channel; the underlying function does not.
        return torch.native_batch_norm(x, gamma, beta, None, None, True, 0.0, module.eps)[0]
    mean, variance = (torch.tensor(module.buffers[f"running_{name}"]) for name in ("mean", "variance"))
    return torch.nn.functional.batch_norm(x, mean, variance, gamma, beta, eps=module.eps)


def _layer_norm_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """The same over the features of each row"""
    gamma, beta = [*params, None, None][:2]
    return torch.nn.functional.layer_norm(x, (module.n_features,), gamma, beta, module.eps)


def _group_norm_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """The same over the values of each group of channels"""
    gamma, beta = params or (None, None)
    n_pixels = x[0, 0].numel()
    # torch.nn.functional refuses a single value per group; the underlying function does not.
    return torch.native_group_norm(
        x.contiguous(), gamma, beta, len(x), x.shape[1], n_pixels, module.n_groups, module.eps
    )[0]


def _rms_norm_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """γ x / √(mean of x² + ε)"""
    return torch.nn.functional.rms_norm(x, (module.n_features,), *params, eps=module.eps)


def _batch_norm(draws: Sampler, variant: str) -> Sample:
    n, c = draws.shape(2)
    size = draws.shape({"images": 2, "sequences": 1}.get(variant, 0), most=3)
    eps = float(draws.rng.choice(_EPS))
    momentum = None if variant == "cumulative" else 0.25
    running, affine = variant != "always the batch", variant != "without scale"
    layer = draws.filled(BatchNorm(c, eps, momentum, affine=affine, running=running))
    if layer.buffers:
        layer.buffers["running_mean"][...] = draws.numbers(c)
        layer.buffers["running_variance"][...] = 1 / 4 + draws.numbers(c) ** 2
    return Sample(layer, draws.numbers(n, c, *size))


def _layer_norm(draws: Sampler, variant: str) -> Sample:
    shape = draws.shape(2 + int(draws.rng.integers(2)))
    affine, bias = variant != "without scale", variant != "no bias"
    layer = LayerNorm(shape[-1], float(draws.rng.choice(_EPS)), elementwise_affine=affine, bias=bias)
    return Sample(draws.filled(layer), draws.numbers(*shape))


def _group_norm(draws: Sampler, variant: str) -> Sample:
    n, n_groups, width = draws.shape(3, most=3)
    size = draws.shape(int(draws.rng.integers(3)), most=3)
    layer = GroupNorm(n_groups, n_groups * width, float(draws.rng.choice(_EPS)), affine=variant != "without scale")
    return Sample(draws.filled(layer), draws.numbers(n, n_groups * width, *size))


def _rms_norm(draws: Sampler, variant: str) -> Sample:
    shape = draws.shape(2 + int(draws.rng.integers(2)))
    layer = RMSNorm(shape[-1], float(draws.rng.choice(_EPS)), elementwise_affine=variant != "without scale")
    return Sample(draws.filled(layer), draws.numbers(*shape))


NORMALIZATION: Final = (
    Spec(
        "batch norm",
        BatchNorm,
        _batch_norm,
        _batch_norm_reference,
        _batch_norm_in_torch,
        ("rows", "sequences", "images", "always the batch", "cumulative", "without scale"),
        ("train", "eval"),
        wrong_shapes=lambda module: [
            *((module.n_features,), (2, module.n_features + 1), (2, 0), (2, module.n_features + 1, 3)),
            *((2, module.n_features + 1, 3, 1), (2, module.n_features, 3, 1, 1), (2, module.n_features, 0, 1)),
        ],
        rows_interact=lambda module: module.training or not module.running,
    ),
    Spec(
        "layer norm",
        LayerNorm,
        _layer_norm,
        _layer_norm_reference,
        _layer_norm_in_torch,
        ("", "no bias", "without scale"),
        wrong_shapes=lambda module: [*no_rows_of(module.n_features), (2, 0, module.n_features)],
    ),
    Spec(
        "group norm",
        GroupNorm,
        _group_norm,
        _group_norm_reference,
        _group_norm_in_torch,
        ("", "without scale"),
        wrong_shapes=lambda module: [
            *((module.n_features,), (2, module.n_features + 1), (2, 0), (2, module.n_features, 0)),
            (2, module.n_features + 1, 3, 1),
        ],
    ),
    Spec(
        "rms norm",
        RMSNorm,
        _rms_norm,
        _rms_norm_reference,
        _rms_norm_in_torch,
        ("", "without scale"),
        wrong_shapes=lambda module: [*no_rows_of(module.n_features), (2, 0, module.n_features)],
    ),
)
