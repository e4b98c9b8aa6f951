"""The Gaussian error linear unit, exact and with the tanh approximation, each with its own derivative."""

from __future__ import annotations

from math import pi, sqrt
from typing import Final, Literal, TypeAlias, get_args

import numpy as np

from mlp_numpy.arrays import Array, blockwise, product
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.autodiff.ops.functions import write_sigmoid
from mlp_numpy.checks import choice
from mlp_numpy.modules.base import Module
from mlp_numpy.modules.normal_cdf import gaussian

Approximation: TypeAlias = Literal["none", "tanh"]


class GELU(Op):
    """
    Forward     out = x Φ(x)             Φ(x) = ½ (1 + erf(x/√2)), the probability that a standard normal number is < x
    Backward    dx = dout ⊙ (Φ(x) + x φ(x))      φ(x) = e^(−x²/2) / √(2π)
    Shapes      x, out, dout: any, all the same
    Caches      the slope Φ(x) + x φ(x): Φ is made of the exponential that is in φ, so both come at once
    Kinks       none
    Reference   Hendrycks and Gimpel 2016, "Gaussian Error Linear Units (GELUs)", section 2
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        out, context["slope"] = blockwise(_gelu, x, n_out=2, n_scratch=4)
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return product(dout, context["slope"])


def _gelu(out: Array, slope: Array, probability: Array, density: Array, a: Array, b: Array, x: Array) -> None:
    gaussian(probability, density, a, b, x)
    product(density, x, slope)
    slope += probability
    product(probability, x, out)


class GELUTanh(Op):
    """
    Forward     out = ½ x (1 + tanh u) = x σ(2u)         u = √(2/π) (x + 0.044715 x³)
    Backward    dx = dout ⊙ (½ (1 + tanh u) + ½ x (1 − tanh² u) u′)
                   = dout ⊙ σ(2u) (1 + x (1 − σ(2u)) 2u′)      u′ = √(2/π) (1 + 3 · 0.044715 x²)
    Shapes      x, out, dout: any, all the same
    Caches      the slope, the factor of dout, of x between ±60, beyond which x (1 − σ(2u)) σ(2u) is 0 as well
    Kinks       none
    Reference   Hendrycks and Gimpel 2016, "Gaussian Error Linear Units (GELUs)", section 2, written with the sigmoid,
                ½ (1 + tanh u) = σ(2u), which does not cancel where tanh u is near −1
    """

    FACTOR: Final = sqrt(2 / pi)
    CUBE: Final = 0.044715

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        out, context["slope"] = blockwise(_gelu_tanh, x, n_out=2, n_scratch=3)
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return product(context["slope"], dout)


def _gelu_tanh(out: Array, slope: Array, near: Array, twice_u: Array, s: Array, x: Array) -> None:
    # Beyond ±60 the sigmoid is 0 or 1 in every dtype, and x³ would overflow.
    np.maximum(x, -60, out=near)
    np.minimum(near, 60, out=near)
    # 2u = 2√(2/π) x (1 + 0.044715 x²)
    np.multiply(near, near, out=twice_u)
    twice_u *= GELUTanh.CUBE
    twice_u += 1
    twice_u *= near
    twice_u *= 2 * GELUTanh.FACTOR
    write_sigmoid(s, twice_u)
    # 2u′ first, then from the inside of the equation outwards
    np.multiply(near, near, out=slope)
    slope *= 6 * GELUTanh.CUBE * GELUTanh.FACTOR
    slope += 2 * GELUTanh.FACTOR
    slope *= near
    slope *= np.subtract(1, s, out=twice_u)
    slope += 1
    slope *= s
    product(s, x, out)


class GELUModule(Module):
    """``x · Φ(x)``, Φ the normal CDF; with ``approximate="tanh"`` the tanh approximation."""

    op: type[Op] = GELU
    output_kind = "scores"

    def __init__(self, approximate: Approximation = "none") -> None:
        choice("GELUModule", "approximate", approximate, get_args(Approximation))
        super().__init__()
        self.approximate: Approximation = approximate
        if approximate == "tanh":
            self.op = GELUTanh

    def _repr_args(self) -> str:
        return "" if self.approximate == "none" else f"approximate={self.approximate!r}"
