"""Minibatches: the examples of a step, gathered from the stored bytes and preprocessed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import LARGEST, flag, float_dtype, instance, shown, whole_number
from mlp_numpy.data.augmentation import Augmentation
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.order import BlockShuffle, order_of
from mlp_numpy.data.prefetch import Ahead
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.data.sealed import check_split
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.parallel import ALONE, SERIAL, Communicator, Workers, shares

_LARGE: Final = 1 << 18
"""Bytes of a batch below which waking other threads takes longer than they save."""


class Batches:
    """Endless minibatches of one split, shuffled anew every epoch.

    shuffle    True: the order of epoch e is the permutation drawn by ``default_rng([seed, e])``; False: the stored
               order; a BlockShuffle: blocks of rows, for data larger than memory, see ``BlockOrder``. The batch of a
               step depends on the seed alone
    drop_last  an epoch has N // size steps; its remaining examples are left out, or if False are one smaller batch more
    prefetch   a thread gathers the batch of the next step meanwhile; worth it where batches are read from a disk. The
               batches are the same

    A batch is gathered into a buffer that the next call overwrites. ``augmentation`` is applied to the preprocessed
    images; evaluations use ``chunks``, which applies none.

    Raises OptionError for a size below 1 or above the number of examples and for invalid settings, DTypeError for an
    unsupported ``dtype``, ShapeError for an augmentation or statistics of another image size.
    """

    workers: Workers = SERIAL
    """Threads that share the rows of a batch; a Trainer sets its own."""

    def __init__(
        self,
        split: Split,
        size: int,
        preprocessing: Preprocessing,
        *,
        seed: int = 0,
        shuffle: bool | BlockShuffle = True,
        dtype: Any = np.float32,
        augmentation: Augmentation | None = None,
        drop_last: bool = True,
        prefetch: bool = False,
    ) -> None:
        _check("Batches", split, preprocessing)
        size, seed = whole_number("Batches", "the batch size", size), whole_number("Batches", "seed", seed, 0)
        if not isinstance(shuffle, BlockShuffle):
            shuffle = flag("Batches", "shuffle", shuffle)
        dtype = float_dtype("Batches", dtype)
        if augmentation is not None and not isinstance(augmentation, Augmentation):
            raise OptionError(f"Batches: augmentation must be an Augmentation or None, got {shown(augmentation)}.")
        if size > len(split):
            raise OptionError(
                f"Batches: a batch of {size} is larger than the data, {len(split)} examples. "
                f"Hint: a batch size of at most {len(split)}."
            )
        if augmentation is not None and math.prod(augmentation.image_shape) != split.n_features:
            raise ShapeError(
                f"Batches: images must have the sizes of {augmentation!r}, got {split.n_features} numbers each."
            )
        self.split, self.size, self.preprocessing, self.seed, self.shuffle = split, size, preprocessing, seed, shuffle
        self.augmentation = augmentation
        self.drop_last = flag("Batches", "drop_last", drop_last)
        self.steps_per_epoch = len(split) // size if drop_last else math.ceil(len(split) / size)
        self._order = order_of(shuffle, len(split), seed)
        self._ahead: Ahead[tuple[Array, ...]] | None = Ahead() if flag("Batches", "prefetch", prefetch) else None
        self._buffers = [np.empty((size, split.n_features), dtype) for _ in range(2 if prefetch else 1)]

    @property
    def nbytes(self) -> int:
        """The bytes of memory of its buffers and of the order of the examples."""
        return sum(buffer.nbytes for buffer in self._buffers) + self._order.nbytes

    def at(self, step: int, ranks: Communicator = ALONE) -> tuple[Array, ...]:
        """The batch of a step, counted from 0: inputs (size, D), preprocessed, targets (size, …) and, if the split has
        any, weights (size,).

        ranks   of the inputs, only the ``own_rows`` of this rank are read; the others may hold anything

        Raises OptionError for a step below 0 or other ranks, DataError, naming file and row, for inputs in files that
        are not finite.
        """
        if (step if type(step) is int else whole_number("Batches.at", "step", step, -LARGEST)) < 0:
            raise OptionError(f"Batches.at: steps are counted from 0, got {step}.")
        instance("Batches.at", "ranks", ranks, Communicator)
        if self._ahead is None:
            return self._read(step, 0, ranks, self.workers)
        return self._ahead.at(step, lambda step, place: self._read(step, place, ranks), ranks)

    def _read(self, step: int, place: int, ranks: Communicator, workers: Workers = SERIAL) -> tuple[Array, ...]:
        """Gather the batch of a step into a buffer; a thread of ``prefetch`` does it alone, without ``workers``."""
        epoch, position = divmod(step, self.steps_per_epoch)
        start, stop = position * self.size, min((position + 1) * self.size, len(self.split))
        for block in self._order.next_blocks(epoch, start, stop):
            self.split.will_need(block)
        rows = self._order.rows(epoch, start, stop)
        x = self._buffers[place][: len(rows)]
        part = ranks.own_rows(len(rows))
        own = x[part]
        parts = shares(len(own), workers.size if own.nbytes >= _LARGE else 1)
        (inputs, located), gather = self.split.located(rows[part]), self.preprocessing.gather
        with self.split.reading():
            workers.run(lambda each: gather(inputs, located[parts[each]], own[parts[each]]), len(parts))
        self.split.check_read(own, rows[part])
        if self.augmentation is not None:
            self.augmentation.apply(x, self.seed, step, rows, epoch, part)
        return x, *self.split.outcomes(rows)


def chunks(
    split: Split, size: int, preprocessing: Preprocessing, dtype: Any = np.float32, ranks: Communicator = ALONE
) -> Iterator[tuple[Array, ...]]:
    """One pass over a split in stored order: inputs, targets and, if it has any, weights of at most ``size`` examples,
    in one reused buffer.

    ranks   of the inputs, only the ``own_rows`` of this rank are read; the others may hold anything

    Raises OptionError, DTypeError or ShapeError, at once, for an invalid split, size, preprocessing or dtype.
    """
    _check("chunks", split, preprocessing)
    instance("chunks", "ranks", ranks, Communicator)
    return _chunks(split, whole_number("chunks", "size", size), preprocessing, float_dtype("chunks", dtype), ranks)


def _chunks(
    split: Split, size: int, preprocessing: Preprocessing, dtype: Any, ranks: Communicator
) -> Iterator[tuple[Array, ...]]:
    buffer = np.empty((min(size, len(split)), split.n_features), dtype)
    for start in range(0, len(split), size):
        rows = np.arange(start, min(start + size, len(split)))
        x, part = buffer[: len(rows)], ranks.own_rows(len(rows))
        with split.reading():
            preprocessing.gather(*split.located(rows[part]), x[part])
        split.check_read(x[part], rows[part])
        yield x, *split.outcomes(rows)


def _check(who: str, split: Any, preprocessing: Any) -> None:
    check_split(who, split)
    if not isinstance(preprocessing, Preprocessing):
        raise OptionError(f"{who}: there must be a Preprocessing, got {shown(preprocessing)}.")
    preprocessing.check_width(who, (len(split), split.n_features))
