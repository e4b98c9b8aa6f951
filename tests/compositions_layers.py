"""Normalization, dropout, structure, convolution and pooling as compositions of elementary formulas on nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlp_numpy import BatchNorm, Dropout, FlattenModule, LayerNorm, Module, UnflattenModule
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import TensorNode

Composition = Callable[[Any, list[TensorNode], TensorNode, Array | None], TensorNode]


def _channels(array: Any, x: TensorNode) -> Any:
    """One number a feature (C,), so that it meets the features of ``x``."""
    return array if x.ndim == 2 else array.reshape(-1, 1, 1)


def _batch_norm(module: BatchNorm, params: list[TensorNode], x: TensorNode, y: Array | None) -> TensorNode:
    axes = (0,) if x.ndim == 2 else (0, 2, 3)
    if module.training or not module.running:
        centered = x - x.mean(axis=axes, keepdims=True)
        variance: Any = (centered * centered).mean(axis=axes, keepdims=True)
    else:
        centered = x - _channels(module.buffers["running_mean"], x)
        variance = TensorNode(_channels(module.buffers["running_variance"], x), needs_grad=False)
    gamma, beta = (_channels(node, x) for node in params)
    return gamma * centered / (variance + module.eps).sqrt() + beta


def _layer_norm(module: LayerNorm, params: list[TensorNode], x: TensorNode, y: Array | None) -> TensorNode:
    gamma, beta = params
    centered = x - x.mean(axis=-1, keepdims=True)
    variance = (centered**2).mean(axis=-1, keepdims=True)
    return centered * gamma / (variance + module.eps).sqrt() + beta


def _dropout(module: Dropout, params: list[TensorNode], x: TensorNode, y: Array | None) -> TensorNode:
    if not module.training:
        return x + 0.0
    kept = module.mask(int(module.buffers["step"]) - 1, x.shape)
    return x * kept.astype(x.dtype) * (1 / (1 - module.p))


def _flatten(module: FlattenModule, params: list[TensorNode], x: TensorNode, y: Array | None) -> TensorNode:
    return x.reshape(x.shape[0], -1)


def _unflatten(module: UnflattenModule, params: list[TensorNode], x: TensorNode, y: Array | None) -> TensorNode:
    return x.reshape(x.shape[0], *module.shape)


LAYER_COMPOSITIONS: dict[type[Module], Composition] = {
    BatchNorm: _batch_norm,
    Dropout: _dropout,
    FlattenModule: _flatten,
    LayerNorm: _layer_norm,
    UnflattenModule: _unflatten,
}
