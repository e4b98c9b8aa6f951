"""PyTorch's own version of each layer, by the name of its module. Needs no torch to be imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mlp_numpy import (
    AvgPool2dModule,
    BatchNorm,
    Conv2dModule,
    Dropout,
    FlattenModule,
    LayerNorm,
    MaxPool2dModule,
    UnflattenModule,
)


def _batch_norm(module: BatchNorm, x: Any, params: dict[str, Any]) -> Any:
    torch = pytest.importorskip("torch")
    gamma, beta = params["gamma"], params["beta"]
    if module.training or not module.running:
        # torch.nn.functional refuses a single value a channel; the function below it does not.
        return torch.native_batch_norm(x, gamma, beta, None, None, True, module.momentum, module.eps)[0]
    mean, variance = (torch.tensor(module.buffers[f"running_{name}"]) for name in ("mean", "variance"))
    return torch.nn.functional.batch_norm(x, mean, variance, gamma, beta, eps=module.eps)


def _layer_norm(module: LayerNorm, x: Any, params: dict[str, Any]) -> Any:
    functional = pytest.importorskip("torch").nn.functional
    return functional.layer_norm(x, (module.n_features,), params["gamma"], params["beta"], module.eps)


def _dropout(module: Dropout, x: Any, params: dict[str, Any]) -> Any:
    if not module.training:
        return x + 0.0
    torch = pytest.importorskip("torch")
    return x * torch.tensor(module.mask(int(module.buffers["step"]) - 1, tuple(x.shape))) / (1 - module.p)


def _flatten(module: FlattenModule, x: Any, params: dict[str, Any]) -> Any:
    return x.flatten(1)


def _unflatten(module: UnflattenModule, x: Any, params: dict[str, Any]) -> Any:
    return x.unflatten(1, module.shape)


def _conv(module: Conv2dModule, x: Any, params: dict[str, Any]) -> Any:
    conv2d = pytest.importorskip("torch").nn.functional.conv2d
    return conv2d(x, params["weight"], params.get("bias"), module.windows.stride, module.windows.padding)


def _max_pool(module: MaxPool2dModule, x: Any, params: dict[str, Any]) -> Any:
    over = module.windows
    return pytest.importorskip("torch").nn.functional.max_pool2d(x, over.kernel, over.stride, over.padding)


def _avg_pool(module: AvgPool2dModule, x: Any, params: dict[str, Any]) -> Any:
    over = module.windows
    return pytest.importorskip("torch").nn.functional.avg_pool2d(x, over.kernel, over.stride, over.padding)


LAYERS: dict[str, Callable[[Any, Any, dict[str, Any]], Any]] = {
    "AvgPool2dModule": _avg_pool,
    "BatchNorm": _batch_norm,
    "Conv2dModule": _conv,
    "Dropout": _dropout,
    "FlattenModule": _flatten,
    "LayerNorm": _layer_norm,
    "MaxPool2dModule": _max_pool,
    "UnflattenModule": _unflatten,
}
