"""Activations with straight pieces as loops over indices, elementwise: v is an element of x."""

from __future__ import annotations

from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.explain.example import DOUT, Example, X


def scaled_relu(x: Array, *, scale: float) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        out[index] = scale * max(0.0, v)
    return out


def scaled_relu_backward(dout: Array, x: Array, *, scale: float) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        dx[index] = dout[index] * (scale if v > 0 else 0)
    return dx


def hardtanh(x: Array, *, low: float, high: float) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        out[index] = min(high, max(low, v))
    return out


def hardtanh_backward(dout: Array, x: Array, *, low: float, high: float) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        dx[index] = dout[index] * (1 if low < v < high else 0)
    return dx


def hardswish(x: Array) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        out[index] = v * min(6.0, max(0.0, v + 3)) / 6
    return out


def hardswish_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        dx[index] = dout[index] * (0 if v <= -3 else 1 if v >= 3 else (2 * v + 3) / 6)
    return dx


def prelu(x: Array, slope: Array) -> Array:
    out = np.zeros(x.shape)
    for n, d in np.ndindex(*x.shape):
        out[n, d] = max(0.0, float(x[n, d])) + slope[d] * min(0.0, float(x[n, d]))
    return out


def prelu_backward(dout: Array, x: Array, slope: Array) -> tuple[Array, Array]:
    dx, dslope = np.zeros(x.shape), np.zeros(slope.shape)
    for n, d in np.ndindex(*x.shape):
        dx[n, d] = dout[n, d] * (1 if x[n, d] > 0 else slope[d])
        dslope[d] += dout[n, d] * min(0.0, float(x[n, d]))
    return dx, dslope


RECTIFIERS: Final = (
    Example("ScaledReLU", scaled_relu, scaled_relu_backward, {"x": X}, DOUT, {"scale": 5.0}),
    Example("PReLU", prelu, prelu_backward, {"x": X, "slope": [0.25, 0.5, -1.0]}, DOUT),
    Example("Hardtanh", hardtanh, hardtanh_backward, {"x": X}, DOUT, {"low": -1.0, "high": 1.0}),
    Example("Hardswish", hardswish, hardswish_backward, {"x": X}, DOUT),
)
