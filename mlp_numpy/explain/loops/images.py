"""Convolution and flatten as loops over indices: n an image, c and m its channels, i and j a window, u and v a place
in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.explain.example import Example
from mlp_numpy.modules.windows import Windows

Three: TypeAlias = tuple[Array, Array, Array]
"""The gradients of x and of two parameters."""


def seen(over: Windows, i: int, j: int, height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    """Of window (i, j) the places u, v, row by row, that lie on the image, each with the pixel h, w that it meets."""
    for u, v in np.ndindex(*over.kernel):
        h = i * over.stride[0] + u * over.dilation[0] - over.padding[0]
        w = j * over.stride[1] + v * over.dilation[1] - over.padding[1]
        if 0 <= h < height and 0 <= w < width:
            yield u, v, h, w


def conv(x: Array, weight: Array, bias: Array, *, over: Windows) -> Array:
    n_samples, n_channels, height, width = x.shape
    out = np.zeros((n_samples, len(weight), *over.out_size(height, width)))
    for n, m, i, j in np.ndindex(*out.shape):
        out[n, m, i, j] = bias[m]
        for u, v, h, w in seen(over, i, j, height, width):
            for c in range(n_channels):
                out[n, m, i, j] += weight[m, c, u, v] * x[n, c, h, w]
    return out


def conv_backward(dout: Array, x: Array, weight: Array, bias: Array, *, over: Windows) -> Three:
    _, n_channels, height, width = x.shape
    dx, dweight, dbias = np.zeros(x.shape), np.zeros(weight.shape), np.zeros(bias.shape)
    for n, m, i, j in np.ndindex(*dout.shape):
        dbias[m] += dout[n, m, i, j]
        for u, v, h, w in seen(over, i, j, height, width):
            for c in range(n_channels):
                dx[n, c, h, w] += dout[n, m, i, j] * weight[m, c, u, v]
                dweight[m, c, u, v] += dout[n, m, i, j] * x[n, c, h, w]
    return dx, dweight, dbias


def grouped_conv(x: Array, weight: Array, bias: Array, *, over: Windows, groups: int) -> Array:
    n_samples, n_channels, height, width = x.shape
    n_in, n_out = n_channels // groups, len(weight) // groups
    out = np.zeros((n_samples, len(weight), *over.out_size(height, width)))
    for n, m, i, j in np.ndindex(*out.shape):
        g = m // n_out
        out[n, m, i, j] = bias[m]
        for u, v, h, w in seen(over, i, j, height, width):
            for c in range(n_in):
                out[n, m, i, j] += weight[m, c, u, v] * x[n, g * n_in + c, h, w]
    return out


def grouped_conv_backward(
    dout: Array, x: Array, weight: Array, bias: Array, *, over: Windows, groups: int
) -> tuple[Array, Array, Array]:
    _, n_channels, height, width = x.shape
    n_in, n_out = n_channels // groups, len(weight) // groups
    dx, dweight, dbias = np.zeros(x.shape), np.zeros(weight.shape), np.zeros(bias.shape)
    for n, m, i, j in np.ndindex(*dout.shape):
        g = m // n_out
        dbias[m] += dout[n, m, i, j]
        for u, v, h, w in seen(over, i, j, height, width):
            for c in range(n_in):
                dx[n, g * n_in + c, h, w] += dout[n, m, i, j] * weight[m, c, u, v]
                dweight[m, c, u, v] += dout[n, m, i, j] * x[n, g * n_in + c, h, w]
    return dx, dweight, dbias


def depthwise_conv(x: Array, weight: Array, bias: Array, *, over: Windows) -> Array:
    n_samples, n_channels, height, width = x.shape
    out, n_each = np.zeros((n_samples, len(weight), *over.out_size(height, width))), len(weight) // n_channels
    for n, m, i, j in np.ndindex(*out.shape):
        out[n, m, i, j] = bias[m]
        for u, v, h, w in seen(over, i, j, height, width):
            out[n, m, i, j] += weight[m, 0, u, v] * x[n, m // n_each, h, w]
    return out


def depthwise_conv_backward(dout: Array, x: Array, weight: Array, bias: Array, *, over: Windows) -> Three:
    _, n_channels, height, width = x.shape
    dx, dweight, dbias = np.zeros(x.shape), np.zeros(weight.shape), np.zeros(bias.shape)
    n_each = len(weight) // n_channels
    for n, m, i, j in np.ndindex(*dout.shape):
        dbias[m] += dout[n, m, i, j]
        for u, v, h, w in seen(over, i, j, height, width):
            dx[n, m // n_each, h, w] += dout[n, m, i, j] * weight[m, 0, u, v]
            dweight[m, 0, u, v] += dout[n, m, i, j] * x[n, m // n_each, h, w]
    return dx, dweight, dbias


def flatten(x: Array) -> Array:
    n_samples, n_channels, height, width = x.shape
    out = np.zeros((n_samples, n_channels * height * width))
    for n, c, h, w in np.ndindex(*x.shape):
        out[n, (c * height + h) * width + w] = x[n, c, h, w]
    return out


def flatten_backward(dout: Array, x: Array) -> Array:
    _, _, height, width = x.shape
    dx = np.zeros(x.shape)
    for n, c, h, w in np.ndindex(*x.shape):
        dx[n, c, h, w] = dout[n, (c * height + h) * width + w]
    return dx


IMAGE: Final = [[[[1.0, -2.0, 0.5], [3.0, 0.0, -1.0], [2.0, 1.0, 4.0]]]]
_KERNELS: Final = {"weight": [[[[1.0, 0.0], [-1.0, 2.0]]]], "bias": [0.5]}
DWINDOWS: Final = [[[[1.0, 0.5], [2.0, -1.0]]]]
BY_STEPS_OF_1: Final = {"over": Windows((2, 2), (1, 1), (0, 0))}
_FOUR_BY_FOUR: Final = [[[[1.0, -2.0, 0.5, 1.0], [3.0, 0.0, -1.0, 2.0], [2.0, 1.0, 4.0, 0.0], [0.5, 1.0, -1.0, 3.0]]]]
_THREE_BY_THREE: Final = {"weight": [[[[1.0, 0.0, -1.0], [2.0, 1.0, 0.5], [0.0, -2.0, 1.0]]]], "bias": [0.5]}
_DTILE: Final = [[[[1.0, 0.5], [2.0, -1.0]]]]
_BY_THREES: Final = {"over": Windows((3, 3), (1, 1), (0, 0))}
_TWO_CHANNELS: Final = [[[[1.0, -2.0], [0.5, 3.0]], [[0.0, -1.0], [2.0, 1.0]]]]
_ONE_OF_EACH: Final = {"weight": [[[[1.0, 2.0]]], [[[-1.0, 0.5]]]], "bias": [0.5, -1.0]}
_DCOLUMNS: Final = [[[[1.0], [0.5]], [[2.0], [-1.0]]]]
_PAIRS: Final = Windows((1, 2), (1, 1), (0, 0))

IMAGES: Final = (
    Example("Conv2d", conv, conv_backward, {"x": IMAGE, **_KERNELS}, DWINDOWS, BY_STEPS_OF_1),
    # the sums of Conv2d, which the tiles must give
    Example("WinogradConv2d", conv, conv_backward, {"x": _FOUR_BY_FOUR, **_THREE_BY_THREE}, _DTILE, _BY_THREES),
    Example("StripConv2d", conv, conv_backward, {"x": IMAGE, **_KERNELS}, DWINDOWS, BY_STEPS_OF_1),
    Example(
        "GroupedConv2d",
        grouped_conv,
        grouped_conv_backward,
        {"x": _TWO_CHANNELS, **_ONE_OF_EACH},
        _DCOLUMNS,
        {"over": _PAIRS, "groups": 2},
    ),
    Example(
        "DepthwiseConv2d",
        depthwise_conv,
        depthwise_conv_backward,
        {"x": _TWO_CHANNELS, **_ONE_OF_EACH},
        _DCOLUMNS,
        {"over": _PAIRS},
    ),
    Example(
        "Flatten",
        flatten,
        flatten_backward,
        {"x": [[[[1.0, -2.0], [0.5, 3.0]]], [[[0.0, -1.0], [2.0, 1.0]]]]},
        [[1.0, 0.5, -1.0, 2.0], [0.25, 0.0, 1.0, -2.0]],
    ),
)
