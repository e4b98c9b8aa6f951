"""Moments for the normalizations, without cancellation, overflow or underflow.

    μ = Σ x / B      c = x − μ      σ² = Σ c² / B      x̂ = c / √(σ² + ε)      RMS: the same with μ = 0, c = x

The mean is rounded; for equal or nearly equal values, c is mostly that rounding error, which the division amplifies. So
if |μ| is many times σ, the first value is subtracted from all values: equal values become 0, and others keep the digits
of their differences. The square of c may overflow or underflow where x̂ does not: then the values are scaled by a power
of two, which cancels.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np

from mlp_numpy.arrays import Array, all_finite
from mlp_numpy.parallel import ALONE, Communicator

Moments: TypeAlias = tuple[Array, Array, Array, Array]
"""μ, σ², and two arrays v and o with c = v − o, in one unit: the values and their mean, or c and 0."""

_Backward = TypeVar("_Backward", bound=Callable[..., tuple[Array, ...]])

_FAR = 16.0
"""Ratio |μ|/σ above which a mean is far from 0."""

_LEAST = 1e-30
"""Above this ε, σ² + ε does not underflow in float32."""


def scaled_moments(
    x: Array,
    axis: int | tuple[int, ...],
    moments: Callable[[Array], Moments],
    eps: float,
    communicator: Communicator = ALONE,
) -> tuple[Array, ...]:
    """The moments of ``x`` and the factors of x̂, with the values along ``axis`` in a unit without overflow and
    underflow.

    Returns μ, σ², v and o with c u = v − o, 1/√(σ²u² + εu²) and 1/√(σ² + ε): x̂ = (v − o) ⊙ (the fifth). u is 1 except
    where σ² + ε overflows or underflows; there it is the power of two that scales the largest value to about 1. The
    inverse root of 0 is 0, so that without ε constant values become 0. A σ² that overflows is ∞.

    ``x`` may be a shard of the values along ``axis`` = 0 whose ``moments`` are those of all shards. All choices depend
    on values that the shards share, so that all make the same calls of the ``communicator``.
    """
    with np.errstate(all="ignore"):
        mean, variance, values, origin = moments(x)
        r = 1 / np.sqrt(variance + eps)
        near = np.abs(mean.real) <= _FAR * np.sqrt(variance.real)
        if np.logical_and.reduce(near & (r.real > 0), None) and (eps > _LEAST or not _odd(variance, eps).any()):
            return mean, variance, values, origin, r, r
        # A difference of the largest finite values would overflow.
        halved = _largest(x, axis, near.shape, communicator) > np.finfo(x.dtype).max / 4
        half = np.where(halved, 0.25, 1).astype(x.real.dtype)
        counted = x * half
        first = _first(counted, axis).reshape(near.shape)
        first = communicator.sum(first if communicator.rank == 0 else np.zeros_like(first))
        far = ~near | (np.abs(first.real) > _FAR * _largest(counted - first, axis, near.shape, communicator))
        first = np.where(far, first, 0)
        counted -= first
        unit = _unit(_largest(counted, axis, near.shape, communicator), _odd(variance, eps), eps)
        counted *= unit
        mean, variance, values, origin = moments(counted)
        mean = (mean / unit + first) / half
        unit *= half
        r_unit = inverse_root(variance + (math.sqrt(eps) * unit) ** 2)
        return mean, variance / unit / unit, values, origin, r_unit, r_unit * unit


def scaled_squares(x: Array, eps: float) -> tuple[Array, Array, Array]:
    """The factors of x̂ = x / √(Σ x² / D + ε) of rows (…, D), in a unit u without overflow and underflow.

    Returns x u, 1/√(Σ x²u² / D + εu²) and 1/√(Σ x² / D + ε), with u as in ``scaled_moments``: x̂ = (x u) ⊙ (the second).
    """
    with np.errstate(all="ignore"):
        mean = _mean_square(x)
        r = 1 / np.sqrt(mean + eps)
        odd = _odd(mean, eps)
        if not odd.any():
            return x, r, r
        unit = _unit(_largest(x, -1, mean.shape), odd, eps)
        scaled = x * unit
        r_unit = inverse_root(_mean_square(scaled) + (math.sqrt(eps) * unit) ** 2)
        return scaled, r_unit, r_unit * unit


def _mean_square(x: Array) -> Array:
    """Σᵢ xᵢ² / D of rows (…, D): (…, 1)."""
    mean: Array = np.einsum("...i,...i->...", x, x)[..., np.newaxis] / x.shape[-1]
    return mean


def inverse_root(x: Array) -> Array:
    """1/√x, and 0 where x is 0."""
    return np.divide(1, np.sqrt(x), out=np.zeros_like(x), where=x.real != 0)


def _first(x: Array, axis: int | tuple[int, ...]) -> Array:
    """The first value along ``axis``, or along several of them."""
    for each in (axis,) if isinstance(axis, int) else axis:
        x = np.take(x, [0], each)
    return x


def _largest(
    x: Array, axis: int | tuple[int, ...], shape: tuple[int, ...], communicator: Communicator = ALONE
) -> Array:
    """max |x| along ``axis``, over all shards: their maxima are joined as the sum of a table with a row for each."""
    each = np.zeros((communicator.size, *shape), x.real.dtype)
    each[communicator.rank] = np.abs(x.real).max(axis=axis, keepdims=True).reshape(shape)
    largest: Array = communicator.sum(each).max(axis=0)
    return largest


def _odd(variance: Array, eps: float) -> Array:
    """Where σ² + ε is NaN, has overflowed, or has lost digits by underflow."""
    total, limits = variance.real + eps, np.finfo(variance.dtype)
    odd: Array = ~((total >= limits.tiny / limits.eps) & np.isfinite(total))
    return odd


def _unit(largest: Array, odd: Array, eps: float) -> Array:
    """Where ``odd``, the power of two that scales the largest value to about 1, or as close as ε allows; else 1."""
    limits = np.finfo(largest.dtype)
    most = limits.maxexp - 1
    if eps > 0:
        most = min(most, max(limits.minexp, -math.frexp(math.sqrt(eps))[1]))
    exponents = np.where(largest > 0, np.minimum(-np.frexp(largest)[1], most), most)
    return np.where(odd, np.ldexp(np.ones((), largest.dtype), exponents), 1).astype(largest.dtype)


def small_unit(dtype: np.dtype[Any]) -> float:
    """A power of two by which gradients near the end of the range are scaled, so that sums of them do not overflow."""
    return 2.0 ** -(np.finfo(dtype).maxexp // 2)


def sums_within_range(backward: _Backward) -> _Backward:
    """Decorator of a backward pass whose sums over dout may overflow where the gradients, linear in it, do not: they
    are then computed in a smaller unit."""

    @functools.wraps(backward)
    def formula(context: Any, dout: Array) -> tuple[Array, ...]:
        with np.errstate(over="ignore", invalid="ignore"):
            gradients = backward(context, dout)
            within = all(all_finite(gradient) for gradient in gradients)
        if within or not all_finite(dout):
            return gradients
        unit = small_unit(dout.dtype)
        return tuple(gradient / unit for gradient in backward(context, dout * unit))

    return cast(_Backward, formula)
