"""Softplus, and the logarithm of the sigmoid, which is softplus with both signs reversed."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, blockwise, product
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import POSITIVE, number
from mlp_numpy.modules.base import Module


class Softplus(Op):
    """
    Forward     out = log(1 + e^(βx)) / β = max(0, x) + log(1 + t) / β      t = e^(−β|x|)
    Backward    dx = dout ⊙ σ(βx)        σ(βx) = 1/(1 + t) for x > 0, t/(1 + t) for x ≤ 0
    Shapes      x, out, dout: any, all the same
    Caches      1[x > 0], t
    Kinks       none: both forms are the same function; the second does not overflow
    Reference   Dugas et al. 2001, "Incorporating Second-Order Functional Knowledge for Better Option Pricing";
                drawn for β = 1 in "Homework 1" (Albertini)
    """

    @staticmethod
    def forward(context: Context, x: Array, *, beta: float) -> Array:
        limits = np.finfo(np.result_type(x.real, 1.0))
        # A β that rounds to 0 or ∞ in float32 is replaced by the nearest finite positive one.
        beta = min(max(beta, float(limits.smallest_subnormal)), float(limits.max))

        def formula(out: Array, positive: Array, t: Array, x: Array) -> None:
            positive[...] = x.real > 0
            # −|x| as ±x by the sign of the real part, for the complex step; the exponential of −∞ is 0.
            np.multiply(positive, -2, out=t)
            t += 1
            t *= x
            t *= beta
            np.exp(t, out=t)
            _log_of_one_plus(out, t)
            out /= beta
            out += product(positive, x)

        with np.errstate(over="ignore"):  # β|x| and log 2 / β
            out, context["positive"], context["t"] = blockwise(formula, x, n_out=3)
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        (dx,) = blockwise(_softplus_backward, dout, context["positive"], context["t"], n_scratch=1)
        return dx


def _log_of_one_plus(out: Array, t: Array) -> None:
    """log(1 + t), accurate for small t: log u + (t − (u − 1)) / u corrects the rounding of u = 1 + t.

    NumPy's log1p takes four times as long as log.
    """
    u = 1 + t
    np.subtract(u, 1, out=out)
    np.subtract(t, out, out=out)
    out /= u
    out += np.log(u, out=u)


def _softplus_backward(dx: Array, slope: Array, dout: Array, positive: Array, t: Array) -> None:
    np.subtract(1, positive, out=slope)
    slope *= t
    slope += positive
    slope /= 1 + t
    product(slope, dout, dx)


class LogSigmoid(Op):
    """
    Forward     out = log σ(x) = −log(1 + e⁻ˣ) = −softplus(−x) = min(0, x) − log(1 + t)      t = e^(−|x|)
    Backward    dx = dout ⊙ σ(−x)
    Shapes      x, out, dout: any, all the same
    Caches      as Softplus with β = 1, of −x
    Kinks       none: both forms are the same function; the last does not overflow
    Reference   elementary calculus; −out is the loss of "Homework 1" (Albertini), problem 2, for y = 1
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        out = Softplus.forward(context, np.negative(x), beta=1.0)
        return np.negative(out, out=out)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return Softplus.backward(context, dout)


class SoftplusModule(Module):
    """``log(1 + exp(beta · x)) / beta``, a smooth ReLU, closer to it for larger ``beta``."""

    op = Softplus
    output_kind = "scores"

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__()
        self.beta = number("SoftplusModule", "beta", beta, POSITIVE)

    def _repr_args(self) -> str:
        return "" if self.beta == 1 else f"beta={self.beta:g}"

    def _op_kwargs(self) -> dict[str, Any]:
        return {"beta": self.beta}


class LogSigmoidModule(Module):
    """``log(1 / (1 + exp(-x)))``, elementwise log-probabilities, accurate where the sigmoid rounds to 0 or 1."""

    op = LogSigmoid
    output_kind = "log-probabilities"

    def __init__(self) -> None:
        super().__init__()
