"""Convolution and pooling: each place of the kernel is cut out of all windows at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy.autodiff import TensorNode, concatenate
from mlp_numpy.checking.reference.composition import Params


def conv(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """b + Σ over the places of the kernel"""
    weight, *bias = params
    rows = [
        place.transpose(0, 2, 3, 1) @ weight[:, :, u, v].T
        for (u, v), place in zip(np.ndindex(*module.windows.kernel), _kernel_places(module, x, 0.0), strict=True)
    ]
    total = rows[0]
    for other in [*rows[1:], *bias]:
        total = total + other
    return total.transpose(0, 3, 1, 2)


def max_pool(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """The largest over the places of the kernel, the first of equal ones"""
    return concatenate([place.unsqueeze(4) for place in _kernel_places(module, x, -np.inf)], axis=4).max(axis=4)


def avg_pool(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """The mean over the places of the kernel"""
    return concatenate([place.unsqueeze(4) for place in _kernel_places(module, x, 0.0)], axis=4).mean(axis=4)


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
