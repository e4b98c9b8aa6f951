"""Mistakes in losses."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array, one_hot
from mlp_numpy.autodiff import Context
from mlp_numpy.checking.faults.fault import Fault
from mlp_numpy.modules import CrossEntropy, SoftMaxCrossEntropy
from mlp_numpy.modules.losses.reduction import weigh


def _rows(context: Context) -> Array:
    """The labels as rows (N, C)."""
    y: Array = context["y"]
    p = context["p"] if "p" in context else context["s"]
    return y if y.ndim == 2 else one_hot(y, p.shape[1], p.dtype)


def _of_scores(context: Context, dout: Array, targets: Array, factor: Array | float) -> Array:
    """The gradient of SoftMaxCrossEntropy with other targets, and another factor before S."""
    return weigh(context, dout, context["s"] * factor - targets)


def _mean_missing(context: Context, dout: Array) -> Any:
    dx = CrossEntropy.backward(context, dout)
    return dx * context["total"] if context["reduction"] == "mean" else dx


def _mean_over_all(context: Context, dout: Array) -> Any:
    dx = CrossEntropy.backward(context, dout)
    return dx / dx.shape[1] if context["reduction"] == "mean" else dx


def _mean_of_none(context: Context, dout: Array) -> Any:
    dx = CrossEntropy.backward(context, dout)
    return dx / len(dx) if context["reduction"] == "none" else dx


def _off_by_one(context: Context, dout: Array) -> Any:
    dx = CrossEntropy.backward(context, dout)
    return dx * len(dx) / (len(dx) + 1) if context["reduction"] == "mean" else dx


def _sign(context: Context, dout: Array) -> Any:
    return -CrossEntropy.backward(context, dout)


def _no_labels(context: Context, dout: Array) -> Any:
    return weigh(context, dout, -1 / context["p"])


def _eps_in_denominator(context: Context, dout: Array) -> Any:
    return weigh(context, dout, -_rows(context) / (context["p"] + 1e-8))


def _not_divided(context: Context, dout: Array) -> Any:
    return weigh(context, dout, -_rows(context) * context["p"])


def _dout_ignored(context: Context, dout: Array) -> Any:
    return CrossEntropy.backward(context, np.ones_like(dout))


def _next_label(context: Context, dout: Array) -> Any:
    return weigh(context, dout, -np.roll(_rows(context), 1, axis=1) / context["p"])


def _scores_mean_missing(context: Context, dout: Array) -> Any:
    right = SoftMaxCrossEntropy.backward(context, dout)
    return right * context["total"] if context["reduction"] == "mean" else right


def _without_target(context: Context, dout: Array) -> Any:
    return _of_scores(context, dout, np.zeros_like(context["s"]), 1.0)


def _without_label_sum(context: Context, dout: Array) -> Any:
    return _of_scores(context, dout, _rows(context), 1.0)


def _hardened_labels(context: Context, dout: Array) -> Any:
    rows = _rows(context)
    hard = one_hot(rows.argmax(axis=1), rows.shape[1], rows.dtype)
    return _of_scores(context, dout, hard * rows.sum(axis=1, keepdims=True), rows.sum(axis=1, keepdims=True))


def _label_one_too_far(context: Context, dout: Array) -> Any:
    rows = np.roll(_rows(context), 1, axis=1)
    return _of_scores(context, dout, rows, rows.sum(axis=1, keepdims=True))


def _weights_on_columns(context: Context, dout: Array) -> Any:
    right = SoftMaxCrossEntropy.backward(context, dout)
    if context["reduction"] == "none" and right.shape[0] == right.shape[1]:
        return right / dout[:, np.newaxis] * dout
    return right


def _first_rows_weight(context: Context, dout: Array) -> Any:
    return SoftMaxCrossEntropy.backward(context, np.full_like(dout, dout.flat[0]))


def _saturated(context: Context, dout: Array) -> Any:
    rows, s = _rows(context), context["s"]
    right = _of_scores(context, dout, rows, rows.sum(axis=1, keepdims=True))
    return np.where(s > 0.99, 0, right)


FAULTS: Final = (
    *(
        Fault(CrossEntropy, name, backward)
        for name, backward in (
            ("the mean not divided by N", _mean_missing),
            ("the mean divided by N and C", _mean_over_all),
            ("divided by N without a mean", _mean_of_none),
            ("the mean divided by N + 1", _off_by_one),
            ("the wrong sign", _sign),
            ("the labels left out", _no_labels),
            ("1e-8 in the denominator", _eps_in_denominator),
            ("× p for / p", _not_divided),
            ("dout ignored", _dout_ignored),
            ("the label of the next class", _next_label),
        )
    ),
    *(
        Fault(SoftMaxCrossEntropy, name, backward)
        for name, backward in (
            ("the mean not divided by N", _scores_mean_missing),
            ("the label not subtracted", _without_target),
            ("the sum of soft labels taken for 1", _without_label_sum),
            ("soft labels made hard", _hardened_labels),
            ("the label of the next class", _label_one_too_far),
            ("dout's rows put on columns, where they fit", _weights_on_columns),
            ("every row with the dout of the first", _first_rows_weight),
            ("no gradient for a probability above 0.99", _saturated),
        )
    ),
)
