"""Activations and softmaxes."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

from mlp_numpy.autodiff import TensorNode, where
from mlp_numpy.checking.reference.composition import Params


def leaky_relu(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """max(0, x) − α max(0, −x), at 0 with the slope α of the second branch"""
    return where(x.value.real > 0, x, module.neg_slope * x)


def relu(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """c max(0, x)"""
    return where(x.value.real > 0, module.scale * x, 0.0)


def prelu(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """max(0, x) + a min(0, x), at 0 with the slope a; one a for each feature along axis 1, or for all numbers"""
    (slope,) = params
    if slope.shape != (1,):
        slope = slope.reshape(-1, *(1,) * (len(x.shape) - 2))
    return where(x.value.real > 0, x, slope * x)


def elu(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """x above 0, α (exp x − 1) below"""
    return _elu(module.alpha, x)


def selu(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """λ ELU(x)"""
    return 1.0507009873554804934 * _elu(1.6732632423543772848, x)


def gelu(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """x Φ(x), Φ as its series; or ½ x (1 + tanh u)"""
    if module.approximate == "tanh":
        return x / 2 * (1 + (sqrt(2 / pi) * (x + 0.044715 * x**3)).tanh())
    # Φ(x) = ½ + φ(x) Σ x^(2k+1) / (1·3·5···(2k+1)), which converges for every x; 80 terms do up to |x| = 5.
    term = total = x
    for k in range(1, 80):
        term = term * x * x / (2 * k + 1)
        total = total + term
    return x * (0.5 + (-x * x / 2).exp() / sqrt(2 * pi) * total)


def silu(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """x / (1 + exp(−x))"""
    return x / (1 + (-x).exp())


def softplus(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """log(1 + exp βx) / β"""
    out: TensorNode = (1 + (module.beta * x).exp()).log() / module.beta
    return out


def sigmoid(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """1 / (1 + exp(−x))"""
    return 1 / (1 + (-x).exp())


def tanh(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """(exp x − exp(−x)) / (exp x + exp(−x))"""
    return (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())


def identity(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """x"""
    return 1 * x


def softmax(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """exp xᵢ / Σⱼ exp xⱼ"""
    return x.exp() / x.exp().sum(axis=1, keepdims=True)


def log_softmax(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """log softmax(x)ᵢ"""
    return softmax(module, params, x).log()


def _elu(alpha: float, x: TensorNode) -> TensorNode:
    return where(x.value.real > 0, x, alpha * (x.exp() - 1))
