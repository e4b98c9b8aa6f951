"""Mean and variance of columns in one pass over blocks of rows."""

from __future__ import annotations

from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import flag, plain_array
from mlp_numpy.errors import DTypeError, ShapeError

_ROWS: Final = 256
"""Rows of bytes in one sum: 255² · 256 < 2²⁴, so float32 adds their squares exactly."""
_NUMBERS: Final = 1 << 17
"""Other numbers that are converted at a time: a megabyte of float64."""


class RunningMoments:
    """Count n, sum T (D,) and sum of squared deviations M (D,) of all rows added so far.

        n′ = n + m      T′ = T + Tₘ      M′ = M + Mₘ + (Tₘ/m − T/n)² n m / n′

    for a block of m rows with sums Tₘ and Mₘ of its own, in float64; the sums of bytes are exact. (Σu² − T²/n would
    cancel catastrophically where u varies little around a large mean.)

    squares   False: the mean alone, in less time

    Raises OptionError unless ``squares`` is True or False.

    Reference   Chan, Golub and LeVeque 1983, "Algorithms for Computing the Sample Variance", equations 2.1
    """

    def __init__(self, *, squares: bool = True) -> None:
        self.n, self._squares = 0, flag("RunningMoments", "squares", squares)
        self._total: Array = np.zeros(1)
        self._deviations: Array = np.zeros(1)

    def add(self, rows: Array) -> None:
        """Add rows (m, D) of real numbers. Raises ShapeError or DTypeError for others, or for another D than before."""
        rows = plain_array("RunningMoments.add", "rows", rows)
        if rows.dtype.kind not in "iufb":
            raise DTypeError(f"RunningMoments.add: rows must be real numbers, got {rows.dtype}.")
        if rows.ndim != 2 or (self.n and rows.shape[1:] != self._total.shape):
            wanted = f"(m, {len(self._total)})" if self.n else "(m, D)"
            raise ShapeError(f"RunningMoments.add: rows must be {wanted}, got {rows.shape}.")
        exact = rows.dtype == np.uint8
        size = _ROWS if exact else max(1, _NUMBERS // max(1, rows.shape[1]))
        for start in range(0, len(rows), size):
            block = rows[start : start + size].astype(np.float32 if exact else np.float64)
            total = np.ones(len(block), block.dtype) @ block if exact else block.sum(axis=0)
            total = total.astype(np.float64, copy=False)
            if self._squares:
                self._add_deviations(block, total, exact=exact)
            self._total = self._total + total
            self.n += len(block)

    @property
    def mean(self) -> Array:
        """The mean of every column, (D,)."""
        return np.asarray(self._total / max(self.n, 1))

    @property
    def variance(self) -> Array:
        """The variance of every column, (D,)."""
        return np.asarray(self._deviations / max(self.n, 1))

    def _add_deviations(self, block: Array, total: Array, *, exact: bool) -> None:
        n, m = self.n, len(block)
        if exact:
            deviations = np.einsum("nd,nd->d", block, block).astype(np.float64) - total * total / m
        else:
            block -= total / m
            deviations = np.einsum("nd,nd->d", block, block)
        if n:
            deviations += (total / m - self._total / n) ** 2 * (n * m / (n + m))
        self._deviations = self._deviations + deviations
