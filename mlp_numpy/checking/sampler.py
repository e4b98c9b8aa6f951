"""Random samples for an audit: sizes and values, including ones, ties and zeros, but none close to a kink."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array, one_hot
from mlp_numpy.modules import Module

_MARGIN: Final = 1 / 64


@dataclass(frozen=True)
class Sample:
    """One module with one batch.

    y, options   labels of a loss, and further keyword arguments of its forward
    kinked       True if some value lies exactly on a kink, where a central difference gives the mean of two slopes and
                 is skipped
    directions   number of random directions for the numeric derivative of each array; 0: every entry by itself
    """

    module: Module
    x: Array
    y: Array | None = None
    options: dict[str, Any] = field(default_factory=dict)
    kinked: bool = False
    directions: int = 0

    def __str__(self) -> str:
        labels = "" if self.y is None else f", y {self.y.dtype} {self.y.shape}"
        return f"{self.module!r}, x {self.x.shape}{labels}"


class Sampler:
    """The random choices of one case.

    Case 0 has minimal sizes. Of every five cases, one has all sizes equal, so that transposed arrays still fit, and one
    a batch of 1 (the first size drawn). Of every three cases, one is full of ties and zeros, and one has larger values.

    All values are exact in float32, so that a comparison of both precisions measures arithmetic alone.
    """

    def __init__(self, rng: np.random.Generator, case: int) -> None:
        self.rng, self.case = rng, case
        self.tied = case % 3 == 1
        self._drawn: list[int] = []

    def size(self, most: int = 5, least: int = 1) -> int:
        """A size from ``least`` to ``most``; ``least`` in one of five draws."""
        kind, first = self.case % 5, not self._drawn
        if self.case == 0 or (kind == 3 and first) or (kind not in (2, 3) and self.rng.random() < 0.2):
            size = least
        elif kind == 2 and not first:
            size = min(max(self._drawn[0], least), most)
        else:
            size = int(self.rng.integers(least + 1, most, endpoint=True))
        self._drawn.append(size)
        return size

    def shape(self, axes: int, most: int = 4) -> tuple[int, ...]:
        """A shape of ``axes`` sizes."""
        return tuple(self.size(most) for _ in range(axes))

    def numbers(self, *shape: int, margin: float = _MARGIN) -> Array:
        """Normal values at least ``margin`` away from 0; in a tied case integers from −2 to 2, one of them 0."""
        if self.tied:
            whole: Array = self.rng.integers(-2, 2, shape, endpoint=True).astype(np.float64)
            whole.flat[self.rng.integers(whole.size)] = 0
            return whole
        x: Array = self.rng.normal(0, 4 if self.case % 3 == 2 else 1, size=shape)
        x += np.copysign(margin, x)
        return _single(x)

    def apart(self, *shape: int) -> Array:
        """Values at least 1/16 apart from each other; in a tied case as from ``numbers``."""
        if self.tied:
            return self.numbers(*shape)
        steps: Array = self.rng.permutation(int(np.prod(shape))).reshape(shape) / 16
        steps -= steps.mean().round()
        return steps

    def fractions(self, *shape: int) -> Array:
        """Values from 0.1 to 0.9; all ½ in a tied case."""
        return np.full(shape, 0.5) if self.tied else _single(self.rng.uniform(0.1, 0.9, shape))

    def probabilities(self, n: int, c: int) -> Array:
        """Rows that sum to 1 up to rounding, with no entry near 0, where the logarithm is too curved to check."""
        rows: Array = np.full((n, c), 1.0) if self.tied else self.rng.uniform(0.1, 1.0, (n, c))
        rows /= rows.sum(axis=1, keepdims=True)
        return _single(rows)

    def labels(self, n: int, c: int) -> Array:
        """Labels of ``n`` examples for ``c`` classes: integers, one-hot rows, or soft rows of any sum, by case."""
        if self.case % 4 == 3:
            return _single(self.rng.uniform(0, 1, (n, c)))
        y = self.rng.integers(c, size=n)
        return one_hot(y, c) if self.case % 4 == 2 else y

    def filled(self, module: Module) -> Module:
        """The module with new random parameters: a bias that starts at 0 would hide errors."""
        for _, learned in module.named_parameters():
            learned.value[...] = _single(np.asarray(self.rng.normal(size=learned.value.shape)))
        return module

    def tempered(self, module: Module) -> Module:
        """The same, with weights from N(0, 2 / inputs), which preserve the scale of activations through many layers."""
        for _, learned in self.filled(module).named_parameters():
            n_inputs = int(np.prod(learned.value.shape[1:]))
            learned.value[...] = _single(learned.value * np.sqrt((2 if learned.value.ndim > 1 else 1) / n_inputs))
        return module


def _single(x: Array) -> Array:
    return x.astype(np.float32).astype(np.float64)
