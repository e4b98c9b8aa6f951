"""What batch and layer normalization share: moments that keep their digits and stay within the range.

    μ = Σ x / B      c = x − μ      σ² = Σ c² / B      x̂ = c / √(σ² + ε)

The mean is rounded; where numbers are equal, or differ by little, c is mostly that rounding, and the division scales it
up. So the mean of c, which is 0 but for it, is subtracted once more where it is no longer small beside σ. The square of
c may leave the range where x̂ does not: then c is taken in another unit, a power of two, which cancels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from mlp_numpy.arrays import Array

Moments: TypeAlias = tuple[Array, Array, Array]
"""μ, c and σ² of one unit."""

_ROUNDINGS = 16.0
"""A mean of c above this many roundings of σ is subtracted."""


def off_center(drift: Array, variance: Array) -> bool:
    """Whether the mean of c is more than a rounding of σ anywhere."""
    return bool((np.abs(drift.real) > _ROUNDINGS * np.finfo(variance.dtype).eps * np.sqrt(variance.real)).any())


def scaled_moments(x: Array, axis: int, moments: Callable[[Array], Moments], eps: float) -> tuple[Array, ...]:
    """The moments of ``x``, and what x̂ is made of, with the numbers along ``axis`` in a unit that keeps them in range.

    Returns μ, σ², c u, 1/√(σ²u² + εu²) and 1/√(σ² + ε): x̂ = (c u) ⊙ (the fourth). u is 1 but where σ² + ε overflows or
    underflows, and there the power of two that brings the largest number to about 1. The roots of 0 have inverse 0, so
    that without ε what is constant becomes 0. A σ² that is itself beyond the range is ∞.
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        mean, centered, variance = moments(x)
        total = variance.real + eps
        odd = ~((total >= np.finfo(variance.dtype).tiny) & np.isfinite(total))
        if not odd.any():
            r = 1 / np.sqrt(variance + eps)
            return mean, variance, centered, r, r
        exponents = np.frexp(np.abs(x.real).max(axis=axis, keepdims=mean.ndim == x.ndim))[1]
        unit = np.where(odd, np.ldexp(np.ones((), variance.real.dtype), -exponents), 1).astype(variance.real.dtype)
        mean, centered, variance = moments(x * unit)
        r_unit = inverse_root(variance + (np.sqrt(eps) * unit) ** 2)
        return mean / unit, variance / unit / unit, centered, r_unit, r_unit * unit


def inverse_root(x: Array) -> Array:
    """1/√x, and 0 where x is 0."""
    return np.divide(1, np.sqrt(x), out=np.zeros_like(x), where=x.real != 0)
