"""Metrics: accuracy, confusion matrix, and the evaluation of a whole split in chunks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlp_numpy.arrays import Array, first_outside
from mlp_numpy.checks import allocatable, instance, plain_array, whole_number
from mlp_numpy.data.batches import chunks
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import DTypeError, LabelError, ShapeError
from mlp_numpy.modules import Joined, LossModule, Module, check_loss_matches


def accuracy(scores: Array, labels: Array) -> float:
    """The fraction of examples whose largest score (N, C) is at the label (N,); ties go to the first class.

    Raises DTypeError unless the scores are real numbers, ShapeError unless they are (N, C) with N and C ≥ 1, LabelError
    unless there is one integer label per example.
    """
    scores = plain_array("accuracy", "scores", scores)
    if scores.dtype.kind not in "fiub":
        raise DTypeError(f"accuracy: scores must be real numbers, got {scores.dtype}.")
    if scores.ndim != 2 or scores.size == 0:
        raise ShapeError(f"accuracy: scores must be (N, C), N and C ≥ 1, got {scores.shape}.")
    labels = _whole_numbers("accuracy", "labels", labels, len(scores))
    return float(np.count_nonzero(scores.argmax(axis=1) == labels) / len(labels))


@dataclass(frozen=True)
class Evaluation:
    """Loss and accuracy over a whole split, and the predicted class of each example (N,)."""

    loss: float
    accuracy: float
    predicted: Array


def evaluate(
    model: Module, loss: LossModule, split: Split, preprocessing: Preprocessing, *, chunk: int = 1000
) -> Evaluation:
    """Run ``model`` in evaluation mode over all of ``split``, ``chunk`` examples at a time.

    The model's output goes into ``loss``; ``Evaluation.loss`` is the mean over the whole split, whatever the loss's own
    reduction: chunks are combined by ``Joined``. The batches have the model's dtype. The mode is restored afterwards,
    also after an error or an interruption.

    Raises OptionError for an argument of the wrong type, or a loss that does not accept the model's output.
    """
    check_loss_matches(model, loss)
    instance("evaluate", "split", split, Split)
    instance("evaluate", "preprocessing", preprocessing, Preprocessing)
    chunk = whole_number("evaluate", "chunk", chunk)
    training, reduction = model.training, loss.reduction
    dtype = next((learned.value.dtype for _, learned in model.named_parameters()), np.dtype(np.float32))
    mean, predicted = Joined(), []
    try:
        model.eval()
        loss.reduction = "mean"
        for x, y in chunks(split, chunk, preprocessing, dtype):
            scores = model.forward(x)
            mean.join_next(float(loss.forward(scores, y)), loss.total_weight)
            predicted.append(scores.argmax(axis=1))
    finally:
        loss.reduction = reduction
        model.clear_cache()
        loss.clear_cache()
        model.train(training)
    chosen = np.concatenate(predicted)
    return Evaluation(mean.value, np.count_nonzero(chosen == split.labels) / len(split), chosen)


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


def _whole_numbers(who: str, name: str, classes: Array, n: int) -> Array:
    classes = plain_array(who, name, classes)
    if classes.shape != (n,):
        hint = " Hint: argmax(axis=1) turns one-hot rows into numbers." if classes.ndim == 2 else ""
        raise LabelError(f"{who}: {name} must be ({n},), one a row, got {classes.shape}.{hint}")
    if classes.dtype.kind not in "iu":
        raise LabelError(f"{who}: {name} must be integers, got {classes.dtype}.")
    return classes
