"""Typical mistakes in hand-written backwards of activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checking.mutants.mutant import Mutant
from mlp_numpy.modules import ELU, GELU, GELUTanh, Hardtanh, LeakyReLU, LogSigmoid, PReLU, ReLU, Sigmoid, SoftMax, Tanh


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


def _relu_mask_of_dout(context: Context, dout: Array) -> Any:
    return dout * (dout > 0)


def _slope_0_below(context: Context, dout: Array) -> Any:
    return dout * (_slope(context) == 1)


def _forward_of(op: type[Op]) -> Callable[[], Callable[..., Array]]:
    """A forward of an elementwise formula that also keeps x and out."""

    def forward(context: Context, x: Array) -> Array:
        context["all"] = x
        out: Array = op.forward(context, x)
        context["out"] = out.copy()
        return out

    return lambda: forward


def _sigmoid_slope_of_x(context: Context, dout: Array) -> Any:
    x = context["all"]
    return dout * x * (1 - x)


def _sigmoid_twice(context: Context, dout: Array) -> Any:
    again = 1 / (1 + np.exp(-context["out"]))
    return dout * again * (1 - again)


def _one_minus_out(context: Context, dout: Array) -> Any:
    return dout * (1 - context["out"])


def _out_alone(context: Context, dout: Array) -> Any:
    return dout * context["out"]


def _tanh_slope_of_x(context: Context, dout: Array) -> Any:
    return dout * (1 - context["all"] ** 2)


def _slope_of_sigmoid(context: Context, dout: Array) -> Any:
    return dout * context["out"] * (1 - context["out"])


def _without_jacobian(context: Context, dout: Array) -> Any:
    s = context["out"]
    return s * (1 - s) * dout


def _sum_over_batch(context: Context, dout: Array) -> Any:
    s = context["out"]
    return s * (dout - (dout * s).sum(axis=0, keepdims=True))


def _softmax_unsummed(context: Context, dout: Array) -> Any:
    return context["out"] * dout


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


ACTIVATION_MISTAKES: Final = (
    Mutant(
        LeakyReLU,
        "a mask of dout instead of x",
        _mask_of_dout,
        why="The side of the kink is that of x; the sign of dout has no meaning here.",
    ),
    Mutant(
        LeakyReLU,
        "below 0 the slope 0, as of a ReLU",
        _slope_0_below,
        why="Below 0 out = αx, whose slope is α: the gradient that keeps such a unit alive.",
    ),
    Mutant(
        LeakyReLU,
        "at 0 the slope from above",
        LeakyReLU.backward,
        lambda: _forward_that_counts_zero_above,
        why="At the kink the convention is the slope from below, α: the mask is x > 0, not x ≥ 0.",
    ),
    Mutant(
        ReLU,
        "at 0 the slope from above",
        _relu_zero_above,
        lambda: _forward_that_keeps_x,
        why="At the kink the convention is the slope from below, 0: the mask is x > 0, not x ≥ 0.",
    ),
    Mutant(
        ReLU,
        "a mask of dout instead of x",
        _relu_mask_of_dout,
        why="The side of the kink is that of x; the sign of dout has no meaning here.",
    ),
    Mutant(
        Sigmoid,
        "x(1 − x), the slope formula given x instead of σ(x)",
        _sigmoid_slope_of_x,
        _forward_of(Sigmoid),
        why="The slope of the sigmoid is written in its output: σ(x) (1 − σ(x)).",
    ),
    Mutant(
        Sigmoid,
        "the sigmoid applied to its output again",
        _sigmoid_twice,
        _forward_of(Sigmoid),
        why="out is σ(x) already; the slope is out (1 − out).",
    ),
    Mutant(
        Sigmoid,
        "1 − out alone",
        _one_minus_out,
        _forward_of(Sigmoid),
        why="The slope is a product of two factors, out (1 − out).",
    ),
    Mutant(
        Sigmoid,
        "out alone",
        _out_alone,
        _forward_of(Sigmoid),
        why="The slope is a product of two factors, out (1 − out).",
    ),
    Mutant(
        Tanh,
        "1 − out, without the square",
        _one_minus_out,
        _forward_of(Tanh),
        why="The slope of tanh is 1 − tanh²x.",
    ),
    Mutant(
        Tanh,
        "1 − x², the slope formula given x instead of tanh x",
        _tanh_slope_of_x,
        _forward_of(Tanh),
        why="The slope of tanh is written in its output: 1 − out².",
    ),
    Mutant(
        Tanh,
        "out (1 − out), the slope of a sigmoid",
        _slope_of_sigmoid,
        _forward_of(Tanh),
        why="The slope of tanh is 1 − out²; out (1 − out) belongs to the sigmoid.",
    ),
    Mutant(
        SoftMax,
        "the diagonal of the Jacobian alone",
        _without_jacobian,
        why="Every output of a row depends on every score of it: ∂S_i/∂x_j = −S_i S_j for i ≠ j is missing.",
    ),
    Mutant(
        SoftMax,
        "S ⊙ dout without the sum over the row",
        _softmax_unsummed,
        why="The sum in the denominator depends on every score, and gives the term −S_j Σ_i dout_i S_i.",
    ),
    Mutant(
        SoftMax,
        "the sum over the batch",
        _sum_over_batch,
        why="Each example has its own softmax: the sum runs over the classes of its row, axis 1.",
    ),
    Mutant(SoftMax, "the gradient written over the cache", _in_its_output),
    Mutant(Hardtanh, "at the bounds the slope 1", Hardtanh.backward, lambda: _through_the_bounds),
    Mutant(LogSigmoid, "σ(x) for σ(−x)", _sigmoid_of_x),
    Mutant(PReLU, "the gradient of the slope of the first row alone", _slope_unsummed),
    Mutant(ELU, "at 0 the slope 1", _elu_one_at_zero),
    Mutant(GELU, "the derivative of the tanh form", _derivative_of_tanh_form, lambda: _gelu_with_input),
)
