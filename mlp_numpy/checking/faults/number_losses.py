"""Mistakes in losses of numbers, in the hinge, and in what is told of log-probabilities."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context
from mlp_numpy.checking.faults.fault import Fault
from mlp_numpy.modules import BCE, L1, MSE, NLL, BCEWithLogits, Hinge, Huber, KLDivergence
from mlp_numpy.modules.losses.reduction import Reduction, weigh


def _half(context: Context, dout: Array) -> Any:
    return weigh(context, dout, context["r"].copy())


def _mean_over_rows(context: Context, dout: Array) -> Any:
    dx = MSE.backward(context, dout)
    return dx * (dx.size // len(dx)) if context["reduction"] == "mean" else dx


def _weights_ignored(context: Context, dout: Array) -> Any:
    context["weight"] = None
    return MSE.backward(context, dout)


def _forward_that_counts_all_rows(
    context: Context, x: Array, *, y: Array, reduction: Reduction, weight: Array | None = None
) -> Array:
    out = MSE.forward(context, x, y=y, reduction=reduction, weight=weight)
    context["total"] = x.size
    return out


def _one_at_zero(context: Context, dout: Array) -> Any:
    return weigh(context, dout, np.where(context["s"] == 0, 1, context["s"]))


def _l1_sign(context: Context, dout: Array) -> Any:
    return -L1.backward(context, dout)


def _quadratic_everywhere(
    context: Context, x: Array, *, y: Array, delta: float, reduction: Reduction, weight: Array | None = None
) -> Array:
    out = Huber.forward(context, x, y=y, delta=delta, reduction=reduction, weight=weight)
    context["c"] = x - y
    return out


def _sign_beyond(context: Context, dout: Array) -> Any:
    return weigh(context, dout, np.sign(context["c"]))


def _bce_of_no_left_out(context: Context, dout: Array) -> Any:
    return weigh(context, dout, -context["y"] / context["p"])


def _bce_as_of_scores(context: Context, dout: Array) -> Any:
    return weigh(context, dout, context["p"] - context["y"])


def _logits_as_probabilities(context: Context, dout: Array) -> Any:
    right = BCEWithLogits.backward(context, dout)
    t = context["t"]
    return right * (1 + t) ** 2 / t


def _logits_without_labels(context: Context, dout: Array) -> Any:
    context["y"] = np.zeros_like(context["y"])
    return BCEWithLogits.backward(context, dout)


def _logits_of_size(context: Context, dout: Array) -> Any:
    return weigh(context, dout, 1 / (1 + context["t"]) - context["y"])


def _hinge_right_left_out(context: Context, dout: Array) -> Any:
    return weigh(context, dout, context["positive"].copy())


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


def _nll_of_probabilities(context: Context, dout: Array) -> Any:
    dx = NLL.backward(context, dout)
    return dx / np.exp(context["x"])


def _kl_of_probabilities(
    context: Context, x: Array, *, y: Array, reduction: Reduction, weight: Array | None = None
) -> Array:
    context["x"] = x
    return KLDivergence.forward(context, x, y=y, reduction=reduction, weight=weight)


def _kl_minus_prediction(context: Context, dout: Array) -> Any:
    return weigh(context, dout, np.exp(context["x"]) - context["y"])


def _kl_mean_over_all(context: Context, dout: Array) -> Any:
    dx = KLDivergence.backward(context, dout)
    return dx / dx.shape[1] if context["reduction"] == "mean" else dx


FAULTS: Final = (
    Fault(MSE, "without its 2", _half),
    Fault(MSE, "the mean divided by N alone", _mean_over_rows),
    Fault(MSE, "the weights of the rows ignored", _weights_ignored),
    Fault(MSE, "rows of weight 0 counted in the mean", MSE.backward, lambda: _forward_that_counts_all_rows),
    Fault(L1, "at 0 the slope 1", _one_at_zero),
    Fault(L1, "the wrong sign", _l1_sign),
    Fault(Huber, "the square's slope beyond δ", Huber.backward, lambda: _quadratic_everywhere),
    Fault(Huber, "the distance's slope within δ", _sign_beyond),
    Fault(BCE, "the term of no left out", _bce_of_no_left_out),
    Fault(BCE, "the derivative of the form on scores", _bce_as_of_scores),
    Fault(BCEWithLogits, "the derivative of the form on probabilities", _logits_as_probabilities),
    Fault(BCEWithLogits, "the label not subtracted", _logits_without_labels),
    Fault(BCEWithLogits, "σ(|x|) for σ(x)", _logits_of_size),
    Fault(Hinge, "no gradient for the right class", _hinge_right_left_out),
    Fault(Hinge, "the right class pushed once, however many are too near", _hinge_right_once),
    Fault(Hinge, "at the margin the slope 1", Hinge.backward, lambda: _hinge_at_the_margin),
    Fault(NLL, "ignored rows counted in N", NLL.backward, lambda: _ignored_counted),
    Fault(NLL, "divided by the probabilities, as for CrossEntropy", _nll_of_probabilities),
    Fault(KLDivergence, "p − y, as behind a softmax", _kl_minus_prediction, lambda: _kl_of_probabilities),
    Fault(KLDivergence, "the mean divided by N and C", _kl_mean_over_all),
)
