"""Functions of each number by itself: exponential, logarithm, and the bends that make networks nonlinear.

For all of them dx = dout ⊙ f′(x): "Assignment 2" (Vannucci), question 2.
"""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff.context import Context
from mlp_numpy.autodiff.op import Op


class Id(Op):
    """
    Forward     out = x  (the same array)
    Backward    dx = dout
    Shapes      x, out, dout: any, all the same
    Caches      nothing
    Kinks       none
    Reference   elementary calculus; it adds a node to the graph and changes nothing
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
        dx: Array = dout / context["x"]
        return dx


class Sqrt(Op):
    """
    Forward     out = √x
    Backward    dx = dout / 2√x = dout / 2 out
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
    Caches      out
    Kinks       none
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        out: Array = np.tanh(x)
        context["out"] = out
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        out = context["out"]
        dx: Array = dout * (1 - out * out)
        return dx


class Sigmoid(Op):
    """
    Forward     out = σ(x) = 1 / (1 + e⁻ˣ) = t / (1 + e^(−|x|))      t = 1 for x ≥ 0, e^(−|x|) for x < 0
    Backward    dx = dout ⊙ σ(x) (1 − σ(x)) = dout ⊙ out ⊙ (1 − out)
    Shapes      x, out, dout: any, all the same
    Caches      out
    Kinks       none: both forms are the same function, of which the second does not overflow
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        # By arithmetic on the sign of the real part, so that the complex step goes through |x| as through ±x; choosing
        # number by number, as np.where does, takes three times as long.
        positive = (x.real >= 0).astype(x.real.dtype)
        rest = 1 - positive
        out: Array = np.asarray(np.exp((rest - positive) * x))
        t = positive + rest * out
        out += 1
        np.divide(t, out, out=out)
        context["out"] = out
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        out = context["out"]
        dx: Array = dout * out * (1 - out)
        return dx


class ReLU(Op):
    """
    Forward     out = max(0, x) = 1[x > 0] ⊙ x
    Backward    dx = 1[x > 0] ⊙ dout
    Shapes      x, out, dout: any, all the same
    Caches      1[x > 0]
    Kinks       at x = 0 the slope is 0
    Reference   "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), eq. 19 to 24 with a = 0
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        # As numbers, not as bools: a product of one kind with itself is twice as quick.
        positive = (x.real > 0).astype(x.real.dtype)
        context["positive"] = positive
        out: Array = positive * x
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        dx: Array = context["positive"] * dout
        return dx
