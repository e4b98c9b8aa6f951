"""Evaluation of a model on a whole split, in chunks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import instance, whole_number
from mlp_numpy.data.batches import chunks
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.data.views import Views
from mlp_numpy.modules import Joined, LossModule, Module, check_loss_matches
from mlp_numpy.parallel import ALONE, Communicator
from mlp_numpy.training.metrics import Metric, chosen_metrics
from mlp_numpy.training.records import EvaluationRecord


@dataclass(frozen=True)
class Evaluation:
    """Loss and metrics over a whole split, and the model's outputs (N, K)."""

    loss: float
    metrics: Mapping[str, float]
    outputs: Array

    @property
    def accuracy(self) -> float:
        """The accuracy; NaN if it was not measured."""
        return self.metrics.get("accuracy", math.nan)

    def record(self, step: int) -> EvaluationRecord:
        """The record of this evaluation of the model after ``step`` updates."""
        others = {name: value for name, value in self.metrics.items() if name != "accuracy"}
        return EvaluationRecord(step, self.loss, self.accuracy, others)

    @property
    def predicted(self) -> Array:
        """The predicted class of each example (N,), that of the largest output."""
        found: Array = self.outputs.argmax(axis=1)
        return found


def evaluate(
    model: Module,
    loss: LossModule,
    split: Split,
    preprocessing: Preprocessing,
    *,
    chunk: int = 1000,
    metrics: Sequence[str | Metric] | None = None,
    views: Views | None = None,
    ranks: Communicator = ALONE,
) -> Evaluation:
    """Run ``model`` in evaluation mode over all of ``split``, ``chunk`` examples at a time.

    The model's output goes into ``loss``; ``Evaluation.loss`` is the mean over the whole split, whatever the loss's own
    reduction: chunks are combined by ``Joined``. Each of ``metrics`` (default: those of the split's task) is computed
    once from all outputs, which are averaged over the ``views`` of each image, if given. The batches have the model's
    dtype. Several ``ranks`` share each chunk, if the model is Sharded over them, and all get the result. The mode is
    restored afterwards, also after an error or an interruption.

    Raises OptionError for an argument of the wrong type, or a loss that does not accept the model's output.
    """
    check_loss_matches(model, loss)
    instance("evaluate", "split", split, Split)
    instance("evaluate", "preprocessing", preprocessing, Preprocessing)
    measured = chosen_metrics("evaluate", split.task, metrics)
    chunk = whole_number("evaluate", "chunk", chunk)
    if views is not None:
        instance("evaluate", "views", views, Views)
    training, reduction = model.training, loss.reduction
    dtype = next((learned.value.dtype for _, learned in model.named_parameters()), np.dtype(np.float32))
    mean, outputs, begun = Joined(), np.empty(0), 0
    try:
        model.eval()
        loss.reduction = "mean"
        for x, y, *weight in chunks(split, chunk, preprocessing, dtype, ranks):
            out = model.forward(x) if views is None else views.outputs(model.forward, x)
            mean.join_next(float(loss.forward(out, y, *weight)), loss.total_weight)
            if not begun:
                outputs = np.empty((len(split), *out.shape[1:]), out.dtype)
            outputs[begun : begun + len(out)] = out
            begun += len(out)
    finally:
        loss.reduction = reduction
        model.clear_cache()
        loss.clear_cache()
        model.train(training)
    values = {metric.name: float(metric.function(outputs, split.targets, split.weights)) for metric in measured}
    return Evaluation(mean.value, values, outputs)
