"""The losses of each value or example from elementary formulas of the tape, and the reduction of all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import TensorNode, where
from mlp_numpy.checking.specs.activations import softmax_reference

LossReference: TypeAlias = Callable[[Any, TensorNode, Array], TensorNode]
"""(module, x, y) → the losses before the reduction."""
Counts: TypeAlias = Callable[[Any, Any, Any], Array]
"""(module, x, y) → what each loss counts in the divisor of the mean."""


def reduced(module: Any, losses: Any, weight: Any, counts: Array) -> Any:
    """The losses times their weights v, or those of their examples: unreduced, summed, or divided by Σ v ``counts``.

    Losses are a node or a tensor, and weights an array or a tensor.
    """
    v: Any = np.ones(1)
    if weight is not None:
        v = weight.reshape(weight.shape + (1,) * (losses.ndim - weight.ndim))
        losses = losses * v
    if module.reduction == "none":
        return losses
    total = float((np.asarray(v) * np.broadcast_to(counts, tuple(losses.shape))).sum())
    return losses.sum() / (total or np.inf) if module.reduction == "mean" else losses.sum()


def counted_equally(module: Any, x: Any, y: Any) -> Array:
    """1 for each loss."""
    return np.ones(())


def class_counts(module: Any, x: Any, y: Any) -> Array:
    """ω at the class, 0 if it is ignored; 1 for probabilities."""
    labels = np.asarray(y)
    if labels.ndim == x.ndim:
        return np.ones(())
    rows, present = _rows(module, labels, x)
    counts: Array = present * (rows * _class_weight(module, x)).sum(axis=1)
    return counts


def cross_entropy_losses(module: Any, x: TensorNode, y: Array) -> TensorNode:
    """− Σᵢ yᵢ log xᵢ"""
    return nll_losses(module, x.log(), y)


def of_softmax_losses(module: Any, x: TensorNode, y: Array) -> TensorNode:
    """− Σᵢ yᵢ log softmax(x)ᵢ"""
    return cross_entropy_losses(module, softmax_reference(module, (), x), y)


def nll_losses(module: Any, x: TensorNode, y: Array) -> TensorNode:
    """− Σᵢ ωᵢ ((1 − ε) yᵢ + ε/C) xᵢ, 0 where y is to be ignored"""
    rows, present = _rows(module, y, x)
    mixed = (1 - module.label_smoothing) * rows + module.label_smoothing / x.shape[1]
    losses: TensorNode = -(np.expand_dims(present, 1) * _class_weight(module, x) * mixed * x).sum(axis=1)
    return losses


def hinge_losses(module: Any, x: TensorNode, y: Array) -> TensorNode:
    """ω at y · Σ_{i ≠ y} max(0, xᵢ − x_y + Δ)"""
    right, _ = _rows(module, y, x)
    margins = x - (x * right).sum(axis=1, keepdims=True) + module.margin
    losses: TensorNode = class_counts(module, x, y) * (margins.relu() * (1 - right)).sum(axis=1)
    return losses


def kl_divergence_losses(module: Any, x: TensorNode, y: Array) -> TensorNode:
    """Σᵢ yᵢ (log yᵢ − xᵢ), where 0 log 0 = 0"""
    logarithms = np.log(y, out=np.zeros_like(y), where=y > 0)
    losses: TensorNode = (y * (logarithms - x)).sum(axis=1)
    return losses


def mse_losses(module: Any, x: TensorNode, y: Array) -> TensorNode:
    """(x − y)²"""
    return (x - y) ** 2


def l1_losses(module: Any, x: TensorNode, y: Array) -> TensorNode:
    """max(0, x − y) + max(0, y − x), at 0 with the slope 0 of both"""
    return _size(x - y)


def huber_losses(module: Any, x: TensorNode, y: Array) -> TensorNode:
    """½ r² up to δ, δ (|r| − ½ δ) beyond"""
    size = _size(x - y)
    return where(size.value.real <= module.delta, size * size / 2, module.delta * (size - module.delta / 2))


def smooth_l1_losses(module: Any, x: TensorNode, y: Array) -> TensorNode:
    """½ r²/β below β, |r| − ½ β from it on"""
    size = _size(x - y)
    return where(size.value.real < module.beta, size * size / (2 * module.beta or 1.0), size - module.beta / 2)


def bce_losses(module: Any, x: TensorNode, y: Array) -> TensorNode:
    """− ρ y log x − (1 − y) log(1 − x)"""
    losses: TensorNode = -(_positive(module, y) * x.log() + (1 - y) * (1 - x).log())
    return losses


def bce_with_logits_losses(module: Any, x: TensorNode, y: Array) -> TensorNode:
    """− ρ y log σ(x) − (1 − y) log σ(−x)"""
    losses: TensorNode = _positive(module, y) * (1 + (-x).exp()).log() + (1 - y) * (1 + x.exp()).log()
    return losses


def poisson_nll_losses(module: Any, x: TensorNode, y: Array) -> TensorNode:
    """rate − y log rate, with Stirling's approximation of log y! for y > 1"""
    losses = x.exp() - y * x if module.log_input else x - y * (x + module.eps).log()
    if not module.full:
        return losses
    large = np.where(y > 1, y, 1)
    return losses + (y > 1) * (large * np.log(large) - large + 0.5 * np.log(2 * np.pi * large))


def _positive(module: Any, y: Array) -> Array:
    return y if module.pos_weight is None else module.pos_weight * y


def _size(r: TensorNode) -> TensorNode:
    return r.relu() + (-r).relu()


def _rows(module: Any, y: Array, x: Any) -> tuple[Array, Array]:
    """Labels as arrays of x's shape, and which of them count."""
    if y.ndim == x.ndim:
        return y, np.ones((len(y), *y.shape[2:]))
    present = np.ones(y.shape, bool) if module.ignore_index is None else y != module.ignore_index
    rows = np.moveaxis(np.eye(x.shape[1])[np.where(present, y, 0)], -1, 1)
    return rows, present.astype(float)


def _class_weight(module: Any, x: Any) -> Array:
    """ω, to be multiplied by arrays of x's shape."""
    omega = np.ones(x.shape[1]) if module.class_weight is None else np.asarray(module.class_weight, float)
    return omega.reshape(-1, *(1,) * (x.ndim - 2))
