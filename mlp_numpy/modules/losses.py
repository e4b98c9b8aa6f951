"""Losses: formulas that turn a batch of predictions and its labels into one number."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from mlp_numpy.arrays import Array, first_outside
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.errors import LabelError, ShapeError, unknown_name
from mlp_numpy.modules.base import Module

Reduction: TypeAlias = Literal["mean", "sum", "none"]


def reduce_rows(losses: Array, reduction: Reduction) -> Array:
    """One loss a row (N,) → their mean (over N), their sum, or the rows themselves."""
    if reduction == "none":
        return losses
    total: Array = np.add.reduce(losses)
    return total / len(losses) if reduction == "mean" else total


def row_gradients(dout: Array, n_rows: int, reduction: Reduction) -> Array:
    """The derivative of ``reduce_rows``: what ``dout`` hands to each row's loss, of shape () or (N, 1)."""
    if reduction == "none":
        return dout[:, np.newaxis]
    return dout / n_rows if reduction == "mean" else dout


class CrossEntropy(Op):
    """
    Forward     lossₙ = − Σᵢ yₙᵢ log pₙᵢ         out = mean, sum or all of lossₙ      pₙᵢ = max(xₙᵢ, tiny)
    Backward    dxₙᵢ = − wₙ yₙᵢ / pₙᵢ            wₙ = dout/N, dout or doutₙ
    Shapes      x (N, C), probabilities   y (N,) whole numbers, or (N, C) probabilities such as one-hot rows
                out, dout () or (N,)
    Caches      p, y
    Kinks       below tiny, the smallest normal number of the type, the logarithm stays at log(tiny) and the slope at
                −1/tiny: both finite, so that a probability that underflowed to 0 does not end a run
    Reference   "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), eq. 1 to 4 and 45. Nothing is cut off above
                1: a numeric check may step past it.
    """

    @staticmethod
    def forward(context: Context, x: Array, *, y: Array, reduction: Reduction) -> Array:
        p = np.maximum(x, np.finfo(x.dtype).tiny)
        context["p"], context["y"], context["reduction"] = p, y, reduction
        losses = -np.log(p[np.arange(len(p)), y]) if y.ndim == 1 else -(y * np.log(p)).sum(axis=1)
        return reduce_rows(losses, reduction)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        p, y = context["p"], context["y"]
        w = row_gradients(dout, len(p), context["reduction"])
        if y.ndim == 2:
            dx: Array = -w * y / p
            return dx
        rows = np.arange(len(p))
        dx = np.zeros_like(p)
        dx[rows, y] = -np.broadcast_to(w, (len(p), 1))[:, 0] / p[rows, y]
        return dx


class SoftMaxCrossEntropy(Op):
    """
    Forward     lossₙ = − Σᵢ yₙᵢ log Sₙᵢ = Σᵢ yₙᵢ (log Σⱼ exp(xₙⱼ − mₙ) − (xₙᵢ − mₙ))      mₙ = maxⱼ xₙⱼ
                out = mean, sum or all of lossₙ
    Backward    dxₙᵢ = wₙ (Sₙᵢ Σⱼ yₙⱼ − yₙᵢ)         wₙ = dout/N, dout or doutₙ
    Shapes      x (N, C), scores   y (N,) whole numbers, or (N, C) probabilities such as one-hot rows
                out, dout () or (N,)
    Caches      S, y
    Kinks       none
    Reference   "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), eq. 4 put into eq. 36: the division by the
                probability cancels, so nothing overflows however far apart the scores are
    """

    @staticmethod
    def forward(context: Context, x: Array, *, y: Array, reduction: Reduction) -> Array:
        shifted = x - x.real.max(axis=1, keepdims=True)
        s = np.exp(shifted)
        total = s.sum(axis=1, keepdims=True)
        s /= total
        context["s"], context["y"], context["reduction"] = s, y, reduction
        if y.ndim == 1:
            losses = np.log(total[:, 0]) - shifted[np.arange(len(x)), y]
        else:
            losses = (y * (np.log(total) - shifted)).sum(axis=1)
        return reduce_rows(losses, reduction)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        s, y = context["s"], context["y"]
        w = row_gradients(dout, len(s), context["reduction"])
        if y.ndim == 2:
            dx: Array = w * (s * y.sum(axis=1, keepdims=True) - y)
            return dx
        dx = s.copy()
        dx[np.arange(len(s)), y] -= 1
        dx *= w
        return dx


class LossModule(Module):
    """The base of the losses: ``forward(x, y)`` gives the loss, ``backward`` its gradient ∂L/∂x.

    reduction   "mean" divides the sum of the rows' losses by the number of rows N, "sum" does not, "none" gives one
                loss a row

    Labels ``y`` are whole numbers (N,), or rows of probabilities (N, C), one-hot or soft.

    Raises ShapeError, DTypeError or LabelError when predictions and labels do not fit each other, OptionError for an
    unknown reduction.
    """

    def __init__(self, reduction: Reduction = "mean") -> None:
        if reduction not in get_args(Reduction):
            raise unknown_name("reduction", str(reduction), get_args(Reduction))
        super().__init__()
        self.reduction: Reduction = reduction
        self._out_dtype: Any = np.float64

    def row_sum(self, loss: Array, n_rows: int) -> float:
        """The sum of the rows' losses, from what ``forward`` gave for ``n_rows`` rows with this reduction."""
        return float(np.sum(loss)) * (n_rows if self.reduction == "mean" else 1)

    def forward(self, x: Array, y: Array | None = None) -> Array:
        """The loss of predictions ``x`` (N, C) for labels ``y``: a scalar, or (N,) with reduction "none"."""
        x = self._check_batch("forward", "x", x)
        self._check_input(x)
        y = self._check_labels(x, y)
        context = Context()
        out = self.op.forward(context, x, y=y, reduction=self.reduction)
        self._context, self._out_shape, self._out_dtype = context, np.shape(out), out.dtype
        return out

    def backward(self, dout: Array | None = None, y: Array | None = None) -> Array:
        """∂L/∂x, of x's shape.

        ``backward()`` differentiates the last forward, ``backward(dout=g)`` weighs it with ∂(something)/∂L, and
        ``backward(x, y)`` first runs the forward of this batch.
        """
        if y is not None:
            if dout is None:
                raise ShapeError(f"{self!r}.backward: x must come with y, got y alone. Hint: backward(x, y).")
            self.forward(dout, y)
            dout = None
        context = self._remembered()
        if dout is None:
            dout = np.ones(self._out_shape, self._out_dtype)[()]
        elif np.shape(dout) != self._out_shape:
            raise ShapeError(
                f"{self!r}.backward: dout must be {self._out_shape}, as the loss was, got {np.shape(dout)}. "
                "Hint: predictions need their labels, backward(x, y)."
            )
        dx: Array = self.op.backward(context, np.asarray(dout, self._out_dtype)[()])
        return dx

    def _arguments(self) -> str:
        return "" if self.reduction == "mean" else f"reduction={self.reduction!r}"

    def _check_input(self, x: Array) -> None:
        who = f"{type(self).__name__}.forward"
        if x.ndim != 2 or x.shape[1] == 0:
            raise ShapeError(f"{who}: x must be (N, C), got {x.shape}.")

    def _check_labels(self, x: Array, y: Array | None) -> Array:
        """The labels as an array that fits the predictions ``x``, or an error that says what is wrong with them."""
        who = f"{type(self).__name__}.forward"
        if y is None:
            raise LabelError(f"{who}: labels must be given, got none. Hint: forward(x, y).")
        y = np.asarray(y)
        n_rows, n_classes = x.shape
        if y.ndim == 2:
            if y.shape != x.shape:
                raise LabelError(f"{who}: rows of labels must be {x.shape}, as the predictions are, got {y.shape}.")
            if y.dtype.kind not in "fiub":
                raise LabelError(f"{who}: labels must be numbers, got {y.dtype}.")
            if not (y.min() >= 0 and np.isfinite(y).all()):
                row = int(np.flatnonzero(~((y >= 0) & np.isfinite(y)).all(axis=1))[0])
                raise LabelError(f"{who}: rows of labels must be probabilities, finite and ≥ 0, got {y[row]} at {row}.")
            return y.astype(x.real.dtype, copy=False)
        if y.shape != (n_rows,):
            raise LabelError(f"{who}: labels must be ({n_rows},) or {x.shape}, one a row of x, got {y.shape}.")
        if y.dtype.kind not in "iu":
            raise LabelError(f"{who}: labels must be whole numbers in [0, {n_classes}), got {y.dtype}.")
        outside = first_outside(y, n_classes)
        if outside is not None:
            raise LabelError(f"{who}: labels must lie in [0, {n_classes}), got {y[outside]} at row {outside}.")
        return y


class CrossEntropyModule(LossModule):
    """Cross-entropy of **probabilities** (N, C), such as SoftMaxModule gives. "mean" divides by N.

    For scores before the softmax use SoftMaxCrossEntropyModule, which is more exact and quicker.
    """

    op = CrossEntropy


class SoftMaxCrossEntropyModule(LossModule):
    """Cross-entropy of the softmax of **scores** (N, C), both in one stable formula. "mean" divides by N."""

    op = SoftMaxCrossEntropy
