"""A data set in memory: images as bytes, labels as whole numbers, and the names they go by."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mlp_numpy.arrays import Array, all_finite, first_outside
from mlp_numpy.errors import DataError, DTypeError, LabelError, ShapeError


@dataclass(frozen=True)
class Split:
    """Examples of one part of a data set.

    images   (N, D) uint8 (or a finite float type), one row an image, C-contiguous: channel by channel, row by row
    labels   (N,) int64, each in [0, n_classes)

    Raises
    ------
    ShapeError, LabelError, DTypeError, DataError
        at construction, if images and labels do not fit each other, are none, or hold NaN or infinity; which classes
        there are is known to a Dataset
    """

    images: Array
    labels: Array

    def __post_init__(self) -> None:
        _check_examples(self.images, self.labels)

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
    ShapeError, LabelError
        at construction, if a part has images of another size or labels of no class
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
            who, shape = f"Dataset({self.name!r}).{part}", split.images.shape
            if shape[1] != self.n_features:
                raise ShapeError(f"{who}: images must be (N, {self.n_features}), got {shape}.")
            row = first_outside(split.labels, self.n_classes)
            if row is not None:
                raise LabelError(
                    f"{who}: labels must lie in [0, {self.n_classes}), got {split.labels[row]} at row {row}."
                )


def _check_examples(images: Array, labels: Array) -> None:
    for name, array in (("images", images), ("labels", labels)):
        if not isinstance(array, np.ndarray):
            raise DTypeError(f"Split: {name} must be a NumPy array, got {type(array).__name__}. Hint: np.asarray.")
    if images.ndim != 2:
        raise ShapeError(f"Split: images must be (N, D), got {images.shape}. Hint: images.reshape(len(images), -1).")
    n = len(images)
    if n == 0:
        raise DataError("Split: there must be at least one example, got none.")
    if labels.ndim == 2:
        raise LabelError(
            f"Split: labels must be whole numbers of shape ({n},), got {labels.shape}. "
            "Hint: labels.argmax(axis=1) turns one-hot rows into numbers."
        )
    if labels.shape != (n,):
        raise LabelError(f"Split: labels must be ({n},), one an image, got {labels.shape}.")
    if labels.dtype.kind not in "iu":
        raise LabelError(f"Split: labels must be whole numbers, got {labels.dtype}.")
    if images.dtype.kind not in "iufb":
        raise DataError(f"Split: images must hold real numbers, got {images.dtype}.")
    # bytes are finite without a look at them
    if images.dtype.kind == "f" and not all_finite(images):
        row = int(np.flatnonzero(~np.isfinite(images).all(axis=1))[0])
        raise DataError(f"Split: images must be finite, got NaN or infinity in row {row}.")
