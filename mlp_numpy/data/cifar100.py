"""CIFAR-100 from disk: the python or the binary version, as a folder or as an archive.

60,000 RGB photographs of 32 × 32 pixels, 100 classes ("fine") in 20 groups of five ("coarse"): Alex Krizhevsky,
Learning Multiple Layers of Features from Tiny Images, 2009, https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import os
from pathlib import Path

from mlp_numpy.data import cifar
from mlp_numpy.data.cifar import HOME, SHA256, SIZES, Version
from mlp_numpy.data.cifar10_files import (
    CIFAR100,
    CIFAR100_COARSE,
    CifarLayout,
    read_binary_batch,
    read_binary_names,
    read_python_batch,
    read_python_names,
)
from mlp_numpy.data.dataset import Dataset

__all__ = ["BINARY_ARCHIVE", "HOME", "PYTHON_ARCHIVE", "SHA256", "SIZES", "find", "load"]

PYTHON_ARCHIVE = "cifar-100-python.tar.gz"
BINARY_ARCHIVE = "cifar-100-binary.tar.gz"


def _versions(kind: CifarLayout) -> tuple[Version, Version]:
    python = Version(
        kind=kind,
        folder="cifar-100-python",
        archive=PYTHON_ARCHIVE,
        train=("train",),
        test="test",
        meta="meta",
        read_batch=read_python_batch,
        read_names=read_python_names,
    )
    binary = Version(
        kind=kind,
        folder="cifar-100-binary",
        archive=BINARY_ARCHIVE,
        train=("train.bin",),
        test="test.bin",
        meta=f"{kind.names}.txt",
        read_batch=read_binary_batch,
        read_names=read_binary_names,
    )
    return python, binary


def find(data_dir: str | os.PathLike[str]) -> Path | None:
    """The folder or archive of CIFAR-100 in ``data_dir``, folders before archives; None if there is none.

    Raises DataError if ``data_dir`` cannot be read.
    """
    found = cifar.find(_versions(CIFAR100), data_dir)
    return found[1] if found else None


def load(data_dir: str | os.PathLike[str], *, coarse: bool = False) -> Dataset:
    """Load CIFAR-100 from ``data_dir``, with its 100 classes or, if ``coarse``, its 20 superclasses.

    Raises
    ------
    DataNotFoundError
        if there is none
    DataError
        if one of its files is missing, unreadable, truncated, damaged or of another data set
    """
    return cifar.load(_versions(CIFAR100_COARSE if coarse else CIFAR100), data_dir)
