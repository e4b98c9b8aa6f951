"""Blockwise updates of long vectors: a block stays in the cache from one line of an update to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

# Of one vector. Smaller blocks are dominated by call overhead. A second thread is no faster within a training step: the
# BLAS thread still occupies the other core.
BLOCK_BYTES: Final = 2**19


class Part(NamedTuple):
    """A slice of the vectors, and its weight decay."""

    where: slice
    decay: float


def block_length(dtype: np.dtype[Any]) -> int:
    """The number of elements of a dtype in one block."""
    return BLOCK_BYTES // dtype.itemsize


def cut(length: int, decayed: Sequence[slice], decay: float, block: int) -> list[Part]:
    """Cut the range 0 … length into parts of at most ``block``; parts within the slices ``decayed`` have the decay.

    >>> [(part.where.start, part.where.stop, part.decay) for part in cut(9, [slice(0, 5), slice(6, 9)], 0.1, 4)]
    [(0, 4, 0.1), (4, 5, 0.1), (5, 6, 0.0), (6, 9, 0.1)]
    """
    runs, end = [], 0
    for stretch in decayed:
        runs += [(end, stretch.start, 0.0), (stretch.start, stretch.stop, decay)]
        end = stretch.stop
    runs.append((end, length, 0.0))
    return [part for start, stop, factor in runs for part in split(start, stop, factor, block)]


def split(start: int, stop: int, decay: float, block: int) -> list[Part]:
    """Split the range start … stop into parts of at most ``block`` with one weight decay."""
    return [Part(slice(first, min(first + block, stop)), decay) for first in range(start, stop, block)]
