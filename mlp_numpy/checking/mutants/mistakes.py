"""About fifty typical mistakes in hand-written backwards, those of normalizations and of image layers included.

They cover errors that the generic operators cannot produce: a formula that is wrong only in places, a correct
derivative of a wrong forward, correct values computed in a forbidden way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array, one_hot
from mlp_numpy.autodiff import Context
from mlp_numpy.checking.mutants.image_mistakes import IMAGE_MISTAKES
from mlp_numpy.checking.mutants.mutant import Mutant
from mlp_numpy.checking.mutants.normalization_mistakes import NORMALIZATION_MISTAKES
from mlp_numpy.modules import (
    ELU,
    GELU,
    MSE,
    NLL,
    BCEWithLogits,
    CrossEntropy,
    DropoutMask,
    GELUTanh,
    Hardtanh,
    Hinge,
    Huber,
    LeakyReLU,
    Linear,
    LogSigmoid,
    PReLU,
    ReLU,
    Residual,
    Sequential,
    SoftMax,
    SoftMaxCrossEntropy,
)
from mlp_numpy.modules.losses.reduction import Reduction, weigh


def _linear(context: Context, dout: Array) -> tuple[Array, ...]:
    """Copies of the correct gradients."""
    x, weight = context["x"], context["weight"]
    rows = dout.reshape(-1, len(weight))
    dx = (rows @ weight).reshape(*dout.shape[:-1], -1)
    return (dx, rows.T @ x, rows.sum(axis=0)) if context["biased"] else (dx, rows.T @ x)


def _transposed_weight(context: Context, dout: Array) -> Any:
    dx, *rest = _linear(context, dout)
    weight = context["weight"]
    return (dout @ weight.T if weight.shape[0] == weight.shape[1] else dx), *rest


def _bias_over_wrong_axis(context: Context, dout: Array) -> Any:
    dx, dweight, *dbias = _linear(context, dout)
    square = dout.ndim == 2 and dout.shape[0] == dout.shape[1]
    return dx, dweight, *([dout.sum(axis=1)] if dbias and square else dbias)


def _bias_over_first_axis_alone(context: Context, dout: Array) -> Any:
    dx, dweight, *dbias = _linear(context, dout)
    first = dout.sum(axis=0)
    return dx, dweight, *([first.reshape(-1, first.shape[-1])[0]] if dbias else [])


def _input_changed(context: Context, dout: Array) -> Any:
    gradients = _linear(context, dout)
    context["x"][...] = 0
    return gradients


def _accumulated(context: Context, dout: Array) -> Any:
    dx, dweight, *dbias = _linear(context, dout)
    before = context.target(1)
    return dx, dweight if before is None else before + dweight, *dbias


def _forward_that_keeps_its_first_batch() -> Callable[..., Array]:
    seen: dict[tuple[Any, ...], Array] = {}

    def forward(context: Context, x: Array, weight: Array, bias: Array | None = None) -> Array:
        out = Linear.forward(context, x, weight, bias)
        context["x"] = seen.setdefault((x.shape, x.dtype), context["x"].copy())
        return out

    return forward


def _widened(context: Context, dout: Array) -> Any:
    dx, *rest = _linear(context, dout)
    return dx.astype(np.float64), *rest


def _slope(context: Context) -> Array:
    """The slope of every entry, 1 or α; not cached for α = 0."""
    slope: Array = context["slope"] if "slope" in context else np.heaviside(context["x"], 0)
    return slope


def _slopes(context: Context) -> tuple[Array, float]:
    """The slope of every entry, and α."""
    slope = _slope(context)
    below = slope[slope != 1]
    return slope, float(below[0]) if below.size else 1.0


def _mask_of_dout(context: Context, dout: Array) -> Any:
    _, alpha = _slopes(context)
    return np.where(dout > 0, dout, dout.dtype.type(alpha) * dout)


def _forward_that_counts_zero_above(context: Context, x: Array, *, neg_slope: float) -> Array:
    out = LeakyReLU.forward(context, x, neg_slope=neg_slope)
    context["slope"] = np.where(x.real >= 0, 1, _slope(context)).astype(x.dtype)
    context["multiply"] = np.multiply
    return out


def _forward_that_keeps_x(context: Context, x: Array) -> Array:
    context["all"] = x
    return ReLU.forward(context, x)


def _relu_zero_above(context: Context, dout: Array) -> Any:
    return dout * (context["all"] >= 0)


def _without_jacobian(context: Context, dout: Array) -> Any:
    s = context["out"]
    return s * (1 - s) * dout


def _sum_over_batch(context: Context, dout: Array) -> Any:
    s = context["out"]
    return s * (dout - (dout * s).sum(axis=0, keepdims=True))


def _in_its_output(context: Context, dout: Array) -> Any:
    dx = SoftMax.backward(context, dout)
    context["out"][...] = dx
    return dx


def _through_the_bounds(context: Context, x: Array, *, low: float, high: float) -> Array:
    out = Hardtanh.forward(context, x, low=low, high=high)
    context["between"] = (x.real >= low) & (x.real <= high)
    return out


def _sigmoid_of_x(context: Context, dout: Array) -> Any:
    return dout - LogSigmoid.backward(context, dout)


def _mask_not_scaled(context: Context, dout: Array) -> Any:
    return (context["mask"] != 0) * dout


def _forward_not_scaled(context: Context, x: Array, *, mask: Array) -> Array:
    context["mask"] = mask
    out: Array = (mask != 0) * x
    return out


def _without_shortcut(self: Any, dout: Array) -> Any:
    return Sequential.backward(self, dout)


def _shortcut_alone(self: Any, dout: Array) -> Any:
    Sequential.backward(self, dout)
    return dout.copy()


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


def _slope_unsummed(context: Context, dout: Array) -> Any:
    first = dout.copy()
    first[1:] = 0
    return PReLU.backward(context, dout)[0], PReLU.backward(context, first)[1]


def _elu_one_at_zero(context: Context, dout: Array) -> Any:
    return np.where(context["x"] >= 0, dout, ELU.backward(context, dout))


def _gelu_with_input(context: Context, x: Array) -> Array:
    context["x"] = x
    return GELU.forward(context, x)


def _derivative_of_tanh_form(context: Context, dout: Array) -> Any:
    other = Context()
    GELUTanh.forward(other, context["x"])
    return GELUTanh.backward(other, dout)


MISTAKES: Final = (
    *NORMALIZATION_MISTAKES,
    *IMAGE_MISTAKES,
    Mutant(Linear, "a cache that keeps the first batch", _linear, _forward_that_keeps_its_first_batch),
    Mutant(Linear, "dx with the weight transposed, where it is square", _transposed_weight),
    Mutant(Linear, "dbias summed over the wrong axis, where it fits", _bias_over_wrong_axis),
    Mutant(Linear, "dbias summed over the first of several axes alone", _bias_over_first_axis_alone),
    Mutant(Linear, "dx in float64 for a float32 input", _widened),
    Mutant(Linear, "the input overwritten", _input_changed),
    Mutant(Linear, "dweight added to that of the last backward", _accumulated),
    Mutant(LeakyReLU, "a mask of dout instead of x", _mask_of_dout),
    Mutant(LeakyReLU, "at 0 the slope from above", LeakyReLU.backward, lambda: _forward_that_counts_zero_above),
    Mutant(ReLU, "at 0 the slope from above", _relu_zero_above, lambda: _forward_that_keeps_x),
    Mutant(SoftMax, "the diagonal of the Jacobian alone", _without_jacobian),
    Mutant(SoftMax, "the sum over the batch", _sum_over_batch),
    Mutant(SoftMax, "the gradient written over the cache", _in_its_output),
    Mutant(DropoutMask, "without 1/(1 − p) in the forward", _mask_not_scaled, lambda: _forward_not_scaled),
    Mutant(Hardtanh, "at the bounds the slope 1", Hardtanh.backward, lambda: _through_the_bounds),
    Mutant(LogSigmoid, "σ(x) for σ(−x)", _sigmoid_of_x),
    Mutant(Residual, "without the shortcut", _without_shortcut),
    Mutant(Residual, "the shortcut alone", _shortcut_alone),
    Mutant(CrossEntropy, "the mean not divided by N", _mean_missing),
    Mutant(CrossEntropy, "1e-8 in the denominator", _eps_in_denominator),
    Mutant(SoftMaxCrossEntropy, "the sum of soft labels taken for 1", _without_label_sum),
    Mutant(SoftMaxCrossEntropy, "dout's rows put on columns, where they fit", _weights_on_columns),
    Mutant(SoftMaxCrossEntropy, "no gradient for a probability above 0.99", _saturated),
    Mutant(MSE, "without its 2", _half),
    Mutant(MSE, "the mean divided by N alone", _mean_over_rows),
    Mutant(MSE, "the weights of the rows ignored", _weights_ignored),
    Mutant(Huber, "the square's slope beyond δ", Huber.backward, lambda: _quadratic_everywhere),
    Mutant(BCEWithLogits, "σ(|x|) for σ(x)", _logits_of_size),
    Mutant(Hinge, "the right class pushed once, however many are too near", _hinge_right_once),
    Mutant(Hinge, "at the margin the slope 1", Hinge.backward, lambda: _hinge_at_the_margin),
    Mutant(NLL, "ignored rows counted in N", NLL.backward, lambda: _ignored_counted),
    Mutant(PReLU, "the gradient of the slope of the first row alone", _slope_unsummed),
    Mutant(ELU, "at 0 the slope 1", _elu_one_at_zero),
    Mutant(GELU, "the derivative of the tanh form", _derivative_of_tanh_form, lambda: _gelu_with_input),
)
