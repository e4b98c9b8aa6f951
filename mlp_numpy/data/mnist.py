"""MNIST from disk: 60,000 + 10,000 handwritten digits of 28 × 28 gray pixels, in four IDX files.

Yann LeCun, Corinna Cortes, Christopher Burges: The MNIST database of handwritten digits, 1998.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np

from mlp_numpy.arrays import first_outside
from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.data.idx import read_idx
from mlp_numpy.data.reading import as_path
from mlp_numpy.errors import DataError, DataNotFoundError, unreadable

SHA256 = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
"""SHA-256 of the official files, compressed."""

SIZES = {
    "train-images-idx3-ubyte.gz": 9_912_422,
    "train-labels-idx1-ubyte.gz": 28_881,
    "t10k-images-idx3-ubyte.gz": 1_648_877,
    "t10k-labels-idx1-ubyte.gz": 4_542,
}
"""Their sizes in bytes."""

FOLDER = Path("MNIST", "raw")
"""Their folder below the data folder, as in torchvision; also the target of downloads."""


def find(data_dir: str | os.PathLike[str]) -> dict[str, Path]:
    """The existing ones of the four files by official name: in torchvision's layout, or directly in ``data_dir``.

    Uncompressed files take precedence.

    Raises
    ------
    DataError
        if a file cannot be read
    """
    data_dir = as_path("mnist.find", data_dir)
    found: dict[str, Path] = {}
    for name in SHA256:
        plain = name.removesuffix(".gz")
        for folder in (data_dir / FOLDER, data_dir):
            for path in (folder / plain, folder / name):
                if name not in found and _is_file(path):
                    found[name] = path
    return found


def load(data_dir: str | os.PathLike[str]) -> Dataset:
    """Load MNIST from ``data_dir``.

    Raises
    ------
    DataNotFoundError
        if one of the four files is missing
    DataError
        if one is unreadable, truncated, damaged or of another data set, or if images and labels do not match
    """
    data_dir = as_path("mnist.load", data_dir)
    found = find(data_dir)
    missing = [name for name in SHA256 if name not in found]
    if missing:
        raise DataNotFoundError(
            f"mnist.load: {data_dir} must hold MNIST, missing: {', '.join(missing)}. "
            f"Hint: put them into {data_dir / FOLDER}, compressed or not."
        )
    train_images, train_labels, test_images, test_labels = SHA256
    train = _split(found[train_images], found[train_labels])
    test = _split(found[test_images], found[test_labels])
    names = tuple(str(digit) for digit in range(10))
    return Dataset("MNIST", train, test, (1, 28, 28), names, str(found[train_images].parent))


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise unreadable("mnist.find", path, error) from error


def _split(images: Path, labels: Path) -> Split:
    pixels, digits = read_idx(images, 3), read_idx(labels, 1)
    if pixels.shape[1:] != (28, 28):
        raise DataError(f"mnist.load: {images} must hold images of (28, 28), got {pixels.shape[1:]}.")
    if len(pixels) != len(digits):
        raise DataError(f"mnist.load: {labels} must hold a label for each of {len(pixels)} images, got {len(digits)}.")
    if len(pixels) == 0:
        raise DataError(f"mnist.load: {images} must hold at least one image, got none.")
    row = first_outside(digits, 10)
    if row is not None:
        raise DataError(f"mnist.load: {labels} must hold labels in [0, 10), got {digits[row]} at row {row}.")
    return Split(pixels.reshape(len(pixels), 784), digits.astype(np.int64))
