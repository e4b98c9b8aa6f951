"""Mistakes in the activations that are curved or learn, and in the logarithm of the softmax."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array, blockwise
from mlp_numpy.autodiff import Context
from mlp_numpy.checking.faults.fault import Fault
from mlp_numpy.modules import (
    ELU,
    GELU,
    SELU,
    GELUTanh,
    Id,
    LogSoftMax,
    PReLU,
    ReLU,
    ScaledReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)
from mlp_numpy.modules.normal_cdf import gaussian


def _scale_left_out(context: Context, dout: Array) -> Any:
    return ReLU.backward(context, dout)


def _scale_on_both_sides(context: Context, dout: Array) -> Any:
    return context["scale"] * dout


def _slope_unsummed(context: Context, dout: Array) -> Any:
    first = dout.copy()
    first[1:] = 0
    return PReLU.backward(context, dout)[0], PReLU.backward(context, first)[1]


def _slope_of_all_numbers(context: Context, dout: Array) -> Any:
    dx, dslope = PReLU.backward(context, dout)
    return dx, None if dslope is None else np.full_like(dslope, (dout * context["x"]).sum())


def _constant_slope(context: Context, dout: Array) -> Any:
    dx, dslope = PReLU.backward(context, dout)
    return dx, None if dslope is None else np.zeros_like(dslope)


def _elu_alpha_left_out(context: Context, dout: Array) -> Any:
    return dout * np.exp(context["below"])


def _elu_one_at_zero(context: Context, dout: Array) -> Any:
    return np.where(context["below"] == 0, dout, ELU.backward(context, dout))


def _elu_from_output(context: Context, dout: Array) -> Any:
    positive, below, alpha = context["positive"], context["below"], context["alpha"]
    return dout * (positive + (1 - positive) * alpha * np.expm1(below))


def _selu_scale_left_out(context: Context, dout: Array) -> Any:
    return ELU.backward(context, dout)


def _gelu_with_input(context: Context, x: Array) -> Array:
    context["x"] = x
    return GELU.forward(context, x)


def _derivative_of_tanh_form(context: Context, dout: Array) -> Any:
    other = Context()
    GELUTanh.forward(other, context["x"])
    return GELUTanh.backward(other, dout)


def _derivative_of_exact_form(context: Context, dout: Array) -> Any:
    other = Context()
    GELU.forward(other, context["near"])
    return GELU.backward(other, dout)


def _gelu_without_density(context: Context, dout: Array) -> Any:
    probability, _ = blockwise(gaussian, context["x"], n_out=2, n_scratch=3)
    return dout * probability


def _silu_without_product_rule(context: Context, dout: Array) -> Any:
    return dout * context["s"]


def _silu_of_sigmoid(context: Context, dout: Array) -> Any:
    s = context["s"]
    return dout * context["x"] * s * (1 - s)


def _softplus_without_beta(context: Context, x: Array, *, beta: float) -> Array:
    out = Softplus.forward(context, x, beta=beta)
    Softplus.forward(context, x, beta=1.0)
    return out


def _softplus_times_beta(context: Context, x: Array, *, beta: float) -> Array:
    context["beta"] = beta
    return Softplus.forward(context, x, beta=beta)


def _beta_in_the_slope(context: Context, dout: Array) -> Any:
    return context["beta"] * Softplus.backward(context, dout)


def _sigmoid_of_output(context: Context, dout: Array) -> Any:
    s = 1 / (1 + np.exp(-context["out"]))
    return dout * s * (1 - s)


def _tanh_not_squared(context: Context, dout: Array) -> Any:
    return dout * (1 - context["out"])


def _tanh_plus(context: Context, dout: Array) -> Any:
    return dout * (1 + context["out"] ** 2)


def _without_dout(context: Context, dout: Array) -> Any:
    return np.ones_like(dout)


def _log_softmax_own_sum(context: Context, dout: Array) -> Any:
    s = context["s"]
    return dout - (s * dout).sum(axis=1, keepdims=True)


def _log_softmax_without_sum(context: Context, dout: Array) -> Any:
    return dout - context["s"] * dout


FAULTS: Final = (
    Fault(ScaledReLU, "the scale left out", _scale_left_out),
    Fault(ScaledReLU, "the scale without the mask", _scale_on_both_sides),
    Fault(PReLU, "the gradient of the slope of the first row alone", _slope_unsummed),
    Fault(PReLU, "the gradient of the slope from both sides of 0", _slope_of_all_numbers),
    Fault(PReLU, "the slope taken for a constant", _constant_slope),
    Fault(ELU, "α left out", _elu_alpha_left_out),
    Fault(ELU, "at 0 the slope 1", _elu_one_at_zero),
    Fault(ELU, "the output for the slope below 0", _elu_from_output),
    Fault(SELU, "λ left out", _selu_scale_left_out),
    Fault(GELU, "the derivative of the tanh form", _derivative_of_tanh_form, lambda: _gelu_with_input),
    Fault(GELU, "without the density", _gelu_without_density, lambda: _gelu_with_input),
    Fault(GELUTanh, "the derivative of the exact form", _derivative_of_exact_form),
    Fault(SiLU, "σ alone, without the product rule's second term", _silu_without_product_rule),
    Fault(SiLU, "without the product rule's first term", _silu_of_sigmoid),
    Fault(Softplus, "the slope without β", Softplus.backward, lambda: _softplus_without_beta),
    Fault(Softplus, "β before the slope", _beta_in_the_slope, lambda: _softplus_times_beta),
    Fault(Sigmoid, "the sigmoid of the output", _sigmoid_of_output),
    Fault(Tanh, "1 − t for 1 − t²", _tanh_not_squared),
    Fault(Tanh, "1 + t² for 1 − t²", _tanh_plus),
    Fault(Id, "dout ignored", _without_dout),
    Fault(LogSoftMax, "the sum weighted by S, not multiplied by it", _log_softmax_own_sum),
    Fault(LogSoftMax, "the sum left out", _log_softmax_without_sum),
)
