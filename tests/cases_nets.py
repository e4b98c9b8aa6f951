"""Rows for the builders, each with its slow form: its layers one behind the other in elementary steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from case import Case, Rng
from cases_images import slow_conv, slow_max

from mlp_numpy import (
    MLP,
    BatchNorm,
    Conv2dModule,
    FlattenModule,
    LeakyReLUModule,
    LinearModule,
    MaxPool2dModule,
    Module,
    ReLUModule,
    Residual,
    ResidualMLP,
    SoftMaxModule,
    TwoLayerNet,
    UnflattenModule,
    kaiming,
)
from mlp_numpy.arrays import Array


def _batch_norm(module: BatchNorm, x: Array) -> Array:
    mean, variance = x.mean(axis=0), x.var(axis=0)
    if not module.training:
        mean, variance = module.buffers["running_mean"], module.buffers["running_variance"]
    return module.params["gamma"] * (x - mean) / np.sqrt(variance + module.eps) + module.params["beta"]


def _softmax(x: Array) -> Array:
    return np.array([[np.exp(value) / sum(np.exp(row)) for value in row] for row in x])


STEPS: dict[type[Module], Callable[[Any, Array], Array]] = {
    BatchNorm: _batch_norm,
    Conv2dModule: lambda module, x: slow_conv(module, x, None),
    FlattenModule: lambda module, x: np.array([[*row.flat] for row in x]),
    LeakyReLUModule: lambda module, x: np.maximum(0, x) + module.neg_slope * np.minimum(0, x),
    LinearModule: lambda module, x: x @ module.params["weight"].T + module.params["bias"],
    MaxPool2dModule: lambda module, x: slow_max(module, x, None),
    ReLUModule: lambda module, x: np.maximum(0, x),
    SoftMaxModule: lambda module, x: _softmax(x),
    UnflattenModule: lambda module, x: x.reshape(-1, *module.shape),
}


def slow_net(module: Module, x: Array, y: Array | None) -> Array:
    if not module.children():
        return STEPS[type(module)](module, x)
    out = x
    for child in module.children().values():
        out = slow_net(child, out, y)
    return x + out if isinstance(module, Residual) else out


def _normal(n_inputs: int) -> Callable[[Rng, int], Array]:
    return lambda rng, n: rng.normal(size=(n, n_inputs))


_4 = np.ones(4)

NET_CASES = [
    Case(
        "mlp with batch norm",
        lambda rng: MLP(5, [4, 3], 2, batch_norm=True, init=kaiming(), rng=rng),
        _normal(5),
        slow_net,
        wrong=_4,
    ),
    Case("residual mlp", lambda rng: ResidualMLP(3, 4, 5, 2, rng=rng), _normal(3), slow_net, wrong=_4),
    Case(
        "two layers, two functions",
        lambda rng: TwoLayerNet(3, 5, 2, ReLUModule(), SoftMaxModule(), rng=rng),
        _normal(3),
        slow_net,
        wrong=_4,
    ),
]
