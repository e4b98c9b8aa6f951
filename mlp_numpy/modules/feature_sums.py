"""Passes of batch normalization over rows (B, C), block by block: sums of each feature, and the output.

A block stays in the cache between the passes over it. A sum of sums over blocks is more accurate than one long sum.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.modules.moments import Moments
from mlp_numpy.parallel import Communicator

_BLOCK_BYTES: Final = 1 << 19


def blocks(rows: Array) -> list[slice]:
    size = max(1, _BLOCK_BYTES // (rows.shape[1] * rows.itemsize))
    return [slice(start, start + size) for start in range(0, len(rows), size)]


def _sum(rows: Array) -> Array:
    """Σₛ rowsₛ, as a sum of sums over blocks, which is more accurate than one long sum."""
    total = np.zeros(rows.shape[1], rows.dtype)
    for part in blocks(rows):
        total += np.einsum("sc->c", rows[part])
    return total


def feature_moments(rows: Array, n: int, communicator: Communicator) -> Moments:
    """μ, x − μ and σ² of each feature over the ``n`` rows of all shards."""
    mean = communicator.sum(_sum(rows)) / n
    centered, squares = np.empty_like(rows), np.zeros_like(mean)
    for part in blocks(rows):
        block = np.subtract(rows[part], mean, out=centered[part])
        squares += np.einsum("sc,sc->c", block, block)
    return mean, centered, communicator.sum(squares) / n


def gradient_sums(rows: Array, centered: Array, r: Array) -> Array:
    """Σₛ doutₛ and Σₛ doutₛ ⊙ x̂ₛ over these rows: (2, C)."""
    dbeta, dgamma = sums = np.zeros((2, rows.shape[1]), np.result_type(rows, centered))
    for part in blocks(rows):
        dbeta += np.einsum("sc->c", rows[part])
        dgamma += np.einsum("sc,sc->c", rows[part], centered[part])
    dgamma *= r
    return sums


def scale_and_shift(centered: Array, scale: Array, shift: Array | None) -> Array:
    out = np.empty_like(centered)
    for part in blocks(centered):
        np.multiply(centered[part], scale, out=out[part])
        if shift is not None:
            out[part] += shift
    return out
