"""Reduction of the losses of a batch to a scalar, and its backward."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias, TypeVar, get_args

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context
from mlp_numpy.checks import NOT_NEGATIVE, choice, number, shown
from mlp_numpy.errors import DTypeError

Reduction: TypeAlias = Literal["mean", "sum", "none"]
_REDUCTIONS: Final = get_args(Reduction)
Formula = TypeVar("Formula", bound=Callable[..., Any])


def quiet(formula: Formula) -> Formula:
    """Suppress NumPy's warnings in a formula: infinities are limits, and NaN is visible in the result."""
    return np.errstate(all="ignore")(formula)


class Joined:
    """Combines the results of parts of a batch into that of the whole batch.

        "mean"    R = Σᵢ Zᵢ rᵢ / Z      Zᵢ = Wᵢ and Z = Σᵢ Wᵢ, or 1 where that is 0
        "sum"     R = Σᵢ rᵢ

    r is the loss or gradient of a part, and W the divisor of its mean: the loss's ``total_weight``, not the number of
    examples. (For an accuracy, it is the number of examples.) It is computed as R ← a R + b rᵢ, where nothing is larger
    than the parts: ``add`` returns a and b.
    """

    def __init__(self, reduction: Reduction = "mean") -> None:
        if not isinstance(reduction, str) or reduction not in _REDUCTIONS:
            choice("Joined", "reduction", reduction, _REDUCTIONS)
        self.reduction: Reduction = reduction
        self.weight = 0.0
        self.value = 0.0
        self._begun = False

    def add(self, weight: float) -> tuple[float, float]:
        """The factors (a, b) of the current result and of the next part, whose total weight is ``weight``.

        A part of value 0 and weight 0 may be omitted. Raises OptionError for a weight that is not a number ≥ 0.
        """
        return self._factors(number("Joined.add", "weight", weight, NOT_NEGATIVE))

    def _factors(self, weight: float) -> tuple[float, float]:
        before = (self.weight or 1.0) if self._begun else 0.0
        self.weight, self._begun = self.weight + weight, True
        if self.reduction != "mean":
            return 1.0, 1.0
        whole = self.weight or 1.0
        return before / whole, (weight or 1.0) / whole

    def join_next(self, part: float, weight: float) -> None:
        """Join the next part to ``value``, the number R of all parts so far; raises as ``join`` does."""
        if type(part) is float and type(weight) in (float, int) and 0 < weight < math.inf:  # as in every step of a run
            a, b = self._factors(weight)
            self.value = (a * self.value if a else 0.0) + b * part
        else:
            self.value = self.join(self.value, part, weight)

    def join(self, whole: float, part: float, weight: float) -> float:
        """The updated R, given the current result ``whole`` and the next part, both real numbers.

        Raises OptionError for a weight that is not a number ≥ 0, DTypeError for a part that is not a number.
        """
        for name, value in (("whole", whole), ("part", part)):
            if not isinstance(value, float | int | np.floating | np.integer):
                raise DTypeError(f"Joined.join: {name} must be a number, got {shown(value)}.")
        weight = number("Joined.join", "weight", weight, NOT_NEGATIVE)
        if part == weight == 0:
            return whole
        a, b = self._factors(weight)
        return (a * whole if a else 0.0) + b * part


def reduce_losses(
    context: Context, losses: Array, reduction: Reduction, weight: Array | None = None, total: float | None = None
) -> Array:
    """
    Forward     out = Σₙ (vₙ/Z) lossₙ, Σₙ vₙ lossₙ, or all of vₙ lossₙ      Z = Σₙ vₙ, or 1 where that is 0
    Shapes      losses (N, …)   weight v (N,) or as losses, or None: every v is 1   out () or (N, …)
                Z counts every number of ``losses``; ``total`` replaces it where the weights are not all in v
    Caches      v, Z

    A loss of weight 0 is absent: whatever it is, NaN or infinite, it counts as 0. Weights are float64 whatever the
    losses are, and so are their products.
    """
    context["reduction"], context["weight"] = reduction, weight
    if weight is None:
        context["total"] = n = losses.size if total is None else total
        return _reduced(losses, reduction, n)
    v = context["weight"] = weight.astype(np.float64, copy=False).reshape(
        weight.shape + (1,) * (losses.ndim - weight.ndim)
    )
    n = float(v.sum()) * (losses.size // v.size) if total is None else total
    context["total"] = n
    share = v / (n or 1) if reduction == "mean" else v
    zeros = np.zeros(losses.shape, np.result_type(losses, np.float64))
    losses_weighed = np.multiply(share, losses, out=zeros, where=v != 0)
    out: Array = losses_weighed if reduction == "none" else np.add.reduce(losses_weighed, axis=None)
    return out.astype(losses.dtype, copy=False)


def _reduced(losses: Array, reduction: Reduction, n: float) -> Array:
    if reduction == "none":
        return losses
    out: Array = np.add.reduce(losses, axis=None)
    if reduction == "sum":
        return out
    # A sum may overflow where the mean does not.
    mean: Array = out / n if cmath.isfinite(out) else np.add.reduce(losses / n, axis=None)
    return mean


def weigh(context: Context, dout: Array, slopes: Array) -> Array:
    """
    Backward    dxₙᵢ = wₙ ∂lossₙ/∂xₙᵢ      wₙ = dout vₙ/Z, dout vₙ or doutₙ vₙ
    Shapes      dout () or (N, …)   slopes ∂loss/∂x (N, …), written over with the result

    A loss of weight 0 is absent: its gradient is 0.
    """
    weight, mean = context["weight"], context["reduction"] == "mean"
    n = (context["total"] or 1) if mean else 1
    if weight is None:
        return _scaled(slopes, dout / n if mean else dout)
    slopes[(weight if weight.shape == slopes.shape else weight.reshape(-1)) == 0] = 0
    return _scaled(slopes, dout * (weight / n))


def _scaled(slopes: Array, w: Array) -> Array:
    if w.ndim:
        w = w.reshape(w.shape + (1,) * (slopes.ndim - w.ndim))
    slopes *= w
    return slopes


def label_sums(y: Array, logarithms: Array) -> Array:
    """Σᵢ yₙᵢ logₙᵢ with 0 log 0 = 0, (N, C) → (N,): entries with label 0 have no effect."""
    sums: Array = (y * np.where(y == 0, 0, logarithms)).sum(axis=1)
    return sums
