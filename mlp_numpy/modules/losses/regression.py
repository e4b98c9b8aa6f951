"""Regression losses: squared error, absolute error, Huber, and smooth L1."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import NOT_NEGATIVE, POSITIVE, number
from mlp_numpy.modules.losses.base import LossModule
from mlp_numpy.modules.losses.reduction import Reduction, quiet, reduce_losses, weigh


class MSE(Op):
    """
    Forward     lossₙₖ = (xₙₖ − yₙₖ)²            out = mean, sum or all of vₙ lossₙₖ
    Backward    dxₙₖ = 2 wₙ (xₙₖ − yₙₖ)          wₙ = dout vₙ/KΣv, dout vₙ or doutₙₖ vₙ
    Shapes      x, y (N, …), K numbers a row   v (N,) or as x, weights, 1 by default   out, dout () or (N, …)
    Caches      x − y, v
    Kinks       none
    Reference   "Homework 1" (Albertini), with the mean over all N·K numbers that its tests
                want: 2(Ŷ − Y)/(NK)
    """

    @staticmethod
    @quiet
    def forward(context: Context, x: Array, *, y: Array, reduction: Reduction, weight: Array | None = None) -> Array:
        r: Array = x - y
        context["r"] = r
        return reduce_losses(context, r * r, reduction, weight)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return weigh(context, dout, 2 * context["r"])


class L1(Op):
    """
    Forward     lossₙₖ = |xₙₖ − yₙₖ| = sₙₖ (xₙₖ − yₙₖ)        s = sign(x − y)   out = mean, sum or all of vₙ lossₙₖ
    Backward    dxₙₖ = wₙ sₙₖ                    wₙ = dout vₙ/KΣv, dout vₙ or doutₙₖ vₙ
    Shapes      x, y (N, …), K numbers a row   v (N,) or as x, weights, 1 by default   out, dout () or (N, …)
    Caches      s, v
    Kinks       at x = y the slope is 0
    Reference   elementary calculus
    """

    @staticmethod
    @quiet
    def forward(context: Context, x: Array, *, y: Array, reduction: Reduction, weight: Array | None = None) -> Array:
        r = x - y
        s = np.sign(r.real)
        context["s"] = s
        return reduce_losses(context, s * r, reduction, weight)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return weigh(context, dout, context["s"].copy())


class Huber(Op):
    """
    Forward     lossₙₖ = ½r² for |r| ≤ δ, δ(|r| − ½δ) beyond, = c (r − ½c)      r = xₙₖ − yₙₖ   c = min(max(r, −δ), δ)
                out = mean, sum or all of vₙ lossₙₖ
    Backward    dxₙₖ = wₙ c                      wₙ = dout vₙ/KΣv, dout vₙ or doutₙₖ vₙ
    Shapes      x, y (N, …), K numbers a row   v (N,) or as x, weights, 1 by default   out, dout () or (N, …)
    Caches      c, v
    Kinks       none: at |r| = δ both branches have the slope ±δ
    Reference   Huber 1964, "Robust Estimation of a Location Parameter"
    """

    @staticmethod
    @quiet
    def forward(
        context: Context, x: Array, *, y: Array, delta: float, reduction: Reduction, weight: Array | None = None
    ) -> Array:
        r = x - y
        delta = min(delta, float(np.finfo(x.dtype).max))
        c = np.minimum(np.maximum(r, -delta), delta)
        context["c"] = c
        return reduce_losses(context, c * (r - c / 2), reduction, weight)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return weigh(context, dout, context["c"].copy())


class SmoothL1(Op):
    """
    Forward     lossₙₖ = ½r²/β for |r| < β, |r| − ½β beyond, = s (r − ½β s)      r = xₙₖ − yₙₖ
                s = min(max(r/β, −1), 1), or sign(r) for β = 0      out = mean, sum or all of vₙ lossₙₖ
    Backward    dxₙₖ = wₙ s                      wₙ = dout vₙ/KΣv, dout vₙ or doutₙₖ vₙ
    Shapes      x, y (N, …), K numbers a row   v (N,) or as x, weights, 1 by default   out, dout () or (N, …)
    Caches      s, v
    Kinks       none: at |r| = β both branches have the slope ±1; for β = 0 as L1
    Reference   Girshick 2015, "Fast R-CNN", eq. 3, with β = 1: Huber's loss divided by δ = β
    """

    @staticmethod
    @quiet
    def forward(
        context: Context, x: Array, *, y: Array, beta: float, reduction: Reduction, weight: Array | None = None
    ) -> Array:
        r = x - y
        beta = min(beta, float(np.finfo(x.dtype).max))
        s = np.minimum(np.maximum(r / beta, -1), 1) if beta else np.sign(r.real)
        context["s"] = s
        return reduce_losses(context, s * (r - beta / 2 * s), reduction, weight)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return weigh(context, dout, context["s"].copy())


class MSEModule(LossModule):
    """Squared error of predictions and targets of the same shape, (N,) or (N, …). "mean" divides by the number of
    values, N·K for K per example; "none" returns the loss of each value."""

    op = MSE


class L1Module(LossModule):
    """Absolute error of predictions and targets of the same shape, (N,) or (N, …). "mean" divides by the number of
    values, N·K for K per example; "none" returns the loss of each value."""

    op = L1


class HuberModule(LossModule):
    """Huber loss: half the squared error up to ``delta``, linear with slope ``delta`` beyond, continuously
    differentiable. Predictions and targets have the same shape, (N,) or (N, …). "mean" divides by the number of values,
    N·K for K per example; "none" returns the loss of each value."""

    op = Huber

    def __init__(self, reduction: Reduction = "mean", *, delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = number("HuberModule", "delta", delta, POSITIVE)

    def _op_kwargs(self) -> dict[str, Any]:
        return {"delta": self.delta}

    def _options(self) -> dict[str, Any]:
        return {} if self.delta == 1 else {"delta": self.delta}


class SmoothL1Module(LossModule):
    """Smooth L1 loss: the absolute error less ½ ``beta``, with a parabola between ±``beta``; L1 for ``beta`` = 0.
    Predictions and targets have the same shape, (N,) or (N, …). "mean" divides by the number of values, N·K for K per
    example; "none" returns the loss of each value."""

    op = SmoothL1

    def __init__(self, reduction: Reduction = "mean", *, beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = number("SmoothL1Module", "beta", beta, NOT_NEGATIVE)

    def _op_kwargs(self) -> dict[str, Any]:
        return {"beta": self.beta}

    def _options(self) -> dict[str, Any]:
        return {} if self.beta == 1 else {"beta": self.beta}
