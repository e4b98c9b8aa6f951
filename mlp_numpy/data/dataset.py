"""A data set in memory: images as bytes, labels as whole numbers, and the names they go by."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.errors import DataError, LabelError, ShapeError


@dataclass(frozen=True)
class Split:
    """Examples of one part of a data set.

    images   (N, D) uint8 (or a finite float type), one row an image, C-contiguous: channel by channel, row by row
    labels   (N,) int64, each in [0, n_classes)
    """

    images: Array
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A training and a test part with what is needed to name and to draw them.

    name          the true name, as people write it: "CIFAR-10", "shapes"
    image_shape   (C, H, W) with C·H·W = D
    class_names   one name a class, in the order of the labels
    source        where it came from, for the record of a run: a path, an address, "generated, seed 0"

    Raises
    ------
    ShapeError, LabelError, DataError
        at construction, if the parts contradict themselves or one another, are empty, or hold NaN or infinity
    """

    name: str
    train: Split
    test: Split
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    source: str = field(default="memory")

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @property
    def n_features(self) -> int:
        """The numbers in one image, D = C·H·W."""
        channels, height, width = self.image_shape
        return channels * height * width

    def __post_init__(self) -> None:
        for part, split in (("train", self.train), ("test", self.test)):
            _check_split(f"Dataset({self.name!r}).{part}", split, self.n_features, self.n_classes)


def _check_split(who: str, split: Split, n_features: int, n_classes: int) -> None:
    images, labels = split.images, split.labels
    if images.ndim != 2 or images.shape[1] != n_features:
        raise ShapeError(f"{who}: images must be (N, {n_features}), got {images.shape}.")
    if len(images) == 0:
        raise DataError(f"{who}: there must be at least one example, got none.")
    if labels.ndim == 2:
        raise LabelError(
            f"{who}: labels must be whole numbers of shape ({len(images)},), got {labels.shape}. "
            "Hint: labels.argmax(axis=1) turns one-hot rows into numbers."
        )
    if labels.shape != (len(images),):
        raise LabelError(f"{who}: labels must be ({len(images)},), one an image, got {labels.shape}.")
    if labels.dtype.kind not in "iu":
        raise LabelError(f"{who}: labels must be whole numbers, got {labels.dtype}.")
    outside = np.flatnonzero((labels < 0) | (labels >= n_classes))
    if outside.size:
        row = int(outside[0])
        raise LabelError(f"{who}: labels must lie in [0, {n_classes}), got {labels[row]} at row {row}.")
    if images.dtype.kind not in "iufb":
        raise DataError(f"{who}: images must hold real numbers, got {images.dtype}.")
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        row = int(np.flatnonzero(~np.isfinite(images).all(axis=1))[0])
        raise DataError(f"{who}: images must be finite, got NaN or infinity in row {row}.")
