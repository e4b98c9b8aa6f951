"""Metrics: functions of a model's outputs and the targets, and the table of them.

A metric is a function (outputs (N, K), targets, weights or None) → float, over a whole split.

References    Pedregosa et al. 2011, "Scikit-learn: Machine Learning in Python"; the definitions and limits are those of
              its accuracy_score, log_loss, r2_score and mean_absolute_error
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array, first_outside
from mlp_numpy.checks import allocatable, choice, plain_array, shown, whole_number
from mlp_numpy.data.targets import Task, checked_weights
from mlp_numpy.errors import DTypeError, LabelError, OptionError, ShapeError
from mlp_numpy.modules import SoftMaxCrossEntropyModule
from mlp_numpy.training.records import EvaluationRecord

MetricFunction: TypeAlias = Callable[[Array, Array, Array | None], float]


def accuracy(scores: Array, labels: Array, weights: Array | None = None) -> float:
    """The fraction of examples whose largest score (N, C) is at the label (N,); ties go to the first class.

    For sets of labels (N, C), the fraction of examples all of whose labels are right: a score > 0 predicts its label.
    ``weights`` (N,) count the examples; if all are 0, it is 0.

    Raises DTypeError unless the scores are real numbers, ShapeError unless they are (N, C) with N and C ≥ 1, LabelError
    unless there is one integer label, or a row of C, per example.
    """
    scores = plain_array("accuracy", "scores", scores)
    if scores.dtype.kind not in "fiub":
        raise DTypeError(f"accuracy: scores must be real numbers, got {scores.dtype}.")
    if scores.ndim != 2 or scores.size == 0:
        raise ShapeError(f"accuracy: scores must be (N, C), N and C ≥ 1, got {scores.shape}.")
    if getattr(labels, "shape", None) == scores.shape and labels.dtype == np.uint8:
        right = ((scores > 0) == (labels > 0)).all(axis=1)
    else:
        right = scores.argmax(axis=1) == _whole_numbers("accuracy", "labels", labels, len(scores))
    if weights is not None:
        w = checked_weights("accuracy", weights, len(right))
        return float((right * w).sum() / (w.sum() or 1))
    return float(np.count_nonzero(right) / len(right))


def log_loss(scores: Array, labels: Array, weights: Array | None = None) -> float:
    """The cross-entropy −Σₙ wₙ log softmax(scoresₙ) at yₙ / Σₙ wₙ of scores or log-probabilities (N, C).

    Raises what SoftMaxCrossEntropyModule raises.
    """
    return float(SoftMaxCrossEntropyModule().forward(scores, labels, weights))


def r2(outputs: Array, targets: Array, weights: Array | None = None) -> float:
    """The coefficient of determination, the mean over the columns k of

        R²ₖ = 1 − Σₙ wₙ (tₙₖ − oₙₖ)² / Σₙ wₙ (tₙₖ − t̄ₖ)²      t̄ₖ = Σₙ wₙ tₙₖ / Σₙ wₙ

    and 1 for constant targets that are met exactly, 0 for others. Raises as ``mae`` does.
    """
    o, t, w = _real_pairs("r2", outputs, targets, weights)
    center = np.average(t, axis=0, weights=w)
    residual, spread = (np.average((t - other) ** 2, axis=0, weights=w) for other in (o, center))
    constant = np.all(t == t[0], axis=0)
    ratio = np.divide(residual, spread, out=(residual > 0).astype(float), where=~constant & (spread > 0))
    return float(np.mean(1 - ratio))


def mae(outputs: Array, targets: Array, weights: Array | None = None) -> float:
    """The mean absolute error Σₙ wₙ |tₙₖ − oₙₖ| / Σₙ wₙ, averaged over the columns k.

    Raises DTypeError unless both are real numbers, ShapeError unless both are (N, K), OptionError for invalid weights.
    """
    o, t, w = _real_pairs("mae", outputs, targets, weights)
    return float(np.average(np.abs(t - o).mean(axis=1), weights=w))


def rmse(outputs: Array, targets: Array, weights: Array | None = None) -> float:
    """The root mean squared error √(Σₙ wₙ (tₙₖ − oₙₖ)² / Σₙ wₙ), averaged over the columns k.

    Raises as ``mae`` does.
    """
    o, t, w = _real_pairs("rmse", outputs, targets, weights)
    return float(np.mean(np.sqrt(np.average((t - o) ** 2, axis=0, weights=w))))


@dataclass(frozen=True)
class Metric:
    """A metric with its name and direction.

    function            (outputs, targets, weights or None) → float
    greater_is_better   False for an error
    tasks               the tasks it is defined for

    Raises OptionError for fields of another type.
    """

    name: str
    function: MetricFunction
    greater_is_better: bool = True
    tasks: tuple[Task, ...] = ("classification", "multilabel", "regression")

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier() or self.name in ("step", "loss", "lr"):
            wanted = "an identifier but step, loss and lr"
            raise OptionError(f"Metric: name must be {wanted}, got {shown(self.name)}.")
        if not callable(self.function):
            raise OptionError(f"Metric: function must be callable, got {shown(self.function)}.")


METRICS: Final = {
    metric.name: metric
    for metric in (
        Metric("accuracy", accuracy, tasks=("classification", "multilabel")),
        Metric("log_loss", log_loss, greater_is_better=False, tasks=("classification",)),
        Metric("r2", r2, tasks=("regression",)),
        Metric("mae", mae, greater_is_better=False, tasks=("regression",)),
        Metric("rmse", rmse, greater_is_better=False, tasks=("regression",)),
    )
}
"""The metrics by name."""

DEFAULT_METRICS: Final[dict[Task, tuple[str, ...]]] = {
    "classification": ("accuracy",),
    "multilabel": ("accuracy",),
    "regression": ("r2", "mae"),
}
"""The metrics that are measured unless others are asked for; model selection is by the first."""


def chosen_metrics(who: str, task: Task, metrics: Sequence[str | Metric] | None) -> tuple[Metric, ...]:
    """Metrics by name, or as they are, for a task; those of ``DEFAULT_METRICS`` for None.

    Raises OptionError for an unknown metric, one of another task, and a name given twice.
    """
    given = DEFAULT_METRICS[task] if metrics is None else metrics
    if not isinstance(given, list | tuple):
        raise OptionError(f"{who}: metrics must be a list of names or Metrics, got {shown(given)}.")
    found = tuple(each if isinstance(each, Metric) else METRICS[choice(who, "metric", each, METRICS)] for each in given)
    for metric in found:
        if task not in metric.tasks:
            raise OptionError(f"{who}: metric must be one for a {task}, got {metric.name}.")
    if len({metric.name for metric in found}) < len(found):
        raise OptionError(f"{who}: metrics must have different names, got {', '.join(each.name for each in found)}.")
    return found


def greater_is_better(name: str) -> bool:
    """The direction of a metric by name, or of "loss"; an unknown one is a score."""
    return name != "loss" and (name not in METRICS or METRICS[name].greater_is_better)


def best_of(records: Iterable[EvaluationRecord], monitor: str) -> EvaluationRecord | None:
    """The record with the best finite value of ``monitor``; ties go to the earliest, None if there is none."""
    choose = max if greater_is_better(monitor) else min
    found = [record for record in records if not math.isnan(record.value(monitor))]
    return choose(found, key=lambda record: record.value(monitor), default=None)


def confusion_matrix(labels: Array, predicted: Array, n_classes: int) -> Array:
    """Counts (n_classes, n_classes): the number of examples of class i (row) predicted as class j (column).

    Raises LabelError unless ``labels`` and ``predicted`` are (N,) integers in [0, n_classes), OptionError unless
    n_classes ≥ 1.
    """
    n_classes = whole_number("confusion_matrix", "n_classes", n_classes)
    allocatable("confusion_matrix", (n_classes, n_classes), np.intp)
    labels = plain_array("confusion_matrix", "labels", labels)
    labels = _whole_numbers("confusion_matrix", "labels", labels, labels.size)
    predicted = _whole_numbers("confusion_matrix", "predicted", predicted, len(labels))
    for name, classes in (("labels", labels), ("predicted", predicted)):
        row = first_outside(classes, n_classes)
        if row is not None:
            raise LabelError(f"confusion_matrix: {name} must lie in [0, {n_classes}), got {classes[row]} at row {row}.")
    # intp, because uint8 labels cannot index n_classes² cells
    cells = labels.astype(np.intp) * n_classes + predicted.astype(np.intp)
    return np.bincount(cells, minlength=n_classes * n_classes).reshape(n_classes, n_classes)


def _real_pairs(who: str, outputs: Array, targets: Array, weights: Array | None) -> tuple[Array, Array, Array | None]:
    """Outputs and targets in float64, and the weights."""
    pair = [plain_array(who, name, array) for name, array in (("outputs", outputs), ("targets", targets))]
    for name, array in zip(("outputs", "targets"), pair, strict=True):
        if array.dtype.kind not in "fiub":
            raise DTypeError(f"{who}: {name} must be real numbers, got {array.dtype}.")
    if pair[0].ndim != 2 or pair[0].shape != pair[1].shape or not pair[0].size:
        raise ShapeError(f"{who}: outputs and targets must both be (N, K), got {pair[0].shape} and {pair[1].shape}.")
    w = None if weights is None else checked_weights(who, weights, len(pair[0]))
    return pair[0].astype(np.float64), pair[1].astype(np.float64), w


def _whole_numbers(who: str, name: str, classes: Array, n: int) -> Array:
    classes = plain_array(who, name, classes)
    if classes.shape != (n,):
        hint = " Hint: argmax(axis=1) turns one-hot rows into numbers." if classes.ndim == 2 else ""
        raise LabelError(f"{who}: {name} must be ({n},), one a row, got {classes.shape}.{hint}")
    if classes.dtype.kind not in "iu":
        raise LabelError(f"{who}: {name} must be integers, got {classes.dtype}.")
    return classes
