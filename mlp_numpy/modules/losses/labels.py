"""Labels of classes: what they may be, and what class weights, label smoothing and ignored labels make of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, first_outside, one_hot
from mlp_numpy.errors import LabelError, OptionError, ShapeError
from mlp_numpy.modules.losses.base import LossModule
from mlp_numpy.modules.losses.reduction import Reduction


class ClassLossModule(LossModule):
    """The base of the losses whose labels ``y`` are classes, whole numbers (N,).

    class_weight    one weight ω a class: a row counts ω times its own class, and "mean" divides by the sum of that
    ignore_index    rows of this label do not count, neither in the sum nor in what "mean" divides by
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
            class_weight = np.array(class_weight)
            good = class_weight.ndim == 1 and class_weight.size and class_weight.dtype.kind in "fiub"
            if not (good and np.isfinite(class_weight).all() and class_weight.min() >= 0):
                raise OptionError(f"{who}: class_weight must be a row of finite numbers ≥ 0, got {class_weight}.")
        if ignore_index is not None and (isinstance(ignore_index, bool) or not isinstance(ignore_index, int)):
            raise OptionError(f"{who}: ignore_index must be a whole number or None, got {ignore_index!r}.")
        self.class_weight, self.ignore_index = class_weight, ignore_index

    def targets(self, x: Array, y: Array, weight: Array | None = None) -> dict[str, Any]:
        """The labels and weights of a batch as the formula takes them, keyword by keyword, once they are checked.

        For classes yₙ, class weight and ignored label are weights of rows: vₙ = weightₙ ω at yₙ, or 0 where ignored.
        """
        y, weight = self._present(x, np.asarray(y), self._check_weight(x, weight))
        y = self._check_labels(x, y)
        if self.class_weight is not None:
            factor = self._class_weights(x, self.class_weight)[y]
            weight = factor if weight is None else weight * factor
        return {"y": y, "weight": weight}

    def _present(self, x: Array, y: Array, weight: Array | None) -> tuple[Array, Array | None]:
        """Labels to be ignored become class 0, and their rows' weights 0."""
        if self.ignore_index is None or y.shape != x.shape[:1]:
            return y, weight
        present = y != self.ignore_index
        weight = present.astype(x.real.dtype) if weight is None else weight * present
        return np.where(present, y, np.zeros((), y.dtype)), weight

    def _options(self) -> dict[str, Any]:
        listed = None if self.class_weight is None else self.class_weight.tolist()
        options = {"class_weight": listed, "ignore_index": self.ignore_index}
        return {name: value for name, value in options.items() if value is not None}

    def _class_weights(self, x: Array, weights: Array) -> Array:
        if len(weights) != x.shape[1]:
            raise ShapeError(f"{self._forward}: x must be (N, {len(weights)}), one a class weight, got {x.shape}.")
        return weights.astype(x.real.dtype)

    def _check_input(self, x: Array) -> None:
        if x.ndim != 2 or x.shape[1] == 0:
            raise ShapeError(f"{self._forward}: x must be (N, C), got {x.shape}.")

    def _check_labels(self, x: Array, y: Array) -> Array:
        n_rows, n_classes = x.shape
        if y.shape != (n_rows,):
            raise LabelError(f"{self._forward}: labels must be {self._forms(x)}, one a row of x, got {y.shape}.")
        if y.dtype.kind not in "iu":
            raise LabelError(f"{self._forward}: labels must be whole numbers in [0, {n_classes}), got {y.dtype}.")
        row = first_outside(y, n_classes)
        if row is not None:
            raise LabelError(f"{self._forward}: labels must lie in [0, {n_classes}), got {y[row]} at row {row}.")
        return y

    def _forms(self, x: Array) -> str:
        return f"({len(x)},)"


class DistributionLossModule(ClassLossModule):
    """The base of the cross-entropies: ``y`` may also be rows of probabilities (N, C), one-hot or soft.

    "mean" divides by N, or by the sum of the rows' weights. The other options are those of PyTorch's cross_entropy:

    class_weight      one weight ω a class, a factor of each yₙᵢ. "mean" divides by Σₙ ω at yₙ for labels that are
                      whole numbers, but by N for rows of probabilities
    label_smoothing   ε: yₙᵢ becomes (1 − ε) yₙᵢ + ε/C
    ignore_index      rows of this label do not count; for whole numbers only. Where all are ignored, "mean" is 0
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
        if not isinstance(label_smoothing, float | int) or not 0 <= label_smoothing <= 1:
            raise OptionError(
                f"{type(self).__name__}: label_smoothing must be a number in [0, 1], got {label_smoothing!r}."
            )
        self.label_smoothing = float(label_smoothing)

    def targets(self, x: Array, y: Array, weight: Array | None = None) -> dict[str, Any]:
        """The labels and weights of a batch as the formula takes them, keyword by keyword, once they are checked.

        Rows of probabilities become tₙᵢ = ωᵢ ((1 − ε) yₙᵢ + ε/C), and so do smoothed classes, for which "mean" still
        divides by Σₙ vₙ with vₙ as in the plain case; ``total`` carries it.
        """
        y = np.asarray(y)
        if y.ndim == 2:
            if self.ignore_index is not None:
                raise LabelError(
                    f"{self._forward}: labels must be whole numbers where one is to be ignored, got {y.shape}."
                )
            rows, weight = self._check_labels(x, y), self._check_weight(x, weight)
            return {"y": self._smoothed(x, rows), "weight": weight}
        plain = super().targets(x, y, weight)
        if not self.label_smoothing:
            return plain
        rows = self._smoothed(x, one_hot(plain["y"], x.shape[1], x.real.dtype))
        total = None if plain["weight"] is None else float(plain["weight"].sum())
        return {"y": rows, "weight": self._present(x, y, self._check_weight(x, weight))[1], "total": total}

    def _options(self) -> dict[str, Any]:
        smoothing = {"label_smoothing": self.label_smoothing} if self.label_smoothing else {}
        return super()._options() | smoothing

    def _smoothed(self, x: Array, rows: Array) -> Array:
        if self.label_smoothing:
            rows = (1 - self.label_smoothing) * rows + self.label_smoothing / x.shape[1]
        return rows if self.class_weight is None else self._class_weights(x, self.class_weight) * rows

    def _check_labels(self, x: Array, y: Array) -> Array:
        if y.ndim != 2:
            return super()._check_labels(x, y)
        if y.shape != x.shape:
            raise LabelError(
                f"{self._forward}: rows of labels must be {x.shape}, as the predictions are, got {y.shape}."
            )
        return check_probabilities(self._forward, x, y)

    def _forms(self, x: Array) -> str:
        return f"({len(x)},) or {x.shape}"


def check_probabilities(who: str, x: Array, y: Array) -> Array:
    """Rows of probabilities as numbers of x's kind. They need not sum to 1: a row of zeros is no target at all."""
    if y.dtype.kind not in "fiub":
        raise LabelError(f"{who}: labels must be numbers, got {y.dtype}.")
    if not (y.min() >= 0 and np.isfinite(y).all()):
        row = int(np.flatnonzero(~((y >= 0) & np.isfinite(y)).all(axis=1))[0])
        raise LabelError(f"{who}: rows of labels must be probabilities, finite and ≥ 0, got {y[row]} at {row}.")
    return y.astype(x.real.dtype, copy=False)
