"""Losses as loops over indices: per value or per example, then reduced."""

from __future__ import annotations

from math import exp, log, pi
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.explain.example import Example, X


def reduced(losses: Array, reduction: str) -> Array:
    total, count = 0.0, 0
    for index in np.ndindex(*losses.shape):
        total, count = total + float(losses[index]), count + 1
    return {"mean": np.array(total / count), "sum": np.array(total), "none": losses}[reduction]


def share(dout: Array, losses: tuple[int, ...], index: tuple[int, ...], reduction: str) -> float:
    """The gradient of the loss at ``index``, of ``losses`` in shape, given dout."""
    count = 1
    for size in losses:
        count *= size
    return float({"mean": dout / count, "sum": dout, "none": np.broadcast_to(dout, losses)[index]}[reduction])


def mse(x: Array, *, y: Array, reduction: str) -> Array:
    losses = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v, t = float(x[index]), float(y[index])
        losses[index] = (v - t) ** 2
    return reduced(losses, reduction)


def mse_backward(dout: Array, x: Array, *, y: Array, reduction: str) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v, t = float(x[index]), float(y[index])
        dx[index] = share(dout, x.shape, index, reduction) * (2 * (v - t))
    return dx


def l1(x: Array, *, y: Array, reduction: str) -> Array:
    losses = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v, t = float(x[index]), float(y[index])
        losses[index] = abs(v - t)
    return reduced(losses, reduction)


def l1_backward(dout: Array, x: Array, *, y: Array, reduction: str) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v, t = float(x[index]), float(y[index])
        dx[index] = share(dout, x.shape, index, reduction) * (1 if v > t else -1 if v < t else 0)
    return dx


def huber(x: Array, *, y: Array, delta: float, reduction: str) -> Array:
    losses = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v, t = float(x[index]), float(y[index])
        losses[index] = (v - t) ** 2 / 2 if abs(v - t) <= delta else delta * (abs(v - t) - delta / 2)
    return reduced(losses, reduction)


def huber_backward(dout: Array, x: Array, *, y: Array, delta: float, reduction: str) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v, t = float(x[index]), float(y[index])
        beyond = delta if v > t else -delta
        dx[index] = share(dout, x.shape, index, reduction) * (v - t if abs(v - t) <= delta else beyond)
    return dx


def smooth_l1(x: Array, *, y: Array, beta: float, reduction: str) -> Array:
    losses = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        r = abs(float(x[index]) - float(y[index]))
        losses[index] = r**2 / (2 * beta) if r < beta else r - beta / 2
    return reduced(losses, reduction)


def smooth_l1_backward(dout: Array, x: Array, *, y: Array, beta: float, reduction: str) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v, t = float(x[index]), float(y[index])
        beyond = 1 if v > t else -1 if v < t else 0
        dx[index] = share(dout, x.shape, index, reduction) * ((v - t) / beta if abs(v - t) < beta else beyond)
    return dx


def poisson_nll(x: Array, *, y: Array, log_input: bool, full: bool, eps: float, reduction: str) -> Array:
    losses = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v, t = float(x[index]), float(y[index])
        losses[index] = exp(v) - t * v if log_input else v - t * log(v + eps)
        if full and t > 1:
            losses[index] += t * log(t) - t + log(2 * pi * t) / 2
    return reduced(losses, reduction)


def poisson_nll_backward(
    dout: Array, x: Array, *, y: Array, log_input: bool, full: bool, eps: float, reduction: str
) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v, t = float(x[index]), float(y[index])
        dx[index] = share(dout, x.shape, index, reduction) * (exp(v) - t if log_input else 1 - t / (v + eps))
    return dx


def bce(x: Array, *, y: Array, reduction: str) -> Array:
    losses = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v, t = float(x[index]), float(y[index])
        losses[index] = -t * log(v) - (1 - t) * log(1 - v)
    return reduced(losses, reduction)


def bce_backward(dout: Array, x: Array, *, y: Array, reduction: str) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v, t = float(x[index]), float(y[index])
        dx[index] = share(dout, x.shape, index, reduction) * ((v - t) / (v * (1 - v)))
    return dx


def bce_with_logits(x: Array, *, y: Array, reduction: str) -> Array:
    losses = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v, t = float(x[index]), float(y[index])
        losses[index] = -t * log(1 / (1 + exp(-v))) - (1 - t) * log(1 / (1 + exp(v)))
    return reduced(losses, reduction)


def bce_with_logits_backward(dout: Array, x: Array, *, y: Array, reduction: str) -> Array:
    dx = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        v, t = float(x[index]), float(y[index])
        dx[index] = share(dout, x.shape, index, reduction) * (1 / (1 + exp(-v)) - t)
    return dx


def nll(x: Array, *, y: Array, reduction: str) -> Array:
    losses = np.zeros(len(x))
    for n in range(len(x)):
        losses[n] = -x[n, y[n]]
    return reduced(losses, reduction)


def nll_backward(dout: Array, x: Array, *, y: Array, reduction: str) -> Array:
    dx = np.zeros(x.shape)
    for n in range(len(x)):
        dx[n, y[n]] = -share(dout, (len(x),), (n,), reduction)
    return dx


def kl_divergence(x: Array, *, y: Array, reduction: str) -> Array:
    n_samples, n_classes = x.shape
    losses = np.zeros(n_samples)
    for n in range(n_samples):
        losses[n] = sum(y[n, i] * (log(y[n, i]) - x[n, i]) for i in range(n_classes) if y[n, i] > 0)
    return reduced(losses, reduction)


def kl_divergence_backward(dout: Array, x: Array, *, y: Array, reduction: str) -> Array:
    dx = np.zeros(x.shape)
    for n, i in np.ndindex(*x.shape):
        dx[n, i] = -share(dout, (len(x),), (n,), reduction) * y[n, i]
    return dx


def hinge(x: Array, *, y: Array, margin: float, reduction: str) -> Array:
    n_samples, n_classes = x.shape
    losses = np.zeros(n_samples)
    for n in range(n_samples):
        losses[n] = sum(max(0.0, float(x[n, i] - x[n, y[n]] + margin)) for i in range(n_classes) if i != y[n])
    return reduced(losses, reduction)


def hinge_backward(dout: Array, x: Array, *, y: Array, margin: float, reduction: str) -> Array:
    dx = np.zeros(x.shape)
    for n, i in np.ndindex(*x.shape):
        if i != y[n] and x[n, i] - x[n, y[n]] + margin > 0:
            dx[n, i] += share(dout, (len(x),), (n,), reduction)
            dx[n, y[n]] -= share(dout, (len(x),), (n,), reduction)
    return dx


_P: Final = [[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]]
_LOGS: Final = np.log(_P)
_Y: Final = np.array([[0.0, 0.0, 1.0], [1.0, 0.25, 0.5]])
_CLASSES: Final = {"y": np.array([2, 0]), "reduction": "mean"}
_NUMBERS: Final[dict[str, Any]] = {"y": _Y, "reduction": "mean"}
_COUNTS: Final[dict[str, Any]] = {
    "y": np.array([[0.0, 3.0, 1.0], [1.0, 0.0, 2.0]]),
    "log_input": True,
    "full": True,
    "eps": 1e-8,
    "reduction": "mean",
}
_ROWS: Final[dict[str, Any]] = {"y": np.array([[0.0, 0.5, 0.5], [0.25, 0.5, 0.25]]), "reduction": "mean"}

LOSSES: Final = (
    Example("NLL", nll, nll_backward, {"x": _LOGS}, 1.0, _CLASSES),
    Example("KLDivergence", kl_divergence, kl_divergence_backward, {"x": _LOGS}, 1.0, _ROWS),
    Example("Hinge", hinge, hinge_backward, {"x": X}, 1.0, _CLASSES | {"margin": 1.0}),
    Example("MSE", mse, mse_backward, {"x": X}, 1.0, _NUMBERS),
    Example("L1", l1, l1_backward, {"x": X}, 1.0, _NUMBERS),
    Example("Huber", huber, huber_backward, {"x": X}, 1.0, _NUMBERS | {"delta": 1.0}),
    Example("SmoothL1", smooth_l1, smooth_l1_backward, {"x": X}, 1.0, _NUMBERS | {"beta": 1.0}),
    Example("PoissonNLL", poisson_nll, poisson_nll_backward, {"x": X}, 1.0, _COUNTS),
    Example("BCE", bce, bce_backward, {"x": _P}, 1.0, _NUMBERS),
    Example("BCEWithLogits", bce_with_logits, bce_with_logits_backward, {"x": X}, 1.0, _NUMBERS),
)
