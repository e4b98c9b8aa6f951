"""Pools as loops over indices: n an image, c its channel, i and j a window, h and w a pixel."""

from __future__ import annotations

from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.explain.example import Example
from mlp_numpy.explain.loops.images import BY_STEPS_OF_1, DWINDOWS, IMAGE, seen
from mlp_numpy.modules.windows import Windows


def max_pool(x: Array, *, over: Windows) -> Array:
    n_samples, n_channels, height, width = x.shape
    out = np.zeros((n_samples, n_channels, *over.out_size(height, width)))
    for n, c, i, j in np.ndindex(*out.shape):
        out[n, c, i, j] = max(x[n, c, h, w] for _, _, h, w in seen(over, i, j, height, width))
    return out


def max_pool_backward(dout: Array, x: Array, *, over: Windows) -> Array:
    _, _, height, width = x.shape
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        pixels = [(h, w) for _, _, h, w in seen(over, i, j, height, width)]
        values = [x[n, c, h, w] for h, w in pixels]
        h, w = pixels[values.index(max(values))]  # the first of equal ones
        dx[n, c, h, w] += dout[n, c, i, j]
    return dx


def counted(over: Windows, i: int, j: int, height: int, width: int, count_include_pad: bool) -> int:
    """The number of places of window (i, j) on the image, or on the padding too."""
    ph, pw = over.padding if count_include_pad else (0, 0)
    n_places = 0
    for u, v in np.ndindex(*over.kernel):
        h, w = i * over.stride[0] + u - over.padding[0], j * over.stride[1] + v - over.padding[1]
        if -ph <= h < height + ph and -pw <= w < width + pw:
            n_places += 1
    return n_places


def avg_pool(x: Array, *, over: Windows, count_include_pad: bool = True) -> Array:
    n_samples, n_channels, height, width = x.shape
    out = np.zeros((n_samples, n_channels, *over.out_size(height, width)))
    for n, c, i, j in np.ndindex(*out.shape):
        total = sum(x[n, c, h, w] for _, _, h, w in seen(over, i, j, height, width))
        out[n, c, i, j] = total / counted(over, i, j, height, width, count_include_pad)
    return out


def avg_pool_backward(dout: Array, x: Array, *, over: Windows, count_include_pad: bool = True) -> Array:
    _, _, height, width = x.shape
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        for _, _, h, w in seen(over, i, j, height, width):
            dx[n, c, h, w] += dout[n, c, i, j] / counted(over, i, j, height, width, count_include_pad)
    return dx


def adaptive_window(i: int, n_windows: int, n_pixels: int) -> range:
    """The pixels of window i of n_windows along one axis: ⌊i H/H′⌋ ≤ h < ⌈(i + 1) H/H′⌉."""
    return range(i * n_pixels // n_windows, ((i + 1) * n_pixels + n_windows - 1) // n_windows)


def adaptive_avg_pool(x: Array, *, size: tuple[int, int]) -> Array:
    n_samples, n_channels, height, width = x.shape
    out = np.zeros((n_samples, n_channels, *size))
    for n, c, i, j in np.ndindex(*out.shape):
        rows, columns = adaptive_window(i, size[0], height), adaptive_window(j, size[1], width)
        out[n, c, i, j] = sum(x[n, c, h, w] for h in rows for w in columns) / (len(rows) * len(columns))
    return out


def adaptive_avg_pool_backward(dout: Array, x: Array, *, size: tuple[int, int]) -> Array:
    _, _, height, width = x.shape
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        rows, columns = adaptive_window(i, size[0], height), adaptive_window(j, size[1], width)
        for h in rows:
            for w in columns:
                dx[n, c, h, w] += dout[n, c, i, j] / (len(rows) * len(columns))
    return dx


_PADDED: Final = {"over": Windows((2, 2), (2, 2), (1, 1))}

POOLS: Final = (
    Example("MaxPool2d", max_pool, max_pool_backward, {"x": IMAGE}, DWINDOWS, BY_STEPS_OF_1),
    Example("AvgPool2d", avg_pool, avg_pool_backward, {"x": IMAGE}, DWINDOWS, _PADDED),
    Example(
        "AdaptiveAvgPool2d",
        adaptive_avg_pool,
        adaptive_avg_pool_backward,
        {"x": IMAGE},
        DWINDOWS,
        {"size": (2, 2)},
    ),
)
