"""Cross-entropies: of probabilities, of scores, and of logarithms of probabilities."""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array, row_maxima
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.modules.losses.labels import DistributionLossModule
from mlp_numpy.modules.losses.reduction import Reduction, reduce_losses, weigh


class CrossEntropy(Op):
    """
    Forward     lossₙ = − Σᵢ yₙᵢ log pₙᵢ         out = mean, sum or all of vₙ lossₙ   pₙᵢ = max(xₙᵢ, tiny)
    Backward    dxₙᵢ = − wₙ yₙᵢ / pₙᵢ            wₙ = dout vₙ/Σv, dout vₙ or doutₙ vₙ
    Shapes      x (N, C), probabilities   y (N,) whole numbers, or (N, C) probabilities such as one-hot rows
                v (N,), weights of the rows, 1 by default   out, dout () or (N,)
    Caches      p, y, v
    Kinks       below tiny, the smallest normal number of the type, the logarithm stays at log(tiny) and the slope at
                −1/tiny: both finite, so that a probability that underflowed to 0 does not end a run
    Reference   "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), eq. 1 to 4 and 45. Nothing is cut off above
                1: a numeric check may step past it.
    """

    @staticmethod
    def forward(
        context: Context, x: Array, *, y: Array, reduction: Reduction, weight: Array | None = None,
        total: float | None = None,
    ) -> Array:
        p = np.maximum(x, np.finfo(x.dtype).tiny)
        context["p"], context["y"] = p, y
        losses = -np.log(p[np.arange(len(p)), y]) if y.ndim == 1 else -(y * np.log(p)).sum(axis=1)
        return reduce_losses(context, losses, reduction, weight, total)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        p, y = context["p"], context["y"]
        if y.ndim == 2:
            return weigh(context, dout, -y / p)
        rows, dx = np.arange(len(p)), np.zeros_like(p)
        dx[rows, y] = -1 / p[rows, y]
        return weigh(context, dout, dx)


class SoftMaxCrossEntropy(Op):
    """
    Forward     lossₙ = − Σᵢ yₙᵢ log Sₙᵢ = Σᵢ yₙᵢ (log Σⱼ exp(xₙⱼ − mₙ) − (xₙᵢ − mₙ))      mₙ = maxⱼ xₙⱼ
                out = mean, sum or all of vₙ lossₙ
    Backward    dxₙᵢ = wₙ (Sₙᵢ Σⱼ yₙⱼ − yₙᵢ)         wₙ = dout vₙ/Σv, dout vₙ or doutₙ vₙ
    Shapes      x (N, C), scores   y (N,) whole numbers, or (N, C) probabilities such as one-hot rows
                v (N,), weights of the rows, 1 by default   out, dout () or (N,)
    Caches      S, y, v
    Kinks       none
    Reference   "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), eq. 4 put into eq. 36: the division by the
                probability cancels, so nothing overflows as long as the differences of the scores do not
    """

    @staticmethod
    def forward(
        context: Context, x: Array, *, y: Array, reduction: Reduction, weight: Array | None = None,
        total: float | None = None,
    ) -> Array:
        shifted = x - row_maxima(x.real)
        s = np.exp(shifted)
        sums = s.sum(axis=1, keepdims=True)
        s /= sums
        context["s"], context["y"] = s, y
        if y.ndim == 1:
            losses = np.log(sums[:, 0]) - shifted[np.arange(len(x)), y]
        else:
            losses = (y * (np.log(sums) - shifted)).sum(axis=1)
        return reduce_losses(context, losses, reduction, weight, total)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        s, y = context["s"], context["y"]
        if y.ndim == 2:
            return weigh(context, dout, s * y.sum(axis=1, keepdims=True) - y)
        dx = s.copy()
        dx[np.arange(len(s)), y] -= 1
        return weigh(context, dout, dx)


class NLL(Op):
    """
    Forward     lossₙ = − Σᵢ yₙᵢ xₙᵢ             out = mean, sum or all of vₙ lossₙ
    Backward    dxₙᵢ = − wₙ yₙᵢ                  wₙ = dout vₙ/Σv, dout vₙ or doutₙ vₙ
    Shapes      x (N, C), logarithms of probabilities   y, v, out, dout as in CrossEntropy
    Caches      x  (for its shape; a view, no copy), y, v
    Kinks       none
    Reference   CrossEntropy with log p for its input: the negative log-likelihood of the labels
    """

    @staticmethod
    def forward(
        context: Context, x: Array, *, y: Array, reduction: Reduction, weight: Array | None = None,
        total: float | None = None,
    ) -> Array:
        context["y"], context["x"] = y, x
        losses = -x[np.arange(len(x)), y] if y.ndim == 1 else -(y * x).sum(axis=1)
        return reduce_losses(context, losses, reduction, weight, total)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        y, x = context["y"], context["x"]
        if y.ndim == 2:
            return weigh(context, dout, -y)
        dx = np.zeros_like(x)
        dx[np.arange(len(x)), y] = -1
        return weigh(context, dout, dx)


class CrossEntropyModule(DistributionLossModule):
    """Cross-entropy of **probabilities** (N, C), such as SoftMaxModule gives. "mean" divides by N.

    For scores before the softmax use SoftMaxCrossEntropyModule, which is more exact and quicker.
    """

    op = CrossEntropy
    takes = "probabilities"


class SoftMaxCrossEntropyModule(DistributionLossModule):
    """Cross-entropy of the softmax of **scores** (N, C), both in one stable formula. "mean" divides by N."""

    op = SoftMaxCrossEntropy
    takes = "scores"


class NLLModule(DistributionLossModule):
    """Cross-entropy of **logarithms of probabilities** (N, C), such as LogSoftMaxModule gives. "mean" divides by N."""

    op = NLL
    takes = "log-probabilities"
