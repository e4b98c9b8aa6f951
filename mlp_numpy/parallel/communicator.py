"""How the shards of a batch meet: a sum over all of them, and each one's part of the work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from mlp_numpy.arrays import Array
from mlp_numpy.checks import whole_number


class Communicator:
    """One of ``size`` shards of a batch, numbered by ``rank``; this base class is the only shard of a whole batch.

    All shards call the methods in the same order. What they share is exact sums: ``sum`` adds in the order of the
    ranks, so the result depends on the number of shards alone, and not on which of them is finished first.
    """

    rank: int = 0
    size: int = 1

    @property
    def local(self) -> Communicator:
        """The communicator of the shards in this process, which share parameters and buffers."""
        return self

    def sum(self, array: Array) -> Array:
        """Σ of the ``array`` of every shard, added in the order of their ranks; the same bits for all of them.

        ``array`` is not modified and may be the result.
        """
        return array

    def sum_in_place(self, array: Array) -> None:
        """Replace ``array``, contiguous in memory, by ``sum`` of it."""
        if self.size > 1:
            array[...] = self.sum(array)

    def begin_sum(self, vector: Array) -> None:
        """Announce a vector of gradients that is computed from its end, and then summed by ``finish_sum``.

        Where shards are far apart, what ``completed`` names is summed while the rest is being computed; here nothing
        is.
        """

    def completed(self, arrays: Iterable[Array]) -> None:
        """Say that these parts of the vector of ``begin_sum`` are computed; without one it has no effect."""

    def finish_sum(self, vector: Array) -> None:
        """Replace ``vector`` by ``sum`` of it, of which a part may have been summed since ``begin_sum``."""
        self.sum_in_place(vector)

    def joined(self, rows: Array, n_rows: int) -> Array:
        """The rows of every shard in one array: ``rows`` is this shard's ``split`` of all ``n_rows``."""
        return rows

    def shared(self, value: Any) -> Any:
        """The ``value`` of the first shard, for all of them; a copy for the others."""
        return value

    def rows(self, n: int) -> tuple[slice, int]:
        """The place of this shard's ``n`` rows in the whole batch, and the number of rows of the whole batch."""
        return slice(0, n), n

    def split(self, length: int) -> slice:
        """This shard's part of ``range(length)``; see ``shares``."""
        return shares(length, self.size)[self.rank]

    def own_rows(self, n_rows: int) -> slice:
        """The rows of a batch that this shard computes: its part of them, or all if there are fewer rows than
        shards."""
        return self.split(n_rows) if n_rows >= self.size else slice(0, n_rows)

    def abort_at_exit(self, status: int) -> None:
        """End all shards with ``status`` as this process exits, since they would wait for it. No effect on threads."""


def shares(length: int, size: int) -> list[slice]:
    """``range(length)`` cut into ``size`` consecutive parts that differ by at most 1, the longer ones first.

    >>> shares(5, 2)
    [slice(0, 3, None), slice(3, 5, None)]

    Raises OptionError for a negative length, and a size below 1.
    """
    length, size = whole_number("shares", "length", length, 0), whole_number("shares", "size", size)
    share, longer = divmod(length, size)
    starts = [part * share + min(part, longer) for part in range(size + 1)]
    return [slice(start, stop) for start, stop in zip(starts, starts[1:], strict=False)]


ALONE: Final = Communicator()
"""The only shard."""
