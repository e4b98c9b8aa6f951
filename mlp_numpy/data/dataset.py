"""A data set: inputs, targets and their names, in memory or, as ``mapped.MappedSplit``, in files."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, all_finite, first_outside
from mlp_numpy.checks import choice, instance, plain_array, shown, sizes, whole_number
from mlp_numpy.data.columns import Column
from mlp_numpy.data.targets import TASKS, TargetScaling, Task, checked_targets, checked_weights
from mlp_numpy.errors import DataError, DTypeError, LabelError, OptionError, ShapeError


@dataclass(frozen=True)
class Split:
    """The examples of one split of a data set.

    inputs    (N, D) uint8, another integer dtype or finite floats, one example per row; an image is stored channel by
              channel, row by row. ``images`` is another name for it
    targets   for task classification (N,) integers in [0, n_classes), for multilabel (N, K) of 0 and 1, for
              regression (N, K) or (N,) finite numbers; see ``checked_targets``. ``labels`` is another name for it
    weights   (N,) finite numbers ≥ 0, or None: every example counts once
    task      "classification", "multilabel" or "regression"

    float16 is converted to float32, foreign byte order to the machine's, labels of any integer dtype to int64.

    Raises
    ------
    ShapeError, LabelError, DTypeError, DataError, OptionError
        at construction, if inputs and targets do not match, are empty, or contain NaN or infinity, and for an invalid
        weight or task; the upper bound of class labels is checked by Dataset
    """

    inputs: Array
    targets: Array
    weights: Array | None = None
    task: Task = "classification"

    def __post_init__(self) -> None:
        choice("Split", "task", self.task, TASKS)
        _check_inputs(self.inputs, self.targets, self.task)
        n, native = len(self.inputs), self.inputs.dtype.newbyteorder("=")
        kind = np.dtype(np.float32) if native == np.float16 else native
        object.__setattr__(self, "targets", checked_targets("Split", self.task, self.targets, n))
        object.__setattr__(self, "inputs", self.inputs.astype(kind, copy=False))
        if self.weights is not None:
            object.__setattr__(self, "weights", checked_weights("Split", self.weights, n))
            if not np.any(self.weights):
                raise OptionError("Split: weights must not all be 0.")
        _check_values(self.inputs)

    @property
    def images(self) -> Array:
        """The inputs of a data set of images."""
        return self.inputs

    @property
    def labels(self) -> Array:
        """The targets of a classification."""
        return self.targets

    @property
    def n_features(self) -> int:
        """The number of values in one example, D."""
        return int(self.inputs.shape[1])

    def rows(self, rows: slice | Array) -> Split:
        """The examples of these rows, a slice, indices or a mask: views for a slice, else copies.

        Raises OptionError or DTypeError for anything else.
        """
        if not isinstance(rows, slice):
            rows = self._checked_rows(rows)
        weights = None if self.weights is None else self.weights[rows]
        return Split(self.inputs[rows], self.targets[rows], weights, self.task)

    def without(self, rows: Array) -> Split:
        """The examples but those of ``rows`` (n,), indices in ascending order. Raises as ``rows`` does."""
        kept = np.ones(len(self), bool)
        kept[self._checked_rows(rows)] = False
        return self.rows(kept)

    def located(self, rows: Array) -> tuple[Array, Array]:
        """An array (…, D) that holds the inputs of ``rows`` (n,), valid indices, and their row numbers in it."""
        return self.inputs, rows

    def check_read(self, x: Array, rows: Array) -> None:
        """Raise DataError if ``x`` (n, D), the inputs of ``rows`` as floats, is not finite; nothing to do here, where
        all inputs were checked at construction."""

    def outcomes(self, rows: Array) -> tuple[Array, ...]:
        """The targets and, if there are any, the weights of ``rows`` (n,), valid indices."""
        return (self.targets[rows],) if self.weights is None else (self.targets[rows], self.weights[rows])

    def reading(self) -> contextlib.AbstractContextManager[Any]:
        """Context in which inputs are read."""
        return contextlib.nullcontext()

    def will_need(self, rows: slice) -> None:
        """Tell the system that these rows are read soon; nothing to do for arrays in memory."""

    def target_blocks(self) -> Iterator[Array]:
        """The targets in stored order, as one or more arrays."""
        yield self.targets

    def rescaled(self, scaling: TargetScaling) -> Split:
        """The split with standardized targets; the inputs are shared.

        Raises OptionError for anything but a TargetScaling, LabelError for one of other targets.
        """
        instance("Split.rescaled", "scaling", scaling, TargetScaling)
        return Split(self.inputs, scaling.scale(self.targets), self.weights, self.task)

    def all_finite(self) -> bool:
        """False if the inputs contain NaN or an infinity."""
        return self.inputs.dtype.kind != "f" or all_finite(self.inputs)

    def digest(self, before: int = 0) -> int:
        """The CRC-32 of inputs, targets and weights that follow data with the CRC-32 ``before``.

        Raises OptionError unless ``before`` is an integer ≥ 0.
        """
        before = whole_number("Split.digest", "before", before, 0)
        for array in self.arrays():
            before = zlib.crc32(np.ascontiguousarray(array).data, before)
        return before

    @property
    def nbytes(self) -> int:
        """The bytes of memory of its arrays."""
        return sum(array.nbytes for array in self.arrays())

    @property
    def mapped_bytes(self) -> int:
        """The bytes of its files that are mapped into memory."""
        return 0

    def shares_inputs(self, other: Split) -> bool:
        """True if both have inputs in the same memory."""
        return isinstance(other, Split) and np.may_share_memory(self.inputs, other.inputs)

    def _checked_rows(self, rows: Any) -> Array:
        """Indices or a mask; raises OptionError or DTypeError for anything else."""
        found = plain_array("Split.rows", "rows", rows)
        good = found.ndim == 1 and (found.dtype.kind in "iu" or (found.dtype.kind == "b" and len(found) == len(self)))
        if not good or (
            found.dtype.kind != "b" and found.size and not -len(self) <= found.min() <= found.max() < len(self)
        ):
            raise OptionError(
                f"Split.rows: rows must be a slice, indices or a mask of {len(self)} rows, got {shown(found)}."
            )
        return found

    def arrays(self) -> tuple[Array, ...]:
        """Inputs, targets and, if there are any, weights."""
        return (self.inputs, self.targets) if self.weights is None else (self.inputs, self.targets, self.weights)

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Dataset:
    """A training and a test split with the shape of an input, the names of the outputs, and their source.

    name            the name in reports: "CIFAR-10", "shapes"
    image_shape     (C, H, W) with C·H·W = D; (D, 1, 1) for the rows of a table
    class_names     one name per class, in the order of the labels; for another task one per column of the targets
    source          its origin, for the record of a run: a path, a URL, "generated, seed 0"
    feature_names   of a table: one name per column of the inputs; empty for images
    columns         of a table: the columns that the inputs encode; empty for images

    Raises
    ------
    ShapeError, LabelError, OptionError
        at construction, if a split has inputs of another size, targets of another task or out of range, or for invalid
        arguments
    """

    name: str
    train: Split
    test: Split
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    source: str = field(default="memory")
    feature_names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()

    @property
    def task(self) -> Task:
        """The task of both splits."""
        return self.train.task

    @property
    def n_outputs(self) -> int:
        """The number of outputs of a network for it: one per class, or per column of the targets."""
        return len(self.class_names)

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
        features: Any = self.feature_names
        good = isinstance(features, list | tuple) and all(isinstance(name, str) for name in features)
        if not good or len(features) not in (0, self.n_features):
            raise OptionError(f"Dataset: feature_names must be one name per column, got {shown(features)}.")
        object.__setattr__(self, "feature_names", tuple(features))
        columns: Any = self.columns
        good = isinstance(columns, list | tuple) and all(isinstance(column, Column) for column in columns)
        if not good or sum(len(column.features) for column in columns) not in (0, self.n_features):
            raise OptionError(f"Dataset: columns must be those of its {self.n_features} inputs, got {shown(columns)}.")
        object.__setattr__(self, "columns", tuple(columns))
        for part, split in (("train", self.train), ("test", self.test)):
            if not isinstance(split, Split):
                raise OptionError(f"Dataset: {part} must be a Split, got {shown(split)}.")
            who, shape = f"Dataset({self.name!r}).{part}", (len(split), split.n_features)
            if shape[1] != self.n_features:
                raise ShapeError(f"{who}: images must be (N, {self.n_features}), got {shape}.")
            if split.task != self.task:
                raise OptionError(f"{who}: the task must be that of the training split, got {split.task}.")
            if split.task != "classification":
                first = next(split.target_blocks())
                if first.shape[1] != self.n_outputs:
                    raise ShapeError(f"{who}: targets must be (N, {self.n_outputs}), got {first.shape}.")
                continue
            before = 0
            for labels in split.target_blocks():
                row = first_outside(labels, self.n_classes)
                if row is not None:
                    raise LabelError(
                        f"{who}: labels must lie in [0, {self.n_classes}), got {labels[row]} at row {before + row}."
                    )
                before += len(labels)


def _check_inputs(inputs: Array, targets: Array, task: Task) -> None:
    names = ("images", "labels") if task == "classification" else ("inputs", "targets")
    for name, array in zip(names, (inputs, targets), strict=True):
        if not isinstance(array, np.ndarray):
            raise DTypeError(f"Split: {name} must be a NumPy array, got {type(array).__name__}. Hint: np.asarray.")
        if isinstance(array, np.ma.MaskedArray):
            raise DTypeError(f"Split: {name} must not be masked, since masks are not kept. Hint: array.filled(0).")
    if inputs.ndim != 2:
        raise ShapeError(f"Split: images must be (N, D), got {inputs.shape}. Hint: images.reshape(len(images), -1).")
    if not len(inputs):
        raise DataError("Split: there must be at least one example, got none.")


def _check_values(inputs: Array) -> None:
    if inputs.dtype.kind not in "iufb":
        raise DataError(f"Split: images must hold real numbers, got {inputs.dtype}.")
    # bytes are always finite
    if inputs.dtype.kind == "f" and not all_finite(inputs):
        row = int(np.flatnonzero(~np.isfinite(inputs).all(axis=1))[0])
        raise DataError(f"Split: images must be finite, got NaN or infinity in row {row}.")
