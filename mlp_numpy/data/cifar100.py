"""CIFAR-100 from disk: the python or the binary version, unpacked in a folder or in the archive it came in.

60,000 photographs of 32 × 32 points in three colors, 100 classes ("fine") in 20 groups of five ("coarse"): Alex
Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, https://www.cs.toronto.edu/~kriz/cifar.html.
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
    """The folder or archive of CIFAR-100 in ``data_dir``, a folder before its archive; None where there is none.

    Raises DataError if one may be there but cannot be looked at.
    """
    found = cifar.find(_versions(CIFAR100), data_dir)
    return found[1] if found else None


def load(data_dir: str | os.PathLike[str], *, coarse: bool = False) -> Dataset:
    """CIFAR-100 as it lies in ``data_dir``, with its 100 classes or, ``coarse``, with its 20 groups of them.

    Raises
    ------
    DataNotFoundError
        if there is none
    DataError
        if a file of it is missing, unreadable, truncated, damaged or foreign
    """
    return cifar.load(_versions(CIFAR100_COARSE if coarse else CIFAR100), data_dir)
