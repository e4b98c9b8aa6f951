"""A shard of a batch that is spread over several processes, each of which has shards of its own."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.parallel.communicator import Communicator


class NestedCommunicator(Communicator):
    """Shard ``local`` of those in this process, which is one of the ``ranks`` that share a batch of ``n_rows`` rows.

    Sums are added within each process first, and then in the order of the processes, by the thread of the first shard.
    Each process computes its ``ranks.split`` of the rows, in up to ``size / ranks.size`` shards.
    """

    def __init__(self, ranks: Communicator, local: Communicator, size: int, n_rows: int) -> None:
        self._ranks, self._local, self._n_rows = ranks, local, n_rows
        self.rank, self.size = ranks.rank * (size // ranks.size) + local.rank, size

    @property
    def local(self) -> Communicator:
        """The communicator of the shards in this process."""
        return self._local

    def sum(self, array: Array) -> Array:
        """Σ of the ``array`` of every shard of every process; the same bits for all of them."""
        total = self._local.sum(array)
        if self._local.size == 1:
            return self._ranks.sum(total)
        return self._local.sum(self._ranks.sum(total) if self._local.rank == 0 else np.zeros_like(total))

    def completed(self, arrays: Iterable[Array]) -> None:
        """Say so to the other processes, unless further shards of this one have yet to add their part."""
        if self._local.size == 1:
            self._ranks.completed(arrays)

    def rows(self, n: int) -> tuple[slice, int]:
        """The place of this shard's ``n`` rows in the whole batch, and the number of rows of the whole batch."""
        part, own = self._local.rows(n)
        mine = self._ranks.split(self._n_rows)
        each = own // (mine.stop - mine.start)
        return slice(mine.start * each + part.start, mine.start * each + part.stop), self._n_rows * each
