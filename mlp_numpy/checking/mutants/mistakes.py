"""About thirty typical mistakes in hand-written backwards.

They cover errors that the generic operators cannot produce: a formula that is wrong only in places, a correct
derivative of a wrong forward, correct values computed in a forbidden way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array, one_hot
from mlp_numpy.autodiff import Context, Reshape
from mlp_numpy.checking.mutants.mutant import Mutant
from mlp_numpy.modules import (
    ELU,
    GELU,
    MSE,
    NLL,
    AvgPool2d,
    BatchNormalize,
    BatchNormalizeInference,
    BCEWithLogits,
    Conv2d,
    CrossEntropy,
    DropoutMask,
    Flatten,
    GELUTanh,
    Hinge,
    Huber,
    LayerNormalize,
    LeakyReLU,
    Linear,
    MaxPool2d,
    PReLU,
    ReLU,
    Residual,
    Sequential,
    SoftMax,
    SoftMaxCrossEntropy,
)
from mlp_numpy.modules.layout import images, pixel_rows
from mlp_numpy.modules.losses.reduction import Reduction, weigh
from mlp_numpy.modules.windows import Windows


def _linear(context: Context, dout: Array) -> tuple[Array, Array, Array]:
    """Copies of the correct gradients."""
    x, weight = context["x"], context["weight"]
    return dout @ weight, dout.T @ x, dout.sum(axis=0)


def _transposed_weight(context: Context, dout: Array) -> Any:
    dx, dweight, dbias = _linear(context, dout)
    weight = context["weight"]
    return (dout @ weight.T if weight.shape[0] == weight.shape[1] else dx), dweight, dbias


def _bias_over_wrong_axis(context: Context, dout: Array) -> Any:
    dx, dweight, dbias = _linear(context, dout)
    return dx, dweight, dout.sum(axis=1) if dout.shape[0] == dout.shape[1] else dbias


def _input_changed(context: Context, dout: Array) -> Any:
    gradients = _linear(context, dout)
    context["x"][...] = 0
    return gradients


def _accumulated(context: Context, dout: Array) -> Any:
    dx, dweight, dbias = _linear(context, dout)
    before = context.target(1)
    return dx, dweight if before is None else before + dweight, dbias


def _forward_that_keeps_its_first_batch() -> Callable[..., Array]:
    seen: dict[tuple[Any, ...], Array] = {}

    def forward(context: Context, x: Array, weight: Array, bias: Array) -> Array:
        out = Linear.forward(context, x, weight, bias)
        context["x"] = seen.setdefault((x.shape, x.dtype), x.copy())
        return out

    return forward


def _widened(context: Context, dout: Array) -> Any:
    dx, dweight, dbias = _linear(context, dout)
    return dx.astype(np.float64), dweight, dbias


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


def _batch_norm(context: Context, dout: Array, mean: float = 1.0, slope: float = 1.0, n: int = 0) -> Any:
    """The gradients of BatchNormalize with factors before the two mean terms, which divide by B + n."""
    r, gamma = context["r"], context["gamma"]
    rows, x_hat = pixel_rows(dout), context["centered"] * r
    dbeta, dgamma = rows.sum(axis=0), (rows * x_hat).sum(axis=0)
    dx = gamma * r * (rows - (mean * dbeta + slope * x_hat * dgamma) / max(1, len(rows) + n))
    return images(dx, dout.shape), dgamma, dbeta


def _without_means(context: Context, dout: Array) -> Any:
    return _batch_norm(context, dout, 0.0, 0.0)


def _unbiased(context: Context, dout: Array) -> Any:
    return _batch_norm(context, dout, n=-1)


def _eps_outside_the_root(context: Context, x: Array, gamma: Array, beta: Array, *, eps: float) -> Array:
    BatchNormalize.forward(context, x, gamma, beta, eps=eps)
    r = context["r"] = 1 / (np.sqrt(context["variance"]) + eps)
    return images(context["centered"] * (gamma * r) + beta, x.shape)


def _as_in_training(context: Context, dout: Array) -> Any:
    return _batch_norm(context, dout)


def _over_the_batch(context: Context, dout: Array) -> Any:
    _, dgamma, dbeta = LayerNormalize.backward(context, dout)
    x_hat, g = context["x_hat"], dout * context["gamma"]
    means = g.mean(axis=0, keepdims=True) + x_hat * (g * x_hat).mean(axis=0, keepdims=True)
    return context["r"] * (g - means), dgamma, dbeta


def _constant_statistics(context: Context, dout: Array) -> Any:
    _, dgamma, dbeta = LayerNormalize.backward(context, dout)
    return dout * context["gamma"] * context["r"], dgamma, dbeta


def _mask_not_scaled(context: Context, dout: Array) -> Any:
    return (context["mask"] != 0) * dout


def _forward_not_scaled(context: Context, x: Array, *, mask: Array) -> Array:
    context["mask"] = mask
    out: Array = (mask != 0) * x
    return out


def _unflipped(context: Context, dout: Array) -> Any:
    # dx as a convolution with the kernel needs it flipped; forgotten, u and v run the wrong way
    turned = Context()
    turned.update(context)
    turned["weight"] = context["weight"][:, :, ::-1, ::-1]
    dx, *others = Conv2d.backward(turned, dout)
    return dx, *others


def _overwritten(context: Context, dout: Array) -> Any:
    """Overlapping windows overwrite each other instead of adding up."""
    over, shape = context["over"], context["shape"]
    dx = np.zeros(shape, dout.dtype)
    share = dout / (over.kernel[0] * over.kernel[1])
    for _, on_image, in_windows in over.offsets(*shape[2:]):
        dx[on_image] = share[in_windows]
    return dx


def _keeping_all(context: Context, x: Array, *, over: Windows) -> Array:
    out = MaxPool2d.forward(context, x, over=over)
    context["x"], context["out"] = x, out.copy()
    return out


def _to_maxima(context: Context, dout: Array, last: bool) -> Array:
    x, out, over = context["x"], context["out"], context["over"]
    dx, taken = np.zeros(x.shape, dout.dtype), np.zeros(out.shape, bool)
    places = list(over.offsets(*x.shape[2:]))
    for _, on_image, in_windows in reversed(places):
        here = x[on_image] == out[in_windows]
        if last:
            here &= ~taken[in_windows]
            taken[in_windows] |= here
        dx[on_image] += dout[in_windows] * here
    return dx


def _to_last_maximum(context: Context, dout: Array) -> Any:
    return _to_maxima(context, dout, last=True)


def _to_all_maxima(context: Context, dout: Array) -> Any:
    return _to_maxima(context, dout, last=False)


def _in_column_order(context: Context, dout: Array) -> Any:
    return dout.reshape(context["shape"], order="F")


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
    return np.where(context["below"] == 0, dout, ELU.backward(context, dout))


def _gelu_with_input(context: Context, x: Array) -> Array:
    context["x"] = x
    return GELU.forward(context, x)


def _derivative_of_tanh_form(context: Context, dout: Array) -> Any:
    other = Context()
    GELUTanh.forward(other, context["x"])
    return GELUTanh.backward(other, dout)


MISTAKES: Final = (
    Mutant(Linear, "a cache that keeps the first batch", _linear, _forward_that_keeps_its_first_batch),
    Mutant(Linear, "dx with the weight transposed, where it is square", _transposed_weight),
    Mutant(Linear, "dbias summed over the wrong axis, where it fits", _bias_over_wrong_axis),
    Mutant(Linear, "dx in float64 for a float32 input", _widened),
    Mutant(Linear, "the input overwritten", _input_changed),
    Mutant(Linear, "dweight added to that of the last backward", _accumulated),
    Mutant(LeakyReLU, "a mask of dout instead of x", _mask_of_dout),
    Mutant(LeakyReLU, "at 0 the slope from above", LeakyReLU.backward, lambda: _forward_that_counts_zero_above),
    Mutant(ReLU, "at 0 the slope from above", _relu_zero_above, lambda: _forward_that_keeps_x),
    Mutant(SoftMax, "the diagonal of the Jacobian alone", _without_jacobian),
    Mutant(SoftMax, "the sum over the batch", _sum_over_batch),
    Mutant(SoftMax, "the gradient written over the cache", _in_its_output),
    Mutant(BatchNormalize, "without its two mean terms", _without_means),
    Mutant(BatchNormalize, "N − 1 for N", _unbiased),
    Mutant(BatchNormalize, "eps outside the root", BatchNormalize.backward, lambda: _eps_outside_the_root),
    Mutant(BatchNormalizeInference, "the mean terms of training", _as_in_training),
    Mutant(LayerNormalize, "means over the batch", _over_the_batch),
    Mutant(LayerNormalize, "the statistics taken for constants", _constant_statistics),
    Mutant(DropoutMask, "without 1/(1 − p) in the forward", _mask_not_scaled, lambda: _forward_not_scaled),
    Mutant(Conv2d, "the kernel not flipped for dx", _unflipped),
    Mutant(MaxPool2d, "to the last maximum", _to_last_maximum, lambda: _keeping_all),
    Mutant(MaxPool2d, "to all maxima", _to_all_maxima, lambda: _keeping_all),
    Mutant(AvgPool2d, "windows that overlap overwrite each other", _overwritten),
    Mutant(Flatten, "in column order", _in_column_order),
    Mutant(Reshape, "in column order", _in_column_order),
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
