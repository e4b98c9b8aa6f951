"""Shape operations: reshaping, transposing, indexing and concatenating; gradients return to the original positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff.formula import Context
from mlp_numpy.autodiff.op import Op
from mlp_numpy.checks import LARGEST, numbers, whole_number
from mlp_numpy.errors import ShapeError


class Expand(Op):
    """
    Forward     out = x, repeated ``repeats`` times along the dimension ``dim``, which has length 1
    Backward    dx = Σ dout over that dimension
    Shapes      x (…, 1, …)   out, dout (…, repeats, …)
    Caches      dim
    Kinks       none
    Reference   "Submission Assignment 2" (Gil Álamo), question 8
    """

    @staticmethod
    def check_inputs(x: Array, *, dim: int, repeats: int) -> None:
        whole_number("Expand.do_forward", "dim", dim, least=-x.ndim)
        whole_number("Expand.do_forward", "repeats", repeats, least=0)
        if not -x.ndim <= dim < x.ndim or x.shape[dim] != 1:
            raise ShapeError(f"Expand.do_forward: dimension {dim} must have length 1, got {x.shape}.")

    @staticmethod
    def forward(context: Context, x: Array, *, dim: int, repeats: int) -> Array:
        context["dim"] = dim
        return np.repeat(x, repeats, axis=dim)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        dx: Array = dout.sum(axis=context["dim"], keepdims=True)
        return dx


class Squeeze(Op):
    """
    Forward     out = x without the dimension ``dim``, which has length 1
    Backward    dx = dout with that dimension back in its place
    Shapes      x (…, 1, …)   out, dout (…, …)
    Caches      dim
    Kinks       none
    Reference   "Assignment 2" (Vannucci), question 8
    """

    @staticmethod
    def check_inputs(x: Array, *, dim: int = 0) -> None:
        whole_number("Squeeze.do_forward", "dim", dim, least=-LARGEST)

    @staticmethod
    def forward(context: Context, x: Array, *, dim: int = 0) -> Array:
        context["dim"] = dim
        return x.squeeze(dim)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return np.expand_dims(dout, context["dim"])


class Unsqueeze(Op):
    """
    Forward     out = x with a new dimension of length 1 at the place ``dim``
    Backward    dx = dout without it
    Shapes      x (…, …)   out, dout (…, 1, …)
    Caches      dim
    Kinks       none
    Reference   Squeeze, backwards
    """

    @staticmethod
    def check_inputs(x: Array, *, dim: int = 0) -> None:
        whole_number("Unsqueeze.do_forward", "dim", dim, least=-LARGEST)

    @staticmethod
    def forward(context: Context, x: Array, *, dim: int = 0) -> Array:
        context["dim"] = dim
        return np.expand_dims(x, dim)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return dout.squeeze(context["dim"])


class Reshape(Op):
    """
    Forward     out = x's values, in row-major order, in another shape; one length may be −1, which is inferred
    Backward    dx = the values of dout in the shape of x
    Shapes      x: any   out, dout: ``shape``, of the same size
    Caches      x's shape
    Kinks       none
    Reference   each value keeps its position in row-major order
    """

    @staticmethod
    def forward(context: Context, x: Array, *, shape: tuple[int, ...]) -> Array:
        context["shape"] = x.shape
        return x.reshape(shape)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        dx: Array = dout.reshape(context["shape"])
        return dx


class Transpose(Op):
    """
    Forward     out = x with its dimensions in the order ``axes``; reversed by default, which for a matrix is xᵀ
    Backward    dx = dout with them back in their order
    Shapes      x: any   out, dout: x's, permuted
    Caches      axes
    Kinks       none
    Reference   xᵀᵢⱼ = xⱼᵢ
    """

    @staticmethod
    def forward(context: Context, x: Array, *, axes: tuple[int, ...] | None = None) -> Array:
        context["axes"] = axes
        return x.transpose(None if axes is None else tuple(axes))

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        axes = context["axes"]
        if axes is None:
            return dout.transpose()
        return dout.transpose(np.argsort([axis % dout.ndim for axis in axes]))


class Concatenate(Op):
    """
    Forward     out = the arrays x₁, x₂, … concatenated along an axis
    Backward    dxₖ = the part of dout where xₖ is
    Shapes      xₖ: equal but along the axis   out, dout: there their sum
    Caches      the axis, the places where one array ends and the next begins
    Kinks       none
    Reference   each value is copied once
    """

    @staticmethod
    def forward(context: Context, *arrays: Array, axis: int = 0) -> Array:
        context["axis"] = axis
        context["ends"] = np.cumsum([array.shape[axis] for array in arrays])[:-1]
        return np.concatenate(arrays, axis=axis)

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array, ...]:
        return tuple(np.split(dout, context["ends"], axis=context["axis"]))


class Select(Op):
    """
    Forward     outₙ = xₙ,ᵢ₍ₙ₎: of every row n the value in column i(n)
    Backward    dxₙᵢ = doutₙ for i = i(n), 0 for all others
    Shapes      x (N, C)   indices (N,) integers, constant   out, dout (N,)
    Caches      x's shape, the indices
    Kinks       none
    Reference   values that were not selected do not affect the loss
    """

    @staticmethod
    def check_inputs(x: Array, *, indices: Array) -> None:
        columns = numbers("Select.do_forward", "indices", indices)
        if x.ndim != 2 or columns.shape != x.shape[:1] or columns.dtype.kind not in "iu":
            raise ShapeError(
                "Select.do_forward: x must be (N, C) and indices (N,) integers, "
                f"got {x.shape} and {columns.shape} {columns.dtype}."
            )

    @staticmethod
    def forward(context: Context, x: Array, *, indices: Array) -> Array:
        context["shape"], context["indices"] = x.shape, indices
        out: Array = x[np.arange(len(x)), indices]
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        dx = np.zeros(context["shape"], dout.dtype)
        dx[np.arange(len(dx)), context["indices"]] = dout
        return dx


class Index(Op):
    """
    Forward     out = x[index], with any NumPy index
    Backward    dx = 0, plus at every position of x the gradients of all its copies in out
    Shapes      x: any   out, dout: that of NumPy's indexing
    Caches      x's shape, the index
    Kinks       none
    Reference   an index that selects a value twice uses it twice
    """

    @staticmethod
    def forward(context: Context, x: Array, *, index: Any) -> Array:
        context["shape"], context["index"] = x.shape, index
        out: Array = x[index]
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        index = context["index"]
        dx: Array = np.zeros(context["shape"], dout.dtype)
        if all(part is None or part is Ellipsis or type(part) in (int, slice) for part in _parts(index)):
            dx[index] = dout  # such an index selects every element once
        else:
            np.add.at(dx, index, dout)
        return dx


def _parts(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)
