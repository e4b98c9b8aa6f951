"""Typical mistakes in hand-written backwards: those of the fully connected layer here, of every other family beside.

They cover errors that the generic operators cannot produce: a formula that is wrong only in places, a correct
derivative of a wrong forward, correct values computed in a forbidden way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context
from mlp_numpy.checking.mutants.activation_mistakes import ACTIVATION_MISTAKES
from mlp_numpy.checking.mutants.image_mistakes import IMAGE_MISTAKES
from mlp_numpy.checking.mutants.loss_mistakes import LOSS_MISTAKES
from mlp_numpy.checking.mutants.mutant import Mutant
from mlp_numpy.checking.mutants.normalization_mistakes import NORMALIZATION_MISTAKES
from mlp_numpy.modules import DropoutMask, Linear, Residual, Sequential


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


MISTAKES: Final = (
    *NORMALIZATION_MISTAKES,
    *IMAGE_MISTAKES,
    *ACTIVATION_MISTAKES,
    *LOSS_MISTAKES,
    Mutant(
        Linear,
        "a cache that keeps the first batch",
        _linear,
        _forward_that_keeps_its_first_batch,
        why="Every forward must replace what the last one has cached.",
    ),
    Mutant(
        Linear,
        "dx with the weight transposed, where it is square",
        _transposed_weight,
        why="x_nd reaches out_nm with the factor W_md, so dx_nd sums dout_nm W_md over m: the product with W, not Wᵀ.",
    ),
    Mutant(
        Linear,
        "dbias summed over the wrong axis, where it fits",
        _bias_over_wrong_axis,
        why="b_m is added to every example n, so its gradient sums over the examples, axis 0.",
    ),
    Mutant(Linear, "dbias summed over the first of several axes alone", _bias_over_first_axis_alone),
    Mutant(Linear, "dx in float64 for a float32 input", _widened),
    Mutant(Linear, "the input overwritten", _input_changed),
    Mutant(Linear, "dweight added to that of the last backward", _accumulated),
    Mutant(
        DropoutMask,
        "without 1/(1 − p) in the forward",
        _mask_not_scaled,
        lambda: _forward_not_scaled,
        why="What is kept was divided by 1 − p in the forward, so its gradient is too.",
    ),
    Mutant(
        Residual,
        "without the shortcut",
        _without_shortcut,
        why="x reaches out by two paths, and the gradients of both add up: the shortcut contributes dout.",
    ),
    Mutant(
        Residual,
        "the shortcut alone",
        _shortcut_alone,
        why="x reaches out by two paths, and the gradients of both add up: the one through f is missing.",
    ),
)
