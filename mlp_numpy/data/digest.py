"""The digest of a data set: equal for equal numbers, whatever files they were read from."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np

from mlp_numpy.data.dataset import Dataset

_BLOCK: Final = 1 << 24
"""Bytes of rows that are hashed at once: an array may be larger than the memory."""


def dataset_digest(dataset: Dataset) -> str:
    """SHA-256, in hexadecimal, of the arrays of both splits, the shape of an input and the names of the outputs."""
    found = hashlib.sha256(repr((dataset.image_shape, dataset.class_names)).encode())
    for split in (dataset.train, dataset.test):
        for array in split.arrays():
            found.update(f"{split.task} {array.dtype.str} {array.shape}".encode())
            rows = max(1, _BLOCK * len(array) // max(1, array.nbytes))
            for start in range(0, len(array), rows):
                found.update(np.ascontiguousarray(array[start : start + rows]).data.cast("B"))
    return found.hexdigest()
