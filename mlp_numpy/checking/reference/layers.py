"""The fully connected layer, normalization, dropout, and changes of shape."""

from __future__ import annotations

from typing import Any

from mlp_numpy.autodiff import TensorNode
from mlp_numpy.checking.reference.composition import Params


def linear(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """x Wᵀ + b"""
    weight, bias = params
    return x @ weight.T + bias


def batch_norm(module: Any, params: Params, x: TensorNode) -> TensorNode:
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


def layer_norm(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """The same over the features of each row"""
    gamma, beta = params
    centered = x - x.mean(axis=-1, keepdims=True)
    variance = (centered**2).mean(axis=-1, keepdims=True)
    out: TensorNode = centered * gamma / (variance + module.eps).sqrt() + beta
    return out


def dropout(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """m ⊙ x / (1 − p), with the mask of the module's last forward; x in evaluation"""
    if not module.training:
        return x + 0.0
    kept = module.mask(int(module.buffers["step"]) - 1, x.shape)
    out: TensorNode = x * kept.astype(x.dtype) * (1 / (1 - module.p))
    return out


def flatten(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """Images to rows"""
    return x.reshape(x.shape[0], -1)


def unflatten(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """Rows to images"""
    return x.reshape(x.shape[0], *module.shape)


def _channels(array: Any, x: TensorNode) -> Any:
    """One number a feature (C,), so that it meets the features of ``x``."""
    return array if x.ndim == 2 else array.reshape(-1, 1, 1)
