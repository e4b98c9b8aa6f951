"""Softplus, and the logarithm of the sigmoid, which is softplus with both signs reversed."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, blockwise, magnitude, positive_part, product
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import POSITIVE, number
from mlp_numpy.modules.base import Module


class Softplus(Op):
    """
    Forward     out = log(1 + e^(βx)) / β = max(0, x) + log(1 + t) / β      t = e^(−β|x|)
    Backward    dx = dout ⊙ σ(βx)        σ(βx) = 1/(1 + t) for x > 0, t/(1 + t) for x ≤ 0
    Shapes      x, out, dout: any, all the same
    Caches      the slope σ(βx)
    Kinks       none: both forms are the same function; the second does not overflow
    Reference   Dugas et al. 2001, "Incorporating Second-Order Functional Knowledge for Better Option Pricing";
                drawn for β = 1 in "Homework 1" (Albertini)
    """

    @staticmethod
    def forward(context: Context, x: Array, *, beta: float) -> Array:
        limits = np.finfo(np.result_type(x.real, 1.0))
        # A β that rounds to 0 or ∞ in float32 is replaced by the nearest finite positive one.
        beta = min(max(beta, float(limits.smallest_subnormal)), float(limits.max))

        def formula(out: Array, slope: Array, t: Array, u: Array, x: Array) -> None:
            magnitude(t, x)
            t *= -beta
            np.exp(t, out=t)  # 0 for −∞
            np.add(t, 1, out=u)
            positive = x.real > 0
            slope[...] = positive
            if x.dtype.kind == "c":
                np.copyto(slope, t, where=~positive)
            else:
                np.maximum(slope, t, out=slope)  # t ≤ 1
            slope /= u
            _log_of_one_plus(out, t, u)
            if beta != 1:
                out /= beta
            positive_part(t, x)
            out += t

        with np.errstate(over="ignore"):  # β|x| and log 2 / β
            out, context["slope"] = blockwise(formula, x, n_out=2, n_scratch=2)
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return product(context["slope"], dout)


def _log_of_one_plus(out: Array, t: Array, u: Array) -> None:
    """log(1 + t) for u = 1 + t, which it overwrites, accurate for small t: log u + (t − (u − 1)) / u corrects the
    rounding of u.

    NumPy's log1p takes four times as long as log on processors without AVX-512.
    """
    np.subtract(u, 1, out=out)
    np.subtract(t, out, out=out)
    out /= u
    out += np.log(u, out=u)


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
