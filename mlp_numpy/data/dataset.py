"""A data set in memory: images as bytes, labels as integers, and class names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, all_finite, first_outside
from mlp_numpy.checks import LARGEST, shown, sizes
from mlp_numpy.errors import DataError, DTypeError, LabelError, OptionError, ShapeError


@dataclass(frozen=True)
class Split:
    """The examples of one split of a data set.

    images   (N, D) uint8 (or a finite float dtype), one image per row, C-contiguous: channel by channel, row by row
    labels   (N,) int64, each in [0, n_classes)

    float16 is converted to float32, foreign byte order to the machine's, labels of any integer dtype to int64.

    Raises
    ------
    ShapeError, LabelError, DTypeError, DataError
        at construction, if images and labels do not match, are empty, or contain NaN or infinity; the upper bound of
        the labels is checked by Dataset
    """

    images: Array
    labels: Array

    def __post_init__(self) -> None:
        _check_examples(self.images, self.labels)
        native = self.images.dtype.newbyteorder("=")
        kind = np.dtype(np.float32) if native == np.float16 else native
        object.__setattr__(self, "images", self.images.astype(kind, copy=False))
        object.__setattr__(self, "labels", self.labels.astype(np.int64, copy=False))

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A training and a test split with image shape, class names and source.

    name          the name in reports: "CIFAR-10", "shapes"
    image_shape   (C, H, W) with C·H·W = D
    class_names   one name per class, in the order of the labels
    source        its origin, for the record of a run: a path, a URL, "generated, seed 0"

    Raises
    ------
    ShapeError, LabelError, OptionError
        at construction, if a split has images of another size or labels out of range, or for invalid arguments
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
        """The number of values in one image, D = C·H·W."""
        channels, height, width = self.image_shape
        return channels * height * width

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise OptionError(f"Dataset: name must be a string, got {shown(self.name)}.")
        object.__setattr__(self, "image_shape", sizes("Dataset", "image_shape", self.image_shape))
        if len(self.image_shape) != 3:
            raise OptionError(f"Dataset: image_shape must be (C, H, W), got {shown(self.image_shape)}.")
        names: Any = self.class_names
        if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
            raise OptionError(f"Dataset: class_names must be one name per class, got {shown(names)}.")
        object.__setattr__(self, "class_names", tuple(names))
        for part, split in (("train", self.train), ("test", self.test)):
            if not isinstance(split, Split):
                raise OptionError(f"Dataset: {part} must be a Split, got {shown(split)}.")
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
        if isinstance(array, np.ma.MaskedArray):
            raise DTypeError(f"Split: {name} must not be masked, since masks are not kept. Hint: array.filled(0).")
    if images.ndim != 2:
        raise ShapeError(f"Split: images must be (N, D), got {images.shape}. Hint: images.reshape(len(images), -1).")
    n = len(images)
    if n == 0:
        raise DataError("Split: there must be at least one example, got none.")
    if labels.ndim == 2:
        raise LabelError(
            f"Split: labels must be integers of shape ({n},), got {labels.shape}. "
            "Hint: labels.argmax(axis=1) turns one-hot rows into numbers."
        )
    if labels.shape != (n,):
        raise LabelError(f"Split: labels must be ({n},), one per image, got {labels.shape}.")
    if labels.dtype.kind not in "iu":
        raise LabelError(f"Split: labels must be integers, got {labels.dtype}.")
    if labels.dtype.kind == "u" and labels.max() > LARGEST:
        raise LabelError(f"Split: labels must be at most {LARGEST}, got {labels.max()}.")
    if images.dtype.kind not in "iufb":
        raise DataError(f"Split: images must hold real numbers, got {images.dtype}.")
    # bytes are always finite
    if images.dtype.kind == "f" and not all_finite(images):
        row = int(np.flatnonzero(~np.isfinite(images).all(axis=1))[0])
        raise DataError(f"Split: images must be finite, got NaN or infinity in row {row}.")
