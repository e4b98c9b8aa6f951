"""Reductions: sum, mean and maximum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from mlp_numpy.arrays import Array, within_range
from mlp_numpy.autodiff.formula import Context
from mlp_numpy.autodiff.op import Op

Axes: TypeAlias = int | Sequence[int] | None
"""The axes to reduce: one, several in a tuple or a list, or None for all."""


def axes_of(axis: Axes, ndim: int) -> tuple[int, ...]:
    """The axes as sorted nonnegative integers.

    Raises NumPy's exceptions: AxisError for an axis out of range, ValueError for a duplicate, TypeError for anything
    else.
    """
    if axis is None:
        return tuple(range(ndim))
    return normalize_axis_tuple(tuple(axis) if isinstance(axis, list) else axis, ndim)


class Sum(Op):
    """
    Forward     out = Σᵢ xᵢ over the axes given, over all by default
    Backward    dxᵢ = dout
    Shapes      x: any   out, dout: x's without those axes; with keepdims they stay, with length 1
    Caches      x's shape, the axes
    Kinks       none
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
        axes = axes_of(axis, x.ndim)
        context["shape"], context["axis"], context["keepdims"] = x.shape, axes, keepdims
        out: Array = x.sum(axis=axes, keepdims=keepdims)
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return spread(context, dout)


class Mean(Op):
    """
    Forward     out = 1/n Σᵢ xᵢ over the axes given, over all by default; n values per mean
    Backward    dxᵢ = dout / n
    Shapes      x: any   out, dout: x's without those axes; with keepdims they stay, with length 1
    Caches      x's shape, the axes, n
    Kinks       none
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
        axes = axes_of(axis, x.ndim)
        out = within_range(lambda x: np.asarray(x.mean(axis=axes, keepdims=keepdims)), x)
        context["shape"], context["axis"], context["keepdims"] = x.shape, axes, keepdims
        context["n"] = x.size // max(np.size(out), 1)
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return spread(context, dout / context["n"])


class Max(Op):
    """
    Forward     out = maxᵢ xᵢ over the axes given, over all by default
    Backward    dxᵢ = dout for the i of the maximum, 0 for all others
    Shapes      x: any   out, dout: x's without those axes; with keepdims they stay, with length 1
    Caches      x's shape, the axes, the place of each maximum
    Kinks       where several numbers are the maximum, the first of them, row by row, has the gradient; a NaN is one
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
        axes = sorted(axes_of(axis, x.ndim))
        # the reduced axes are moved to the end and merged
        order = [*(other for other in range(x.ndim) if other not in axes), *axes]
        kept = x.transpose(order).shape[: x.ndim - len(axes)]
        rows = x.transpose(order).reshape(*kept, math.prod(x.shape[axis] for axis in axes))
        place = rows.real.argmax(axis=-1, keepdims=True)
        context["shape"], context["order"], context["rows"], context["place"] = x.shape, order, rows.shape, place
        out: Array = np.take_along_axis(rows, place, axis=-1)
        return out.reshape([1 if axis in axes else size for axis, size in enumerate(x.shape)] if keepdims else kept)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        shape, order, place = context["shape"], context["order"], context["place"]
        rows = np.zeros(context["rows"], dout.dtype)
        np.put_along_axis(rows, place, np.reshape(dout, place.shape), axis=-1)
        return rows.reshape([shape[axis] for axis in order]).transpose(np.argsort(order))


class RowSum(Op):
    """
    Forward     outₙ = Σᵢ xₙᵢ
    Backward    dxₙᵢ = doutₙ
    Shapes      x (N, C)   out, dout (N,)
    Caches      x's shape
    Kinks       none
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        context["shape"] = x.shape
        out: Array = x.sum(axis=1)
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return np.repeat(dout[:, np.newaxis], context["shape"][1], axis=1)


class RowMax(Op):
    """
    Forward     outₙ = maxᵢ xₙᵢ
    Backward    dxₙᵢ = doutₙ for the i of the maximum, 0 for all others
    Shapes      x (N, C)   out, dout (N,)
    Caches      x's shape, the place of each row's maximum
    Kinks       in case of ties the first maximum has the gradient
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        place = x.real.argmax(axis=1)
        context["shape"], context["place"] = x.shape, place
        out: Array = x[np.arange(len(x)), place]
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        dx = np.zeros(context["shape"], dout.dtype)
        dx[np.arange(len(dx)), context["place"]] = dout
        return dx


class Normalize(Op):
    """
    Forward     outₙᵢ = xₙᵢ / sₙ      sₙ = Σⱼ xₙⱼ
    Backward    dxₙᵢ = (doutₙᵢ − Σⱼ doutₙⱼ outₙⱼ) / sₙ
    Shapes      x, out, dout (N, C)
    Caches      out, s and its unit: 1, or smaller where s is above the range
    Kinks       none; a row that sums to 0 has no quotient
    Reference   the quotient rule: ∂outₙⱼ/∂xₙᵢ = 1[i = j]/sₙ − xₙⱼ/sₙ²
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        # a row's sum may overflow where its quotients do not
        with np.errstate(over="ignore"):
            s = x.sum(axis=1, keepdims=True)
        unit = 1.0
        if not np.isfinite(s).all():
            unit = 1 / (2.0 * x.shape[1])
            s = (x * unit).sum(axis=1, keepdims=True)
        out: Array = x * unit / s
        context["out"], context["s"], context["unit"] = out, s, unit
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        out, s, unit = context["out"], context["s"], context["unit"]
        dx: Array = (dout - (dout * out).sum(axis=1, keepdims=True)) * unit / s
        return dx


def spread(context: Context, dout: Array) -> Array:
    """Give each element of x the ``dout`` of its sum.

    A new array, not a broadcast view: matrix products of arrays with strides of zero bypass BLAS.
    """
    shape, axis = context["shape"], context["axis"]
    if not context["keepdims"]:
        dout = np.expand_dims(dout, axis)
    return np.full(shape, dout)
