"""Numeric gradients of a sample: entry by entry or, for larger arrays, along random directions.

    slope along u        sᵤ = Σ u ⊙ ∂f/∂v      with the entries of u from N(0, 1)

A gradient with the error δ has a slope with the error Σ u ⊙ δ, which is normal with variance ‖δ‖²: for δ ≠ 0 it is 0
with probability 0, and the error of the slopes has the size of the gradient's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checking.sampler import Sample
from mlp_numpy.gradcheck import Subject
from mlp_numpy.numeric_diff import Method, numeric_gradient


def random_directions(sample: Sample, gradients: Mapping[str, Array], rng: np.random.Generator) -> dict[str, Array]:
    """Random directions u (K, *shape) for each gradient, K = ``sample.directions``; empty if that is 0."""
    if not sample.directions:
        return {}
    return {name: rng.normal(size=(sample.directions, *array.shape)) for name, array in gradients.items()}


def slopes(gradients: Mapping[str, Array], directions: Mapping[str, Array]) -> dict[str, Array]:
    """The slopes (K,) of each gradient, or the gradients themselves without directions."""
    if not directions:
        return dict(gradients)
    return {name: np.tensordot(u, gradients[name], gradients[name].ndim) for name, u in directions.items()}


def numeric_slopes(
    sample: Sample, dout: Array | None, directions: Mapping[str, Array], method: Method
) -> dict[str, Array]:
    """The same by numeric differentiation with respect to the sample's arrays; ``dout`` weights its output."""
    number = np.complex128 if method == "complex" else np.float64
    subject = Subject(sample.module.astype(number), None, sample.y, dout, **sample.options)
    arrays = subject.arrays(sample.x.astype(number))

    def evaluate() -> complex:
        return subject.value(arrays["x"])

    named = {f"d{name}": array for name, array in arrays.items()}
    if not directions:
        return {name: numeric_gradient(evaluate, array, method) for name, array in named.items()}
    return {name: _along(evaluate, named[name], u, method) for name, u in directions.items()}


def _along(f: Callable[[], complex], v: Array, directions: Array, method: Method) -> Array:
    """Σ u ⊙ ∂f/∂v for each direction u: the derivative by t of f(v + t u), with steps as long as for one entry."""
    start, scale = v.copy(), 1 / np.sqrt(v.size)
    t = np.zeros(len(directions), v.dtype)

    def moved() -> complex:
        v[...] = start + np.tensordot(t, directions * scale, 1)
        return f()

    found: Array = numeric_gradient(moved, t, method) / scale
    v[...] = start
    return found
