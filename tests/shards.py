"""The shards of a batch in threads, which meet at a barrier."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from mlp_numpy.arrays import Array
from mlp_numpy.parallel import Communicator

T = TypeVar("T")
_PATIENCE = 20
"""Seconds after which a shard that waits for a sum of which another knows nothing fails."""


class Shard(Communicator):
    """One of the shards of a batch of Σ ``sizes`` rows."""

    def __init__(self, rank: int, sizes: Sequence[int], barrier: threading.Barrier, table: list[Any]) -> None:
        self.rank, self.size, self.sizes = rank, len(sizes), sizes
        self.barrier, self.table = barrier, table
        self.calls: list[tuple[int, ...]] = []

    def sum(self, array: Array) -> Array:
        """The sum, after all shards have come, and before any leaves."""
        self.calls.append(array.shape)
        self.table[self.rank] = array
        self.barrier.wait()
        total = self.table[0].copy()
        for each in self.table[1:]:
            total = total + each
        self.barrier.wait()
        return total

    def rows(self, n: int) -> tuple[slice, int]:
        """The place of this shard's rows."""
        assert n == self.sizes[self.rank]
        start = sum(self.sizes[: self.rank])
        return slice(start, start + n), sum(self.sizes)


def in_shards(sizes: Sequence[int], run: Callable[[Shard], T]) -> list[T]:
    """What ``run`` returns for each shard, in the order of the ranks; all have made the same sums."""
    barrier, table = threading.Barrier(len(sizes), timeout=_PATIENCE), [None] * len(sizes)
    shards = [Shard(rank, sizes, barrier, table) for rank in range(len(sizes))]

    def guarded(shard: Shard) -> T:
        try:
            return run(shard)
        except BaseException:
            barrier.abort()
            raise

    with ThreadPoolExecutor(len(sizes)) as pool:
        results = list(pool.map(guarded, shards))
    assert all(shard.calls == shards[0].calls for shard in shards)
    return results
