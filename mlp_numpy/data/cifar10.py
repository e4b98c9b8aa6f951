"""CIFAR-10 from disk: the python or the binary version, as a folder or as an archive.

60,000 RGB photographs of 32 × 32 pixels and ten classes: Alex Krizhevsky, Learning Multiple Layers of Features from
Tiny Images, 2009, https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import os
from pathlib import Path

from mlp_numpy.data import cifar
from mlp_numpy.data.cifar import HOME, SHA256, SIZES, Version
from mlp_numpy.data.cifar10_files import (
    CIFAR10,
    read_binary_batch,
    read_binary_names,
    read_python_batch,
    read_python_names,
)
from mlp_numpy.data.dataset import Dataset

__all__ = ["BINARY_ARCHIVE", "HOME", "PYTHON_ARCHIVE", "SHA256", "SIZES", "find", "load"]

PYTHON_ARCHIVE = "cifar-10-python.tar.gz"
BINARY_ARCHIVE = "cifar-10-binary.tar.gz"

_TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
_VERSIONS = (
    Version(
        kind=CIFAR10,
        folder="cifar-10-batches-py",
        archive=PYTHON_ARCHIVE,
        train=_TRAIN,
        test="test_batch",
        meta="batches.meta",
        read_batch=read_python_batch,
        read_names=read_python_names,
    ),
    Version(
        kind=CIFAR10,
        folder="cifar-10-batches-bin",
        archive=BINARY_ARCHIVE,
        train=tuple(f"{name}.bin" for name in _TRAIN),
        test="test_batch.bin",
        meta="batches.meta.txt",
        read_batch=read_binary_batch,
        read_names=read_binary_names,
    ),
)


def find(data_dir: str | os.PathLike[str]) -> Path | None:
    """The folder or archive of CIFAR-10 in ``data_dir``, folders before archives; None if there is none.

    Raises DataError if ``data_dir`` cannot be read.
    """
    found = cifar.find(_VERSIONS, data_dir)
    return found[1] if found else None


def load(data_dir: str | os.PathLike[str]) -> Dataset:
    """Load CIFAR-10 from ``data_dir``: from a folder in the layout of the archives or torchvision, or from an archive.

    Raises
    ------
    DataNotFoundError
        if there is none
    DataError
        if one of its files is missing, unreadable, truncated, damaged or of another data set
    """
    return cifar.load(_VERSIONS, data_dir)
