"""Mistakes in convolution, pooling and changes of shape, and in a shortcut."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Reshape
from mlp_numpy.checking.faults.fault import Fault
from mlp_numpy.modules import AvgPool2d, Conv2d, Flatten, MaxPool2d, Residual, Sequential
from mlp_numpy.modules.windows import Windows


def _unflipped(context: Context, dout: Array) -> Any:
    # dx as a convolution with the kernel needs it flipped; forgotten, u and v run the wrong way
    turned = Context()
    turned.update(context)
    turned["weight"] = context["weight"][:, :, ::-1, ::-1]
    dx, *others = Conv2d.backward(turned, dout)
    return dx, *others


def _bias_over_samples(context: Context, dout: Array) -> Any:
    dx, dweight, *bias = Conv2d.backward(context, dout)
    return dx, dweight, *(dout[:, :, 0, 0].sum(axis=0) for _ in bias)


def _bias_mean(context: Context, dout: Array) -> Any:
    dx, dweight, *bias = Conv2d.backward(context, dout)
    return dx, dweight, *(dout.mean(axis=(0, 2, 3)) for _ in bias)


def _weight_of_first_sample(context: Context, dout: Array) -> Any:
    only = dout.copy()
    only[1:] = 0
    dx, _, *bias = Conv2d.backward(context, dout)
    _, dweight, *_ = Conv2d.backward(context, only)
    return dx, np.array(dweight), *(dout.sum(axis=(0, 2, 3)) for _ in bias)


def _overwritten(context: Context, dout: Array) -> Any:
    """Windows that overlap write over each other instead of adding up."""
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


def _to_all_places(context: Context, dout: Array) -> Any:
    over, shape = context["over"], context["shape"]
    dx = np.zeros(shape, dout.dtype)
    for _, on_image, in_windows in over.offsets(*shape[2:]):
        dx[on_image] += dout[in_windows]
    return dx


def _in_column_order(context: Context, dout: Array) -> Any:
    return dout.reshape(context["shape"], order="F")


def _without_shortcut(self: Any, dout: Array) -> Any:
    return Sequential.backward(self, dout)


def _shortcut_alone(self: Any, dout: Array) -> Any:
    Sequential.backward(self, dout)
    return dout.copy()


FAULTS: Final = (
    Fault(Conv2d, "the kernel not flipped for dx", _unflipped),
    Fault(Conv2d, "dbias summed over the samples alone", _bias_over_samples),
    Fault(Conv2d, "dbias as a mean", _bias_mean),
    Fault(Conv2d, "dweight of the first image alone", _weight_of_first_sample),
    Fault(MaxPool2d, "to the last maximum", _to_last_maximum, lambda: _keeping_all),
    Fault(MaxPool2d, "to all maxima", _to_all_maxima, lambda: _keeping_all),
    Fault(MaxPool2d, "to all places", _to_all_places),
    Fault(AvgPool2d, "not divided", _to_all_places),
    Fault(AvgPool2d, "windows that overlap overwrite each other", _overwritten),
    Fault(Flatten, "in column order", _in_column_order),
    Fault(Reshape, "in column order", _in_column_order),
    Fault(Residual, "without the shortcut", _without_shortcut),
    Fault(Residual, "the shortcut alone", _shortcut_alone),
)
