"""What a row of ``cases.py`` is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlp_numpy import Module
from mlp_numpy.arrays import Array

Rng = np.random.Generator


@dataclass(frozen=True)
class Case:
    """A module under test.

    make      builds it, float64, from a generator
    sample    draws an input batch of N rows
    labels    draws the labels of a loss for that batch; None for a module that is no loss
    slow      the same forward, written as index sums or elementary steps: (module, x, y) → out
    wrong     an input of a shape that must be refused, or None where every shape will do
    rows_meet the output of a row depends on the other rows in evaluation too
    """

    name: str
    make: Callable[[Rng], Module]
    sample: Callable[[Rng, int], Array]
    slow: Callable[[Module, Array, Array | None], Array]
    labels: Callable[[Rng, int], Array] | None = None
    wrong: Array | None = None
    rows_meet: bool = False

    def __str__(self) -> str:
        return self.name
