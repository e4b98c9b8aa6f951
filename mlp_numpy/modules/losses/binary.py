"""Elementwise binary cross-entropies: of probabilities, and of scores before the sigmoid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, probability_floor, product
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import plain_array, shown
from mlp_numpy.errors import LabelError, OptionError, ShapeError
from mlp_numpy.modules.losses.base import LossModule, narrowed
from mlp_numpy.modules.losses.reduction import Reduction, quiet, reduce_losses, weigh


class BCE(Op):
    """
    Forward     lossₙₖ = − ρₖ yₙₖ log p − (1 − yₙₖ) log q      p = max(xₙₖ, f)   q = max(1 − xₙₖ, f)
                out = mean, sum or all of vₙ lossₙₖ
    Backward    dxₙₖ = wₙ ((1 − yₙₖ)/q − ρₖ yₙₖ/p)  wₙ = dout vₙ/KΣv, dout vₙ or doutₙₖ vₙ
    Shapes      x, probabilities, y (N, …), K numbers a row   v (N,) or as x, weights, 1 by default
                ρ, weights of positive labels, a number or one per value of a row, 1 by default   out, dout () or (N, …)
    Caches      p, q, y, ρ y, v
    Kinks       below the floor f, 1e-31 in float32 and 1e-292 in float64, the logarithms stay at log f and the slopes
                at 1/f: finite at x = 0 and x = 1, also times anything up to 3e7 (1e16); above f all is exact
    Reference   "Homework 1" (Albertini), whose (Ŷ − Y)/(Ŷ(1 − Ŷ)) this is, taken apart so
                that it is finite where that is 0/0, with the mean over all N·K numbers that its tests want
    """

    @staticmethod
    @quiet
    def forward(
        context: Context,
        x: Array,
        *,
        y: Array,
        reduction: Reduction,
        weight: Array | None = None,
        pos_weight: Array | None = None,
    ) -> Array:
        f = probability_floor(x)
        p, q = np.maximum(x, f), np.maximum(1 - x, f)
        positive = y if pos_weight is None else narrowed(pos_weight, x.real.dtype) * y
        context["p"], context["q"], context["y"], context["positive"] = p, q, y, positive
        return reduce_losses(context, -positive * np.log(p) - (1 - y) * np.log(q), reduction, weight)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        p, q, y, positive = context["p"], context["q"], context["y"], context["positive"]
        return weigh(context, dout, (1 - y) / q - positive / p)


class BCEWithLogits(Op):
    """
    Forward     lossₙₖ = − ρₖ yₙₖ log σ(xₙₖ) − (1 − yₙₖ) log(1 − σ(xₙₖ)) = a xₙₖ + c log(1 + t)
                a = 1 − yₙₖ for xₙₖ ≥ 0, − ρₖ yₙₖ for xₙₖ < 0      c = 1 + (ρₖ − 1) yₙₖ      t = e^(−|xₙₖ|), 0 · ∞ = 0
                out = mean, sum or all of vₙ lossₙₖ
    Backward    dxₙₖ = wₙ (c σ(xₙₖ) − ρₖ yₙₖ)    wₙ = dout vₙ/KΣv, dout vₙ or doutₙₖ vₙ
                σ(xₙₖ) = 1/(1 + t) for xₙₖ ≥ 0, t/(1 + t) for xₙₖ < 0
    Shapes      x, scores, y (N, …), K numbers a row   v (N,) or as x, weights, 1 by default
                ρ, weights of positive labels, a number or one per value of a row, 1 by default   out, dout () or (N, …)
    Caches      t, which x are ≥ 0, ρ y, c, v
    Kinks       none: both forms are the same function; the second does not overflow
    Reference   BCE of the sigmoid: its division by Ŷ(1 − Ŷ) cancels against the sigmoid's derivative
    """

    @staticmethod
    @quiet
    def forward(
        context: Context,
        x: Array,
        *,
        y: Array,
        reduction: Reduction,
        weight: Array | None = None,
        pos_weight: Array | None = None,
    ) -> Array:
        positive = (x.real >= 0).astype(x.real.dtype)
        # |x| as ±x by the sign of the real part, for the complex step
        t = np.exp((1 - 2 * positive) * x)
        context["t"], context["positive"], context["y"], context["c"] = t, positive, y, None
        if pos_weight is None:  # ρ = 1
            linear = np.where(positive == y, 0, (positive - y) * x)
            return reduce_losses(context, linear + np.log1p(t), reduction, weight)
        rho = narrowed(pos_weight, x.real.dtype)
        c, a = 1 + (rho - 1) * y, np.where(positive == 1, 1 - y, -rho * y)
        context["y"], context["c"] = rho * y, c
        return reduce_losses(context, product(a, x) + product(c, np.log1p(t)), reduction, weight)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        t, positive, y, c = context["t"], context["positive"], context["y"], context["c"]
        sigmoid = (positive + (1 - positive) * t) / (1 + t)
        return weigh(context, dout, (sigmoid if c is None else c * sigmoid) - y)


class _BinaryLossModule(LossModule):
    def __init__(
        self, reduction: Reduction = "mean", *, pos_weight: float | Sequence[float] | Array | None = None
    ) -> None:
        super().__init__(reduction)
        who = type(self).__name__
        if pos_weight is not None:
            pos_weight = plain_array(who, "pos_weight", pos_weight)
            rho = narrowed(pos_weight, np.float64) if pos_weight.dtype.kind in "fiu" else np.full(1, np.nan)
            if not (rho.size and np.isfinite(rho).all() and rho.min() >= 0):
                shown_ = shown(pos_weight.tolist())
                raise OptionError(f"{who}: pos_weight must be finite numbers ≥ 0, or None, got {shown_}.")
            pos_weight = rho.copy()
        self.pos_weight = pos_weight

    def _op_kwargs(self) -> dict[str, Any]:
        return {} if self.pos_weight is None else {"pos_weight": self.pos_weight}

    def _options(self) -> dict[str, Any]:
        return {} if self.pos_weight is None else {"pos_weight": self.pos_weight.tolist()}

    def _check_input(self, x: Array) -> None:
        super()._check_input(x)
        if self.pos_weight is not None and self.pos_weight.shape not in ((), x.shape[1:]):
            raise ShapeError(
                f"{self._forward}: x must be (N, {', '.join(map(str, self.pos_weight.shape))}), as pos_weight is per "
                f"example, got {x.shape}."
            )

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

    pos_weight   weight ρ of the positive labels, a number ≥ 0, or one per value of an example, as for rare positives
                 their number of negatives over that of positives; it does not enter the divisor of "mean"

    For scores before the sigmoid use BCEWithLogitsModule, which is more accurate and faster.
    """

    op = BCE
    input_kind = "probabilities"


class BCEWithLogitsModule(_BinaryLossModule):
    """Binary cross-entropy of the sigmoid of **scores**, fused in one stable formula, and labels in [0, 1] of the same
    shape, (N,) or (N, …). "mean" divides by the number of values, N·K for K per example; "none" returns the loss of
    each value.

    pos_weight   weight ρ of the positive labels, a number ≥ 0, or one per value of an example, as for rare positives
                 their number of negatives over that of positives; it does not enter the divisor of "mean"
    """

    op = BCEWithLogits
    input_kind = "scores"
