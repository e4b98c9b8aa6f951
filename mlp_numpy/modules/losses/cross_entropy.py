"""Cross-entropies: of probabilities, of scores, and of logarithms of probabilities."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, all_finite, entries, first_outside, floored, probability_floor, row_maxima
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.errors import OutOfRangeError, ShapeError
from mlp_numpy.modules.class_axis import backward_on_rows, forward_on_rows
from mlp_numpy.modules.losses.domain import are_distributions
from mlp_numpy.modules.losses.labels import DistributionLossModule
from mlp_numpy.modules.losses.reduction import Reduction, label_sums, quiet, reduce_losses, weigh


def check_classes(who: str, x: Array, *, y: Array, axis: int = 1, **constants: Any) -> None:
    """Raise ShapeError or OutOfRangeError for labels that are not one class of x's ``axis`` per example and position.

    The formulas look a label up by its position in the whole of x, where a wrong one may be another row's.
    """
    if y.ndim == x.ndim:
        return
    n_classes, positions = x.shape[axis], tuple(np.delete(x.shape, axis).tolist())
    if y.shape != positions:
        raise ShapeError(f"{who}.do_forward: labels must be {positions}, one per example, got {y.shape}.")
    if y.dtype.kind not in "iu":
        raise OutOfRangeError(f"{who}.do_forward: labels must be integers in [0, {n_classes}), got {y.dtype}.")
    row = first_outside(y.reshape(-1), n_classes)
    if row is not None:
        raise OutOfRangeError(f"{who}.do_forward: labels must lie in [0, {n_classes}), got {y.flat[row]}.")


class CrossEntropy(Op):
    """
    Forward     lossₙ = − Σᵢ yₙᵢ log pₙᵢ         out = mean, sum or all of vₙ lossₙ   pₙᵢ = max(xₙᵢ, f)
    Backward    dxₙᵢ = − wₙ yₙᵢ / pₙᵢ            wₙ = dout vₙ/Σv, dout vₙ or doutₙ vₙ
    Shapes      x (N, C), probabilities   y (N,) integers, or (N, C) probabilities such as one-hot rows
                v (N,), weights, 1 by default   out, dout () or (N,)
                or x (N, C, …), y (N, …) or as x, v, out, dout (N, …): a row n per example and position
    Caches      p, y, v
    Kinks       below the floor f, 1e-31 in float32 and 1e-292 in float64, the logarithm stays at log f and the slope
                at −1/f: finite, also times anything up to 3e7 (1e16), so that a probability that underflowed to 0 does
                not end a run; above f all is exact
    Reference   "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), eq. 1 to 4 and 45. Nothing is cut off above
                1: a numeric check may step past it.
    """

    check_inputs = staticmethod(functools.partial(check_classes, "CrossEntropy"))

    @staticmethod
    @quiet
    @forward_on_rows
    def forward(
        context: Context,
        x: Array,
        *,
        y: Array,
        reduction: Reduction,
        weight: Array | None = None,
        total: float | None = None,
    ) -> Array:
        p = np.maximum(x, probability_floor(x))
        context["p"], context["y"] = p, y
        logarithms = np.log(p.take(entries(y, p.shape[1]))) if y.ndim == 1 else label_sums(y, np.log(p))
        return reduce_losses(context, -logarithms, reduction, weight, total)

    @staticmethod
    @backward_on_rows
    def backward(context: Context, dout: Array) -> Array:
        p, y = context["p"], context["y"]
        if y.ndim == 2:
            return weigh(context, dout, np.divide(-y, p, out=np.zeros_like(p), where=y != 0))
        at, dx = entries(y, p.shape[1]), np.zeros(p.shape, p.dtype)
        dx.reshape(-1)[at] = -1 / p.take(at)
        return weigh(context, dout, dx)


class SoftMaxCrossEntropy(Op):
    """
    Forward     lossₙ = − Σᵢ yₙᵢ log Sₙᵢ = Σᵢ yₙᵢ (log Σⱼ exp(xₙⱼ − mₙ) − (xₙᵢ − mₙ))      mₙ = maxⱼ xₙⱼ
                out = mean, sum or all of vₙ lossₙ
    Backward    dxₙᵢ = wₙ (Sₙᵢ Σⱼ yₙⱼ − yₙᵢ)         wₙ = dout vₙ/Σv, dout vₙ or doutₙ vₙ
    Shapes      x (N, C), scores   y, v, out, dout as in CrossEntropy, also for x (N, C, …)
    Caches      S, with 0 for less than f as in CrossEntropy, which is where products begin to lose digits; y, v
    Kinks       none; at ±∞ the limit, which is none (NaN) where several scores of a row are ∞ or all −∞
    Reference   "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), eq. 4 put into eq. 36: the division by the
                probability cancels, so nothing overflows as long as the differences of the scores do not
    """

    check_inputs = staticmethod(functools.partial(check_classes, "SoftMaxCrossEntropy"))

    @staticmethod
    @quiet
    @forward_on_rows
    def forward(
        context: Context,
        x: Array,
        *,
        y: Array,
        reduction: Reduction,
        weight: Array | None = None,
        total: float | None = None,
    ) -> Array:
        shifted = _below_maxima(x)
        s = np.exp(shifted)
        sums = np.add.reduce(s, axis=1, keepdims=True)
        s /= sums
        context["s"], context["y"] = floored(s), y
        if y.ndim == 1:
            context["at"] = at = entries(y, x.shape[1])
            losses = np.log(sums[:, 0]) - shifted.take(at)
        else:
            losses = label_sums(y, np.log(sums) - shifted)
        return reduce_losses(context, losses, reduction, weight, total)

    @staticmethod
    @backward_on_rows
    def backward(context: Context, dout: Array) -> Array:
        s, y = context["s"], context["y"]
        if y.ndim == 2:
            return weigh(context, dout, s * y.sum(axis=1, keepdims=True) - y)
        dx = s.copy()
        dx.reshape(-1)[context["at"]] -= 1
        return weigh(context, dout, dx)


class NLL(Op):
    """
    Forward     lossₙ = − Σᵢ yₙᵢ xₙᵢ, 0 · ∞ = 0  out = mean, sum or all of vₙ lossₙ
    Backward    dxₙᵢ = − wₙ yₙᵢ                  wₙ = dout vₙ/Σv, dout vₙ or doutₙ vₙ
    Shapes      x (N, C), logarithms of probabilities   y, v, out, dout as in CrossEntropy, also for
                x (N, C, …)
    Caches      x  (for its shape; a view, no copy), y, v
    Kinks       none
    Reference   CrossEntropy with log p for its input: the negative log-likelihood of the labels
    """

    check_inputs = staticmethod(functools.partial(check_classes, "NLL"))

    @staticmethod
    @quiet
    @forward_on_rows
    def forward(
        context: Context,
        x: Array,
        *,
        y: Array,
        reduction: Reduction,
        weight: Array | None = None,
        total: float | None = None,
    ) -> Array:
        context["y"], context["x"] = y, x
        losses = -x.take(entries(y, x.shape[1])) if y.ndim == 1 else -label_sums(y, x)
        return reduce_losses(context, losses, reduction, weight, total)

    @staticmethod
    @backward_on_rows
    def backward(context: Context, dout: Array) -> Array:
        y, x = context["y"], context["x"]
        if y.ndim == 2:
            return weigh(context, dout, -y)
        dx = np.zeros(x.shape, x.dtype)
        dx.reshape(-1)[entries(y, x.shape[1])] = -1
        return weigh(context, dout, dx)


def _below_maxima(x: Array) -> Array:
    """xₙᵢ − mₙ, defined as 0 at a unique infinite maximum of a row."""
    maxima = row_maxima(x.real)
    shifted: Array = x - maxima
    if not all_finite(maxima[:, 0]):
        at = (x.real == maxima) & (maxima == np.inf)
        at &= np.count_nonzero(at, axis=1, keepdims=True) == 1
        shifted[at] = 0
    return shifted


class CrossEntropyModule(DistributionLossModule):
    """Cross-entropy of **probabilities** (N, C) or (N, C, …), as from SoftMaxModule. "mean" divides by the number of
    labels.

    For scores before the softmax use SoftMaxCrossEntropyModule, which is more accurate and faster.
    """

    op = CrossEntropy
    input_kind = "probabilities"


class SoftMaxCrossEntropyModule(DistributionLossModule):
    """Cross-entropy of the softmax of **scores** (N, C) or (N, C, …), fused in one stable formula. "mean" divides by
    the number of labels.

    Predictions that are evidently probabilities cause a UserWarning, once.
    """

    op = SoftMaxCrossEntropy
    input_kind = "scores"
    _warned = False

    def _check_predictions(self, x: Array, weight: Array | None) -> None:
        super()._check_predictions(x, weight)
        if not self._warned and are_distributions(x.reshape(*x.shape[:2], -1)[:, :, 0] if x.ndim > 2 else x):
            self._warned = True
            warnings.warn(
                f"{self._forward}: x must hold scores, got rows that sum to 1, as a softmax gives them; this takes "
                "a second one of them. Hint: leave out the model's last layer (an MLP has .logits), or take "
                "CrossEntropyModule for the loss.",
                UserWarning,
                stacklevel=3,
            )


class NLLModule(DistributionLossModule):
    """Cross-entropy of **log-probabilities** (N, C) or (N, C, …), as from LogSoftMaxModule. "mean" divides by the
    number of labels."""

    op = NLL
    input_kind = "log-probabilities"
