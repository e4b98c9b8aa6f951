"""Minibatches: which examples a step sees, gathered from the stored bytes and preprocessed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, is_whole
from mlp_numpy.data.augmentation import Augmentation
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import OptionError, ShapeError


class Batches:
    """Endless minibatches of one split, every epoch in a new order.

    The order of epoch e is the permutation that ``default_rng([seed, e])`` draws, so that step t of a seed sees the
    same examples whenever and wherever it runs; with ``shuffle=False`` it is the stored order, every epoch. An epoch
    has N // size steps; examples left over at its end wait for another epoch's order.

    A batch is gathered into one buffer that the next call overwrites. With an ``augmentation`` its images are changed
    once they are preprocessed, as that seed's step has it; evaluations go through ``chunks``, which has none.

    Raises OptionError for a size below 1 or above the number of examples, ShapeError for an augmentation of images of
    another size.
    """

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
    ) -> None:
        if not is_whole(size, 1):
            raise OptionError(f"Batches: the batch size must be a whole number ≥ 1, got {size!r}.")
        if size > len(split):
            raise OptionError(
                f"Batches: a batch of {size} is larger than the data, {len(split)} examples. "
                f"Hint: a batch size of at most {len(split)}."
            )
        if augmentation is not None and math.prod(augmentation.image_shape) != split.images.shape[1]:
            raise ShapeError(
                f"Batches: images must have the sizes of {augmentation!r}, got {split.images.shape[1]} numbers each."
            )
        self.split, self.size, self.preprocessing, self.seed, self.shuffle = split, size, preprocessing, seed, shuffle
        self.augmentation = augmentation
        self.steps_per_epoch = len(split) // size
        self._epoch = -1
        self._order: Array = np.empty(0, np.intp)
        self._buffer = np.empty((size, split.images.shape[1]), dtype)

    def at(self, step: int) -> tuple[Array, Array]:
        """The batch of a step, counted from 0: images (size, D), preprocessed, and labels (size,).

        Raises OptionError for a step below 0.
        """
        if step < 0:
            raise OptionError(f"Batches.at: steps are counted from 0, got {step}.")
        epoch, position = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            order = np.random.default_rng([self.seed, epoch]).permutation if self.shuffle else np.arange
            self._order = order(len(self.split))
            self._epoch = epoch
        rows = self._order[position * self.size : (position + 1) * self.size]
        x = self.preprocessing.gather(self.split.images, rows, self._buffer)
        if self.augmentation is not None:
            self.augmentation.apply(x, self.seed, step)
        return x, self.split.labels[rows]


def chunks(
    split: Split, size: int, preprocessing: Preprocessing, dtype: Any = np.float32
) -> Iterator[tuple[Array, Array]]:
    """A whole split in its own order, once: (images, labels) of at most ``size`` examples, in one reused buffer."""
    buffer = np.empty((min(size, len(split)), split.images.shape[1]), dtype)
    for start in range(0, len(split), size):
        rows = np.arange(start, min(start + size, len(split)))
        yield preprocessing.gather(split.images, rows, buffer[: len(rows)]), split.labels[rows]
