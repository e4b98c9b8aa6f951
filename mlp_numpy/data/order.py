"""The order of the examples of an epoch: stored, permuted, or permuted by blocks; a pure function of seed and epoch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import shown, whole_number
from mlp_numpy.errors import OptionError

FULL: Final = "full"
WINDOW: Final = 16
"""Blocks whose rows are permuted together, unless another number is given."""

_BLOCKS: Final = re.compile(r"blocks:(\d{1,18})(?::(\d{1,18}))?", re.ASCII)


class Order(Protocol):
    """The examples of every epoch, in turn."""

    def rows(self, epoch: int, start: int, stop: int) -> Array:
        """The examples at the positions start … stop − 1 of an epoch, as indices (stop − start,)."""

    def next_blocks(self, epoch: int, start: int, stop: int) -> list[slice]:
        """The blocks that are read soon, if the positions start … stop − 1 are where that should be known."""

    @property
    def nbytes(self) -> int:
        """The bytes of memory while an epoch is read."""


@dataclass(frozen=True)
class BlockShuffle:
    """A permutation of blocks of ``size`` consecutive rows, then of the rows within each ``window`` of blocks.

    Raises OptionError for numbers below 1.
    """

    size: int
    window: int = WINDOW

    def __post_init__(self) -> None:
        for name in ("size", "window"):
            object.__setattr__(self, name, whole_number("BlockShuffle", name, getattr(self, name)))


def parse_shuffle(who: str, shuffle: Any) -> BlockShuffle | bool:
    """The shuffle of a text: True for ``full``, a BlockShuffle for ``blocks:SIZE`` and ``blocks:SIZE:WINDOW``.

    Raises OptionError, naming ``who``, for anything else.
    """
    found = _BLOCKS.fullmatch(shuffle) if isinstance(shuffle, str) else None
    if isinstance(shuffle, str) and shuffle == FULL:
        return True
    if found is None or not all(int(number) for number in found.groups(str(WINDOW))):
        raise OptionError(
            f"{who}: shuffle must be full, blocks:SIZE or blocks:SIZE:WINDOW with integers ≥ 1, got {shown(shuffle)}. "
            "Hint: blocks:1000, a thousand rows a block."
        )
    return BlockShuffle(*map(int, found.groups(str(WINDOW))))


def order_of(shuffle: bool | BlockShuffle, n: int, seed: int) -> Order:
    """The order of ``n`` examples: permuted (True), stored (False), or permuted by blocks."""
    if isinstance(shuffle, BlockShuffle):
        return BlockOrder(n, shuffle, seed)
    return Permutation(n, seed) if shuffle else StoredOrder()


class StoredOrder:
    """The stored order in every epoch."""

    def rows(self, epoch: int, start: int, stop: int) -> Array:
        """The indices start … stop − 1."""
        return np.arange(start, stop)

    def next_blocks(self, epoch: int, start: int, stop: int) -> list[slice]:
        """None."""
        return []

    @property
    def nbytes(self) -> int:
        """None."""
        return 0


class Permutation:
    """The permutation of ``n`` examples drawn by ``default_rng([seed, epoch])``; the last one is kept."""

    def __init__(self, n: int, seed: int) -> None:
        self._n, self._seed = n, seed
        self._kept: tuple[int, Array] = -1, np.empty(0, np.intp)

    def rows(self, epoch: int, start: int, stop: int) -> Array:
        """The permuted examples at these positions."""
        kept, order = self._kept
        if kept != epoch:
            order = np.random.default_rng([self._seed, epoch]).permutation(self._n)
            self._kept = epoch, order
        return order[start:stop]

    def next_blocks(self, epoch: int, start: int, stop: int) -> list[slice]:
        """None."""
        return []

    @property
    def nbytes(self) -> int:
        """An index for every example."""
        return np.dtype(np.intp).itemsize * self._n


class BlockOrder:
    """``n`` examples in blocks of consecutive ones: a window of blocks is read at a time, in random order.

        blocks    the permutation of ⌈n / size⌉ block numbers by ``default_rng([seed, epoch])``
        rows      those of ``window`` blocks in turn, permuted by ``default_rng([seed, epoch, w + 1])`` in window w

    Random rows of a file that is not in memory are as many seeks; those of a window are as many as it has blocks. One
    number a block and one a row of two windows are kept, instead of one a row of the data.
    """

    def __init__(self, n: int, shuffle: BlockShuffle, seed: int) -> None:
        # a larger block is the whole of the data, in the memory of its rows
        self._n, self._size, self._window, self._seed = n, min(shuffle.size, n), shuffle.window, seed
        self._n_blocks = -(-n // self._size)
        # positions at which an epoch has fewer rows than whole blocks have
        self._short = self._n_blocks * self._size - n
        self._blocks: tuple[int, Array, int] = -1, np.empty(0, np.intp), 0
        self._windows: tuple[tuple[int, int, Array], ...] = ()

    def rows(self, epoch: int, start: int, stop: int) -> Array:
        """The examples at these positions; they may be of several windows."""
        stop, parts = min(stop, self._n), [np.empty(0, np.intp)]
        window = self._window_of(epoch, start)
        while start < stop:
            begin = self._begin(epoch, window)
            parts.append(self._rows_of(epoch, window)[start - begin : stop - begin])
            start, window = start + len(parts[-1]), window + 1
        return parts[1] if len(parts) == 2 else np.concatenate(parts)

    def next_blocks(self, epoch: int, start: int, stop: int) -> list[slice]:
        """The blocks of the next window, in ascending order, if a window begins at one of these positions."""
        window = self._window_of(epoch, stop - 1)
        if not start <= self._begin(epoch, window) < stop:
            return []
        of_next = np.sort(self._blocks_of(epoch)[0][(window + 1) * self._window :][: self._window])
        return [slice(start, min(start + self._size, self._n)) for start in (of_next * self._size).tolist()]

    @property
    def nbytes(self) -> int:
        """An index for every block, and for every row of three windows: two kept ones and the next."""
        return np.dtype(np.intp).itemsize * (self._n_blocks + 3 * min(self._n, self._window * self._size))

    def _blocks_of(self, epoch: int) -> tuple[Array, int]:
        """The block numbers of an epoch in their order, and the place of the last one of the data, which is shorter."""
        kept, blocks, short = self._blocks
        if kept != epoch:
            blocks = np.random.default_rng([self._seed, epoch]).permutation(self._n_blocks)
            short = int(np.flatnonzero(blocks == self._n_blocks - 1)[0])
            self._blocks = epoch, blocks, short  # at once, since two threads may ask
        return blocks, short

    def _begin(self, epoch: int, window: int) -> int:
        """The position at which a window begins."""
        before = window * self._window
        return before * self._size - (self._short if self._blocks_of(epoch)[1] < before else 0)

    def _window_of(self, epoch: int, position: int) -> int:
        window = position // (self._window * self._size)
        return window + (position >= self._begin(epoch, window + 1))

    def _rows_of(self, epoch: int, window: int) -> Array:
        """The permuted rows of a window; those of the last two are kept, since a batch may lie in both."""
        for kept_epoch, kept_window, rows in self._windows:
            if (kept_epoch, kept_window) == (epoch, window):
                return rows
        of_window = self._blocks_of(epoch)[0][window * self._window : (window + 1) * self._window]
        rows = (of_window[:, np.newaxis] * self._size + np.arange(self._size)).ravel()
        # + 1, since a seed sequence ignores trailing zeros: [seed, epoch, 0] draws the order of the blocks
        rows = np.random.default_rng([self._seed, epoch, window + 1]).permutation(rows[rows < self._n])
        self._windows = (*self._windows[-1:], (epoch, window, rows))
        return rows
