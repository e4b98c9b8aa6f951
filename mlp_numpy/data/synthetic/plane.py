"""Points of the plane in a few classes: normal clouds, and the arms of a spiral.

Clouds     x = 2 (cos φ_c, sin φ_c) + 0.6 e                    φ_c = 2πc/C
Spirals    x = r (cos φ, sin φ) + 0.08 e, r ~ U(0.15, 2)       φ = φ_c + 1.9 r
           with e ~ N(0, I), for class c of C, the classes in turns
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import choice, whole_number
from mlp_numpy.data.dataset import Dataset, Split

Pattern: TypeAlias = Literal["clouds", "spirals"]
_TURN: Final = 1.9
_NAMES: Final = ("first", "second", "third")


def generate(n_train: int = 300, n_test: int = 300, seed: int = 0, *, pattern: Pattern = "spirals") -> Dataset:
    """Generate the data set: points (n, 2) float64 of three classes, deterministic in the arguments.

    Raises
    ------
    OptionError
        if a size is below 1, the seed negative, or the pattern unknown
    """
    who = "plane.generate"
    n_train, n_test = whole_number(who, "n_train", n_train), whole_number(who, "n_test", n_test)
    seed = whole_number(who, "seed", seed, least=0)
    choice(who, "pattern", pattern, get_args(Pattern))
    train, test = (_draw(n, pattern, np.random.default_rng([seed, part])) for part, n in enumerate((n_train, n_test)))
    return Dataset(pattern, train, test, (2, 1, 1), _NAMES, f"generated, seed {seed}")


def _draw(n: int, pattern: Pattern, rng: np.random.Generator) -> Split:
    labels = np.arange(n) % len(_NAMES)
    angle: Array = 2 * np.pi * labels / len(_NAMES)
    radius, noise = np.full(n, 2.0), 0.6
    if pattern == "spirals":
        radius, noise = rng.uniform(0.15, 2, n), 0.08
        angle = angle + _TURN * radius
    points = np.column_stack((radius * np.cos(angle), radius * np.sin(angle)))
    return Split(points + noise * rng.normal(size=points.shape), labels)
