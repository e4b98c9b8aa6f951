"""CIFAR-10 and CIFAR-100 from disk: any official version, as a folder or as an archive.

An archive is checked against its known SHA-256 and read in place, without unpacking it to the disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.data.cifar10_files import CIFAR10, CIFAR100, IMAGE_SHAPE, N_FEATURES, Batch, CifarLayout, another, wrong
from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.data.reading import as_path, check_regular
from mlp_numpy.data.tar_archive import files_in
from mlp_numpy.errors import DataError, DataNotFoundError

HOME: Final = "https://www.cs.toronto.edu/~kriz/"
SHA256: Final = {
    "cifar-10-python.tar.gz": "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    "cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    "cifar-100-python.tar.gz": "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    "cifar-100-binary.tar.gz": "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
}
"""SHA-256 of the published archives; Keras and TensorFlow Datasets give the same digests for CIFAR-100."""

SIZES: Final = {"cifar-10-python.tar.gz": 170_498_071, "cifar-100-python.tar.gz": 169_001_437}
"""Their sizes in bytes."""

_TEST_ROWS: Final = 10_000


@dataclass(frozen=True)
class Version:
    """One of the official versions: the names of its files and how to read them."""

    kind: CifarLayout
    folder: str
    archive: str
    train: tuple[str, ...]
    test: str
    meta: str
    read_batch: Callable[[bytes, str, CifarLayout], Batch]
    read_names: Callable[[bytes, str, CifarLayout], list[str]]

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files to read."""
        return (self.meta, *self.train, self.test)

    @property
    def largest(self) -> int:
        """Upper bound on the size of a file: pixels pickled as text (Python 3 with a protocol for Python 2) take 1.5
        times."""
        return 2 * self.kind.rows * self.kind.record + 10_000_000


def find(versions: Sequence[Version], data_dir: Any) -> tuple[Version, Path] | None:
    """The first version found in ``data_dir`` and its path, folders before archives; None if there is none.

    Raises DataError if ``data_dir`` cannot be read.
    """
    data_dir = as_path("cifar.find", data_dir)
    for version in versions:
        for path in (data_dir / version.folder, data_dir / version.archive):
            try:
                path.stat()
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise _unreadable(_who(version), path, error) from error
            return version, path
    return None


def load(versions: Sequence[Version], data_dir: Any) -> Dataset:
    """Load the data set from ``data_dir``: from a folder in the layout of the archives or torchvision, or from an
    archive.

    Raises
    ------
    DataNotFoundError
        if there is none
    DataError
        if one of its files is missing, unreadable, truncated, damaged or of another data set
    """
    found = find(versions, data_dir)
    if found is None:
        names = ", ".join(name for version in versions for name in (version.folder, version.archive))
        raise DataNotFoundError(
            f"{_who(versions[0])}: {data_dir} must hold one of {names}, found none. "
            f"Hint: put {HOME}{versions[0].archive} there, as it is."
        )
    version, path = found
    if path.name == version.folder:
        return _assemble(version, path, _folder_files(version, path))
    _check_digest(version, path)
    return _assemble(version, path, files_in(_who(version), path, version.folder, version.files, version.largest))


def _who(version: Version) -> str:
    return f"{version.kind.option.partition('-')[0]}.load"


def _folder_files(version: Version, folder: Path) -> Iterator[tuple[str, bytes]]:
    for name in version.files:
        path = folder / name
        check_regular(_who(version), path, version.largest)
        try:
            yield name, path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _unreadable(_who(version), path, error) from error


def _check_digest(version: Version, archive: Path) -> None:
    who = _who(version)
    check_regular(who, archive)
    try:
        with archive.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(who, archive, error) from error
    if digest == SHA256[archive.name]:
        return
    for name, known in SHA256.items():
        if digest == known:
            raise DataError(f"{who}: {archive} must be the archive of this name, got {name}. Hint: name it so.")
    raise DataError(
        f"{who}: {archive} is damaged or foreign: its SHA-256 must be {SHA256[archive.name]}, got {digest} "
        f"over {archive.stat().st_size:,} bytes. Hint: delete it so that it is downloaded again."
    )


def _assemble(version: Version, path: Path, files: Iterator[tuple[str, bytes]]) -> Dataset:
    """Assemble the data set from files in any order."""
    # Allocated for full batches; memory that is never written is never committed, so small batches stay small.
    images = np.empty((len(version.train), version.kind.rows, N_FEATURES), dtype=np.uint8)
    labels: dict[str, Array] = {}
    test: Split | None = None
    names: list[str] = []
    for name, content in files:
        who = f"{_who(version)}: {path / name}"
        if name == version.meta:
            names = version.read_names(content, who, version.kind)
            continue
        pixels, labels[name] = version.read_batch(content, who, version.kind)
        if name == version.test:
            test = Split(np.ascontiguousarray(pixels), labels[name])
        else:
            images[version.train.index(name), : len(pixels)] = pixels
        del content, pixels  # 60 MB, freed before the next batch is read
    missing = [name for name in version.files if name not in labels and not (name == version.meta and names)]
    if missing or test is None:
        _check_kind(version, path)
        raise DataError(
            f"{_who(version)}: {path} must hold {', '.join(version.files)}; missing: {', '.join(missing)}. "
            "Hint: it is incomplete; delete it so that it is downloaded again, or unpack the official archive anew."
        )
    rows = {name: len(labels[name]) for name in (*version.train, version.test)}
    _check_rows(version, path, rows)
    if all(rows[name] == version.kind.rows for name in version.train):
        train_images = images.reshape(-1, N_FEATURES)
    else:
        train_images = np.concatenate([images[i, : rows[name]] for i, name in enumerate(version.train)])
    train = Split(train_images, np.concatenate([labels[name] for name in version.train]))
    return Dataset(version.kind.title, train, test, IMAGE_SHAPE, tuple(names), str(path))


def _check_kind(version: Version, folder: Path) -> None:
    """Raise DataError if the folder holds the files of the other data set."""
    for other, files in ((CIFAR100, ("train", "test")), (CIFAR10, ("data_batch_1", "test_batch"))):
        if other.label_bytes == version.kind.label_bytes:
            continue
        for ending in ("", ".bin"):
            if all((folder / f"{name}{ending}").exists() for name in files):
                raise another(f"{_who(version)}: {folder}", version.kind, other)


def _check_rows(version: Version, path: Path, rows: dict[str, int]) -> None:
    """Raise DataError for a truncated batch: official batches are full, so a shorter one next to a full one was cut
    off."""
    full = dict.fromkeys(version.train, version.kind.rows) | {version.test: _TEST_ROWS}
    if all(rows[name] < full[name] for name in rows):
        return
    for name, n in rows.items():
        if n != full[name]:
            raise wrong(f"{_who(version)}: {path / name}", f"{full[name]:,} images like the other batches", f"{n:,}")


def _unreadable(who: str, path: Path, error: OSError) -> DataError:
    return DataError(
        f"{who}: {path} must be readable, got: {error.strerror or error}. "
        "Hint: check its owner and permissions, or choose another folder with --data-dir."
    )
