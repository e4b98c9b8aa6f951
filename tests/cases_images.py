"""Rows for convolution and pooling, each with its slow form: a sum, or a maximum, window by window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from case import Case, Rng

from mlp_numpy import (
    AvgPool2dModule,
    BatchNorm,
    Conv2dModule,
    FlattenModule,
    LinearModule,
    MaxPool2dModule,
    Module,
    ReLUModule,
    Sequential,
    UnflattenModule,
    kaiming,
)
from mlp_numpy.arrays import Array


def slow_windows(x: Array, module: Any, padding: float, of_window: Callable[[Array], Array]) -> Array:
    """``of_window`` of every window (C, KH, KW) of every image, cut out of the padded image one by one."""
    (kh, kw), (sh, sw), (ph, pw) = module.windows.kernel, module.windows.stride, module.windows.padding
    padded = np.pad(x, [(0, 0), (0, 0), (ph, ph), (pw, pw)], constant_values=padding)
    tops, lefts = range(0, padded.shape[2] - kh + 1, sh), range(0, padded.shape[3] - kw + 1, sw)
    windows = [[[of_window(p[:, i : i + kh, j : j + kw]) for j in lefts] for i in tops] for p in padded]
    return np.array(windows).transpose(0, 3, 1, 2)


def slow_conv(module: Conv2dModule, x: Array, y: Array | None) -> Array:
    weight = module.params["weight"]
    bias = module.params["bias"] if module.bias else np.zeros(len(weight))
    return slow_windows(x, module, 0.0, lambda window: np.array([(w * window).sum() for w in weight]) + bias)


def slow_max(module: MaxPool2dModule, x: Array, y: Array | None) -> Array:
    return slow_windows(x, module, -np.inf, lambda window: np.array([max(part.flat) for part in window]))


def slow_avg(module: AvgPool2dModule, x: Array, y: Array | None) -> Array:
    return slow_windows(x, module, 0.0, lambda window: np.array([sum(part.flat) / part.size for part in window]))


def _slow_net(module: Sequential, x: Array, y: Array | None) -> Array:
    unflatten, conv, _, pool, _, linear = module
    x = slow_max(pool, np.maximum(slow_conv(conv, x.reshape(-1, *unflatten.shape), y), 0), y)
    return x.reshape(len(x), -1) @ linear.params["weight"].T + linear.params["bias"]


def _net(rng: Rng) -> Module:
    return Sequential(
        UnflattenModule(2, 5, 4),
        Conv2dModule(2, 3, 3, padding=1, rng=rng),
        ReLUModule(),
        MaxPool2dModule(2),
        FlattenModule(),
        LinearModule(3 * 2 * 2, 3, init=kaiming(), rng=rng),
    )


def _images(*shape: int) -> Callable[[Rng, int], Array]:
    return lambda rng, n: rng.normal(size=(n, *shape))


def _channels_innermost(*shape: int) -> Callable[[Rng, int], Array]:
    """The same images as ``_images`` would give, in the memory order in which a convolution leaves its output."""
    c, h, w = shape
    return lambda rng, n: rng.normal(size=(n, h, w, c)).transpose(0, 3, 1, 2)


def _conv(*arguments: Any, **options: Any) -> Callable[[Rng], Module]:
    def make(rng: Rng) -> Module:
        module = Conv2dModule(*arguments, **options, rng=rng)
        if module.bias:
            module.params["bias"] = rng.normal(size=module.out_channels)
        return module

    return make


_WRONG, _SMALL = np.ones((2, 4, 5, 5)), np.ones((2, 2, 1, 1))

IMAGE_CASES = [
    Case("conv", _conv(2, 3, 3), _images(2, 5, 4), slow_conv, wrong=_WRONG),
    Case("conv, padded, strided", _conv(2, 3, 3, 2, 1), _images(2, 5, 4), slow_conv, wrong=_WRONG),
    Case("conv, no bias", _conv(2, 2, 2, bias=False), _images(2, 3, 3), slow_conv, wrong=_SMALL),
    Case(
        "conv, no square",
        _conv(2, 3, (1, 3), (3, 2), (0, 2)),
        _channels_innermost(2, 4, 5),
        slow_conv,
        wrong=_WRONG,
    ),
    Case("conv 1 × 1", _conv(3, 2, 1), _images(3, 2, 2), slow_conv, wrong=_WRONG),
    Case("conv, steps beyond the kernel", _conv(1, 1, 1, 3), _images(1, 5, 4), slow_conv, wrong=_WRONG),
    Case("max pool", lambda rng: MaxPool2dModule(2), _images(2, 4, 5), slow_max, wrong=_SMALL),
    Case("max pool of figure 6", lambda rng: MaxPool2dModule(3, 2, 1), _images(2, 5, 4), slow_max, wrong=np.ones(4)),
    Case("max pool, no square", lambda rng: MaxPool2dModule((1, 3), (2, 1), (0, 1)), _images(1, 3, 4), slow_max),
    Case(
        "max pool, channels innermost",
        lambda rng: MaxPool2dModule(3, 2, 1),
        _channels_innermost(3, 4, 4),
        slow_max,
    ),
    Case("avg pool", lambda rng: AvgPool2dModule(2), _images(2, 4, 5), slow_avg, wrong=_SMALL),
    Case("avg pool, padded", lambda rng: AvgPool2dModule(3, 2, 1), _images(2, 5, 4), slow_avg, wrong=np.ones(4)),
    Case("avg pool, no square", lambda rng: AvgPool2dModule((2, 1), (1, 2)), _channels_innermost(2, 4, 3), slow_avg),
    Case("convolution net", _net, _images(2 * 5 * 4), _slow_net, wrong=np.ones((2, 5))),
    Case(
        "batch norm, channels innermost",
        lambda rng: Sequential(BatchNorm(2), ReLUModule()),
        _channels_innermost(2, 3, 3),
        lambda module, x, y: np.maximum(
            (x - x.mean(axis=(0, 2, 3), keepdims=True)) / np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + 1e-5), 0
        ),
        wrong=_WRONG,
    ),
]
