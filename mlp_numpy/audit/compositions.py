"""Every fused formula as a composition of elementary ones, on nodes: what its closed-form backward is judged by.

The elementary formulas are checked numerically; a fused one must have the derivative that the tape finds for these
compositions. They are as plain as they can be: nothing is stabilized, nothing rearranged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from mlp_numpy.arrays import Array, one_hot
from mlp_numpy.autodiff import TensorNode, where
from mlp_numpy.modules import Reduction

Composition: TypeAlias = Callable[..., TensorNode]
"""(module, params, x), for a loss (module, params, x, y, **options) → out: ``params`` are nodes in the order of
``module.params``, ``options`` further keywords of the loss's forward."""

Params: TypeAlias = Sequence[TensorNode]


def linear(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """x Wᵀ + b"""
    weight, bias = params
    return x @ weight.T + bias


def leaky_relu(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """max(0, x) − α max(0, −x), at 0 with the slope α of the second branch"""
    return where(x.value.real > 0, x, module.neg_slope * x)


def relu(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """max(0, x)"""
    return where(x.value.real > 0, x, 0.0)


def softmax(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """exp xᵢ / Σⱼ exp xⱼ"""
    return x.exp() / x.exp().sum(axis=1, keepdims=True)


def cross_entropy(module: Any, params: Params, x: TensorNode, y: Array) -> TensorNode:
    """− Σᵢ yᵢ log xᵢ"""
    targets = y if y.ndim == 2 else one_hot(y, x.shape[1])
    return reduced(-(targets * x.log()).sum(axis=1), module.reduction)


def softmax_cross_entropy(module: Any, params: Params, x: TensorNode, y: Array) -> TensorNode:
    """− Σᵢ yᵢ log softmax(x)ᵢ"""
    return cross_entropy(module, params, softmax(module, params, x), y)


def reduced(losses: TensorNode, reduction: Reduction) -> TensorNode:
    """The losses of the rows, their mean or their sum."""
    return {"mean": losses.mean, "sum": losses.sum, "none": lambda: losses}[reduction]()
