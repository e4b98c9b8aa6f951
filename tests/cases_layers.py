"""Rows for normalization, dropout, structure, convolution and pooling, each with its slow form as sums over indices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from case import Case, Rng

from mlp_numpy import (
    BatchNorm,
    Dropout,
    FlattenModule,
    LayerNorm,
    LinearModule,
    Module,
    ReLUModule,
    Residual,
    Sequential,
    UnflattenModule,
    kaiming,
)
from mlp_numpy.arrays import Array

Slow = Callable[[Any, Array, Array | None], Array]


def _normal(*shape: int) -> Callable[[Rng, int], Array]:
    return lambda rng, n: rng.normal(size=(n, *shape))


def _moved(module: Module, rng: Rng) -> Module:
    """The module with parameters and statistics that no longer are what they start as."""
    for _, leaf in module.leaves():
        leaf.params = {name: array + rng.normal(0, 0.3, array.shape) for name, array in leaf.params.items()}
        for array in leaf.buffers.values():
            if array.dtype.kind == "f":
                array += rng.uniform(0, 1, array.shape)
    return module


def _slow_batch_norm(module: BatchNorm, x: Array, y: Array | None) -> Array:
    out = np.empty_like(x)
    for c in range(x.shape[1]):
        values = x[:, c].reshape(-1)
        mean = sum(values) / len(values)
        variance = sum((value - mean) ** 2 for value in values) / len(values)
        if not module.training:
            mean, variance = module.buffers["running_mean"][c], module.buffers["running_variance"][c]
        gamma, beta = module.params["gamma"][c], module.params["beta"][c]
        out[:, c] = gamma * (x[:, c] - mean) / np.sqrt(variance + module.eps) + beta
    return out


def _slow_layer_norm(module: LayerNorm, x: Array, y: Array | None) -> Array:
    out = np.empty_like(x)
    for row in np.ndindex(*x.shape[:-1]):
        mean = sum(x[row]) / x.shape[-1]
        variance = sum((value - mean) ** 2 for value in x[row]) / x.shape[-1]
        out[row] = module.params["gamma"] * (x[row] - mean) / np.sqrt(variance + module.eps) + module.params["beta"]
    return out


def _slow_dropout(module: Dropout, x: Array, y: Array | None) -> Array:
    if not module.training:
        return x
    step = int(module.buffers["step"]) - 1
    words = np.random.Philox(key=int(module.buffers["seed"]), counter=[0, 0, 0, step]).random_raw(x.size)
    draws = [half for word in words.tolist() for half in (word % 2**32, word // 2**32)]
    kept = [draw >= int(module.p * 2**32) for draw in draws[: x.size]]
    return np.array([v / (1 - module.p) if k else 0.0 for v, k in zip(x.ravel(), kept, strict=True)]).reshape(x.shape)


def _slow_residual(module: Residual, x: Array, y: Array | None) -> Array:
    first, last = module[0], module[2]
    hidden = np.maximum(x @ first.params["weight"].T + first.params["bias"], 0)
    return x + hidden @ last.params["weight"].T + last.params["bias"]


def _rows(x: Array) -> Array:
    return np.array([[*row.flat] for row in x])


def _unrows(module: UnflattenModule, x: Array, y: Array | None) -> Array:
    channels, height, width = module.shape
    out = np.empty((len(x), channels, height, width))
    for n, c, h, w in np.ndindex(*out.shape):
        out[n, c, h, w] = x[n, (c * height + h) * width + w]
    return out


def _residual(rng: Rng) -> Module:
    inner = LinearModule(4, 3, init=kaiming(), rng=rng), ReLUModule(), LinearModule(3, 4, init=kaiming(), rng=rng)
    return Residual(*inner)


_4, _IMAGES = np.ones(4), np.ones((2, 5, 3, 3))


def _batch_norm(n: int, **options: float) -> Callable[[Rng], Module]:
    return lambda rng: _moved(BatchNorm(n, **options), rng)


LAYER_CASES = [
    Case("batch norm", _batch_norm(4), _normal(4), _slow_batch_norm, wrong=np.ones((2, 5))),
    Case("batch norm, images", _batch_norm(3), _normal(3, 2, 5), _slow_batch_norm, wrong=_IMAGES),
    Case("batch norm, one number", _batch_norm(1), _normal(1, 1, 1), _slow_batch_norm, wrong=_4),
    Case(
        "batch norm, evaluation",
        lambda rng: _moved(BatchNorm(4), rng).eval(),
        _normal(4),
        _slow_batch_norm,
        wrong=_4,
    ),
    Case(
        "batch norm, evaluation, images",
        lambda rng: _moved(BatchNorm(3, eps=1e-3), rng).eval(),
        _normal(3, 4, 1),
        _slow_batch_norm,
        wrong=_IMAGES,
    ),
    Case(
        "batch norm, always the batch",
        _batch_norm(4, running=False),
        _normal(4),
        _slow_batch_norm,
        wrong=_4,
        rows_meet=True,
    ),
    Case("layer norm", lambda rng: _moved(LayerNorm(5), rng), _normal(5), _slow_layer_norm, wrong=np.ones((2, 4))),
    Case("layer norm, sequences", lambda rng: _moved(LayerNorm(3), rng), _normal(2, 3), _slow_layer_norm, wrong=_4),
    Case("dropout", lambda rng: Dropout(0.4, rng=rng), _normal(5), _slow_dropout),
    Case("dropout, images", lambda rng: Dropout(0.25, rng=3), _normal(2, 3, 3), _slow_dropout),
    Case("dropout, evaluation", lambda rng: Dropout(0.4, rng=rng).eval(), _normal(5), _slow_dropout),
    Case("residual", _residual, _normal(4), _slow_residual, wrong=np.ones((2, 3))),
    Case("flatten", lambda rng: FlattenModule(), _normal(2, 3, 4), lambda m, x, y: _rows(x), wrong=_4),
    Case("unflatten", lambda rng: UnflattenModule(2, 3, 1), _normal(6), _unrows, wrong=np.ones((2, 5))),
    Case(
        "sequential with batch norm and dropout",
        lambda rng: Sequential(_moved(BatchNorm(4), rng), Dropout(0.5, rng=rng)),
        _normal(4),
        lambda m, x, y: _slow_dropout(m[1], _slow_batch_norm(m[0], x, y), y),
        wrong=_4,
    ),
]
