"""Reductions: many numbers become one."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff.context import Context
from mlp_numpy.autodiff.op import Op

Axes: TypeAlias = int | tuple[int, ...] | None
"""Along what is reduced: one axis, several, or None for all."""


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
        context["shape"], context["axis"], context["keepdims"] = x.shape, axis, keepdims
        out: Array = x.sum(axis=axis, keepdims=keepdims)
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return spread(context, dout)


class Mean(Op):
    """
    Forward     out = 1/n Σᵢ xᵢ over the axes given, over all by default; n numbers go into each mean
    Backward    dxᵢ = dout / n
    Shapes      x: any   out, dout: x's without those axes; with keepdims they stay, with length 1
    Caches      x's shape, the axes, n
    Kinks       none
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
        out: Array = x.mean(axis=axis, keepdims=keepdims)
        context["shape"], context["axis"], context["keepdims"] = x.shape, axis, keepdims
        context["n"] = x.size // max(np.size(out), 1)
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return spread(context, dout / context["n"])


class Max(Op):
    """
    Forward     out = maxᵢ xᵢ along one axis, over all numbers by default
    Backward    dxᵢ = dout for the i of the maximum, 0 for all others
    Shapes      x: any   out, dout: x's without that axis; with keepdims it stays, with length 1
    Caches      x's shape and type, the axis, the place of each maximum
    Kinks       where several numbers are the maximum, the first of them has the gradient
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, x: Array, *, axis: int | None = None, keepdims: bool = False) -> Array:
        rows, along = (x.reshape(-1), 0) if axis is None else (x, axis)
        place = rows.real.argmax(axis=along, keepdims=True)
        context["shape"], context["axis"], context["place"] = x.shape, axis, place
        out: Array = np.take_along_axis(rows, place, axis=along)
        if keepdims:
            return out.reshape((1,) * x.ndim) if axis is None else out
        return out.squeeze(along)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        shape, axis, place = context["shape"], context["axis"], context["place"]
        dx = np.zeros(shape, dout.dtype)
        rows, along = (dx.reshape(-1), 0) if axis is None else (dx, axis)
        np.put_along_axis(rows, place, np.reshape(dout, place.shape), axis=along)
        return dx


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
    Kinks       where several numbers are the maximum, the first of them has the gradient
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
    Caches      out, s
    Kinks       none; a row that sums to 0 has no quotient
    Reference   the quotient rule: ∂outₙⱼ/∂xₙᵢ = 1[i = j]/sₙ − xₙⱼ/sₙ²
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        s = x.sum(axis=1, keepdims=True)
        out: Array = x / s
        context["out"], context["s"] = out, s
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        out, s = context["out"], context["s"]
        dx: Array = (dout - (dout * out).sum(axis=1, keepdims=True)) / s
        return dx


def spread(context: Context, dout: Array) -> Array:
    """Hand to each number of x what ``dout`` has for the sum it went into.

    An array of its own, not a broadcast view: matrix products of arrays with strides of zero bypass BLAS.
    """
    shape, axis = context["shape"], context["axis"]
    if axis is not None and not context["keepdims"]:
        dout = np.expand_dims(dout, axis)
    return np.full(shape, dout)
