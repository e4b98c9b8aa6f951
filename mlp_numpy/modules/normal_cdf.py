"""Vectorized normal CDF, by a polynomial that is fitted at import.

    Φ(x) = ∫ φ(y) dy from −∞ to x      φ(x) = e^(−x²/2) / √(2π)

For t ≥ 0 the tail is Φ(−t) = e^(−t²/2) R(t), where R falls slowly from ½. As a function of u = 1 / (1 + t/4) it is so
smooth that a polynomial approximates it to nearly full precision, also in the tail, where ½ (1 + erf) cancels. Only the
choice of the side depends on a sign, so the complex step is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, exp, pi, sqrt
from typing import Final

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial

from mlp_numpy.arrays import Array, magnitude

_WIDTH: Final = 4.0


@dataclass(frozen=True)
class Tail:
    """R(t) for 0 ≤ t ≤ ``reach``, beyond which e^(−t²/2) is 0: the polynomial Σ cᵢ zⁱ in z = slope · u + shift.

    z lies in [−1, 1]; the coefficients are ordered from the highest degree, for Horner's rule.
    """

    reach: float
    slope: float
    shift: float
    coefficients: tuple[float, ...]


def _scaled_tail(t: float) -> float:
    """R(t) = e^(t²/2) Φ(−t), to about 1e-15: Laplace's continued fraction where it converges, else erfc itself."""
    if t < 3:
        return 0.5 * erfc(t / sqrt(2)) * exp(t * t / 2)
    fraction = 0.0
    for k in range(200, 0, -1):
        fraction = k / (t + fraction)
    return 1 / (sqrt(2 * pi) * (t + fraction))


def _fit(reach: float, degree: int) -> Tail:
    """The polynomial through R/u at Chebyshev's points, times u, which bounds the error relative to R."""
    least = 1 / (1 + reach / _WIDTH)
    quotient = Chebyshev.interpolate(
        lambda us: np.array([_scaled_tail(_WIDTH * (1 / u - 1)) / u for u in us]), degree, domain=[least, 1]
    )
    # u = middle + half z
    half, middle = (1 - least) / 2, (1 + least) / 2
    in_z = Polynomial(np.polynomial.chebyshev.cheb2poly(quotient.coef)) * Polynomial([middle, half])
    return Tail(reach, 1 / half, -middle / half, tuple(float(c) for c in in_z.coef[::-1]))


# For |x| < 3 the relative error of Φ is 1e-6 in float32 and 5e-15 in float64; more terms do not improve it.
_SINGLE: Final = _fit(15, 7)
_DOUBLE: Final = _fit(39, 19)


def gaussian(probability: Array, density: Array, z: Array, tail: Array, x: Array) -> None:
    """Write Φ(x) and φ(x) into the first two arrays; the next two are scratch. A formula for ``blockwise``."""
    fit = _SINGLE if x.real.dtype.itemsize <= 4 else _DOUBLE
    magnitude(density, x)  # t
    # z = slope / (1 + t/4) + shift; beyond the reach, R(t) is finite and its factor 0
    np.add(density, _WIDTH, out=z)
    np.divide(_WIDTH * fit.slope, z, out=z)
    z += fit.shift
    # R(t) by Horner's rule
    highest, second, *others = fit.coefficients
    np.multiply(z, highest, out=tail)
    tail += second
    for coefficient in others:
        tail *= z
        tail += coefficient
    # e^(−t²/2)
    with np.errstate(over="ignore"):
        density *= density
    density *= -0.5
    np.exp(density, out=density)
    tail *= density
    # Φ(x) is Φ(−t) below 0, 1 − Φ(−t) above: the magnitude of 1[x > 0] − Φ(−t).
    probability[...] = x.real > 0
    probability -= tail
    magnitude(probability, probability)
    density *= 1 / sqrt(2 * pi)
