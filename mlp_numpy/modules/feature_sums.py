"""Passes of batch normalization over rows (B, C), block by block: moments and sums of each feature, and the output.

A block stays in the cache between the steps of a pass. Its rows lie in memory one after the other, so several of them
side by side are one wide row, for which the values of the features are repeated: long loops are faster than many short
ones, and a sum of many partial sums is more accurate than one long sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array, column_sums
from mlp_numpy.modules.moments import Moments
from mlp_numpy.parallel import Communicator

_WIDTH: Final = 512
"""The number of values of a wide row, if a single row has no more."""

_BLOCK_BYTES: Final = 1 << 20


def _blocks(*arrays: Array) -> Iterator[list[Array]]:
    """Blocks of arrays (B, C) as wide rows, the same of each; what is left over makes a last, shorter one."""
    first, side_by_side = arrays[0], _side_by_side(arrays[0])
    width = side_by_side * first.shape[1]
    size = side_by_side * max(1, _BLOCK_BYTES // (width * first.itemsize))
    whole = len(first) - len(first) % side_by_side
    for start in range(0, whole, size):
        yield [array[start : min(start + size, whole)].reshape(-1, width) for array in arrays]
    if whole < len(first):
        yield [array[whole:].reshape(1, -1) for array in arrays]


def _side_by_side(rows: Array) -> int:
    """The number of rows in a wide one."""
    return min(len(rows), max(1, _WIDTH // int(rows.shape[1])))


def _repeated(feature: Array, rows: Array) -> Array:
    """(C,) for each of the rows in a wide one."""
    count = _side_by_side(rows)
    return feature if count == 1 else np.tile(feature, count)


def _folded(sums: Array, rows: Array) -> Array:
    """The sums of each feature, (…, C), from those of the columns of wide rows."""
    folded: Array = sums.reshape(*sums.shape[:-1], -1, rows.shape[1]).sum(axis=-2)
    return folded


def feature_moments(rows: Array, n: int, communicator: Communicator) -> Moments:
    """The moments of each feature over the ``n`` rows of all shards.

    Each block has moments of its own, which are merged, and then those of the shards: so the rows are read once, and
    the shards meet once. (Chan, Golub and LeVeque 1983, "Algorithms for Computing the Sample Variance", eq. 2.1.)
    """
    n_features = rows.shape[1]
    parts = [_moments_of(block) for (block,) in _blocks(rows)]
    own = _merged(*(np.concatenate([part[at].reshape(-1, n_features) for part in parts]) for at in range(3)))
    each = np.zeros((communicator.size, 3, n_features), rows.dtype)
    each[communicator.rank] = own
    _, mean, squares = _merged(*communicator.sum(each).swapaxes(0, 1))
    return mean, squares / n, rows, mean


def _moments_of(block: Array) -> tuple[Array, Array, Array]:
    """n, μ and Σ (x − μ)² of each column of a block."""
    n = np.full(block.shape[1], len(block), block.dtype)
    mean = column_sums(block) / len(block)
    distances = block - mean
    distances *= distances
    return n, mean, column_sums(distances)


def _merged(n: Array, mean: Array, squares: Array) -> tuple[Array, Array, Array]:
    """n, μ and Σ (x − μ)² of all parts, (parts, C) → (C,), from those of each."""
    total = np.add.reduce(n)
    together = np.add.reduce(n * mean) / total
    apart = mean - together
    return total, together, np.add.reduce(squares) + np.add.reduce(n * (apart * apart))


def gradient_sums(rows: Array, values: Array, origin: Array, r: Array) -> Array:
    """Σₛ doutₛ and Σₛ doutₛ ⊙ x̂ₛ over these rows, x̂ = r (values − origin): (2, C)."""
    sums = np.zeros((2, _side_by_side(rows) * rows.shape[1]), np.result_type(rows, values))
    origin = _repeated(origin, rows)
    for dout, block in _blocks(rows, values):
        width = dout.shape[1]
        sums[0, :width] += column_sums(dout)
        sums[1, :width] += np.einsum("sc,sc->c", dout, block - origin[:width])
    folded = _folded(sums, rows)
    folded[1] *= r
    return folded


def scale_and_shift(values: Array, origin: Array, scale: Array, shift: Array | None) -> Array:
    """scale ⊙ (values − origin) + shift."""
    out = np.empty(values.shape, values.dtype)
    origin, scale = _repeated(origin, values), _repeated(scale, values)
    shift = None if shift is None else _repeated(shift, values)
    for block, into in _blocks(values, out):
        width = block.shape[1]
        np.subtract(block, origin[:width], out=into)
        into *= scale[:width]
        if shift is not None:
            into += shift[:width]
    return out


def gradient_of_rows(rows: Array, values: Array, origin: Array, scale: Array, slope: Array, shift: Array) -> Array:
    """scale ⊙ (dout − shift − slope ⊙ (values − origin))."""
    dx = np.empty(rows.shape, rows.dtype)
    origin, scale, slope, shift = (_repeated(each, rows) for each in (origin, scale, slope, shift))
    for dout, block, into in _blocks(rows, values, dx):
        width = dout.shape[1]
        np.subtract(block, origin[:width], out=into)
        into *= slope[:width]
        into += shift[:width]
        np.subtract(dout, into, out=into)
        into *= scale[:width]
    return dx
