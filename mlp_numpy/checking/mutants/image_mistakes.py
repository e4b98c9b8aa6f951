"""Typical mistakes in hand-written backwards of image layers."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Reshape
from mlp_numpy.checking.mutants.mutant import Mutant
from mlp_numpy.modules import (
    AvgPool2d,
    Conv2d,
    DepthwiseConv2d,
    Flatten,
    GroupedConv2d,
    MaxPool2d,
    StripConv2d,
    WinogradConv2d,
)
from mlp_numpy.modules.windows import Windows


def _unflipped(context: Context, dout: Array) -> Any:
    # dx as a convolution with the kernel needs it flipped; forgotten, u and v run the wrong way
    turned = Context()
    turned.update(context)
    turned["weight"] = context["weight"][:, :, ::-1, ::-1]
    dx, *others = Conv2d.backward(turned, dout)
    return dx, *others


def _places_reversed(context: Context, dout: Array) -> Any:
    dx, dweight, *others = Conv2d.backward(context, dout)
    return dx, np.array(dweight)[:, :, ::-1, ::-1], *others


def _winograd_unflipped(context: Context, dout: Array) -> Any:
    turned = Context()
    turned.update(context)
    turned["weight"] = context["weight"][:, :, ::-1, ::-1]
    dx, *_ = WinogradConv2d.backward(turned, dout)
    return dx, *WinogradConv2d.backward(context, dout)[1:]


def _strips_of_the_padding_of_x(context: Context, dout: Array) -> Any:
    # the strips of dout begin K − 1 − p before it, not p: all pixels are one off where these differ
    dx, *others = StripConv2d.backward(context, dout)
    (kh, kw), (top, left) = context["over"].kernel, context["over"].padding
    return np.roll(np.asarray(dx), (kh - 1 - 2 * top, kw - 1 - 2 * left), axis=(2, 3)), *others


def _next_group(context: Context, dout: Array) -> Any:
    _, *rest = GroupedConv2d.backward(context, dout)
    size = dout.shape[1] // context["groups"]
    other, *_ = GroupedConv2d.backward(context, np.roll(dout, size, axis=1))
    return other, *rest


def _depthwise_unflipped(context: Context, dout: Array) -> Any:
    turned = Context()
    turned.update(context)
    turned["weight"] = context["weight"][:, :, ::-1, ::-1]
    dx, *_ = DepthwiseConv2d.backward(turned, dout)
    return dx, *DepthwiseConv2d.backward(context, dout)[1:]


def _overwritten(context: Context, dout: Array) -> Any:
    """Overlapping windows overwrite each other instead of adding up."""
    over, shape = context["over"], context["shape"]
    dx = np.zeros(shape, dout.dtype)
    share = dout / context["size"]
    for _, on_image, in_windows in over.offsets(*shape[2:]):
        dx[on_image] = share[in_windows]
    return dx


def _divided_by_the_kernel(context: Context, dout: Array) -> Any:
    kh, kw = context["over"].kernel
    context["size"] = kh * kw
    return AvgPool2d.backward(context, dout)


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


def _shared(context: Context, dout: Array) -> Any:
    over = context["over"]
    dx = np.zeros(context["x"].shape, dout.dtype)
    for _, on_image, in_windows in over.offsets(*dx.shape[2:]):
        dx[on_image] += dout[in_windows] / (over.kernel[0] * over.kernel[1])
    return dx


def _in_column_order(context: Context, dout: Array) -> Any:
    return dout.reshape(context["shape"], order="F")


IMAGE_MISTAKES: Final = (
    Mutant(
        Conv2d,
        "the kernel not flipped for dx",
        _unflipped,
        why="out_ij reads x at i + u, so x at h was read by the outputs at h − u: u runs the other way.",
    ),
    Mutant(
        Conv2d,
        "dweight with its places reversed",
        _places_reversed,
        why="W_uv meets x at i + u, j + v: its gradient pairs dout_ij with that same pixel, nothing is flipped.",
    ),
    Mutant(WinogradConv2d, "the kernel not flipped for dx", _winograd_unflipped),
    Mutant(StripConv2d, "the padding of x around dout", _strips_of_the_padding_of_x),
    Mutant(GroupedConv2d, "dx from the next group", _next_group),
    Mutant(DepthwiseConv2d, "the kernel not flipped for dx", _depthwise_unflipped),
    Mutant(
        MaxPool2d,
        "to the last maximum",
        _to_last_maximum,
        lambda: _keeping_all,
        why="Of equal values the first one, row by row, is the maximum.",
    ),
    Mutant(
        MaxPool2d,
        "to all maxima",
        _to_all_maxima,
        lambda: _keeping_all,
        why="Of equal values one alone is the maximum, the first: else a window gives more gradient than it got.",
    ),
    Mutant(
        MaxPool2d,
        "shared by the whole window, as in average pooling",
        _shared,
        lambda: _keeping_all,
        why="out is the maximum alone: the others may change a little without any effect on it.",
    ),
    Mutant(AvgPool2d, "windows that overlap overwrite each other", _overwritten),
    Mutant(AvgPool2d, "divided by the kernel's size at the border", _divided_by_the_kernel),
    Mutant(Flatten, "in column order", _in_column_order),
    Mutant(Reshape, "in column order", _in_column_order),
)
