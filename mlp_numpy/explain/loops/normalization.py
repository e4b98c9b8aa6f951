"""Normalization and dropout as loops over indices: n a sample, d a feature."""

from __future__ import annotations

from math import sqrt
from typing import Final, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.explain.example import DOUT, Example, X

Three: TypeAlias = tuple[Array, Array, Array]
"""The gradients of x and of two parameters."""


def mean_and_variance(numbers: Array) -> tuple[float, float]:
    mean = sum(numbers) / len(numbers)
    return mean, sum((v - mean) ** 2 for v in numbers) / len(numbers)


def batch_norm(x: Array, gamma: Array, beta: Array, *, eps: float) -> Array:
    out = np.zeros(x.shape)
    for n, d in np.ndindex(*x.shape):
        mean, variance = mean_and_variance(x[:, d])
        out[n, d] = gamma[d] * (x[n, d] - mean) / sqrt(variance + eps) + beta[d]
    return out


def batch_norm_backward(dout: Array, x: Array, gamma: Array, beta: Array, *, eps: float) -> Three:
    n_samples = len(x)
    dx, dgamma, dbeta = np.zeros(x.shape), np.zeros(gamma.shape), np.zeros(beta.shape)
    for n, d in np.ndindex(*x.shape):
        mean, variance = mean_and_variance(x[:, d])
        root = sqrt(variance + eps)
        for k in range(n_samples):
            # ∂x̂ₖ/∂xₙ: the mean brings −1/B, the variance −x̂ₖ x̂ₙ/B
            same = 1 if k == n else 0
            slope = (same - (1 + (x[k, d] - mean) * (x[n, d] - mean) / root**2) / n_samples) / root
            dx[n, d] += dout[k, d] * gamma[d] * slope
        dgamma[d] += dout[n, d] * (x[n, d] - mean) / root
        dbeta[d] += dout[n, d]
    return dx, dgamma, dbeta


def batch_norm_inference(x: Array, gamma: Array, beta: Array, *, mean: Array, variance: Array, eps: float) -> Array:
    out = np.zeros(x.shape)
    for n, d in np.ndindex(*x.shape):
        out[n, d] = gamma[d] * (x[n, d] - mean[d]) / sqrt(variance[d] + eps) + beta[d]
    return out


def batch_norm_inference_backward(
    dout: Array, x: Array, gamma: Array, beta: Array, *, mean: Array, variance: Array, eps: float
) -> Three:
    dx, dgamma, dbeta = np.zeros(x.shape), np.zeros(gamma.shape), np.zeros(beta.shape)
    for n, d in np.ndindex(*x.shape):
        root = sqrt(variance[d] + eps)
        dx[n, d] = dout[n, d] * gamma[d] / root
        dgamma[d] += dout[n, d] * (x[n, d] - mean[d]) / root
        dbeta[d] += dout[n, d]
    return dx, dgamma, dbeta


def layer_norm(x: Array, gamma: Array, beta: Array, *, eps: float) -> Array:
    out = np.zeros(x.shape)
    for n, d in np.ndindex(*x.shape):
        mean, variance = mean_and_variance(x[n])
        out[n, d] = gamma[d] * (x[n, d] - mean) / sqrt(variance + eps) + beta[d]
    return out


def layer_norm_backward(dout: Array, x: Array, gamma: Array, beta: Array, *, eps: float) -> Three:
    n_features = len(gamma)
    dx, dgamma, dbeta = np.zeros(x.shape), np.zeros(gamma.shape), np.zeros(beta.shape)
    for n, d in np.ndindex(*x.shape):
        mean, variance = mean_and_variance(x[n])
        root = sqrt(variance + eps)
        for k in range(n_features):
            same = 1 if k == d else 0
            slope = (same - (1 + (x[n, k] - mean) * (x[n, d] - mean) / root**2) / n_features) / root
            dx[n, d] += dout[n, k] * gamma[k] * slope
        dgamma[d] += dout[n, d] * (x[n, d] - mean) / root
        dbeta[d] += dout[n, d]
    return dx, dgamma, dbeta


def group_norm(x: Array, gamma: Array, beta: Array, *, groups: int, eps: float) -> Array:
    (n_samples, n_channels), out = x.shape, np.zeros(x.shape)
    size = n_channels // groups
    for n in range(n_samples):
        for g in range(groups):
            mean, variance = mean_and_variance(x[n, g * size : (g + 1) * size])
            for c in range(g * size, (g + 1) * size):
                out[n, c] = gamma[c] * (x[n, c] - mean) / sqrt(variance + eps) + beta[c]
    return out


def group_norm_backward(dout: Array, x: Array, gamma: Array, beta: Array, *, groups: int, eps: float) -> Three:
    n_samples, n_channels = x.shape
    size = n_channels // groups
    dx, dgamma, dbeta = np.zeros(x.shape), np.zeros(gamma.shape), np.zeros(beta.shape)
    for n in range(n_samples):
        for g in range(groups):
            members = range(g * size, (g + 1) * size)
            mean, variance = mean_and_variance(x[n, g * size : (g + 1) * size])
            root = sqrt(variance + eps)
            for c in members:
                for k in members:
                    same = 1 if k == c else 0
                    slope = (same - (1 + (x[n, k] - mean) * (x[n, c] - mean) / root**2) / size) / root
                    dx[n, c] += dout[n, k] * gamma[k] * slope
                dgamma[c] += dout[n, c] * (x[n, c] - mean) / root
                dbeta[c] += dout[n, c]
    return dx, dgamma, dbeta


def rms_norm(x: Array, gamma: Array, *, eps: float) -> Array:
    n_samples, n_features = x.shape
    out = np.zeros(x.shape)
    for n in range(n_samples):
        root = sqrt(sum(x[n, k] ** 2 for k in range(n_features)) / n_features + eps)
        for d in range(n_features):
            out[n, d] = gamma[d] * x[n, d] / root
    return out


def rms_norm_backward(dout: Array, x: Array, gamma: Array, *, eps: float) -> tuple[Array, Array]:
    n_samples, n_features = x.shape
    dx, dgamma = np.zeros(x.shape), np.zeros(gamma.shape)
    for n in range(n_samples):
        root = sqrt(sum(x[n, k] ** 2 for k in range(n_features)) / n_features + eps)
        for d in range(n_features):
            for k in range(n_features):
                same = 1 if k == d else 0
                dx[n, d] += dout[n, k] * gamma[k] * (same - x[n, k] * x[n, d] / root**2 / n_features) / root
            dgamma[d] += dout[n, d] * x[n, d] / root
    return dx, dgamma


def dropout(x: Array, *, mask: Array) -> Array:
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        out[index] = mask[index] * x[index]
    return out


def dropout_backward(dout: Array, x: Array, *, mask: Array) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        dx[index] = mask[index] * dout[index]
    return dx


_GAMMA: Final = {"gamma": [1.0, 2.0, -1.0], "beta": [0.0, 0.5, 1.0]}
_RUNNING: Final = {"mean": np.array([1.0, 0.0, -1.0]), "variance": np.array([1.0, 4.0, 0.25]), "eps": 0.01}
_MASK: Final = np.array([[2.0, 0.0, 2.0], [0.0, 2.0, 2.0]])

NORMALIZATION: Final = (
    Example(
        "BatchNormalize",
        batch_norm,
        batch_norm_backward,
        {"x": X, **_GAMMA},
        DOUT,
        {"eps": 0.01},
    ),
    Example(
        "BatchNormalizeInference",
        batch_norm_inference,
        batch_norm_inference_backward,
        {"x": X, **_GAMMA},
        DOUT,
        _RUNNING,
    ),
    Example(
        "LayerNormalize",
        layer_norm,
        layer_norm_backward,
        {"x": X, **_GAMMA},
        DOUT,
        {"eps": 0.01},
    ),
    Example(
        "GroupNormalize",
        group_norm,
        group_norm_backward,
        {"x": [[1.0, -2.0, 0.5, 3.0]], "gamma": [1.0, 2.0, -1.0, 0.5], "beta": [0.0, 0.5, 1.0, -1.0]},
        [[1.0, 0.5, -1.0, 2.0]],
        {"groups": 2, "eps": 0.01},
    ),
    Example("RMSNormalize", rms_norm, rms_norm_backward, {"x": X, "gamma": [1.0, 2.0, -1.0]}, DOUT, {"eps": 0.01}),
    Example("DropoutMask", dropout, dropout_backward, {"x": X}, DOUT, {"mask": _MASK}),
)
