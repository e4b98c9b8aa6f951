"""Two classes separated by an ellipse, or a hyperbola: the smallest data sets that are not linearly separable.

Points     x ~ N(0, I), in two dimensions
Label      1[q > 0.6], q = xᵀ A x
Editions   "ellipse"     A = (1 −0.05; 1 0.4)   q = x₁² + 0.95 x₁x₂ + 0.4 x₂²   an ellipse, as 0.95² < 4 · 0.4
           "hyperbola"   A = (1 0.5; 1 0.2)     q = x₁² + 1.5 x₁x₂ + 0.2 x₂²    a hyperbola, as 1.5² > 4 · 0.2
Reference  the synthetic data of vugrad, the library of "Assignment 2": "hyperbola" is its first edition, "ellipse" the
           current one
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import choice, whole_number
from mlp_numpy.data.dataset import Dataset, Split

N_TRAIN, N_TEST = 60_000, 10_000
Edition: TypeAlias = Literal["ellipse", "hyperbola"]
FORMS: Final[dict[str, Array]] = {
    "ellipse": np.array([[1, -0.05], [1, 0.4]]),
    "hyperbola": np.array([[1, 0.5], [1, 0.2]]),
}
THRESHOLD = 0.6


def generate(n_train: int = N_TRAIN, n_test: int = N_TEST, seed: int = 0, *, edition: Edition = "ellipse") -> Dataset:
    """Generate the data set: points (n, 2) float64 and labels (n,) int64, deterministic in the arguments.

    Raises
    ------
    OptionError
        if a size is below 1, the seed negative, or the edition unknown
    """
    who = "synthetic.generate"
    n_train, n_test = whole_number(who, "n_train", n_train), whole_number(who, "n_test", n_test)
    seed, form = whole_number(who, "seed", seed, least=0), FORMS[choice(who, "edition", edition, FORMS)]
    names, source = ("inside", "outside"), f"seed {seed}"
    return Dataset(edition, _draw(n_train, (seed, 0), form), _draw(n_test, (seed, 1), form), (1, 1, 2), names, source)


def labels_of(points: Array, form: Array = FORMS["ellipse"]) -> Array:
    """The class of each point (N, 2): 0 inside the curve, 1 outside."""
    q: Array = np.einsum("ni,ij,nj->n", points, form, points)
    return (q > THRESHOLD).astype(np.int64)


def _draw(n: int, stream: tuple[int, int], form: Array) -> Split:
    points = np.random.default_rng(stream).normal(size=(n, 2))
    return Split(points, labels_of(points, form))
