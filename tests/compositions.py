"""Every fused formula as a composition of elementary ones, on nodes: what its closed-form backward is judged by.

A new layer is finished when it has its row in ``cases.py`` and, if its formula is new, its composition here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compositions_layers import LAYER_COMPOSITIONS
from compositions_losses_activations import LOSSES_AND_ACTIVATIONS, negative_log_likelihood

from mlp_numpy import (
    CrossEntropyModule,
    LeakyReLUModule,
    LinearModule,
    LossModule,
    Module,
    ReLUModule,
    SoftMaxCrossEntropyModule,
    SoftMaxModule,
)
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import TensorNode, where

Composition = Callable[[Any, list[TensorNode], TensorNode, Array | None], TensorNode]


def _linear(module: LinearModule, params: list[TensorNode], x: TensorNode, y: Array | None) -> TensorNode:
    weight, bias = params
    return x @ weight.T + bias


def _leaky_relu(module: LeakyReLUModule, params: list[TensorNode], x: TensorNode, y: Array | None) -> TensorNode:
    return x.relu() - module.neg_slope * (-x).relu()


def _relu(module: ReLUModule, params: list[TensorNode], x: TensorNode, y: Array | None) -> TensorNode:
    return where(x.value.real > 0, module.scale * x, 0.0)


def _softmax(module: SoftMaxModule, params: list[TensorNode], x: TensorNode, y: Array | None) -> TensorNode:
    return x.exp() / x.exp().sum(axis=1, keepdims=True)


def _cross_entropy(module: CrossEntropyModule, params: list[TensorNode], x: TensorNode, y: Array) -> TensorNode:
    return negative_log_likelihood(module, x.log(), y)


def _fused(module: SoftMaxCrossEntropyModule, params: list[TensorNode], x: TensorNode, y: Array) -> TensorNode:
    return _cross_entropy(module, params, _softmax(module, params, x, None), y)


COMPOSITIONS: dict[type[Module], Composition] = {
    LinearModule: _linear,
    LeakyReLUModule: _leaky_relu,
    ReLUModule: _relu,
    SoftMaxModule: _softmax,
    CrossEntropyModule: _cross_entropy,
    SoftMaxCrossEntropyModule: _fused,
    **LAYER_COMPOSITIONS,
    **LOSSES_AND_ACTIVATIONS,
}


def composed(layer: Module, params: list[TensorNode], x: TensorNode, y: Array | None) -> TensorNode:
    """A layer's forward on nodes, by elementary formulas."""
    return COMPOSITIONS[type(layer)](layer, params, x, y)


def fused(layer: Module, params: list[TensorNode], x: TensorNode, y: Array | None) -> TensorNode:
    """A layer's forward on nodes, by its own formula."""
    if isinstance(layer, LossModule):
        targets = layer.targets(x.value, y)
        return layer.op.do_forward(x, **targets, reduction=layer.reduction, **layer._constants())
    return layer._formula().do_forward(x, *params, **layer._constants())
