"""Elementary functions of the tape as loops over indices, elementwise: v is an element of x."""

from __future__ import annotations

from math import exp as e_to
from math import log as ln
from math import sqrt as root
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.explain.example import DOUT, Example, X


def identity(x: Array) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        out[index] = x[index]
    return out


def identity_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        dx[index] = dout[index]
    return dx


def negate(x: Array) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        out[index] = -x[index]
    return out


def negate_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        dx[index] = -dout[index]
    return dx


def exp(x: Array) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        out[index] = e_to(v)
    return out


def exp_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        dx[index] = dout[index] * e_to(v)
    return dx


def log(x: Array) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        out[index] = ln(v)
    return out


def log_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        dx[index] = dout[index] * (1 / v)
    return dx


def sqrt(x: Array) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        out[index] = root(v)
    return out


def sqrt_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        dx[index] = dout[index] * (1 / (2 * root(v)))
    return dx


_POSITIVE: Final = [[1.0, 2.0, 0.25], [4.0, 0.5, 3.0]]

FUNCTIONS: Final = (
    Example("Id", identity, identity_backward, {"x": X}, DOUT),
    Example("Negate", negate, negate_backward, {"x": X}, DOUT),
    Example("Exp", exp, exp_backward, {"x": X}, DOUT),
    Example("Log", log, log_backward, {"x": _POSITIVE}, DOUT),
    Example("Sqrt", sqrt, sqrt_backward, {"x": _POSITIVE}, DOUT),
)
