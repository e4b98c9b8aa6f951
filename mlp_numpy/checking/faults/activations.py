"""Mistakes in activations and in the softmax."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, ReLU
from mlp_numpy.checking.faults.fault import Fault
from mlp_numpy.modules import LeakyReLU, SoftMax


def _slope(context: Context) -> Array:
    """The slope of every number, 1 or α, which for α = 0 is not kept."""
    slope: Array = context["slope"] if "slope" in context else np.heaviside(context["x"], 0)
    return slope


def _slopes(context: Context) -> tuple[Array, float]:
    """The slope of every number, and α."""
    slope = _slope(context)
    below = slope[slope != 1]
    return slope, float(below[0]) if below.size else 1.0


def _other_side(context: Context, dout: Array) -> Any:
    slope, alpha = _slopes(context)
    return np.where(slope == 1, alpha, 1.0).astype(dout.dtype) * dout


def _plus(context: Context, dout: Array) -> Any:
    return _slope(context) + dout


def _dead_below(context: Context, dout: Array) -> Any:
    return np.where(_slope(context) == 1, dout, 0)


def _slope_twice(context: Context, dout: Array) -> Any:
    return _slope(context) ** 2 * dout


def _mask_of_dout(context: Context, dout: Array) -> Any:
    _, alpha = _slopes(context)
    return np.where(dout > 0, dout, dout.dtype.type(alpha) * dout)


def _sign_below(context: Context, dout: Array) -> Any:
    slope = _slope(context)
    return np.where(slope == 1, dout, -slope * dout)


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


def _relu_unmasked(context: Context, dout: Array) -> Any:
    return dout.copy()


def _relu_plus_output(context: Context, dout: Array) -> Any:
    return dout + np.maximum(context["all"], 0)


def _without_jacobian(context: Context, dout: Array) -> Any:
    s = context["out"]
    return s * (1 - s) * dout


def _passed_through(context: Context, dout: Array) -> Any:
    return dout.copy()


def _without_sum(context: Context, dout: Array) -> Any:
    return context["out"] * dout


def _sum_over_batch(context: Context, dout: Array) -> Any:
    s = context["out"]
    return s * (dout - (dout * s).sum(axis=0, keepdims=True))


def _sum_over_all(context: Context, dout: Array) -> Any:
    s = context["out"]
    return s * (dout - (dout * s).sum())


def _mean_for_sum(context: Context, dout: Array) -> Any:
    s = context["out"]
    return s * (dout - (dout * s).mean(axis=1, keepdims=True))


def _plus_sum(context: Context, dout: Array) -> Any:
    s = context["out"]
    return s * (dout + (dout * s).sum(axis=1, keepdims=True))


def _unweighted_sum(context: Context, dout: Array) -> Any:
    s = context["out"]
    return s * (dout - dout.sum(axis=1, keepdims=True))


def _in_its_output(context: Context, dout: Array) -> Any:
    dx = SoftMax.backward(context, dout)
    context["out"][...] = dx
    return dx


FAULTS: Final = (
    Fault(LeakyReLU, "the slopes of the wrong sides", _other_side),
    Fault(LeakyReLU, "+ for ×", _plus),
    Fault(LeakyReLU, "nothing passed below 0, as by a ReLU", _dead_below),
    Fault(LeakyReLU, "the slope applied twice", _slope_twice),
    Fault(LeakyReLU, "a mask of dout instead of x", _mask_of_dout),
    Fault(LeakyReLU, "the wrong sign below 0", _sign_below),
    Fault(LeakyReLU, "at 0 the slope from above", LeakyReLU.backward, lambda: _forward_that_counts_zero_above),
    Fault(ReLU, "at 0 the slope from above", _relu_zero_above, lambda: _forward_that_keeps_x),
    Fault(ReLU, "no mask", _relu_unmasked),
    Fault(ReLU, "the output added instead of its mask multiplied", _relu_plus_output, lambda: _forward_that_keeps_x),
    Fault(SoftMax, "the diagonal of the Jacobian alone", _without_jacobian),
    Fault(SoftMax, "dout passed through, as if the loss were fused", _passed_through),
    Fault(SoftMax, "the sum left out", _without_sum),
    Fault(SoftMax, "the sum over the batch", _sum_over_batch),
    Fault(SoftMax, "the sum over batch and classes", _sum_over_all),
    Fault(SoftMax, "a mean for the sum", _mean_for_sum),
    Fault(SoftMax, "+ for − before the sum", _plus_sum),
    Fault(SoftMax, "the sum not weighted by S", _unweighted_sum),
    Fault(SoftMax, "the gradient written over the cache", _in_its_output),
)
