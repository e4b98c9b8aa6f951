"""Blockwise updates of long vectors: a block stays in the cache from one line of an update to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

# Of one vector. Smaller blocks are dominated by call overhead. A second thread is no faster within a training step: the
# BLAS thread still occupies the other core.
BLOCK_BYTES: Final = 2**19


class Part(NamedTuple):
    """A slice of the vectors, its weight decay, and a factor on its learning rate."""

    where: slice
    decay: float
    lr_factor: float = 1.0


class Stretch(NamedTuple):
    """A slice of the vectors with factors of its own on learning rate and weight decay."""

    where: slice
    lr_factor: float
    decay_factor: float


def block_length(dtype: np.dtype[Any]) -> int:
    """The number of elements of a dtype in one block."""
    return BLOCK_BYTES // dtype.itemsize


def cut(
    length: int, decayed: Sequence[slice], decay: float, block: int, stretches: Sequence[Stretch] = ()
) -> list[Part]:
    """Cut the range 0 … length into parts of at most ``block``; parts within the slices ``decayed`` have the decay.

    stretches   slices that cover the range, with factors; without them every factor is 1. A factor of 0 on the
                learning rate leaves the slice out.

    >>> [(part.where.start, part.where.stop, part.decay) for part in cut(9, [slice(0, 5), slice(6, 9)], 0.1, 4)]
    [(0, 4, 0.1), (4, 5, 0.1), (5, 6, 0.0), (6, 9, 0.1)]
    """
    runs, end = [], 0
    for stretch in decayed:
        runs += [(end, stretch.start, 0.0), (stretch.start, stretch.stop, decay)]
        end = stretch.stop
    runs.append((end, length, 0.0))
    return [
        part
        for where, lr_factor, decay_factor in stretches or [Stretch(slice(0, length), 1.0, 1.0)]
        if lr_factor
        for start, stop, wd in runs
        for part in split(max(start, where.start), min(stop, where.stop), wd * decay_factor, block, lr_factor)
    ]


def split(start: int, stop: int, decay: float, block: int, lr_factor: float = 1.0) -> list[Part]:
    """Split the range start … stop into parts of at most ``block`` with one weight decay and learning rate."""
    return [Part(slice(first, min(first + block, stop)), decay, lr_factor) for first in range(start, stop, block)]
