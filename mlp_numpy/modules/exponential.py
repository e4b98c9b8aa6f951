"""Exponential activations: ELU, SELU, SiLU, softplus.

They are computed blockwise and in place, from the inside of the equation outwards, since for large batches memory
traffic of intermediate results dominates.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array, blockwise, product
from mlp_numpy.autodiff import Context, Op, Sigmoid
from mlp_numpy.checks import POSITIVE, number
from mlp_numpy.modules.base import Module


class ELU(Op):
    """
    Forward     out = x for x > 0, α (eˣ − 1) for x ≤ 0
    Backward    dx = dout for x > 0, dout ⊙ α eˣ for x ≤ 0
    Shapes      x, out, dout: any, all the same
    Caches      1[x > 0], min(0, x), α
    Kinks       at x = 0 the slope is α
    Reference   Clevert, Unterthiner and Hochreiter 2015, "Exponential Linear Units (ELUs)", eq. 15
    """

    @staticmethod
    def forward(context: Context, x: Array, *, alpha: float) -> Array:
        def formula(out: Array, positive: Array, below: Array, x: Array) -> None:
            positive[...] = x.real > 0
            product(positive, x, out)
            # min(0, x), by the real part if complex; x minus its positive part would be ∞ − ∞
            product(1 - positive, x, below)
            out += alpha * np.expm1(below)

        out, positive, below = blockwise(formula, x, n_out=3)
        context["positive"], context["below"], context["alpha"] = positive, below, alpha
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        alpha = context["alpha"]

        def formula(dx: Array, slope: Array, dout: Array, positive: Array, below: Array) -> None:
            np.exp(below, out=slope)
            slope *= 1 - positive
            slope *= alpha
            slope += positive
            product(slope, dout, dx)

        (dx,) = blockwise(formula, dout, context["positive"], context["below"], n_scratch=1)
        return dx


class SELU(Op):
    """
    Forward     out = λ x for x > 0, λ α (eˣ − 1) for x ≤ 0 = λ ELU(x)      λ = 1.0507…   α = 1.6732…
    Backward    dx = λ dout for x > 0, λ dout ⊙ α eˣ for x ≤ 0
    Shapes      x, out, dout: any, all the same
    Caches      as ELU
    Kinks       at x = 0 the slope is λ α
    Reference   Klambauer, Unterthiner, Mayr and Hochreiter 2017, "Self-Normalizing Neural Networks", eq. 2 and 14
    """

    ALPHA: Final = 1.6732632423543772848170429916717
    SCALE: Final = 1.0507009873554804934193349852946

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        out: Array = SELU.SCALE * ELU.forward(context, x, alpha=SELU.ALPHA)
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        dx: Array = SELU.SCALE * ELU.backward(context, dout)
        return dx


class SiLU(Op):
    """
    Forward     out = x σ(x)
    Backward    dx = dout ⊙ (σ(x) + x σ(x) (1 − σ(x)))
    Shapes      x, out, dout: any, all the same
    Caches      x  (a view, no copy), σ(x)
    Kinks       none
    Reference   Hendrycks and Gimpel 2016, "Gaussian Error Linear Units (GELUs)", section 2; also called swish
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        s = Sigmoid.forward(Context(), x)
        context["x"], context["s"] = x, s
        return product(s, x)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        (dx,) = blockwise(_silu_backward, dout, context["x"], context["s"], n_scratch=1)
        return dx


def _silu_backward(dx: Array, slope: Array, dout: Array, x: Array, s: Array) -> None:
    # σ + x σ (1 − σ): the factor of x is 0 at ±∞
    np.subtract(1, s, out=dx)
    dx *= s
    product(dx, x, slope)
    slope += s
    product(slope, dout, dx)


class Mish(Op):
    """
    Forward     out = x t      t = tanh(log(1 + eˣ)) = ((1 + eˣ)² − 1) / ((1 + eˣ)² + 1)
    Backward    dx = dout ⊙ (t + x σ(x) (1 − t) (1 + t))
    Shapes      x, out, dout: any, all the same
    Caches      the slope, the factor of dout
    Kinks       none
    Reference   Misra 2019, "Mish: A Self Regularized Non-Monotonic Activation Function", eq. 1 and 3
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        out, context["slope"] = blockwise(_mish, x, n_out=2)
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return product(context["slope"], dout)


def _mish(out: Array, slope: Array, x: Array) -> None:
    # Both forms of t are fractions of z = exp(−|x|) ≤ 1, by the sign of the real part: nothing leaves the range.
    positive = x.real > 0
    z = np.exp(np.where(positive, -x, x))
    top, rest = np.where(positive, 1 + 2 * z, z * (z + 2)), np.where(positive, 2 * z * z, 2)
    t, one_less_t = top / (top + rest), rest / (top + rest)
    sigmoid = np.where(positive, 1, z) / (1 + z)
    product(t, x, out)
    product(sigmoid * one_less_t * (1 + t), x, slope)
    slope += t


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
        least = -1000 / beta

        def formula(out: Array, positive: Array, t: Array, x: Array) -> None:
            positive[...] = x.real > 0
            # −|x| as ±x by the sign of the real part, for the complex step. It is clipped at −1000/β, where the
            # exponential is 0 anyway, so that β|x| stays finite.
            np.multiply(positive, -2, out=t)
            t += 1
            t *= x
            np.maximum(t, least, out=t)
            t *= beta
            np.exp(t, out=t)
            _log_of_one_plus(out, t)
            out /= beta
            out += product(positive, x)

        with np.errstate(over="ignore"):  # 1000 / β and log 2 / β
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


class ELUModule(Module):
    """``x`` above 0, ``alpha · (exp(x) - 1)`` below; the derivative at 0 is ``alpha``, which may be any number."""

    op = ELU
    output_kind = "scores"

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = number("ELUModule", "alpha", alpha)

    def _repr_args(self) -> str:
        return "" if self.alpha == 1 else f"alpha={self.alpha:g}"

    def _op_kwargs(self) -> dict[str, Any]:
        return {"alpha": self.alpha}


class SELUModule(Module):
    """ELU with the two constants that preserve mean 0 and variance 1 of activations from layer to layer."""

    op = SELU
    output_kind = "scores"

    def __init__(self) -> None:
        super().__init__()


class SiLUModule(Module):
    """``x · sigmoid(x)``."""

    op = SiLU
    output_kind = "scores"

    def __init__(self) -> None:
        super().__init__()


class MishModule(Module):
    """``x · tanh(softplus(x))``."""

    op = Mish
    output_kind = "scores"

    def __init__(self) -> None:
        super().__init__()


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
