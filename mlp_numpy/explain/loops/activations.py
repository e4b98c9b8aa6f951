"""Smooth activations as loops over indices, elementwise: v is an element of x."""

from __future__ import annotations

from math import erf, exp, log, pi, sqrt
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.explain.example import DOUT, Example, X


def sigmoid(x: Array) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        out[index] = 1 / (1 + exp(-v))
    return out


def sigmoid_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        dx[index] = dout[index] * (exp(-v) / (1 + exp(-v)) ** 2)
    return dx


def tanh(x: Array) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        out[index] = (exp(v) - exp(-v)) / (exp(v) + exp(-v))
    return out


def tanh_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        dx[index] = dout[index] * (4 / (exp(v) + exp(-v)) ** 2)
    return dx


def elu(x: Array, *, alpha: float) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        out[index] = v if v > 0 else alpha * (exp(v) - 1)
    return out


def elu_backward(dout: Array, x: Array, *, alpha: float) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        dx[index] = dout[index] * (1 if v > 0 else alpha * exp(v))
    return dx


def selu(x: Array) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        out[index] = 1.0507009873554805 * (v if v > 0 else 1.6732632423543772 * (exp(v) - 1))
    return out


def selu_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        dx[index] = dout[index] * (1.0507009873554805 * (1 if v > 0 else 1.6732632423543772 * exp(v)))
    return dx


def silu(x: Array) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        out[index] = v / (1 + exp(-v))
    return out


def silu_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        dx[index] = dout[index] * ((1 + exp(-v) + v * exp(-v)) / (1 + exp(-v)) ** 2)
    return dx


def mish(x: Array) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        square = (1 + exp(v)) ** 2
        out[index] = v * (square - 1) / (square + 1)
    return out


def mish_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        square = (1 + exp(v)) ** 2
        t = (square - 1) / (square + 1)
        dx[index] = dout[index] * (t + v * (1 - t**2) / (1 + exp(-v)))
    return dx


def softplus(x: Array, *, beta: float) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        out[index] = log(1 + exp(beta * v)) / beta
    return out


def softplus_backward(dout: Array, x: Array, *, beta: float) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        dx[index] = dout[index] * (1 / (1 + exp(-beta * v)))
    return dx


def log_sigmoid(x: Array) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        out[index] = log(1 / (1 + exp(-v)))
    return out


def log_sigmoid_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        dx[index] = dout[index] * (1 / (1 + exp(v)))
    return dx


def gelu(x: Array) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        out[index] = v * (1 + erf(v / sqrt(2))) / 2
    return out


def gelu_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        dx[index] = dout[index] * ((1 + erf(v / sqrt(2))) / 2 + v * exp(-v * v / 2) / sqrt(2 * pi))
    return dx


def gelu_tanh(x: Array) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        u = sqrt(2 / pi) * (v + 0.044715 * v**3)
        bend = (exp(u) - exp(-u)) / (exp(u) + exp(-u))
        out[index] = v * (1 + bend) / 2
    return out


def gelu_tanh_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v = float(x[index])
        u, slope = sqrt(2 / pi) * (v + 0.044715 * v**3), sqrt(2 / pi) * (1 + 3 * 0.044715 * v**2)
        bend = (exp(u) - exp(-u)) / (exp(u) + exp(-u))
        dx[index] = dout[index] * ((1 + bend) / 2 + v * (1 - bend**2) * slope / 2)
    return dx


def log_softmax(x: Array) -> Array:
    n_samples, n_classes = x.shape
    out = np.zeros(x.shape)
    for n in range(n_samples):
        total = sum(exp(x[n, j]) for j in range(n_classes))
        for i in range(n_classes):
            out[n, i] = log(exp(x[n, i]) / total)
    return out


def log_softmax_backward(dout: Array, x: Array) -> Array:
    n_samples, n_classes = x.shape
    dx = np.zeros(x.shape)
    for n in range(n_samples):
        total = sum(exp(x[n, j]) for j in range(n_classes))
        for i in range(n_classes):
            for j in range(n_classes):
                same = 1 if i == j else 0
                dx[n, i] += dout[n, j] * (same - exp(x[n, i]) / total)
    return dx


ACTIVATIONS: Final = (
    Example("Sigmoid", sigmoid, sigmoid_backward, {"x": X}, DOUT),
    Example("Tanh", tanh, tanh_backward, {"x": X}, DOUT),
    Example("ELU", elu, elu_backward, {"x": X}, DOUT, {"alpha": 1.0}),
    Example("SELU", selu, selu_backward, {"x": X}, DOUT),
    Example("SiLU", silu, silu_backward, {"x": X}, DOUT),
    Example("Mish", mish, mish_backward, {"x": X}, DOUT),
    Example("LogSigmoid", log_sigmoid, log_sigmoid_backward, {"x": X}, DOUT),
    Example("Softplus", softplus, softplus_backward, {"x": X}, DOUT, {"beta": 1.0}),
    Example("GELU", gelu, gelu_backward, {"x": X}, DOUT),
    Example("GELUTanh", gelu_tanh, gelu_tanh_backward, {"x": X}, DOUT),
    Example("LogSoftMax", log_softmax, log_softmax_backward, {"x": X}, DOUT),
)
