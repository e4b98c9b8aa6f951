"""Long vectors a block at a time: what an update does to one block stays in the cache from one line to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

# Of one vector. Smaller blocks spend their time on calls. A second thread gains nothing within a training step: the
# BLAS's own still holds the other core.
BLOCK_BYTES: Final = 2**19


class Part(NamedTuple):
    """A stretch of the vectors, and the weight decay of what lies in it."""

    where: slice
    decay: float


def block_length(dtype: np.dtype[Any]) -> int:
    """How many numbers of a kind one block has."""
    return BLOCK_BYTES // dtype.itemsize


def cut(length: int, decayed: Sequence[slice], decay: float, block: int) -> list[Part]:
    """The stretch 0 … length in parts of at most ``block``; those within the slices ``decayed`` have the decay.

    >>> [(part.where.start, part.where.stop, part.decay) for part in cut(9, [slice(0, 5), slice(6, 9)], 0.1, 4)]
    [(0, 4, 0.1), (4, 5, 0.1), (5, 6, 0.0), (6, 9, 0.1)]
    """
    runs, end = [], 0
    for stretch in decayed:
        runs += [(end, stretch.start, 0.0), (stretch.start, stretch.stop, decay)]
        end = stretch.stop
    runs.append((end, length, 0.0))
    return [
        Part(slice(first, min(first + block, stop)), factor)
        for start, stop, factor in runs
        for first in range(start, stop, block)
    ]
