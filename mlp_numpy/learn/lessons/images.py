"""Exercises about normalizations and image layers."""

from __future__ import annotations

from typing import Final

from mlp_numpy.checking.sampler import Sampler
from mlp_numpy.explain.example import DOUT, X
from mlp_numpy.learn.exercise import Arguments, Exercise
from mlp_numpy.learn.lessons.formula_module import with_params
from mlp_numpy.modules import BatchNorm, Conv2dModule, LayerNorm, MaxPool2dModule, Module

_NORM: Final = {"x": X, "gamma": [2.0, 1.0, -1.0], "beta": [0.5, 0.0, 1.0]}
_CONV: Final = {
    "x": [[[[1.0, 2.0, 0.0], [-1.0, 1.0, 3.0], [0.5, 0.0, 2.0]]]],
    "weight": [[[[1.0, -1.0], [0.0, 2.0]]]],
    "bias": [0.5],
}
_DOUT_OF_CONV: Final = [[[[1.0, 2.0], [-1.0, 0.5]]]]


def _scaled(draws: Sampler) -> Arguments:
    n, d = draws.shape(2)
    x, gamma, beta = draws.numbers(n, d), draws.numbers(d), draws.numbers(d)
    return {"x": x, "gamma": gamma, "beta": beta, "eps": float(draws.rng.choice([1e-5, 0.125]))}


def _batch_norm_module(given: Arguments) -> Module:
    return with_params(BatchNorm(given["x"].shape[1], given["eps"]), given["gamma"], given["beta"])


def _inference(draws: Sampler) -> Arguments:
    given = _scaled(draws)
    d, eps = len(given["gamma"]), given.pop("eps")
    return given | {"mean": draws.numbers(d), "variance": 1 / 4 + draws.numbers(d) ** 2, "eps": eps}


def _inference_module(given: Arguments) -> Module:
    layer = _batch_norm_module(given).eval()
    layer.buffers["running_mean"][...] = given["mean"]
    layer.buffers["running_variance"][...] = given["variance"]
    return layer


def _layer_norm_module(given: Arguments) -> Module:
    return with_params(LayerNorm(given["x"].shape[1], given["eps"]), given["gamma"], given["beta"])


def _pool(draws: Sampler) -> Arguments:
    n, c, high, wide = draws.shape(4, most=2)
    size = int(draws.rng.integers(2, 3, endpoint=True))
    return {"x": draws.apart(n, c, size * high, size * wide), "size": size}


def _conv(draws: Sampler) -> Arguments:
    n, c, m, k = draws.shape(4, most=3)
    high, wide = draws.shape(2, most=3)
    x = draws.numbers(n, c, high + k - 1, wide + k - 1)
    return {"x": x, "weight": draws.numbers(m, c, k, k), "bias": draws.numbers(m)}


def _conv_module(given: Arguments) -> Module:
    m, c, k, _ = given["weight"].shape
    return with_params(Conv2dModule(c, m, k, winograd=False, strips=False), given["weight"], given["bias"])


NORMALIZATION_LESSONS: Final = (
    Exercise(
        "batch_norm_scale",
        "batch normalization, dγ and dβ",
        {"gamma": "gamma", "beta": "beta"},
        _NORM | {"eps": 1e-5},
        DOUT,
        _scaled,
        _batch_norm_module,
    ),
    Exercise(
        "batch_norm",
        "batch normalization, dx",
        {"x": "x"},
        _NORM | {"eps": 0.25},
        DOUT,
        _scaled,
        _batch_norm_module,
    ),
    Exercise(
        "batch_norm_inference",
        "batch normalization in evaluation, dx",
        {"x": "x"},
        _NORM | {"mean": [1.0, 0.0, -0.5], "variance": [4.0, 1.0, 0.25], "eps": 1e-5},
        DOUT,
        _inference,
        _inference_module,
    ),
    Exercise(
        "layer_norm",
        "layer normalization, dx",
        {"x": "x"},
        _NORM | {"eps": 1e-5},
        DOUT,
        _scaled,
        _layer_norm_module,
    ),
)

IMAGE_LESSONS: Final = (
    Exercise(
        "max_pool",
        "max pooling",
        {"x": "x"},
        {"x": [[[[1.0, 2.0, 0.0, 5.0], [4.0, 3.0, 5.0, 1.0]]]], "size": 2},
        [[[[1.0, -2.0]]]],
        _pool,
        lambda given: MaxPool2dModule(given["size"]),
    ),
    Exercise(
        "conv_dweight",
        "convolution, dweight and dbias",
        {"weight": "weight", "bias": "bias"},
        _CONV,
        _DOUT_OF_CONV,
        _conv,
        _conv_module,
    ),
    Exercise("conv_dx", "convolution, dx", {"x": "x"}, _CONV, _DOUT_OF_CONV, _conv, _conv_module),
)
