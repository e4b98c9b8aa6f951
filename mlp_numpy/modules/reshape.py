"""Flattening of images to vectors, and its inverse."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Op, Reshape
from mlp_numpy.checks import allocatable, whole_number
from mlp_numpy.errors import ShapeError
from mlp_numpy.modules.base import Module


class Flatten(Op):
    """
    Forward     out[n] = the values of x[n] in row-major order
    Backward    dx = dout, in the shape of x
    Shapes      x (N, …)   out, dout (N, D), D the product of the other sizes of x
    Caches      the shape of x
    Kinks       none
    Reference   elementary: the values stay, their indices change
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        context["shape"] = x.shape
        return x.reshape(len(x), -1)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return dout.reshape(context["shape"])


class FlattenModule(Module):
    """(N, C, H, W), or any batch, to (N, C·H·W): used between convolutions and a LinearModule."""

    op = Flatten

    def _check_input(self, x: Array) -> None:
        if x.ndim < 2 or x.size == 0:
            raise ShapeError(f"FlattenModule.forward: x must be (N, …) with at least one number a row, got {x.shape}.")


class UnflattenModule(Module):
    """(N, C·H·W), the layout of data sets, to images (N, C, H, W).

    Raises OptionError for sizes below 1.
    """

    op = Reshape

    def __init__(self, channels: int, height: int, width: int) -> None:
        who = "UnflattenModule"
        sizes = (("channels", channels), ("height", height), ("width", width))
        self.shape = allocatable(who, tuple(whole_number(who, name, size) for name, size in sizes))
        super().__init__()

    def _op_kwargs(self) -> dict[str, Any]:
        return {"shape": (-1, *self.shape)}

    def _repr_args(self) -> str:
        return ", ".join(str(size) for size in self.shape)

    def _check_input(self, x: Array) -> None:
        size = int(np.prod(self.shape))
        if x.ndim != 2 or x.shape[1] != size:
            raise ShapeError(f"{self!r}.forward: x must be (N, {size}), got {x.shape}. Hint: check the data set.")
