"""The multiclass hinge loss: the score of the true class must exceed every other by a margin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import number
from mlp_numpy.modules.losses.labels import ClassLossModule
from mlp_numpy.modules.losses.reduction import Reduction, quiet, reduce_losses, weigh


class Hinge(Op):
    """
    Forward     lossₙ = Σ_{i ≠ yₙ} max(0, mₙᵢ)   mₙᵢ = xₙᵢ − xₙ,ᵧ + Δ, where y = yₙ
                out = mean, sum or all of vₙ lossₙ
    Backward    dxₙᵢ = wₙ 1[mₙᵢ > 0] for i ≠ yₙ, − wₙ Σ_{j ≠ yₙ} 1[mₙⱼ > 0] for i = yₙ
                wₙ = dout vₙ/Σv, dout vₙ or doutₙ vₙ
    Shapes      x (N, C), scores   y (N,) integers   v (N,), example weights, 1 by default
                out, dout () or (N,)
    Caches      1[m > 0] with 0 at yₙ, y, v
    Kinks       at mₙᵢ = 0 the slope is 0; at ±∞ the limit, which is none (NaN) where m is ∞ − ∞
    Reference   Weston and Watkins 1999, "Support Vector Machines for Multi-Class Pattern Recognition": a sum over the
                wrong classes, as in Stanford's CS231n. PyTorch's multi_margin_loss also divides it by C.
    """

    @staticmethod
    @quiet
    def forward(
        context: Context, x: Array, *, y: Array, margin: float, reduction: Reduction, weight: Array | None = None
    ) -> Array:
        rows = np.arange(len(x))
        m = x - x[rows, y][:, np.newaxis] + margin
        positive = np.heaviside(m.real, 0)  # NaN stays NaN
        positive[rows, y] = 0
        context["positive"], context["y"] = positive, y
        return reduce_losses(context, np.where(positive == 0, 0, m).sum(axis=1), reduction, weight)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        dx = context["positive"].copy()
        dx[np.arange(len(dx)), context["y"]] = -dx.sum(axis=1)
        return weigh(context, dout, dx)


class HingeModule(ClassLossModule):
    """Hinge loss of **scores** (N, C) for classes (N,), summed over the wrong classes. "mean" divides by N, or by the
    sum of the example weights."""

    op = Hinge
    input_kind = "scores"

    def __init__(
        self,
        reduction: Reduction = "mean",
        *,
        margin: float = 1.0,
        class_weight: Sequence[float] | Array | None = None,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(reduction, class_weight=class_weight, ignore_index=ignore_index)
        self.margin = number("HingeModule", "margin", margin)

    def _op_kwargs(self) -> dict[str, Any]:
        return {"margin": self.margin}

    def _options(self) -> dict[str, Any]:
        return ({} if self.margin == 1 else {"margin": self.margin}) | super()._options()
