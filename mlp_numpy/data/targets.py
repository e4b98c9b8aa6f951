"""Targets of a supervised task: class labels, sets of labels, or real numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np

from mlp_numpy.arrays import Array, all_finite
from mlp_numpy.checks import FINITE, LARGEST, POSITIVE, number, plain_array, shown
from mlp_numpy.data.moments import RunningMoments
from mlp_numpy.errors import LabelError, OptionError

Task: TypeAlias = Literal["classification", "multilabel", "regression"]
TASKS: Final[tuple[Task, ...]] = get_args(Task)


def checked_targets(who: str, task: Task, targets: Array, n: int, first: int = 0) -> Array:
    """The targets of ``n`` examples in the form that is stored; ``first`` is the row number of the first in messages.

    classification   (N,) integers ≥ 0, as int64
    multilabel       (N, K) of 0 and 1, as uint8: example n has label k
    regression       (N, K), or (N,) for K = 1, finite numbers, as (N, K) of float32 or float64

    Raises LabelError for targets of another shape or dtype, or outside these values.
    """
    return _CHECKS[task](who, targets, n, first)


def _classes(who: str, labels: Array, n: int, first: int) -> Array:
    if labels.ndim == 2:
        raise LabelError(
            f"{who}: labels must be integers of shape ({n},), got {labels.shape}. "
            "Hint: labels.argmax(axis=1) turns one-hot rows into numbers; sets of labels are task='multilabel'."
        )
    if labels.shape != (n,):
        raise LabelError(f"{who}: labels must be ({n},), one per example, got {labels.shape}.")
    if labels.dtype.kind not in "iu":
        hint = " Hint: real numbers are task='regression'." if labels.dtype.kind == "f" else ""
        raise LabelError(f"{who}: labels must be integers, got {labels.dtype}.{hint}")
    if labels.dtype.kind == "u" and labels.max() > LARGEST:
        raise LabelError(f"{who}: labels must be at most {LARGEST}, got {labels.max()}.")
    return labels.astype(np.int64, copy=False)


def _label_sets(who: str, labels: Array, n: int, first: int) -> Array:
    if labels.ndim != 2 or len(labels) != n or not labels.shape[1]:
        raise LabelError(f"{who}: labels must be ({n}, K), K of 0 or 1 per example, got {labels.shape}.")
    if labels.dtype.kind not in "iufb":
        raise LabelError(f"{who}: labels must be 0 or 1, got {labels.dtype}.")
    wrong = (labels != 0) & (labels != 1)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        found = labels[row, column]
        raise LabelError(f"{who}: labels must be 0 or 1, got {found} in row {first + row}, column {column}.")
    return labels.astype(np.uint8, copy=False)


def _numbers(who: str, targets: Array, n: int, first: int) -> Array:
    if targets.ndim not in (1, 2) or len(targets) != n or not targets.size:
        raise LabelError(f"{who}: targets must be ({n}, K) or ({n},), one row per example, got {targets.shape}.")
    if targets.dtype.kind not in "iufb":
        raise LabelError(f"{who}: targets must be real numbers, got {targets.dtype}.")
    single = targets.dtype.kind == "f" and targets.dtype.itemsize <= 4
    numbers = targets.astype(np.float32 if single else np.float64, copy=False).reshape(n, -1)
    if not all_finite(numbers):
        row, column = np.argwhere(~np.isfinite(numbers))[0]
        found = numbers[row, column]
        raise LabelError(f"{who}: targets must be finite, got {found} in row {first + row}, column {column}.")
    return numbers


_CHECKS: Final = {"classification": _classes, "multilabel": _label_sets, "regression": _numbers}


def checked_weights(who: str, weights: Any, n: int, first: int = 0) -> Array:
    """Weights of ``n`` examples, (N,) float64; raises OptionError unless they are finite and ≥ 0.

    ``first`` is the row number of the first in messages.
    """
    array = plain_array(who, "weights", weights)
    good = array.shape == (n,) and array.dtype.kind in "iufb"
    numbers = array.astype(np.float64, copy=False) if good else np.full(1, np.nan)
    bad = np.flatnonzero(~(np.isfinite(numbers) & (numbers >= 0)))
    if not good:
        raise OptionError(f"{who}: weights must be ({n},) real numbers, got {array.dtype} of shape {array.shape}.")
    if bad.size:
        raise OptionError(f"{who}: weights must be finite and ≥ 0, got {array[bad[0]]} at row {first + bad[0]}.")
    return numbers


@dataclass(frozen=True)
class TargetScaling:
    """Standardization of the targets of a regression, per column.

    Forward     z = (t − μ) / σ        t, z (N, K); μ = ``mean``, σ = ``std``, tuples of K
    Inverse     t = z σ + μ

    Raises OptionError unless all are finite, as many means as standard deviations, and these above 0.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        for name, values, bounds in (("mean", self.mean, FINITE), ("std", self.std, POSITIVE)):
            if not isinstance(values, list | tuple) or not values or len(values) != len(self.mean):
                raise OptionError(f"TargetScaling: {name} must be one number per target, got {shown(values)}.")
            checked = tuple(number("TargetScaling", name, value, bounds) for value in values)
            if not all(math.isfinite(value) for value in checked):
                raise OptionError(f"TargetScaling: {name} must be finite, got {shown(values)}.")
            object.__setattr__(self, name, checked)

    @classmethod
    def fit(cls, targets: Array) -> TargetScaling:
        """The statistics of the targets (N, K) of the training part; a constant column is only shifted.

        Raises LabelError for anything but finite real numbers (N, K).
        """
        targets = _matrix("TargetScaling.fit", "targets", targets)
        if not len(targets) or not all_finite(targets):
            raise LabelError("TargetScaling.fit: targets must be finite, and at least one row.")
        with np.errstate(over="ignore", invalid="ignore"):
            mean, std = targets.mean(axis=0, dtype=np.float64), targets.std(axis=0, dtype=np.float64)
        return cls._of("TargetScaling.fit", len(targets), mean, std)

    @classmethod
    def fit_blocks(cls, blocks: Iterable[Array]) -> TargetScaling:
        """``fit`` in one pass over targets in blocks (n, K), finite ones; raises as ``fit`` does."""
        who, found, columns = "TargetScaling.fit_blocks", RunningMoments(), None
        if not isinstance(blocks, Iterable) or (isinstance(blocks, np.ndarray) and not blocks.ndim):
            raise OptionError(f"{who}: blocks must be arrays of numbers, one after the other, got {shown(blocks)}.")
        for block in blocks:
            numbers = _matrix(who, "a block", block, columns)
            columns = numbers.shape[1]
            if not all_finite(numbers):
                raise LabelError(f"{who}: targets must be finite, and at least one row.")
            with np.errstate(over="ignore", invalid="ignore"):
                found.add(numbers)
        if not found.n:
            raise LabelError(f"{who}: targets must be finite, and at least one row.")
        return cls._of(who, found.n, found.mean, np.sqrt(found.variance))

    @classmethod
    def _of(cls, who: str, n: int, mean: Array, std: Array) -> TargetScaling:
        if not all_finite(mean) or not all_finite(std):
            raise LabelError(
                f"{who}: targets must have squares within the range of float64, got larger ones. "
                "Hint: divide them by a constant, or take their logarithm."
            )
        std[std <= n * np.finfo(np.float64).eps * np.abs(mean)] = 1.0
        return cls(tuple(mean.tolist()), tuple(std.tolist()))

    def scale(self, targets: Array) -> Array:
        """Targets (N, K) → standardized, in float64. Raises LabelError for anything but real numbers (N, K)."""
        scaled: Array = (_matrix("TargetScaling.scale", "targets", targets, len(self.mean)) - self.mean) / self.std
        return scaled

    def restore(self, outputs: Array) -> Array:
        """Standardized outputs (N, K) → original units, in float64. Raises as ``scale`` does."""
        restored: Array = _matrix("TargetScaling.restore", "outputs", outputs, len(self.mean)) * self.std + self.mean
        return restored


def _matrix(who: str, name: str, array: Any, columns: int | None = None) -> Array:
    """An array of real numbers (N, K) in float64."""
    found = plain_array(who, name, array)
    if found.ndim != 2 or found.dtype.kind not in "iufb" or found.shape[1] != (columns or found.shape[1]):
        wanted = f"(N, {columns or 'K'})"
        raise LabelError(f"{who}: {name} must be real numbers {wanted}, got {found.dtype} of shape {found.shape}.")
    return found.astype(np.float64)
