"""The Kullback–Leibler divergence of a target distribution from a predicted one."""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.modules.losses.base import LossModule
from mlp_numpy.modules.losses.labels import check_probabilities, check_rows
from mlp_numpy.modules.losses.reduction import Reduction, label_sums, quiet, reduce_losses, weigh


class KLDivergence(Op):
    """
    Forward     lossₙ = Σᵢ yₙᵢ (log yₙᵢ − xₙᵢ), where 0 log 0 = 0      out = mean, sum or all of vₙ lossₙ
    Backward    dxₙᵢ = − wₙ yₙᵢ                  wₙ = dout vₙ/Σv, dout vₙ or doutₙ vₙ
    Shapes      x (N, C), logarithms of probabilities   y (N, C), probabilities   v (N,), example weights, 1 by default
                out, dout () or (N,)
    Caches      y, v
    Kinks       none in x
    Reference   Kullback and Leibler 1951, "On Information and Sufficiency": D(y ‖ exp x)
    """

    @staticmethod
    @quiet
    def forward(context: Context, x: Array, *, y: Array, reduction: Reduction, weight: Array | None = None) -> Array:
        context["y"] = y
        logarithm = np.log(y, out=np.zeros_like(y), where=y > 0)
        return reduce_losses(context, label_sums(y, logarithm - x), reduction, weight)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return weigh(context, dout, -context["y"])


class KLDivergenceModule(LossModule):
    """D(y ‖ p) of **log-probabilities** x = log p (N, C), as from LogSoftMaxModule, and target probabilities y (N, C).
    "mean" divides by N, or by the sum of the example weights ("batchmean" in PyTorch's kl_div)."""

    op = KLDivergence
    input_kind = "log-probabilities"

    def _losses_shape(self, x: Array) -> tuple[int, ...]:
        return (len(x),)

    def _check_input(self, x: Array) -> None:
        check_rows(self._forward, x)

    def _check_labels(self, x: Array, y: Array) -> Array:
        return check_probabilities(self._forward, x, y)
