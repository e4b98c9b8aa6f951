"""What one file of CIFAR-10 holds, in the python and in the binary version; nothing that it says is taken on trust.

``who`` opens each function's error messages and names the file.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.data.pickles import byte_array, read_dict
from mlp_numpy.errors import DataError

IMAGE_SHAPE = (3, 32, 32)
N_FEATURES = 3 * 32 * 32
N_CLASSES = 10
BATCH_ROWS = 10_000

Batch: TypeAlias = tuple[Array, Array]
"""Images (N, 3072) uint8 and labels (N,) int64."""


def read_python_batch(content: bytes, who: str) -> Batch:
    """A pickled dictionary with ``data`` (N, 3072) uint8 and ``labels``, a list; raises DataError if it is not that."""
    values = read_dict(content, who)
    for key in ("data", "labels"):
        if key not in values:
            raise wrong(who, f"an entry {key!r}", f"only {', '.join(sorted(values))[:80]}")
    labels = values["labels"]
    if not isinstance(labels, list) or not all(type(label) is int and abs(label) < 1 << 31 for label in labels):
        raise wrong(who, "a list of whole numbers as labels", f"a {type(labels).__name__} of something else")
    return _checked(byte_array(values["data"], who), np.array(labels, dtype=np.int64), who)


def read_binary_batch(content: bytes, who: str) -> Batch:
    """Records of one label and 3072 pixels, each one byte; raises DataError if they are not that."""
    record = 1 + N_FEATURES
    if len(content) % record:
        raise wrong(who, f"records of {record} bytes, a label and an image", f"{len(content):,} bytes")
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, record)
    return _checked(records[:, 1:], records[:, 0].astype(np.int64), who)


def _checked(images: Array, labels: Array, who: str) -> Batch:
    if images.ndim != 2 or images.shape[1] != N_FEATURES or not 1 <= len(images) <= BATCH_ROWS:
        raise wrong(who, f"images of shape (N, {N_FEATURES}), N from 1 to {BATCH_ROWS:,}", f"{images.shape}")
    if len(labels) != len(images):
        raise wrong(who, f"{len(images)} labels, one an image", f"{len(labels)}")
    outside = np.flatnonzero((labels < 0) | (labels >= N_CLASSES))
    if outside.size:
        row = int(outside[0])
        raise wrong(who, f"labels in [0, {N_CLASSES})", f"{labels[row]} at row {row}")
    return images, labels


def read_python_names(content: bytes, who: str) -> list[str]:
    """The class names of ``batches.meta``, a pickled dictionary; raises DataError if there are not ten."""
    names = read_dict(content, who).get("label_names")
    if not isinstance(names, list) or not all(isinstance(name, bytes | str) for name in names):
        raise wrong(who, "a list of class names, label_names", f"a {type(names).__name__}")
    return _ten([name.decode("latin-1") if isinstance(name, bytes) else name for name in names], who)


def read_binary_names(content: bytes, who: str) -> list[str]:
    """The class names of ``batches.meta.txt``, one a line; raises DataError if there are not ten."""
    return _ten(content.decode("latin-1").split(), who)


def _ten(names: list[str], who: str) -> list[str]:
    if len(names) != N_CLASSES or len(set(names)) != N_CLASSES:
        raise wrong(who, f"{N_CLASSES} different class names", f"{len(names)}: {', '.join(names)[:80]!r}")
    return names


def wrong(who: str, wanted: str, found: str) -> DataError:
    """The error for a file that holds something else than it should."""
    return DataError(
        f"{who} must hold {wanted}, got {found}. Hint: the file is truncated, damaged or foreign; "
        "delete its folder so that the data set is downloaded again."
    )
