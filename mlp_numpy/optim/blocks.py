"""Long vectors a block at a time, on several threads: what an update does to one block stays in the cache from one line
to the next, and NumPy's loops run beside each other."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import numpy as np
import threadpoolctl

# Of one vector. Smaller blocks spend their time on calls, and threads theirs on waiting for each other.
BLOCK_BYTES: Final = 2**19
# More of them only wait for the memory.
_MOST_THREADS: Final = 4


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


def n_threads(n_parts: int) -> int:
    """How many threads so many parts are worth: as many as the matrix products have, if each gets two parts."""
    most = min(_MOST_THREADS, n_parts // 2)
    if most < 2:
        return 1
    pools = [int(info["num_threads"]) for info in threadpoolctl.threadpool_info() if info["user_api"] == "blas"]
    return min(most, *pools) if pools else 1


def on_threads(work: Callable[[int], None], threads: int) -> None:
    """Call ``work`` with 0, 1, … threads − 1, each on a thread of its own, and wait for all; an error is raised here.

    The caller's ``np.errstate`` holds on all of them.
    """
    if threads == 1:
        work(0)
        return
    with ThreadPoolExecutor(threads - 1) as pool:
        others = [pool.submit(contextvars.copy_context().run, work, number) for number in range(1, threads)]
        work(0)
    for other in others:
        other.result()
