"""The compositions of ``compositions.py`` for activations and losses."""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sqrt
from typing import Any

import numpy as np

from mlp_numpy import (
    BCEModule,
    BCEWithLogitsModule,
    ELUModule,
    GELUModule,
    HingeModule,
    HuberModule,
    IdentityModule,
    KLDivergenceModule,
    L1Module,
    LogSoftMaxModule,
    Module,
    MSEModule,
    NLLModule,
    PReLUModule,
    SELUModule,
    SigmoidModule,
    SiLUModule,
    SoftplusModule,
    TanhModule,
)
from mlp_numpy.arrays import Array, one_hot
from mlp_numpy.autodiff import TensorNode, where

Composition = Callable[[Any, list[TensorNode], TensorNode, Any], TensorNode]


def _only_x(function: Callable[[Any, TensorNode], TensorNode]) -> Composition:
    return lambda module, params, x, y: function(module, x)


def _elu(alpha: float, x: TensorNode) -> TensorNode:
    return where(x.value.real > 0, x, alpha * (x.exp() - 1))


def _gelu(module: GELUModule, x: TensorNode) -> TensorNode:
    if module.approximate == "tanh":
        return x / 2 * (1 + (sqrt(2 / pi) * (x + 0.044715 * x**3)).tanh())
    # Φ(x) = ½ + φ(x) Σ x^(2k+1) / (1·3·5···(2k+1)), which converges for every x; 80 terms do up to |x| = 5.
    term = total = x
    for k in range(1, 80):
        term = term * x * x / (2 * k + 1)
        total = total + term
    return x * (0.5 + (-x * x / 2).exp() / sqrt(2 * pi) * total)


def _prelu(module: PReLUModule, params: list[TensorNode], x: TensorNode, y: Array | None) -> TensorNode:
    (slope,) = params
    if slope.shape != (1,):
        slope = slope.reshape(-1, *(1,) * (len(x.shape) - 2))
    return x.relu() - slope * (-x).relu()


def _log_softmax(module: LogSoftMaxModule, x: TensorNode) -> TensorNode:
    return (x.exp() / x.exp().sum(axis=1, keepdims=True)).log()


def reduced(module: Any, losses: TensorNode, divisor: float) -> TensorNode:
    """Losses as a module's reduction says."""
    return {"mean": lambda: losses.sum() / divisor, "sum": losses.sum, "none": lambda: losses}[module.reduction]()


def _numbers(loss: Callable[[Any, TensorNode, Array], TensorNode]) -> Composition:
    return lambda module, params, x, y: reduced(module, loss(module, x, y), x.value.size)


def _size(r: TensorNode) -> TensorNode:
    return r.relu() + (-r).relu()


def _huber(module: HuberModule, x: TensorNode, y: Array) -> TensorNode:
    size = _size(x - y)
    return where(size.value <= module.delta, size * size / 2, module.delta * (size - module.delta / 2))


def _bce(module: Module, x: TensorNode, y: Array) -> TensorNode:
    return -(y * x.log() + (1 - y) * (1 - x).log())


def negative_log_likelihood(module: Any, logs: TensorNode, y: Array) -> TensorNode:
    """Cross-entropy from logarithms of probabilities, with all its options."""
    present = np.ones(len(y), bool) if module.ignore_index is None else y != module.ignore_index
    rows = y if y.ndim == 2 else one_hot(np.where(present, y, 0), logs.shape[1])
    omega = np.ones(logs.shape[1]) if module.class_weight is None else module.class_weight
    divisor = len(y) if y.ndim == 2 else (present * (rows @ omega)).sum()
    mixed = (1 - module.label_smoothing) * rows + module.label_smoothing / logs.shape[1]
    return reduced(module, -((present[:, np.newaxis] * omega * mixed) * logs).sum(axis=1), divisor)


def _nll(module: NLLModule, params: list[TensorNode], x: TensorNode, y: Array) -> TensorNode:
    return negative_log_likelihood(module, x, y)


def _hinge(module: HingeModule, params: list[TensorNode], x: TensorNode, y: Array) -> TensorNode:
    right = one_hot(y, x.shape[1])
    omega = np.ones(x.shape[1]) if module.class_weight is None else module.class_weight
    margins = x - (x * right).sum(axis=1, keepdims=True) + module.margin
    return reduced(module, omega[y] * (margins.relu() * (1 - right)).sum(axis=1), omega[y].sum())


def _divergence(module: KLDivergenceModule, params: list[TensorNode], x: TensorNode, y: Array) -> TensorNode:
    return reduced(module, (y * (np.log(y) - x)).sum(axis=1), len(y))


LOSSES_AND_ACTIVATIONS: dict[type[Module], Composition] = {
    BCEModule: _numbers(_bce),
    BCEWithLogitsModule: _numbers(lambda module, x, y: _bce(module, x.sigmoid(), y)),
    ELUModule: _only_x(lambda module, x: _elu(module.alpha, x)),
    GELUModule: _only_x(_gelu),
    HingeModule: _hinge,
    HuberModule: _numbers(_huber),
    IdentityModule: _only_x(lambda module, x: 1 * x),
    KLDivergenceModule: _divergence,
    L1Module: _numbers(lambda module, x, y: _size(x - y)),
    LogSoftMaxModule: _only_x(_log_softmax),
    MSEModule: _numbers(lambda module, x, y: (x - y) ** 2),
    NLLModule: _nll,
    PReLUModule: _prelu,
    SELUModule: _only_x(lambda module, x: 1.0507009873554804934 * _elu(1.6732632423543772848, x)),
    SigmoidModule: _only_x(lambda module, x: 1 / (1 + (-x).exp())),
    SiLUModule: _only_x(lambda module, x: x / (1 + (-x).exp())),
    SoftplusModule: _only_x(lambda module, x: (1 + (module.beta * x).exp()).log() / module.beta),
    TanhModule: _only_x(lambda module, x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())),
}
