"""Parsers for the files of CIFAR-10 and CIFAR-100, python and binary version; all content is validated.

``who`` is the prefix of each function's error messages and names the file, ``kind`` is the expected data set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.data.pickles import byte_array, read_dict
from mlp_numpy.errors import DataError

IMAGE_SHAPE = (3, 32, 32)
N_FEATURES = 3 * 32 * 32

Batch: TypeAlias = tuple[Array, Array]
"""Images (N, 3072) uint8 and labels (N,) int64."""


@dataclass(frozen=True)
class CifarLayout:
    """The file layout of one data set.

    title         its name in reports
    option        the name that loads it
    n_classes number of classes
    labels        the entry of a pickled batch with the labels
    names         the entry of the pickled ``meta`` with the names
    label_bytes   bytes before each image of a binary batch; the one at ``label_at`` is the label
    rows          number of images in an official training batch
    """

    title: str
    option: str
    n_classes: int
    labels: str
    names: str
    label_bytes: int
    label_at: int
    rows: int

    @property
    def record(self) -> int:
        """Size in bytes of an image and its labels in a binary batch."""
        return self.label_bytes + N_FEATURES


CIFAR10: Final = CifarLayout("CIFAR-10", "cifar10", 10, "labels", "label_names", 1, 0, 10_000)
CIFAR100: Final = CifarLayout("CIFAR-100", "cifar100", 100, "fine_labels", "fine_label_names", 2, 1, 50_000)
CIFAR100_COARSE: Final = CifarLayout(
    "CIFAR-100 coarse", "cifar100-coarse", 20, "coarse_labels", "coarse_label_names", 2, 0, 50_000
)
"""The hundred classes in twenty superclasses of five."""


def read_python_batch(content: bytes, who: str, kind: CifarLayout = CIFAR10) -> Batch:
    """Read a pickled dictionary with ``data`` (N, 3072) uint8 and a list of labels; raises DataError for anything
    else."""
    values = read_dict(content, who)
    for key in ("data", kind.labels):
        if key not in values:
            other = _other(kind)
            if "data" in values and other.labels in values:
                raise another(who, kind, other)
            raise wrong(who, f"an entry {key!r}", f"only {', '.join(sorted(values))[:80]}")
    labels = values[kind.labels]
    if not isinstance(labels, list) or not all(type(label) is int and abs(label) < 1 << 31 for label in labels):
        raise wrong(who, "a list of integers as labels", f"a {type(labels).__name__} of something else")
    images = byte_array(values["data"], who)
    if len(labels) != len(images):
        raise wrong(who, f"{len(images)} labels, one per image", f"{len(labels)}")
    return _checked(images, np.array(labels, dtype=np.int64), who, kind)


def read_binary_batch(content: bytes, who: str, kind: CifarLayout = CIFAR10) -> Batch:
    """Read records of labels and 3072 pixels, one byte each; raises DataError for anything else."""
    if len(content) % kind.record:
        other = _other(kind)
        if content and not len(content) % other.record:
            raise another(who, kind, other)
        raise wrong(who, f"records of {kind.record} bytes, a label and an image", f"{len(content):,} bytes")
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, kind.record)
    return _checked(records[:, kind.label_bytes :], records[:, kind.label_at].astype(np.int64), who, kind)


def _checked(images: Array, labels: Array, who: str, kind: CifarLayout) -> Batch:
    if images.ndim != 2 or images.shape[1] != N_FEATURES or not 1 <= len(images) <= kind.rows:
        raise wrong(who, f"images of shape (N, {N_FEATURES}), N from 1 to {kind.rows:,}", f"{images.shape}")
    outside = np.flatnonzero((labels < 0) | (labels >= kind.n_classes))
    if outside.size:
        row = int(outside[0])
        raise wrong(who, f"labels in [0, {kind.n_classes})", f"{labels[row]} at row {row}")
    return images, labels


def read_python_names(content: bytes, who: str, kind: CifarLayout = CIFAR10) -> list[str]:
    """Read the class names from a pickled dictionary; raises DataError unless there is one per class."""
    values, other = read_dict(content, who), _other(kind)
    names: Any = values.get(kind.names)
    if names is None and other.names in values:
        raise another(who, kind, other)
    if not isinstance(names, list) or not all(isinstance(name, bytes | str) for name in names):
        raise wrong(who, f"a list of class names, {kind.names}", f"a {type(names).__name__}")
    return _all_names([name.decode("latin-1") if isinstance(name, bytes) else name for name in names], who, kind)


def read_binary_names(content: bytes, who: str, kind: CifarLayout = CIFAR10) -> list[str]:
    """Read the class names from a text file, one per line; raises DataError unless there is one per class."""
    return _all_names(content[:_LONGEST_NAMES].decode("latin-1").split(), who, kind)


def _all_names(names: list[str], who: str, kind: CifarLayout) -> list[str]:
    other = _other(kind)
    if len(names) == len(set(names)) == other.n_classes:
        raise another(who, kind, other)
    if len(names) != kind.n_classes or len(set(names)) != kind.n_classes:
        shown = ", ".join(name[:80] for name in names[:20])[:80]
        raise wrong(who, f"{kind.n_classes} different class names", f"{len(names)}: {shown!r}")
    if any(len(name) > _LONGEST_NAME or not name.isprintable() for name in names):
        raise wrong(who, f"class names of at most {_LONGEST_NAME} letters", "others")
    return names


def _other(kind: CifarLayout) -> CifarLayout:
    """The data set that is most easily confused with it."""
    return CIFAR10 if kind.label_bytes == 2 else CIFAR100


def another(who: str, kind: CifarLayout, found: CifarLayout) -> DataError:
    """The error for a file of another data set."""
    return DataError(f"{who} must hold {kind.title}, got {found.title}. Hint: --dataset {found.option}.")


def wrong(who: str, wanted: str, found: str) -> DataError:
    """The error for unexpected content."""
    return DataError(
        f"{who} must hold {wanted}, got {found}. Hint: the file is truncated, damaged or foreign; "
        "delete its folder so that the data set is downloaded again."
    )


_LONGEST_NAME: Final = 80
_LONGEST_NAMES: Final = 100_000
