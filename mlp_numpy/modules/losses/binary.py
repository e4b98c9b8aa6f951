"""Elementwise binary cross-entropies: of probabilities, and of scores before the sigmoid."""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.errors import LabelError
from mlp_numpy.modules.losses.base import LossModule
from mlp_numpy.modules.losses.domain import probability_floor
from mlp_numpy.modules.losses.reduction import Reduction, quiet, reduce_losses, weigh


class BCE(Op):
    """
    Forward     lossₙₖ = − yₙₖ log p − (1 − yₙₖ) log q      p = max(xₙₖ, f)   q = max(1 − xₙₖ, f)
                out = mean, sum or all of vₙ lossₙₖ
    Backward    dxₙₖ = wₙ ((1 − yₙₖ)/q − yₙₖ/p)  wₙ = dout vₙ/KΣv, dout vₙ or doutₙₖ vₙ
    Shapes      x, probabilities, y (N, …), K numbers a row   v (N,), example weights, 1 by default
                out, dout () or (N, …)
    Caches      p, q, y, v
    Kinks       below the floor f, 1e-31 in float32 and 1e-292 in float64, the logarithms stay at log f and the slopes
                at 1/f: finite at x = 0 and x = 1, also times anything up to 3e7 (1e16); above f all is exact
    Reference   "Homework 1" (Albertini), whose (Ŷ − Y)/(Ŷ(1 − Ŷ)) this is, taken apart so
                that it is finite where that is 0/0, with the mean over all N·K numbers that its tests want
    """

    @staticmethod
    @quiet
    def forward(context: Context, x: Array, *, y: Array, reduction: Reduction, weight: Array | None = None) -> Array:
        f = probability_floor(x)
        p, q = np.maximum(x, f), np.maximum(1 - x, f)
        context["p"], context["q"], context["y"] = p, q, y
        return reduce_losses(context, -y * np.log(p) - (1 - y) * np.log(q), reduction, weight)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        p, q, y = context["p"], context["q"], context["y"]
        return weigh(context, dout, (1 - y) / q - y / p)


class BCEWithLogits(Op):
    """
    Forward     lossₙₖ = − yₙₖ log σ(xₙₖ) − (1 − yₙₖ) log(1 − σ(xₙₖ)) = (1[xₙₖ ≥ 0] − yₙₖ) xₙₖ + log(1 + t)
                t = e^(−|xₙₖ|), 0 · ∞ = 0        out = mean, sum or all of vₙ lossₙₖ
    Backward    dxₙₖ = wₙ (σ(xₙₖ) − yₙₖ)         wₙ = dout vₙ/KΣv, dout vₙ or doutₙₖ vₙ
                σ(xₙₖ) = 1/(1 + t) for xₙₖ ≥ 0, t/(1 + t) for xₙₖ < 0
    Shapes      x, scores, y (N, …), K numbers a row   v (N,), example weights, 1 by default
                out, dout () or (N, …)
    Caches      t, which x are ≥ 0, y, v
    Kinks       none: both forms are the same function; the second does not overflow
    Reference   BCE of the sigmoid: its division by Ŷ(1 − Ŷ) cancels against the sigmoid's derivative
    """

    @staticmethod
    @quiet
    def forward(context: Context, x: Array, *, y: Array, reduction: Reduction, weight: Array | None = None) -> Array:
        positive = (x.real >= 0).astype(x.real.dtype)
        # |x| as ±x by the sign of the real part, for the complex step
        t = np.exp((1 - 2 * positive) * x)
        context["t"], context["positive"], context["y"] = t, positive, y
        linear = np.where(positive == y, 0, (positive - y) * x)
        return reduce_losses(context, linear + np.log1p(t), reduction, weight)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        t, positive, y = context["t"], context["positive"], context["y"]
        return weigh(context, dout, (positive + (1 - positive) * t) / (1 + t) - y)


class _BinaryLossModule(LossModule):
    def _check_labels(self, x: Array, y: Array) -> Array:
        y = super()._check_labels(x, y)
        good = (y >= 0) & (y <= 1)
        if not good.all():
            place = tuple(int(i) for i in np.argwhere(~good)[0])
            raise LabelError(f"{self._forward}: labels must lie in [0, 1], got {y[place]} at {list(place)}.")
        return y


class BCEModule(_BinaryLossModule):
    """Binary cross-entropy of **probabilities**, as from SigmoidModule, and labels in [0, 1] of the same shape, (N,) or
    (N, …). "mean" divides by the number of values, N·K for K per example; "none" returns the loss of each value.

    For scores before the sigmoid use BCEWithLogitsModule, which is more accurate and faster.
    """

    op = BCE
    input_kind = "probabilities"


class BCEWithLogitsModule(_BinaryLossModule):
    """Binary cross-entropy of the sigmoid of **scores**, fused in one stable formula, and labels in [0, 1] of the same
    shape, (N,) or (N, …). "mean" divides by the number of values, N·K for K per example; "none" returns the loss of
    each value."""

    op = BCEWithLogits
    input_kind = "scores"
