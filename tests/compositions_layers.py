"""Normalization, dropout, structure, convolution and pooling as compositions of elementary formulas on nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mlp_numpy import (
    AvgPool2dModule,
    BatchNorm,
    Conv2dModule,
    Dropout,
    FlattenModule,
    LayerNorm,
    MaxPool2dModule,
    Module,
    UnflattenModule,
)
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import TensorNode, concatenate

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


def _kernel_places(module: Any, x: TensorNode, padding: float) -> list[TensorNode]:
    """For each place of the kernel what it meets in all windows, (N, C, H′, W′), cut out of the padded images."""
    (kh, kw), (sh, sw), (ph, pw) = module.windows.kernel, module.windows.stride, module.windows.padding
    for axis, width in ((2, ph), (3, pw)):
        shape = [*x.shape]
        shape[axis] = width
        border = TensorNode(np.full(shape, padding), needs_grad=False)
        x = concatenate([border, x, border], axis) if width else x
    height, width = x.shape[2:]
    return [
        x[:, :, u : height - kh + u + 1 : sh, v : width - kw + v + 1 : sw]
        for u, v in np.ndindex(*module.windows.kernel)
    ]


def _conv(module: Conv2dModule, params: list[TensorNode], x: TensorNode, y: Array | None) -> TensorNode:
    weight, *bias = params
    rows = [
        place.transpose(0, 2, 3, 1) @ weight[:, :, u, v].T
        for (u, v), place in zip(np.ndindex(*module.windows.kernel), _kernel_places(module, x, 0.0), strict=True)
    ]
    total = rows[0]
    for other in [*rows[1:], *bias]:
        total = total + other
    return total.transpose(0, 3, 1, 2)


def _max_pool(module: MaxPool2dModule, params: list[TensorNode], x: TensorNode, y: Array | None) -> TensorNode:
    return concatenate([place.unsqueeze(4) for place in _kernel_places(module, x, -np.inf)], axis=4).max(axis=4)


def _avg_pool(module: AvgPool2dModule, params: list[TensorNode], x: TensorNode, y: Array | None) -> TensorNode:
    return concatenate([place.unsqueeze(4) for place in _kernel_places(module, x, 0.0)], axis=4).mean(axis=4)


LAYER_COMPOSITIONS: dict[type[Module], Composition] = {
    AvgPool2dModule: _avg_pool,
    BatchNorm: _batch_norm,
    Conv2dModule: _conv,
    Dropout: _dropout,
    FlattenModule: _flatten,
    LayerNorm: _layer_norm,
    MaxPool2dModule: _max_pool,
    UnflattenModule: _unflatten,
}
