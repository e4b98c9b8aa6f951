"""Statistics of a split: at once where it is in memory, in one pass where it is in files."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.mapped import MappedSplit
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.data.targets import TargetScaling


def fit_preprocessing(
    kind: str, split: Split, image_shape: tuple[int, int, int], dtype: Any = np.float32
) -> Preprocessing:
    """The preprocessing ``kind`` with statistics of ``split``, the training part; see ``Preprocessing.fit``."""
    if isinstance(split, MappedSplit):
        return Preprocessing.fit_blocks(kind, split.input_blocks(dtype), image_shape, dtype)
    return Preprocessing.fit(kind, split.inputs, image_shape, dtype)


def fit_scaling(split: Split) -> TargetScaling:
    """The standardization of the targets of a regression, with the statistics of ``split``, the training part."""
    if isinstance(split, MappedSplit):
        return TargetScaling.fit_blocks(split.target_blocks())
    return TargetScaling.fit(split.targets)


def examples_per_class(split: Split, n_classes: int) -> Array:
    """The number of examples of each class, (n_classes,), of a classification whose labels are valid."""
    counts = np.zeros(n_classes, np.int64)
    for labels in split.target_blocks():
        counts += np.bincount(labels, minlength=n_classes)
    return counts
