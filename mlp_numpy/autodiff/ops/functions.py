"""Elementwise functions: exponential, logarithm, and elementary activations.

For all of them dx = dout ⊙ f′(x): "Assignment 2" (Vannucci), question 2.
"""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array, blockwise, holds_nan, kept, positive_part, product, quotient
from mlp_numpy.autodiff.formula import Context
from mlp_numpy.autodiff.op import Op


class Id(Op):
    """
    Forward     out = x  (the same array)
    Backward    dx = dout
    Shapes      x, out, dout: any, all the same
    Caches      nothing
    Kinks       none
    Reference   elementary calculus; it adds a node to the graph without changing the value
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        return x

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return dout


class Exp(Op):
    """
    Forward     out = exp x
    Backward    dx = dout ⊙ exp x = dout ⊙ out
    Shapes      x, out, dout: any, all the same
    Caches      out
    Kinks       none
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        out: Array = np.exp(x)
        context["out"] = out
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        dx: Array = dout * context["out"]
        return dx


class Log(Op):
    """
    Forward     out = log x, to the base e
    Backward    dx = dout / x
    Shapes      x, out, dout: any, all the same
    Caches      x  (a view, no copy)
    Kinks       none; there is no logarithm at 0
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        context["x"] = x
        out: Array = np.log(x)
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return quotient(dout, context["x"])


class Sqrt(Op):
    """
    Forward     out = √x
    Backward    dx = dout / (2√x) = dout / (2 out)
    Shapes      x, out, dout: any, all the same
    Caches      out
    Kinks       at x = 0 the slope is infinite
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        out: Array = np.sqrt(x)
        context["out"] = out
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        dx: Array = dout / (2 * context["out"])
        return dx


class Tanh(Op):
    """
    Forward     out = tanh x = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)
    Backward    dx = dout ⊙ (1 − tanh² x) = dout ⊙ (1 − out²)
    Shapes      x, out, dout: any, all the same
    Caches      the slope 1 − out²
    Kinks       none
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        out, context["slope"] = blockwise(_tanh, x, n_out=2)
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return product(dout, context["slope"])


def _tanh(out: Array, slope: Array, x: Array) -> None:
    np.tanh(x, out=out)
    np.multiply(out, out, out=slope)
    np.subtract(1, slope, out=slope)


class Sigmoid(Op):
    """
    Forward     out = σ(x) = 1 / (1 + e⁻ˣ)
    Backward    dx = dout ⊙ σ(x) (1 − σ(x)) = dout ⊙ out ⊙ (1 − out)
    Shapes      x, out, dout: any, all the same
    Caches      the slope out ⊙ (1 − out)
    Kinks       none
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        out, context["slope"] = blockwise(_sigmoid, x, n_out=2)
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return product(context["slope"], dout)


def _sigmoid(out: Array, slope: Array, x: Array) -> None:
    write_sigmoid(out, x)
    np.subtract(1, out, out=slope)
    slope *= out


def write_sigmoid(out: Array, x: Array) -> None:
    """Write σ(x) to ``out``. A formula for ``blockwise``."""
    np.negative(x, out=out)
    # Where e⁻ˣ overflows, the sigmoid is below the smallest normal number, and 1 / (1 + ∞) = 0 is exact enough.
    with np.errstate(over="ignore"):
        np.exp(out, out=out)
    out += 1
    np.divide(1, out, out=out)


class ReLU(Op):
    """
    Forward     out = max(0, x) = x where x > 0, else 0
    Backward    dx = dout where x > 0, else 0
    Shapes      x, out, dout: any, all the same
    Caches      1[x > 0], and which x are NaN, if any
    Kinks       at x = 0 the slope is 0
    Reference   "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), eq. 19 to 24 with a = 0
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        out = np.empty_like(x, np.result_type(x, 1.0))
        positive_part(out, x)
        context["positive"] = np.greater(x.real, 0, out=np.empty_like(x, bool))
        context["nan"] = np.isnan(x.real) if holds_nan(out) else None
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        dx = kept(context["positive"], dout)
        if context["nan"] is not None:
            np.copyto(dx, np.nan, where=context["nan"])
        return dx
