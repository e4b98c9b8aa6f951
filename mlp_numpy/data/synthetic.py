"""Two classes that an ellipse parts: points of the plane, the smallest data set that needs a bent boundary.

Points     x ~ N(0, I), two numbers
Label      1[q > 0.6], q = xᵀ A x = x₁² + 0.95 x₁x₂ + 0.4 x₂²      A = (1 −0.05; 1 0.4)
Boundary   q = 0.6 is an ellipse, as 0.95² < 4 · 0.4
Reference  the synthetic data of vugrad, the engine of "Assignment 2". Another edition of it has A = (1 0.5; 1 0.2),
           whose boundary, by the same rule, is no ellipse but a hyperbola.
"""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.errors import OptionError

N_TRAIN, N_TEST = 60_000, 10_000
A = np.array([[1, -0.05], [1, 0.4]])
THRESHOLD = 0.6


def generate(n_train: int = N_TRAIN, n_test: int = N_TEST, seed: int = 0) -> Dataset:
    """Draw the data set: points (n, 2) float64 and labels (n,) int64, the same ones for the same arguments.

    Raises
    ------
    OptionError
        if a size is below 1 or the seed negative
    """
    for name, value, least in (("n_train", n_train, 1), ("n_test", n_test, 1), ("seed", seed, 0)):
        if value < least:
            raise OptionError(f"synthetic.generate: {name} must be at least {least}, got {value}.")
    names = ("inside", "outside")
    return Dataset("ellipse", _draw(n_train, (seed, 0)), _draw(n_test, (seed, 1)), (1, 1, 2), names, f"seed {seed}")


def labels_of(points: Array) -> Array:
    """The class of each point (N, 2): 0 inside the ellipse, 1 outside."""
    q: Array = np.einsum("ni,ij,nj->n", points, A, points)
    return (q > THRESHOLD).astype(np.int64)


def _draw(n: int, stream: tuple[int, int]) -> Split:
    points = np.random.default_rng(stream).normal(size=(n, 2))
    return Split(points, labels_of(points))
