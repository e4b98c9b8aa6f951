"""Numeric derivatives: perturb one entry of an array and measure the change of a function.

central        nᵢ = (f(v + h eᵢ) − f(v − h eᵢ)) / 2h          h = 1e-5·max(1, |vᵢ|): error about 1e-10 of f
complex        nᵢ = Im f(v + i h eᵢ) / h                      h = 1e-30: no subtraction, error about 1e-16

Reference      complex step: Squire and Trapp 1998, "Using complex variables to estimate derivatives of real
               functions". The report on backpropagation by hand of Lian and others uses central differences with
               h = 1e-7, where rounding alone costs two more digits than at 1e-5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array

Method: TypeAlias = Literal["complex", "central"]
Entry: TypeAlias = tuple[int, ...]

_COMPLEX_STEP = 1e-30
_CENTRAL_STEP = 1e-5


def numeric_gradient(f: Callable[[], complex], v: Array, method: Method) -> Array:
    """∂f/∂v, of the shape of ``v``, which is perturbed in place; the complex step requires a complex ``v``."""
    return np.array(numeric_entries(f, v, method, list(np.ndindex(v.shape)))).reshape(v.shape)


def numeric_entries(f: Callable[[], complex], v: Array, method: Method, entries: list[Entry]) -> list[float]:
    """∂f/∂vᵢ for each index i in ``entries``, by the same method."""
    derivative = _complex_step if method == "complex" else _central_difference
    return [derivative(f, v, entry) for entry in entries]


def drawn_entries(v: Array, most: int | None, draws: np.random.Generator) -> list[Entry]:
    """The indices of all entries of ``v``, or of ``most`` entries drawn without replacement, in order."""
    flat = np.arange(v.size)
    if most is not None and v.size > most:
        flat = np.sort(draws.choice(v.size, size=most, replace=False))
    return [tuple(int(i) for i in np.unravel_index(position, v.shape)) for position in flat]


def _complex_step(f: Callable[[], complex], v: Array, entry: Entry) -> float:
    here = v[entry]
    v[entry] = here + 1j * _COMPLEX_STEP
    n = f().imag / _COMPLEX_STEP
    v[entry] = here
    return n


def _central_difference(f: Callable[[], complex], v: Array, entry: Entry) -> float:
    here = v[entry]
    h = _CENTRAL_STEP * max(1.0, abs(here))
    v[entry] = here + h
    above: float = f().real
    v[entry] = here - h
    below: float = f().real
    v[entry] = here
    return (above - below) / float(2 * h)
