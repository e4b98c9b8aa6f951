"""Minibatches: the examples of a step, gathered from the stored bytes and preprocessed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import LARGEST, flag, float_dtype, shown, whole_number
from mlp_numpy.data.augmentation import Augmentation
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.data.sealed import check_split
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.parallel import ALONE, SERIAL, Communicator, Workers, shares

_LARGE: Final = 1 << 18
"""Bytes of a batch below which waking other threads takes longer than they save."""


class Batches:
    """Endless minibatches of one split, shuffled anew every epoch.

    The order of epoch e is the permutation drawn by ``default_rng([seed, e])``, so the batch of step t depends on the
    seed alone; with ``shuffle=False`` every epoch has the stored order. An epoch has N // size steps; its remaining
    examples are left out, or with ``drop_last=False`` are one smaller batch more.

    A batch is gathered into one buffer that the next call overwrites. ``augmentation`` is applied to the preprocessed
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
        shuffle: bool = True,
        dtype: Any = np.float32,
        augmentation: Augmentation | None = None,
        drop_last: bool = True,
    ) -> None:
        _check("Batches", split, preprocessing)
        size, seed = whole_number("Batches", "the batch size", size), whole_number("Batches", "seed", seed, 0)
        shuffle, dtype = flag("Batches", "shuffle", shuffle), float_dtype("Batches", dtype)
        if augmentation is not None and not isinstance(augmentation, Augmentation):
            raise OptionError(f"Batches: augmentation must be an Augmentation or None, got {shown(augmentation)}.")
        if size > len(split):
            raise OptionError(
                f"Batches: a batch of {size} is larger than the data, {len(split)} examples. "
                f"Hint: a batch size of at most {len(split)}."
            )
        if augmentation is not None and math.prod(augmentation.image_shape) != split.inputs.shape[1]:
            raise ShapeError(
                f"Batches: images must have the sizes of {augmentation!r}, got {split.inputs.shape[1]} numbers each."
            )
        self.split, self.size, self.preprocessing, self.seed, self.shuffle = split, size, preprocessing, seed, shuffle
        self.augmentation = augmentation
        self.drop_last = flag("Batches", "drop_last", drop_last)
        self.steps_per_epoch = len(split) // size if drop_last else math.ceil(len(split) / size)
        self._epoch = -1
        self._order: Array = np.empty(0, np.intp)
        self._buffer = np.empty((size, split.inputs.shape[1]), dtype)

    def at(self, step: int, ranks: Communicator = ALONE) -> tuple[Array, ...]:
        """The batch of a step, counted from 0: inputs (size, D), preprocessed, targets (size, …) and, if the split has
        any, weights (size,).

        ranks   of the inputs, only the ``own_rows`` of this rank are read; the others may hold anything

        Raises OptionError for a step below 0.
        """
        if (step if type(step) is int else whole_number("Batches.at", "step", step, -LARGEST)) < 0:
            raise OptionError(f"Batches.at: steps are counted from 0, got {step}.")
        epoch, position = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            order = np.random.default_rng([self.seed, epoch]).permutation if self.shuffle else np.arange
            self._order = order(len(self.split))
            self._epoch = epoch
        rows = self._order[position * self.size : (position + 1) * self.size]
        x = self._buffer[: len(rows)]
        part = ranks.own_rows(len(rows))
        own, own_rows = x[part], rows[part]
        parts = shares(len(own), self.workers.size if own.nbytes >= _LARGE else 1)
        inputs, gather = self.split.inputs, self.preprocessing.gather
        self.workers.run(lambda each: gather(inputs, own_rows[parts[each]], own[parts[each]]), len(parts))
        if self.augmentation is not None:
            self.augmentation.apply(x, self.seed, step, rows, epoch, part)
        return _batch(self.split, x, rows)


def chunks(
    split: Split, size: int, preprocessing: Preprocessing, dtype: Any = np.float32, ranks: Communicator = ALONE
) -> Iterator[tuple[Array, ...]]:
    """One pass over a split in stored order: inputs, targets and, if it has any, weights of at most ``size`` examples,
    in one reused buffer.

    ranks   of the inputs, only the ``own_rows`` of this rank are read; the others may hold anything

    Raises OptionError, DTypeError or ShapeError, at once, for an invalid split, size, preprocessing or dtype.
    """
    _check("chunks", split, preprocessing)
    return _chunks(split, whole_number("chunks", "size", size), preprocessing, float_dtype("chunks", dtype), ranks)


def _chunks(
    split: Split, size: int, preprocessing: Preprocessing, dtype: Any, ranks: Communicator
) -> Iterator[tuple[Array, ...]]:
    buffer = np.empty((min(size, len(split)), split.inputs.shape[1]), dtype)
    for start in range(0, len(split), size):
        rows = np.arange(start, min(start + size, len(split)))
        x, own = buffer[: len(rows)], ranks.own_rows(len(rows))
        preprocessing.gather(split.inputs, rows[own], x[own])
        yield _batch(split, x, rows)


def _batch(split: Split, x: Array, rows: Array) -> tuple[Array, ...]:
    return (x, split.targets[rows]) if split.weights is None else (x, split.targets[rows], split.weights[rows])


def _check(who: str, split: Any, preprocessing: Any) -> None:
    check_split(who, split)
    if not isinstance(preprocessing, Preprocessing):
        raise OptionError(f"{who}: there must be a Preprocessing, got {shown(preprocessing)}.")
    preprocessing.check_width(who, split.inputs.shape)
