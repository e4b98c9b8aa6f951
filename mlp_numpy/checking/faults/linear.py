"""Mistakes in the fully connected layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context
from mlp_numpy.checking.faults.fault import Fault
from mlp_numpy.modules import Linear


def _right(context: Context, dout: Array) -> tuple[Array, Array, Array]:
    """The right gradients, in arrays of their own."""
    x, weight = context["x"], context["weight"]
    return dout @ weight, dout.T @ x, dout.sum(axis=0)


def _times_n_outputs(context: Context, dout: Array) -> Any:
    return tuple(gradient * dout.shape[1] for gradient in _right(context, dout))


def _divided_again(context: Context, dout: Array) -> Any:
    dx, dweight, dbias = _right(context, dout)
    return dx, dweight / len(dout), dbias / len(dout)


def _transposed_weight(context: Context, dout: Array) -> Any:
    dx, dweight, dbias = _right(context, dout)
    weight = context["weight"]
    return (dout @ weight.T if weight.shape[0] == weight.shape[1] else dx), dweight, dbias


def _reshaped_weight(context: Context, dout: Array) -> Any:
    dx, dweight, dbias = _right(context, dout)
    return dx, dweight.T.reshape(dweight.shape), dbias


def _bias_of_first_row(context: Context, dout: Array) -> Any:
    dx, dweight, _ = _right(context, dout)
    return dx, dweight, dout[0]


def _bias_mean(context: Context, dout: Array) -> Any:
    dx, dweight, _ = _right(context, dout)
    return dx, dweight, dout.mean(axis=0)


def _bias_over_wrong_axis(context: Context, dout: Array) -> Any:
    dx, dweight, dbias = _right(context, dout)
    return dx, dweight, dout.sum(axis=1) if dout.shape[0] == dout.shape[1] else dbias


def _bias_all(context: Context, dout: Array) -> Any:
    dx, dweight, _ = _right(context, dout)
    return dx, dweight, dout.sum()


def _bias_forgotten(context: Context, dout: Array) -> Any:
    dx, dweight, dbias = _right(context, dout)
    return dx, dweight, np.zeros_like(dbias)


def _sign(context: Context, dout: Array) -> Any:
    dx, dweight, dbias = _right(context, dout)
    return dx, -dweight, dbias


def _last_row_lost(context: Context, dout: Array) -> Any:
    dx, _, dbias = _right(context, dout)
    return dx, dout[:-1].T @ context["x"][:-1], dbias


def _rows_shifted(context: Context, dout: Array) -> Any:
    dx, _, dbias = _right(context, dout)
    return dx, dout.T @ np.roll(context["x"], 1, axis=0), dbias


def _one_row_broadcast(context: Context, dout: Array) -> Any:
    dx, dweight, dbias = _right(context, dout)
    return dx, dweight, dbias.sum() if len(dout) == 1 else dbias


def _in_single_precision(context: Context, dout: Array) -> Any:
    dx, dweight, dbias = _right(context, dout)
    return dx, dweight.astype(np.float32).astype(dweight.dtype), dbias


def _dout_changed(context: Context, dout: Array) -> Any:
    gradients = _right(context, dout)
    dout *= 0.5
    return gradients


def _input_changed(context: Context, dout: Array) -> Any:
    gradients = _right(context, dout)
    context["x"][...] = 0
    return gradients


def _accumulated(context: Context, dout: Array) -> Any:
    dx, dweight, dbias = _right(context, dout)
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
    dx, dweight, dbias = _right(context, dout)
    return dx.astype(np.float64), dweight, dbias


FAULTS: Final = (
    Fault(Linear, "a cache that keeps the first batch", _right, _forward_that_keeps_its_first_batch),
    *(
        Fault(Linear, name, backward)
        for name, backward in (
            ("all gradients times the number of outputs", _times_n_outputs),
            ("divided by the batch size again, after the loss", _divided_again),
            ("dx with the weight transposed, where it is square", _transposed_weight),
            ("dweight transposed, then reshaped until it fits", _reshaped_weight),
            ("dbias of the first row alone", _bias_of_first_row),
            ("dbias as a mean over the batch", _bias_mean),
            ("dbias summed over the wrong axis, where it fits", _bias_over_wrong_axis),
            ("dbias summed over both axes", _bias_all),
            ("dbias forgotten", _bias_forgotten),
            ("dweight with the wrong sign", _sign),
            ("dweight without the last row of the batch", _last_row_lost),
            ("dweight of rows that moved by one", _rows_shifted),
            ("a batch of one broadcast over the bias", _one_row_broadcast),
            ("dweight rounded to float32 on the way", _in_single_precision),
            ("dx in float64 for a float32 input", _widened),
            ("dout overwritten", _dout_changed),
            ("the input overwritten", _input_changed),
            ("dweight added to that of the last backward", _accumulated),
        )
    ),
)
