"""Class labels: validation, class weights, label smoothing and ignored labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, first_outside, one_hot
from mlp_numpy.checks import LARGEST, PROBABILITY, is_whole, number, plain_array, shown
from mlp_numpy.errors import LabelError, OptionError, ShapeError
from mlp_numpy.modules.class_axis import from_rows
from mlp_numpy.modules.losses.base import LossModule, narrowed
from mlp_numpy.modules.losses.domain import SLACK
from mlp_numpy.modules.losses.reduction import Reduction


class ClassLossModule(LossModule):
    """The base class of the losses with class labels ``y``, integers (N,), or (N, …) for predictions (N, C, …).

    class_weight    one weight ω per class: an example counts with ω of its class, and "mean" divides by their sum
    ignore_index    examples of this label are ignored, in the sum and in the divisor of "mean"
    """

    def __init__(
        self,
        reduction: Reduction = "mean",
        *,
        class_weight: Sequence[float] | Array | None = None,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(reduction)
        who = type(self).__name__
        if class_weight is not None:
            class_weight = plain_array(who, "class_weight", class_weight)
            good = class_weight.ndim == 1 and class_weight.size and class_weight.dtype.kind in "fiu"
            omega = narrowed(class_weight, np.float64) if good else np.full(1, np.nan)
            if not (np.isfinite(omega).all() and omega.min() >= 0):
                raise OptionError(
                    f"{who}: class_weight must be a vector of finite numbers ≥ 0, got {shown(class_weight.tolist())}."
                )
            class_weight = class_weight.copy()
        if ignore_index is not None and not is_whole(ignore_index, -LARGEST - 1):
            raise OptionError(f"{who}: ignore_index must be an integer or None, got {shown(ignore_index)}.")
        self.class_weight = class_weight
        self.ignore_index = None if ignore_index is None else int(ignore_index)

    def _targets(self, x: Array, y: Array, weight: Array | None) -> dict[str, Any]:
        """Check labels and weights of a batch and convert them to the formula's keyword arguments.

        For classes yₙ, class weights and ignored labels become example weights: vₙ = weightₙ ω at yₙ, or 0 if ignored.
        """
        y, weight = self._present(x, self._array("y", y), self._check_weight(x, weight))
        y = self._check_labels(x, y)
        if self.class_weight is not None:
            weight = self._product(x, weight, self._omega(x)[y])
        return {"y": y, "weight": weight}

    def _present(self, x: Array, y: Array, weight: Array | None) -> tuple[Array, Array | None]:
        """Replace ignored labels by class 0, with example weight 0."""
        if self.ignore_index is None or y.shape != self._losses_shape(x) or y.dtype.kind not in "iu":
            return y, weight
        present = y != self.ignore_index
        weight = present.astype(np.float64) if weight is None else weight * present
        return np.where(present, y, np.zeros((), y.dtype)), weight

    def _product(self, x: Array, weight: Array | None, factor: Array) -> Array:
        """Multiply example weights by factors; raises OptionError if a product underflows or overflows."""
        if weight is None:
            return self._check_sum(x, factor)
        with np.errstate(over="ignore"):
            product: Array = weight * factor
        if ((product < np.finfo(np.float64).tiny) & (weight > 0) & (factor > 0)).any():
            raise OptionError(f"{self._forward}: weight times class_weight must be above 1e-308, got less.")
        return self._check_sum(x, product)

    def _options(self) -> dict[str, Any]:
        listed = None if self.class_weight is None else self.class_weight.tolist()
        options = {"class_weight": listed, "ignore_index": self.ignore_index}
        return {name: value for name, value in options.items() if value is not None}

    def _omega(self, x: Array) -> Array:
        """The class weights in float64, (C,)."""
        weights = np.ones(x.shape[1]) if self.class_weight is None else narrowed(self.class_weight, np.float64)
        if len(weights) != x.shape[1]:
            raise ShapeError(f"{self._forward}: x must be (N, {len(weights)}), one per class weight, got {x.shape}.")
        return weights

    def _losses_shape(self, x: Array) -> tuple[int, ...]:
        return (len(x), *x.shape[2:])

    def _check_weight(self, x: Array, weight: Array | None) -> Array | None:
        """The weights of the losses, (N, …), in float64."""
        if weight is None:
            return None
        v = super()._check_weight(x, weight)
        if v is None or x.ndim == 2:
            return v
        return np.broadcast_to(v.reshape(v.shape + (1,) * (x.ndim - 1 - v.ndim)), self._losses_shape(x))

    def _check_input(self, x: Array) -> None:
        check_rows(self._forward, x)

    def _check_labels(self, x: Array, y: Array) -> Array:
        n_classes = x.shape[1]
        if y.shape != self._losses_shape(x):
            raise LabelError(f"{self._forward}: labels must be {self._forms(x)}, one per example of x, got {y.shape}.")
        if y.dtype.kind not in "iu":
            raise LabelError(f"{self._forward}: labels must be integers in [0, {n_classes}), got {y.dtype}.")
        row = first_outside(y if y.ndim == 1 else y.reshape(-1), n_classes)
        if row is not None:
            where = f"row {row}" if y.ndim == 1 else f"{[int(i) for i in np.unravel_index(row, y.shape)]}"
            raise LabelError(f"{self._forward}: labels must lie in [0, {n_classes}), got {y.flat[row]} at {where}.")
        return y

    def _forms(self, x: Array) -> str:
        return f"{self._losses_shape(x)}"


class DistributionLossModule(ClassLossModule):
    """The base class of the cross-entropies: ``y`` may also be probabilities of x's shape, one-hot or soft.

    Predictions are (N, C), or (N, C, …) with one label for each of the positions …, as for the pixels of an image.
    "mean" divides by the number of labels, or by the sum of the weights. The other options are those of PyTorch's
    cross_entropy:

    class_weight      one weight ω per class, a factor of each yₙᵢ. "mean" divides by Σₙ ω at yₙ for integer labels, but
                      by their number for probabilities
    label_smoothing   ε: yₙᵢ becomes (1 − ε) yₙᵢ + ε/C. A class of weight 0 then still has a loss; "mean" divides by 1
                      if all weights ω at yₙ are 0
    ignore_index      examples of this label are ignored; for integer labels only. If all are ignored, "mean" is 0
    """

    def __init__(
        self,
        reduction: Reduction = "mean",
        *,
        class_weight: Sequence[float] | Array | None = None,
        label_smoothing: float = 0.0,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(reduction, class_weight=class_weight, ignore_index=ignore_index)
        self.label_smoothing = number(type(self).__name__, "label_smoothing", label_smoothing, PROBABILITY)

    def _targets(self, x: Array, y: Array, weight: Array | None) -> dict[str, Any]:
        """Check labels and weights of a batch and convert them to the formula's keyword arguments.

        Probabilities become tₙᵢ = ωᵢ ((1 − ε) yₙᵢ + ε/C), and so do smoothed classes, for which "mean" still divides by
        Σₙ vₙ with vₙ as without smoothing, passed as ``total``. Class weights may be of any size, so the largest of a
        row is moved to its example weight.
        """
        y = self._array("y", y)
        if y.ndim == x.ndim:
            if self.ignore_index is not None:
                raise LabelError(f"{self._forward}: labels must be integers where one is to be ignored, got {y.shape}.")
            rows = self._check_labels(x, y)
            counts = v = self._check_weight(x, weight)
        else:
            plain = super()._targets(x, y, weight)
            if not self.label_smoothing:
                return plain
            rows = from_rows(one_hot(plain["y"].reshape(-1), x.shape[1], x.real.dtype), x.shape)
            counts = plain["weight"]
            v = self._present(x, y, self._check_weight(x, weight))[1]
        total = None if counts is None else float(counts.sum())
        if self.label_smoothing:
            rows = (1 - self.label_smoothing) * rows + self.label_smoothing / x.shape[1]
        if self.class_weight is None:
            return {"y": rows, "weight": v, "total": total}
        rows = self._omega(x).reshape(-1, *(1,) * (x.ndim - 2)) * rows
        largest = rows.max(axis=1)
        rows = np.divide(rows, largest[:, np.newaxis], out=np.zeros_like(rows), where=largest[:, np.newaxis] > 0)
        v, total = self._product(x, v, largest), float(largest.size) if total is None else total
        return {"y": narrowed(rows, x.real.dtype), "weight": v, "total": total}

    def _options(self) -> dict[str, Any]:
        smoothing = {"label_smoothing": self.label_smoothing} if self.label_smoothing else {}
        return super()._options() | smoothing

    def _check_labels(self, x: Array, y: Array) -> Array:
        if y.ndim != x.ndim:
            return super()._check_labels(x, y)
        return check_probabilities(self._forward, x, y)

    def _check_input(self, x: Array) -> None:
        if x.ndim < 2 or x.size == 0:
            raise ShapeError(f"{self._forward}: x must be (N, C) or (N, C, …), got {x.shape}.")

    def _forms(self, x: Array) -> str:
        return f"{self._losses_shape(x)} or {x.shape}"


def check_rows(who: str, x: Array) -> None:
    """Raise ShapeError if ``x`` is not (N, C)."""
    if x.ndim != 2 or x.shape[1] == 0:
        raise ShapeError(f"{who}: x must be (N, C), got {x.shape}.")


def check_probabilities(who: str, x: Array, y: Array) -> Array:
    """Probabilities converted to x's dtype. They need not sum to 1: a row of zeros has no target."""
    if y.shape != x.shape:
        raise LabelError(f"{who}: rows of labels must be {x.shape}, as the predictions are, got {y.shape}.")
    if y.dtype.kind not in "fiub":
        raise LabelError(f"{who}: labels must be numbers, got {y.dtype}.")
    if not (y.min() >= 0 and y.max() <= 1 + SLACK):
        place = tuple(int(i) for i in np.argwhere(~((y >= 0) & (y <= 1 + SLACK)).all(axis=1))[0])
        found, where = np.moveaxis(y, 1, -1)[place], place[0] if len(place) == 1 else list(place)
        raise LabelError(
            f"{who}: rows of labels must be probabilities, finite and ≥ 0, none above 1, got {found} at {where}."
        )
    return narrowed(y, x.real.dtype)
