"""Loop references: the formulas as loops over indices, slow, but with one loop per sum of the equations.

Each pair computes the same as the formula of that name in ``mlp_numpy.modules``, without sharing code. Indices are
those of the equations: n an example, d an input, m an output, i and j classes.
"""

from __future__ import annotations

from math import exp, log
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.explain.example import DOUT, Example, X


def linear(x: Array, weight: Array, bias: Array) -> Array:
    n_samples, n_inputs = x.shape
    out = np.zeros((n_samples, len(bias)))
    for n in range(n_samples):
        for m in range(len(bias)):
            out[n, m] = sum(x[n, d] * weight[m, d] for d in range(n_inputs)) + bias[m]
    return out


def linear_backward(dout: Array, x: Array, weight: Array, bias: Array) -> tuple[Array, Array, Array]:
    (n_samples, n_inputs), n_outputs = x.shape, len(bias)
    dx, dweight, dbias = np.zeros(x.shape), np.zeros(weight.shape), np.zeros(bias.shape)
    for n in range(n_samples):
        for d in range(n_inputs):
            dx[n, d] = sum(dout[n, m] * weight[m, d] for m in range(n_outputs))
    for m in range(n_outputs):
        for d in range(n_inputs):
            dweight[m, d] = sum(dout[n, m] * x[n, d] for n in range(n_samples))
        dbias[m] = sum(dout[n, m] for n in range(n_samples))
    return dx, dweight, dbias


def leaky_relu(x: Array, *, neg_slope: float) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        number = float(x[index])
        out[index] = max(0.0, number) + neg_slope * min(0.0, number)
    return out


def leaky_relu_backward(dout: Array, x: Array, *, neg_slope: float) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        dx[index] = dout[index] * (1 if x[index] > 0 else neg_slope)
    return dx


def relu(x: Array) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        out[index] = max(0.0, float(x[index]))
    return out


def relu_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        dx[index] = dout[index] if x[index] > 0 else 0
    return dx


def softmax(x: Array) -> Array:
    n_samples, n_classes = x.shape
    s = np.zeros(x.shape)
    for n in range(n_samples):
        total = sum(exp(x[n, j]) for j in range(n_classes))
        for i in range(n_classes):
            s[n, i] = exp(x[n, i]) / total
    return s


def softmax_backward(dout: Array, x: Array) -> Array:
    s, (n_samples, n_classes) = softmax(x), x.shape
    dx = np.zeros(x.shape)
    for n in range(n_samples):
        for i in range(n_classes):
            for j in range(n_classes):
                same = 1 if i == j else 0
                dx[n, i] += dout[n, j] * s[n, j] * (same - s[n, i])
    return dx


def cross_entropy(x: Array, *, y: Array, reduction: str) -> Array:
    n_samples, n_classes = x.shape
    losses = np.zeros(n_samples)
    for n in range(n_samples):
        for i in range(n_classes):
            target = 1 if i == y[n] else 0
            losses[n] -= target * log(x[n, i])
    return {"mean": np.array(sum(losses) / n_samples), "sum": np.array(sum(losses)), "none": losses}[reduction]


def cross_entropy_backward(dout: Array, x: Array, *, y: Array, reduction: str) -> Array:
    n_samples, n_classes = x.shape
    dx = np.zeros(x.shape)
    for n in range(n_samples):
        w = {"mean": dout / n_samples, "sum": dout, "none": np.broadcast_to(dout, n_samples)[n]}[reduction]
        for i in range(n_classes):
            target = 1 if i == y[n] else 0
            dx[n, i] = -w * target / x[n, i]
    return dx


def softmax_cross_entropy(x: Array, *, y: Array, reduction: str) -> Array:
    return cross_entropy(softmax(x), y=y, reduction=reduction)


def softmax_cross_entropy_backward(dout: Array, x: Array, *, y: Array, reduction: str) -> Array:
    return softmax_backward(cross_entropy_backward(dout, softmax(x), y=y, reduction=reduction), x)


_LABELS: Final = {"y": np.array([2, 0]), "reduction": "mean"}

LAYERS: Final = (
    Example(
        "Linear",
        linear,
        linear_backward,
        {"x": X, "weight": [[1.0, 0.0, 2.0], [-1.0, 3.0, 0.5]], "bias": [0.1, -0.2]},
        [[1.0, 0.5], [2.0, -1.0]],
    ),
    Example(
        "LeakyReLU",
        leaky_relu,
        leaky_relu_backward,
        {"x": X},
        DOUT,
        {"neg_slope": 0.1},
    ),
    Example("ReLU", relu, relu_backward, {"x": X}, DOUT),
    Example("SoftMax", softmax, softmax_backward, {"x": X}, DOUT),
    Example(
        "CrossEntropy",
        cross_entropy,
        cross_entropy_backward,
        {"x": [[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]]},
        1.0,
        _LABELS,
    ),
    Example(
        "SoftMaxCrossEntropy",
        softmax_cross_entropy,
        softmax_cross_entropy_backward,
        {"x": X},
        1.0,
        _LABELS,
    ),
)
