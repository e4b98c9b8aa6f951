"""Piecewise linear and elementary activations: elementwise formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, all_finite, blockwise, kept, mark_nans, one_or, product
from mlp_numpy.autodiff import Context, Id, Op, ReLU, Sigmoid, Tanh
from mlp_numpy.checks import allocatable, float_dtype, number, whole_number
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.modules.base import Module


class LeakyReLU(Op):
    """
    Forward     out = max(0, x) + α min(0, x) = s ⊙ x      s = 1[x > 0] + α 1[x ≤ 0]
    Backward    dx = s ⊙ dout
    Shapes      x, s, out, dout: any, all the same
    Caches      s
    Kinks       at x = 0 the slope is α
    Reference   "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), eq. 19 to 24. Works for every α.
    """

    @staticmethod
    def forward(context: Context, x: Array, *, neg_slope: float) -> Array:
        # A slope of 0 or ∞ (in float32) would turn ∞ or 0 into NaN.
        usual = 1e-30 < abs(neg_slope) < 1e30
        multiply = np.multiply if usual else product

        def formula(out: Array, slope: Array, x: Array) -> None:
            one_or(x.real > 0, neg_slope, slope)
            mark_nans(slope, x)
            multiply(slope, x, out)

        out, context["slope"] = blockwise(formula, x, n_out=2)
        context["usual"] = usual
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        slope = context["slope"]
        dx: Array = dout * slope if context["usual"] else product(kept(slope != 0, dout), slope)
        return dx


class ScaledReLU(Op):
    """
    Forward     out = c max(0, x)
    Backward    dx = c 1[x > 0] ⊙ dout
    Shapes      x, out, dout: any, all the same
    Caches      x  (a view, no copy), c
    Kinks       at x = 0 the slope is 0
    Reference   "Homework 1" (Albertini), problem 1, f = 5 ReLU
    """

    @staticmethod
    def forward(context: Context, x: Array, *, scale: float) -> Array:
        context["scale"] = scale
        return product(ReLU.forward(context, x), scale)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return product(ReLU.backward(context, dout), context["scale"])


class PReLU(Op):
    """
    Forward     out = max(0, x) + a min(0, x)
    Backward    dx = (1[x > 0] + a 1[x ≤ 0]) ⊙ dout       da = Σ dout ⊙ min(0, x) over all numbers with that slope
    Shapes      x, out, dout: any   slope a (1,), or (C,) for x (N, C, …)
    Caches      the slope of each number, 1[x ≤ 0], x  (a view, no copy)
    Kinks       at x = 0 the slope is a
    Reference   He, Zhang, Ren and Sun 2015, "Delving Deep into Rectifiers", eq. 1 to 3
    """

    @staticmethod
    def check_inputs(x: Array, slope: Array) -> None:
        if slope.shape != (1,) and (x.ndim < 2 or slope.shape != x.shape[1:2]):
            raise ShapeError(
                f"PReLU.do_forward: a must be (1,), or (C,) for x (N, C, …), got {slope.shape} and {x.shape}."
            )

    @staticmethod
    def forward(context: Context, x: Array, slope: Array) -> Array:
        # A single slope broadcasts to every shape; one per feature is along axis 1.
        a = slope if slope.size == 1 else slope.reshape(-1, *(1,) * (x.ndim - 2))
        positive = (x.real > 0).astype(x.real.dtype)
        rest = 1 - positive
        s = positive + a * rest if all_finite(a) else np.where(rest == 0, 1, a)
        mark_nans(s, x)
        context["s"], context["rest"], context["x"], context["shape"] = s, rest, x, a.shape
        return product(s, x)

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array | None, Array | None]:
        x, rest = context["x"], context["rest"]
        dx = product(context["s"], dout) if context.wants(0) else None
        if not context.wants(1):
            return dx, None
        n_slopes = math.prod(context["shape"])
        axes = None if n_slopes == 1 else (0, *range(2, x.ndim))
        dslope = np.sum(product(dout, product(rest, x)), axis=axes)
        if not all_finite(dslope):  # a NaN of dout where x is positive has no effect
            dslope = np.sum(product(kept(rest != 0, dout), product(rest, x)), axis=axes)
        return dx, dslope.reshape(n_slopes)


class LeakyReLUModule(Module):
    """``max(0, x) + neg_slope · min(0, x)``; the derivative at 0 is ``neg_slope``, which may be any number."""

    op = LeakyReLU
    output_kind = "scores"

    def __init__(self, neg_slope: float) -> None:
        super().__init__()
        self.neg_slope = number("LeakyReLUModule", "neg_slope", neg_slope)

    def _repr_args(self) -> str:
        return f"{self.neg_slope:g}"

    def _op_kwargs(self) -> dict[str, Any]:
        return {"neg_slope": self.neg_slope}


class ReLUModule(Module):
    """``scale · max(0, x)``; the derivative at 0 is 0."""

    op: type[Op] = ReLU
    output_kind = "scores"

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = number("ReLUModule", "scale", scale)
        if self.scale != 1:
            self.op = ScaledReLU

    def _repr_args(self) -> str:
        return "" if self.scale == 1 else f"scale={self.scale:g}"

    def _op_kwargs(self) -> dict[str, Any]:
        return {} if self.scale == 1 else {"scale": self.scale}


class PReLUModule(Module):
    """``max(0, x) + a · min(0, x)`` with a trainable slope a: one for all values, or one per feature for x (N,
    n_features) and images (N, n_features, H, W); the derivative at 0 is a. ``params["slope"]`` starts at
    ``neg_slope``."""

    op = PReLU
    output_kind = "scores"

    def __init__(self, n_features: int = 1, *, neg_slope: float = 0.25, dtype: Any = np.float64) -> None:
        n_features = allocatable("PReLUModule", (whole_number("PReLUModule", "n_features", n_features),))[0]
        dtype = float_dtype("PReLUModule", dtype)
        self.neg_slope = number("PReLUModule", "neg_slope", neg_slope)
        with np.errstate(over="ignore"):
            slope = np.full(n_features, self.neg_slope, dtype)
        if not all_finite(slope):
            raise OptionError(f"PReLUModule: neg_slope must be within the range of {dtype}, got {neg_slope!r}.")
        super().__init__(slope=slope)

    def _repr_args(self) -> str:
        n_features = self.params["slope"].size
        start = "" if self.neg_slope == 0.25 else f"neg_slope={self.neg_slope:g}"
        return ", ".join(filter(None, ["" if n_features == 1 else f"{n_features}", start]))

    def _check_input(self, x: Array) -> None:
        n_features = self.params["slope"].size
        if n_features > 1 and (x.ndim < 2 or x.shape[1] != n_features):
            raise ShapeError(f"{self!r}.forward: x must be (N, {n_features}, …), got {x.shape}.")


class SigmoidModule(Module):
    """``1 / (1 + exp(-x))``: elementwise probabilities."""

    op = Sigmoid
    output_kind = "probabilities"

    def __init__(self) -> None:
        super().__init__()


class TanhModule(Module):
    """``tanh(x)``, between −1 and 1."""

    op = Tanh
    output_kind = "scores"

    def __init__(self) -> None:
        super().__init__()


class IdentityModule(Module):
    """``x``, the same array: a placeholder without effect."""

    op = Id
    output_kind = "its input"

    def __init__(self) -> None:
        super().__init__()
