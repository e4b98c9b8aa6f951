"""Typical mistakes in hand-written backwards of losses."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array, one_hot
from mlp_numpy.autodiff import Context
from mlp_numpy.checking.mutants.mutant import Mutant
from mlp_numpy.modules import MSE, NLL, BCEWithLogits, CrossEntropy, Hinge, Huber, SoftMaxCrossEntropy
from mlp_numpy.modules.losses.reduction import Reduction, weigh


def _label_rows(context: Context) -> Array:
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


def _eps_in_denominator(context: Context, dout: Array) -> Any:
    return weigh(context, dout, -_label_rows(context) / (context["p"] + 1e-8))


def _label_of_p(context: Context, dout: Array) -> Any:
    return weigh(context, dout, -_label_rows(context) * 1.0)


def _scores_without_labels(context: Context, dout: Array) -> Any:
    return weigh(context, dout, context["s"].copy())


def _diagonal_of_softmax(context: Context, dout: Array) -> Any:
    return weigh(context, dout, (context["s"] - 1) * _label_rows(context))


def _without_label_sum(context: Context, dout: Array) -> Any:
    return _of_scores(context, dout, _label_rows(context), 1.0)


def _weights_on_columns(context: Context, dout: Array) -> Any:
    right = SoftMaxCrossEntropy.backward(context, dout)
    if context["reduction"] == "none" and right.shape[0] == right.shape[1]:
        return right / dout[:, np.newaxis] * dout
    return right


def _saturated(context: Context, dout: Array) -> Any:
    rows, s = _label_rows(context), context["s"]
    right = _of_scores(context, dout, rows, rows.sum(axis=1, keepdims=True))
    return np.where(s > 0.99, 0, right)


def _half(context: Context, dout: Array) -> Any:
    return weigh(context, dout, context["r"].copy())


def _mean_over_rows(context: Context, dout: Array) -> Any:
    dx = MSE.backward(context, dout)
    return dx * (dx.size // len(dx)) if context["reduction"] == "mean" else dx


def _weights_ignored(context: Context, dout: Array) -> Any:
    context["weight"] = None
    return MSE.backward(context, dout)


def _quadratic_everywhere(
    context: Context, x: Array, *, y: Array, delta: float, reduction: Reduction, weight: Array | None = None
) -> Array:
    out = Huber.forward(context, x, y=y, delta=delta, reduction=reduction, weight=weight)
    context["c"] = x - y
    return out


def _logits_of_size(context: Context, dout: Array) -> Any:
    return weigh(context, dout, 1 / (1 + context["t"]) - context["y"])


def _hinge_right_once(context: Context, dout: Array) -> Any:
    dx = context["positive"].copy()
    dx[np.arange(len(dx)), context["y"]] = -dx.max(axis=1)
    return weigh(context, dout, dx)


def _hinge_at_the_margin(
    context: Context, x: Array, *, y: Array, margin: float, reduction: Reduction, weight: Array | None = None
) -> Array:
    out = Hinge.forward(context, x, y=y, margin=margin, reduction=reduction, weight=weight)
    rows = np.arange(len(x))
    positive = ((x - x[rows, y][:, np.newaxis] + margin).real >= 0).astype(x.real.dtype)
    positive[rows, y] = 0
    context["positive"] = positive
    return out


def _ignored_counted(
    context: Context,
    x: Array,
    *,
    y: Array,
    reduction: Reduction,
    weight: Array | None = None,
    total: float | None = None,
) -> Array:
    out = NLL.forward(context, x, y=y, reduction=reduction, weight=weight, total=total)
    context["total"] = len(x)
    return out


LOSS_MISTAKES: Final = (
    Mutant(
        CrossEntropy,
        "the mean not divided by N",
        _mean_missing,
        why="The loss is a mean over the batch, so each example has 1/N of it.",
    ),
    Mutant(
        CrossEntropy,
        "1e-8 in the denominator",
        _eps_in_denominator,
        why="The derivative of log p is 1/p; a constant in the denominator makes it another function's.",
    ),
    Mutant(
        CrossEntropy,
        "−y without the division by p",
        _label_of_p,
        why="The derivative of log p is 1/p. (−y alone would be that of −Σ y p.)",
    ),
    Mutant(SoftMaxCrossEntropy, "the sum of soft labels taken for 1", _without_label_sum),
    Mutant(
        SoftMaxCrossEntropy,
        "S without − y",
        _scores_without_labels,
        why="The score of the right class also stands in the numerator: its own gradient is S − 1.",
    ),
    Mutant(
        SoftMaxCrossEntropy,
        "the diagonal of the softmax's Jacobian alone",
        _diagonal_of_softmax,
        why="Every probability depends on every score: wrong classes have the gradient S_i, not 0.",
    ),
    Mutant(SoftMaxCrossEntropy, "dout's rows put on columns, where they fit", _weights_on_columns),
    Mutant(SoftMaxCrossEntropy, "no gradient for a probability above 0.99", _saturated),
    Mutant(MSE, "without its 2", _half, why="The derivative of r² is 2r."),
    Mutant(
        MSE,
        "the mean divided by N alone",
        _mean_over_rows,
        why="The mean runs over all N·D values, not over the N examples alone.",
    ),
    Mutant(MSE, "the weights of the rows ignored", _weights_ignored),
    Mutant(Huber, "the square's slope beyond δ", Huber.backward, lambda: _quadratic_everywhere),
    Mutant(BCEWithLogits, "σ(|x|) for σ(x)", _logits_of_size),
    Mutant(Hinge, "the right class pushed once, however many are too near", _hinge_right_once),
    Mutant(Hinge, "at the margin the slope 1", Hinge.backward, lambda: _hinge_at_the_margin),
    Mutant(NLL, "ignored rows counted in N", NLL.backward, lambda: _ignored_counted),
)
