"""Losses, each with all its options."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, one_hot
from mlp_numpy.autodiff import TensorNode, where
from mlp_numpy.checking.reference import activations
from mlp_numpy.checking.reference.composition import Params


def cross_entropy(module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None) -> TensorNode:
    """− Σᵢ yᵢ log xᵢ"""
    return nll(module, params, x.log(), y, weight)


def softmax_cross_entropy(
    module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None
) -> TensorNode:
    """− Σᵢ yᵢ log softmax(x)ᵢ"""
    return cross_entropy(module, params, activations.softmax(module, params, x), y, weight)


def nll(module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None) -> TensorNode:
    """− Σᵢ ωᵢ ((1 − ε) yᵢ + ε/C) xᵢ, 0 where y is to be ignored"""
    n_classes = x.shape[1]
    rows, present = _rows(module, y, n_classes)
    omega = _class_weight(module, n_classes)
    mixed = (1 - module.label_smoothing) * rows + module.label_smoothing / n_classes
    losses = -(present[:, np.newaxis] * omega * mixed * x).sum(axis=1)
    return _reduced(module, losses, weight, np.ones(len(y)) if y.ndim == 2 else present * (rows @ omega))


def hinge(module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None) -> TensorNode:
    """ω at y · Σ_{i ≠ y} max(0, xᵢ − x_y + Δ)"""
    right, present = _rows(module, y, x.shape[1])
    margins = x - (x * right).sum(axis=1, keepdims=True) + module.margin
    factor = present * (right @ _class_weight(module, x.shape[1]))
    return _reduced(module, factor * (margins.relu() * (1 - right)).sum(axis=1), weight, factor)


def kl_divergence(module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None) -> TensorNode:
    """Σᵢ yᵢ (log yᵢ − xᵢ), where 0 log 0 = 0"""
    logarithms = np.log(y, out=np.zeros_like(y), where=y > 0)
    return _reduced(module, (y * (logarithms - x)).sum(axis=1), weight)


def mse(module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None) -> TensorNode:
    """(x − y)²"""
    return _reduced(module, (x - y) ** 2, weight)


def l1(module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None) -> TensorNode:
    """max(0, x − y) + max(0, y − x), at 0 with the slope 0 of both"""
    return _reduced(module, _size(x - y), weight)


def huber(module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None) -> TensorNode:
    """½ r² up to δ, δ (|r| − ½ δ) beyond"""
    size = _size(x - y)
    losses = where(size.value.real <= module.delta, size * size / 2, module.delta * (size - module.delta / 2))
    return _reduced(module, losses, weight)


def bce(module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None) -> TensorNode:
    """− y log x − (1 − y) log(1 − x)"""
    return _reduced(module, -(y * x.log() + (1 - y) * (1 - x).log()), weight)


def bce_with_logits(module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None) -> TensorNode:
    """− y log σ(x) − (1 − y) log σ(−x)"""
    return _reduced(module, y * (1 + (-x).exp()).log() + (1 - y) * (1 + x.exp()).log(), weight)


def _size(r: TensorNode) -> TensorNode:
    return r.relu() + (-r).relu()


def _rows(module: Any, y: Array, n_classes: int) -> tuple[Array, Array]:
    """Labels as rows (N, C), and which of them count."""
    if y.ndim == 2:
        return y, np.ones(len(y))
    present = np.ones(len(y), bool) if module.ignore_index is None else y != module.ignore_index
    return one_hot(np.where(present, y, 0), n_classes), present.astype(float)


def _class_weight(module: Any, n_classes: int) -> Array:
    return np.ones(n_classes) if module.class_weight is None else np.asarray(module.class_weight)


def _reduced(module: Any, losses: TensorNode, weight: Array | None, counts: Array | None = None) -> TensorNode:
    """The losses, each times the weight v of its row; all of them, their sum, or that over Σ v ``counts``.

    counts   how often each loss counts by itself, once by default
    """
    v = np.ones(len(losses.value)) if weight is None else weight
    v = v.reshape(-1, *(1,) * (losses.ndim - 1))
    weighed: TensorNode = losses * v
    if module.reduction == "none":
        return weighed
    total = (v * (np.ones(losses.shape) if counts is None else counts)).sum()
    return weighed.sum() / (total or np.inf) if module.reduction == "mean" else weighed.sum()
