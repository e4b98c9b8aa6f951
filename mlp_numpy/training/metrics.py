"""How well a model does: accuracy, and a whole split evaluated in chunks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.data.batches import chunks
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.modules import LossModule, Module, check_chain


def accuracy(scores: Array, labels: Array) -> float:
    """The share of rows whose largest score (N, C) is at the label (N,); the first of equal scores counts."""
    return np.count_nonzero(scores.argmax(axis=1) == labels) / len(labels)


@dataclass(frozen=True)
class Outcome:
    """Loss and accuracy over a whole split, and what was predicted for each of its examples (N,)."""

    loss: float
    accuracy: float
    predicted: Array


def evaluate(
    model: Module, loss: LossModule, split: Split, preprocessing: Preprocessing, *, chunk: int = 1000
) -> Outcome:
    """Run ``model`` in evaluation mode over all of ``split``, ``chunk`` examples at a time.

    The model's scores go into ``loss``; ``Outcome.loss`` is the mean that the loss would give for all of them at once,
    whatever its own reduction. The batches have the model's kind of number. The mode is restored afterwards.
    """
    check_chain(model, loss)
    training = model.training
    model.eval()
    dtype = next((learned.value.dtype for _, learned in model.learned()), np.dtype(np.float32))
    total, weight, predicted = 0.0, 0.0, []
    for x, y in chunks(split, chunk, preprocessing, dtype):
        scores = model.forward(x)
        value = float(np.sum(loss.forward(scores, y)))
        total += value * loss.total_weight if loss.reduction == "mean" else value
        weight += loss.total_weight
        predicted.append(scores.argmax(axis=1))
    model.clear_cache()
    loss.clear_cache()
    model.train(training)
    chosen = np.concatenate(predicted)
    return Outcome(total / (weight or 1), np.count_nonzero(chosen == split.labels) / len(split), chosen)


def confusion_matrix(labels: Array, predicted: Array, n_classes: int) -> Array:
    """Counts (n_classes, n_classes): how many examples of class i (row) were taken for class j (column)."""
    counts = np.bincount(labels * n_classes + predicted, minlength=n_classes * n_classes)
    return counts.reshape(n_classes, n_classes)
