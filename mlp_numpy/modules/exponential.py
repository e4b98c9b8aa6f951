"""Exponential activations: ELU, SELU, SiLU, Mish.

They are computed blockwise and in place, from the inside of the equation outwards, since for large batches memory
traffic of intermediate results dominates.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array, blockwise, negative_part, one_or, positive_part, product
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.autodiff.ops.functions import write_sigmoid
from mlp_numpy.checks import number
from mlp_numpy.modules.base import Module


class ELU(Op):
    """
    Forward     out = x for x > 0, α (eˣ − 1) for x ≤ 0
    Backward    dx = dout for x > 0, dout ⊙ α eˣ for x ≤ 0
    Shapes      x, out, dout: any, all the same
    Caches      x  (a view, no copy), α
    Kinks       at x = 0 the slope is α
    Reference   Clevert, Unterthiner and Hochreiter 2015, "Exponential Linear Units (ELUs)", eq. 15
    """

    @staticmethod
    def forward(context: Context, x: Array, *, alpha: float) -> Array:
        def formula(out: Array, above: Array, x: Array) -> None:
            negative_part(out, x)
            np.expm1(out, out=out)
            out *= alpha
            positive_part(above, x)
            out += above

        (out,) = blockwise(formula, x, n_scratch=1)
        context["x"], context["alpha"] = x, alpha
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        alpha = context["alpha"]

        def formula(dx: Array, slope: Array, dout: Array, x: Array) -> None:
            negative_part(slope, x)
            np.exp(slope, out=slope)  # 1 where x > 0
            if alpha != 1:
                slope *= one_or(x.real > 0, alpha, dx)
            product(slope, dout, dx)

        (dx,) = blockwise(formula, dout, context["x"], n_scratch=1)
        return dx


class SELU(Op):
    """
    Forward     out = λ x for x > 0, λ α (eˣ − 1) for x ≤ 0 = λ ELU(x)      λ = 1.0507…   α = 1.6732…
    Backward    dx = λ dout for x > 0, λ dout ⊙ α eˣ for x ≤ 0
    Shapes      x, out, dout: any, all the same
    Caches      x  (a view, no copy), α
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
    Caches      the slope, the factor of dout
    Kinks       none
    Reference   Hendrycks and Gimpel 2016, "Gaussian Error Linear Units (GELUs)", section 2; also called swish
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        out, context["slope"] = blockwise(_silu, x, n_out=2, n_scratch=1)
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return product(context["slope"], dout)


def _silu(out: Array, slope: Array, s: Array, x: Array) -> None:
    write_sigmoid(s, x)
    # σ + x σ (1 − σ): the factor of x is 0 at ±∞
    np.subtract(1, s, out=out)
    out *= s
    product(out, x, slope)
    slope += s
    product(s, x, out)


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
